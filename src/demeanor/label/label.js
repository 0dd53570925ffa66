// The labelling page: shows one item at a time and sends every change to the server before anything else happens.
"use strict";

const WORDS = {
  en: {
    welcome: "Label what you see, hear and read", your_name: "Your name", start: "Start",
    blind: "Other raters do not see your labels, and you do not see theirs. Every label is saved at once; stop whenever you like and come back under the same name.",
    deciding: "Here are the items on which raters disagree, the worst first. What you say counts in place of what they said.",
    ask_score: "How negative or positive?", ask_polarity: "Negative or positive?", ask_emotions: "Which feelings?",
    steps: ["very negative", "negative", "slightly negative", "neutral", "slightly positive", "positive", "very positive"],
    anger: "anger", disgust: "disgust", fear: "fear", joy: "joy", sadness: "sadness", surprise: "surprise", no_feeling: "none, neutral",
    negative: "negative", neutral: "neutral", positive: "positive",
    skip: "Cannot tell", undo: "Undo", back: "Back", next: "Next", finish: "Finish", replay: "Play again", speaker: "Speaker", before: "Just before",
    item: "Item {n} of {total}", count: "{done} of {total} labelled", rater: "You are {name}. Change the name", language: "中文", language_title: "中文界面",
    theme: "Light or dark", saved: "Saved", undone: "Taken back", nothing_to_undo: "There is nothing to take back.", later: "Left for later", half: "One answer is still missing. Next once more leaves it for later.",
    not_saved: "Not saved: the program that shows this page does not answer. Is it still running? Your last labels are kept here and sent again every few seconds.",
    refused: "Not saved: {why}", broken: "This browser cannot play it: {why}", broken_plain: "the file may be damaged or gone", thanks: "All labelled. Thank you!",
    counted: "{done} of {total} items have your label. You may close this page.", none: "There is nothing to do here.", left: "Some were left for later; go on with them:",
    go_on: "Go on", look: "Look through them", others: "What the raters said", rater_n: "Rater {letter}", take: "Take", cannot: "cannot tell", comma: ", ", picture: "Picture to label",
    keys: [["← →", "less, more positive"], ["0", "neutral"], ["1 – 7", "feelings"], ["Enter", "next"], ["U", "undo"], ["B", "back"], ["X", "cannot tell"], ["Space", "play"]],
    keys_polarity: ["← →", "negative, positive"],
  },
  zh: {
    welcome: "为所见、所闻、所读标注情感", your_name: "您的名字", start: "开始",
    blind: "其他标注者看不到您的标注，您也看不到他们的。每次标注都会立即保存；可随时停下，以后用同一名字继续。",
    deciding: "以下是标注者意见不一的条目，分歧最大的在前。您的判断将取代他们的标注。",
    ask_score: "有多消极或积极？", ask_polarity: "消极还是积极？", ask_emotions: "有哪些情绪？",
    steps: ["非常消极", "消极", "略消极", "中性", "略积极", "积极", "非常积极"],
    anger: "愤怒", disgust: "厌恶", fear: "恐惧", joy: "喜悦", sadness: "悲伤", surprise: "惊讶", no_feeling: "无（平静）",
    negative: "消极", neutral: "中性", positive: "积极",
    skip: "无法判断", undo: "撤销", back: "上一条", next: "下一条", finish: "完成", replay: "重播", speaker: "说话人", before: "前一句",
    item: "第 {n} 条，共 {total} 条", count: "已标注 {done} / {total}", rater: "您是 {name}。更改名字", language: "EN", language_title: "English",
    theme: "浅色或深色", saved: "已保存", undone: "已撤销", nothing_to_undo: "没有可撤销的操作。", later: "留待以后", half: "还有一项未回答。再按一次“下一条”可留待以后。",
    not_saved: "未保存：显示此页面的程序没有回应。它还在运行吗？最近的标注暂存于此，每隔几秒会重新发送。",
    refused: "未保存：{why}", broken: "此浏览器无法播放：{why}", broken_plain: "文件可能已损坏或不存在", thanks: "全部标注完毕，谢谢！",
    counted: "共 {total} 条，您已标注 {done} 条。可以关闭此页面。", none: "这里没有需要处理的条目。", left: "有些条目留待以后，可继续标注：",
    go_on: "继续", look: "逐条查看", others: "各标注者的意见", rater_n: "标注者 {letter}", take: "采用", cannot: "无法判断", comma: "、", picture: "待标注的图片",
    keys: [["← →", "更消极、更积极"], ["0", "中性"], ["1 – 7", "情绪"], ["Enter", "下一条"], ["U", "撤销"], ["B", "上一条"], ["X", "无法判断"], ["空格", "播放"]],
    keys_polarity: ["← →", "消极、积极"],
  },
};
const EMOTIONS = ["anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"];
const CLASSES = ["negative", "neutral", "positive"];
const STEPS = [-3, -2, -1, 0, 1, 2, 3];
const WORKING = ["work", "undo", "back", "next", "keys"]; // what is there while an item is shown
const RETRY = 2500; // milliseconds between attempts to save

const $ = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};
const kept = {
  get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
  set: (key, value) => { try { localStorage.setItem(key, value); } catch { /* private windows forget */ } },
};

let language = kept.get("language") || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
let task = null, rater = null, order = [], marks = {}, at = null, item = null;
let looking = false; // through what is labelled, one after the other, not only at what is left
let player = null, visited = [], warned = null, sent = Promise.resolve(), unsaved = 0;

const say = (key, values = {}) => WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const feeling = (name) => say(name === "neutral" ? "no_feeling" : name);
const signed = (k) => (k > 0 ? "+" : k < 0 ? "−" : "") + Math.abs(k);
const asks = (question) => task.asked.includes(question);

// --- talking to the server -------------------------------------------------------------------------------------------

async function fetched(path, body) {
  const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, options);
  const said = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(said.error), { refused: true });
  return said;
}

// One after the other, each until it is through: a label that was given is never dropped.
function send(path, body) {
  unsaved += 1;
  sent = sent.then(async () => {
    for (;;) {
      try {
        const said = await fetched(path, body);
        unsaved -= 1;
        return said;
      } catch (error) {
        if (error.refused) { unsaved -= 1; tell(say("refused", { why: error.message }), true); return null; }
        tell(say("not_saved"), true);
        await new Promise((done) => setTimeout(done, RETRY));
      }
    }
  });
  return sent;
}

function tell(message, trouble = false) {
  $("status").textContent = message;
  $("status").classList.toggle("trouble", trouble);
}

// --- labels ----------------------------------------------------------------------------------------------------------

const mark = () => marks[at] || { values: {}, skipped: false };
const answered = (m) => Boolean(m) && (m.skipped || task.asked.every((q) => q === "emotions" ? (m.values.emotions || []).length : m.values[q] !== undefined));
const stepOf = (score) => (score === undefined ? null : Math.round(score * 3));

function set(values, skipped = false) {
  if (at === null) return;
  const number = at;
  warned = null;
  marks[number] = { values, skipped };
  showMark();
  showProgress();
  send("api/label", { rater, number, values, skipped }).then((said) => { if (said && !unsaved && warned === null && at === number) tell(say("saved")); });
}

const without = (name) => Object.fromEntries(Object.entries(mark().values).filter(([key]) => key !== name));
const setStep = (k) => set({ ...without("polarity"), score: Math.round(k / 3 * 1000) / 1000 }); // of a class and a score the later one stays
const setClass = (name) => set({ ...without("score"), polarity: name });

function move(direction) {
  if (asks("score")) {
    const now = stepOf(mark().values.score);
    setStep(Math.max(-3, Math.min(3, (now === null ? 0 : now) + direction)));
  } else if (asks("polarity")) {
    const now = CLASSES.indexOf(mark().values.polarity);
    setClass(CLASSES[Math.max(0, Math.min(2, (now < 0 ? 1 : now) + direction))]);
  }
}

// No feeling and a feeling exclude one another.
function toggle(name) {
  const had = mark().values.emotions || [];
  let now = had.includes(name) ? had.filter((e) => e !== name) : [...had, name];
  if (now.includes(name)) now = now.filter((e) => (name === "neutral") === (e === "neutral"));
  set(now.length ? { ...mark().values, emotions: EMOTIONS.filter((e) => now.includes(e)) } : without("emotions"));
}

const toggleSkip = () => (mark().skipped ? set({}) : set({}, true));

async function undo() {
  const said = await send("api/undo", { rater });
  if (!said) return;
  marks = (await fetched("api/work?rater=" + encodeURIComponent(rater))).marks;
  if (said.number === null) { tell(say("nothing_to_undo")); return; }
  if (said.number === at) { showMark(); showProgress(); } else await goTo(said.number);
  tell(say("undone"));
}

// --- going from item to item -----------------------------------------------------------------------------------------

function following() {
  const place = order.indexOf(at);
  if (looking) return order[place + 1];
  const ahead = [...order.slice(place + 1), ...order.slice(0, Math.max(place, 0))];
  return ahead.find((number) => !answered(marks[number]));
}

async function next() {
  if (at === null) return;
  const half = !answered(mark()), number = following();
  if (half && Object.keys(mark().values).length && warned !== at) {
    warned = at;
    tell(say("half"));
    return;
  }
  if (number === undefined) { finish(); return; }
  await goTo(number);
  if (half) tell(say("later"));
}

async function back() {
  if (at !== null && visited.length > 1) visited.pop(); // what is shown; when all is done, nothing is
  else if (at !== null) return;
  if (visited.length) await goTo(visited.pop());
}

async function goTo(number) {
  let shown;
  try { shown = await fetched("api/item?number=" + number); } catch { tell(say("not_saved"), true); return; }
  stop();
  [item, at, warned] = [shown, number, null];
  visited.push(number);
  for (const id of ["welcome", "finished"]) $(id).hidden = true;
  for (const id of WORKING) $(id).hidden = false;
  showItem();
  showMark();
  showProgress();
  tell("");
  scrollTo(0, 0);
  $("heading").focus({ preventScroll: true });
}

function finish() {
  stop();
  [at, looking] = [null, false];
  for (const id of WORKING) $(id).hidden = !["undo", "back"].includes(id);
  $("back").disabled = !visited.length;
  $("finished").hidden = false;
  showFinished();
  $("thanks").focus();
}

// --- showing ---------------------------------------------------------------------------------------------------------

function showWords() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = say(node.dataset.word);
  const label = (id, text, key) => $(id).replaceChildren(text, ...(key ? [make("kbd", { textContent: key, ariaHidden: "true" })] : []));
  label("undo", say("undo"), "U"); label("back", say("back"), "B");
  label("skip", say("skip"), "X");
  $("language").textContent = say("language");
  $("language").title = $("language").ariaLabel = say("language_title");
  $("theme").title = $("theme").ariaLabel = say("theme");
  if (!task) return;
  document.title = `${task.name} – demeanor`;
  $("name").textContent = task.name;
  $("privacy").textContent = say(task.decides ? "deciding" : "blind");
  $("instructions").textContent = task.instructions;
  $("instructions").hidden = !task.instructions;
  showChoices();
  showKeys();
  showProgress();
  if (at !== null) { showItem(true); showMark(); }
  if (!$("finished").hidden) showFinished();
}

function showKeys() {
  const pairs = WORDS[language].keys.filter(([key]) =>
    (key !== "0" || asks("score")) && (key !== "1 – 7" || asks("emotions")) && (key !== "← →" || task.asked.join() !== "emotions"));
  if (asks("polarity")) pairs[0] = WORDS[language].keys_polarity;
  $("keys").replaceChildren(...pairs.map(([key, what]) => make("span", {}, make("kbd", { textContent: key }), " " + what)));
}

function choice(type, name, value, text, dot, key, act) {
  const input = make("input", { type, name, value });
  input.addEventListener("change", () => act(value));
  // After a click the space bar is for playing again; the keyboard alone keeps its place.
  input.addEventListener("click", (event) => { if (event.detail) input.blur(); });
  return make("label", { className: "choice" }, input, make("span", { className: "dot " + dot }), make("span", { textContent: text }),
    ...(key ? [make("kbd", { textContent: key, ariaHidden: "true" })] : []));
}

function showChoices() {
  for (const question of ["score", "polarity", "emotions"]) $(question).hidden = !asks(question);
  $("steps").replaceChildren(...STEPS.map((k, n) => {
    const input = make("input", { type: "radio", name: "score", value: k, ariaLabel: `${signed(k)} ${WORDS[language].steps[n]}` });
    input.addEventListener("change", () => setStep(k));
    input.addEventListener("click", (event) => { if (event.detail) input.blur(); });
    return make("label", { title: WORDS[language].steps[n] }, input, make("span", { textContent: signed(k), ariaHidden: "true" }));
  }));
  $("classes").replaceChildren(...CLASSES.map((c) => choice("radio", "polarity", c, say(c), "p-" + c, "", setClass)));
  $("feelings").replaceChildren(...EMOTIONS.map((e, n) => choice("checkbox", "emotion", e, feeling(e), "e-" + e, String(n + 1), toggle)));
}

function showMark() {
  const { values, skipped } = mark(), k = stepOf(values.score);
  for (const input of $("steps").querySelectorAll("input")) input.checked = k !== null && Number(input.value) === k;
  $("step").textContent = k === null ? "" : WORDS[language].steps[k + 3];
  for (const input of $("classes").querySelectorAll("input")) input.checked = input.value === values.polarity;
  for (const input of $("feelings").querySelectorAll("input")) input.checked = (values.emotions || []).includes(input.value);
  $("skip").setAttribute("aria-pressed", String(skipped));
  $("back").disabled = visited.length < 2;
}

function showProgress() {
  const known = rater !== null && task !== null;
  $("progress").hidden = $("who").hidden = !known;
  if (!known) return;
  const done = order.filter((n) => answered(marks[n])).length;
  $("meter").max = Math.max(order.length, 1);
  $("meter").value = done;
  $("count").textContent = say("count", { done, total: order.length });
  $("who").textContent = rater;
  $("who").title = $("who").ariaLabel = say("rater", { name: rater });
  const last = at !== null && following() === undefined;
  $("next").replaceChildren(say(last ? "finish" : "next"), make("kbd", { textContent: "Enter", ariaHidden: "true" }));
  if (at !== null) $("heading").textContent = say("item", { n: order.indexOf(at) + 1, total: order.length });
}

function showFinished() {
  const done = order.filter((n) => answered(marks[n])).length, left = order.find((n) => !answered(marks[n]));
  $("thanks").textContent = say(!order.length ? "none" : "thanks");
  $("counted").replaceChildren(order.length ? say("counted", { done, total: order.length }) : "");
  const button = (text, kind, act) => {
    const made = make("button", { type: "button", className: kind, textContent: text });
    made.addEventListener("click", act);
    return made;
  };
  if (left !== undefined) {
    $("thanks").textContent = say("left");
    $("counted").replaceChildren(say("count", { done, total: order.length }), " ", button(say("go_on"), "primary", () => goTo(left)));
  }
  if (done) $("counted").append(" ", button(say("look"), "", () => { looking = true; goTo(order[0]); }));
}

function showItem(keep = false) {
  if (!(keep && player)) {
    player = null;
    $("item").replaceChildren(...item.media.map(medium), ...meta(), ...words());
    if (player) player.play().catch(() => {});
  } else {
    for (const old of $("item").querySelectorAll(".meta, .before, blockquote")) old.remove();
    $("item").append(...meta(), ...words());
  }
  showOthers();
}

function words() {
  const out = [];
  if (item.before) out.push(make("p", { className: "before" }, make("b", { textContent: say("before") }), item.before));
  if (item.text) {
    const text = make("blockquote", { textContent: item.text, className: item.text.length > 400 ? "long" : "" });
    if (item.language) text.lang = item.language;
    if (item.text.length > 400) text.tabIndex = 0;
    out.push(text);
  }
  return out;
}

function meta() {
  const out = [];
  if (player) {
    const button = make("button", { type: "button", className: "replay", textContent: "↻ " + say("replay") });
    button.addEventListener("click", (event) => { play(true); if (event.detail) button.blur(); });
    out.push(button);
  }
  if (item.speaker) out.push(make("span", { textContent: `${say("speaker")} ${item.speaker}` }));
  return out.length ? [make("p", { className: "meta" }, ...out)] : [];
}

function showOthers() {
  $("others").hidden = !item.others;
  if (!item.others) return;
  const rows = item.others.map(({ values, skipped }, n) => {
    const said = [];
    if (skipped) said.push(say("cannot"));
    if (values.score !== undefined) said.push(`${signed(stepOf(values.score))} ${WORDS[language].steps[stepOf(values.score) + 3]}`);
    if (values.polarity) said.push(say(values.polarity));
    for (const e of values.emotions || []) said.push(feeling(e));
    const letter = n < 26 ? String.fromCharCode(65 + n) : String(n + 1);
    const take = make("button", { type: "button", textContent: say("take"), ariaLabel: `${say("take")}: ${say("rater_n", { letter })}` });
    take.addEventListener("click", (event) => { set({ ...values }, skipped); if (event.detail) take.blur(); });
    return make("tr", {}, make("th", { scope: "row", textContent: say("rater_n", { letter }) }), make("td", { textContent: said.join(say("comma")) }), make("td", {}, take));
  });
  $("others").replaceChildren(make("caption", { textContent: say("others") }), make("tbody", {}, ...rows));
}

// --- playing ---------------------------------------------------------------------------------------------------------

function medium(part) {
  const source = `media/${item.number}/${part}`;
  if (part === "image") {
    const picture = make("img", { src: source, alt: item.text ? "" : say("picture") });
    picture.addEventListener("error", () => fallBack(picture, source));
    return picture;
  }
  player = make(part, { src: source, controls: true, preload: "auto", playsInline: true });
  player.from = item.start || 0;
  player.to = item.end ?? Infinity;
  const mine = player;
  mine.addEventListener("loadedmetadata", () => { if (mine.from) mine.currentTime = mine.from; });
  mine.addEventListener("play", () => watch(mine));
  mine.addEventListener("error", () => fallBack(mine, source));
  return mine;
}

// What the browser cannot play is asked for once more, converted; that copy holds the item's seconds only.
async function fallBack(node, source) {
  if (node.src.endsWith("/plain")) {
    let why = say("broken_plain");
    try { why = (await (await fetch(source + "/plain")).json()).error || why; } catch { /* no reason given */ }
    node.replaceWith(make("p", { className: "broken", textContent: say("broken", { why }) }));
    return;
  }
  [node.from, node.to] = [0, Infinity];
  node.src = source + "/plain";
  if (node.play) node.play().catch(() => {});
}

function watch(node) {
  if (node !== player || node.paused) return;
  if (node.currentTime >= node.to) { node.pause(); return; }
  requestAnimationFrame(() => watch(node));
}

function play(again = false) {
  if (!player) return;
  if (!again && !player.paused) { player.pause(); return; }
  if (again || player.ended || player.currentTime >= player.to - 0.05) player.currentTime = player.from;
  player.play().catch(() => {});
}

function stop() {
  if (player) { player.pause(); player.removeAttribute("src"); player.load(); }
  player = null;
}

// --- beginning -------------------------------------------------------------------------------------------------------

async function begin(name) {
  let said;
  try { said = await fetched("api/work?rater=" + encodeURIComponent(name)); } catch (error) {
    tell(error.refused ? error.message : say("not_saved"), true);
    return;
  }
  ({ rater, order, marks } = said);
  [visited, at, looking] = [[], null, false];
  const first = order.find((number) => !answered(marks[number]));
  showProgress();
  if (first === undefined) { $("welcome").hidden = true; finish(); } else await goTo(first);
}

function askName() {
  stop();
  [rater, at] = [null, null];
  for (const id of [...WORKING, "finished"]) $(id).hidden = true;
  $("welcome").hidden = false;
  showProgress();
  tell("");
  $("rater").value = "";
  $("rater").focus();
}

function key(event) {
  const target = event.target;
  const finished = !$("finished").hidden;
  if ((at === null && !finished) || event.altKey || target.matches("input:not([type=radio]):not([type=checkbox]), textarea")) return;
  if (event.ctrlKey || event.metaKey) { if (event.key.toLowerCase() !== "z" || event.shiftKey) return; }
  const onButton = target.closest("button, a") !== null, digit = "1234567".indexOf(event.key);
  const acts = {
    ArrowLeft: () => move(-1), ArrowRight: () => move(1), 0: () => asks("score") && setStep(0),
    Enter: onButton ? null : next, n: next, " ": onButton || target.type === "checkbox" ? null : () => play(),
    u: undo, z: event.ctrlKey || event.metaKey ? undo : null, Backspace: undo, b: back, x: toggleSkip,
  };
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (finished && !["u", "z", "Backspace", "b"].includes(name)) return;
  const act = digit >= 0 && event.key.length === 1 ? asks("emotions") && (() => toggle(EMOTIONS[digit])) : acts[name];
  if (!act || (event.repeat && !event.key.startsWith("Arrow"))) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

function wear(theme) {
  document.documentElement.dataset.theme = theme;
}

document.addEventListener("keydown", key, true);
addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
$("welcome").addEventListener("submit", (event) => { event.preventDefault(); begin($("rater").value); });
$("next").addEventListener("click", next);
$("back").addEventListener("click", back);
$("undo").addEventListener("click", undo);
$("skip").addEventListener("click", (event) => { toggleSkip(); if (event.detail) $("skip").blur(); });
$("who").addEventListener("click", askName);
$("language").addEventListener("click", () => { language = language === "en" ? "zh" : "en"; kept.set("language", language); showWords(); });
const night = matchMedia("(prefers-color-scheme: dark)");
wear(kept.get("theme") || (night.matches ? "dark" : "light"));
night.addEventListener("change", () => { if (!kept.get("theme")) wear(night.matches ? "dark" : "light"); });
$("theme").addEventListener("click", () => { wear(document.documentElement.dataset.theme === "dark" ? "light" : "dark"); kept.set("theme", document.documentElement.dataset.theme); });

showWords();
fetched("api/task").then((said) => {
  task = said;
  showWords();
  if (task.rater) begin(task.rater); else askName();
}, () => tell(say("not_saved"), true));
