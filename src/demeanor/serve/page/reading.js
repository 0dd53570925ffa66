/* One finished reading: the report's own article, taken into this page, with a player of the file that was read,
   exports, and corrections kept as an overlay of the JSON. */

import { render } from "./api.js";
import { copying, offer, stop as stopCopy } from "./copy.js";
import { make, save } from "./dom.js";
import { ask, place, stop } from "./why.js";
import { language, say } from "./words.js";

/** A reading from the server's JSON and reports, `html` by language.
 *  media: the file that was read, or null; texts: {csv, srt, vtt} where there are any; sample: what was sent, which
 *  is sent again to be explained, or null where it is gone. Where personal data are left out, it is called as its
 *  analysis is, and the file is not played; a copy without them is.
 *  saved: whether it can be had again; what was read live is nowhere else. */
export function reading({ name, json, html, media = null, texts, sample = null, saved = sample !== null }) {
  const read = JSON.parse(json), redacted = Boolean(sample && sample.redact), url = media && !redacted ? URL.createObjectURL(media) : null;
  return { name: redacted ? read.id : name, json: read, html, media, texts, sample, url, saved: saved ? undefined : null };
}

const corrections = (r) => JSON.stringify(r.json.corrections);

/** Whether anything would be lost: a live reading, corrections since anything was saved with them in it, a copy in the making. */
export const unsaved = (r) => corrections(r) !== r.saved || copying(r);

export function release(r) {
  stop(r);
  stopCopy(r);
  if (r.url) URL.revokeObjectURL(r.url);
}

const STYLE = /<style>[\s\S]*?<\/style>/;

/** A report as a document, without its own style: that would be refused here, loudly; this page has it as a file. */
const parsed = (html) => new DOMParser().parseFromString(html.replace(STYLE, ""), "text/html");

/** The parts of a report that this page draws: its article, the data behind it and its words. */
function parts(html) {
  const page = parsed(html);
  const data = page.getElementById("data-1"), words = page.getElementById("demeanor-words");
  const definitions = page.querySelector(".definitions");
  return {
    article: document.adoptNode(page.querySelector("article.analysis")),
    definitions: definitions ? document.adoptNode(definitions) : null,
    payload: data ? JSON.parse(data.textContent) : null,
    words: words ? JSON.parse(words.textContent) : {},
  };
}

/** Draw a reading into `holder`: tools, then the report's article, wired by the report's own script. Where it is drawn
 *  already, a recording plays on, and what was typed into corrections stays. */
export function draw(holder, r) {
  const carry = r.place && holder.contains(r.place.article) ? underWay(r.place.article) : () => {};
  const { article, definitions, payload, words } = parts(r.html[language()]);
  const title = article.querySelector(".head h1, .head h2");
  if (title) title.replaceWith(make("h2", { dir: "auto" }, make("bdi", {}, r.name)));
  if (r.url) player(article, r);
  const bar = make("div", { class: "result-tools" });
  r.play = (copy) => {
    if (r.url) URL.revokeObjectURL(r.url);
    Object.assign(r, { media: copy, url: URL.createObjectURL(copy) });
    if (bar.isConnected && !holder.hidden) draw(holder, r);  // what was put away stays so
  };
  tools(bar, r);
  holder.replaceChildren(bar, ...(definitions ? [definitions] : []), article);
  holder.hidden = false;
  if (payload) window.Demeanor.report(article, payload, words);
  place(article, r, () => tools(bar, r));
  if (r.json.segments && r.json.segments.length) correctable(article, r);
  carry(article, r);
}

/** What goes on in an article that is about to be drawn anew: a function that takes it over into the new one. */
function underWay(before) {
  const forms = [...before.querySelectorAll("form.correct")], focus = document.activeElement;
  const player = before.querySelector("[data-player]"), plays = player && !player.paused;
  const sought = before.querySelector("[data-find] input"), sifted = before.querySelector('[data-find] [aria-pressed="true"]');
  return (article, r) => {
    sift(article, sought, sifted);
    forms.forEach((form) => typed(form, article, r, focus));
    const now = article.querySelector("[data-player]");
    if (!player || !now) return;
    for (const name of ["currentTime", "volume", "muted", "playbackRate"]) now[name] = player[name];
    if (plays) now.play().catch(() => {});  // of what cannot be played the page tells anyway
  };
}

/** What was sought in the transcript, sought in that of an article. */
function sift(article, sought, sifted) {
  const field = article.querySelector("[data-find] input");
  if (!field || !sought) return;
  const at = [...sifted.parentNode.children].indexOf(sifted);
  article.querySelector("[data-find]").children[at].click();
  field.value = sought.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** The recording in place of the report's missing one. */
function player(article, r) {
  const view = article.querySelector(".stage .view");
  if (!view || !/^(audio|video)\//.test(r.media.type)) return;
  const sound = r.json.kind === "audio";
  const element = make(sound ? "audio" : "video", { controls: true, preload: "metadata", src: r.url, "data-player": true, playsinline: !sound });
  const gone = make("p", { class: "gone", "data-gone": true, hidden: true }, say("unplayable"));
  view.querySelectorAll("[data-player], [data-gone]").forEach((old) => old.remove());
  view.prepend(element, gone);
  const frame = view.querySelector("[data-frame]");
  if (frame && !sound) frame.hidden = true;
  if (!sound) article.querySelector(".stage .scene").classList.remove("alone");
}

function tools(bar, r) {
  bar.replaceChildren(make("small", {}, say("save_as")));
  const told = make("small", { class: "fault", role: "alert" });
  const out = async (format) => {
    told.textContent = "";
    try {
      const text = await exported(r, format), now = corrections(r);
      save(r.name, format, text);
      r.saved = now;
    } catch (error) { told.textContent = error.message; }
  };
  for (const format of ["json", "html", ...Object.keys(r.texts)]) {
    bar.append(make("button", { type: "button", class: "button", onclick: () => out(format) }, format.toUpperCase()));
  }
  if (r.sample && r.sample.redact) bar.append(...offer(r, r.play));
  bar.append(told);
  if (r.why) bar.append(make("button", { type: "button", class: "button", onclick: () => save(r.name + " " + say("reasons"), "json", JSON.stringify(r.why, null, 2)) }, say("reasons")));
  bar.append(make("span", { class: "grow" }), make("button", { type: "button", class: "button main", "data-why": true, onclick: () => ask(r) }, say("why")));
}

/** The reading in one format, with what was corrected in it; the server lays that over. */
async function exported(r, format) {
  if (format === "json") return JSON.stringify(r.json, null, 2);
  const had = format === "html" ? r.html[language()] : r.texts[format];
  if (!r.json.corrections) return had;
  const made = await render(r.json, format, language());
  return format === "html" ? overlay(had, made) : made;
}

/** The report that has the pictures, with transcript, notes and data of the one that has the corrections. */
function overlay(had, made) {
  const page = parsed(had), fresh = parsed(made);
  for (const part of [".transcript", ".notes"]) {
    const old = page.querySelector("article " + part), now = fresh.querySelector("article " + part);
    if (old && now) old.replaceWith(now);
    else if (now) page.querySelector("article .provenance").before(now);
  }
  const data = page.getElementById("data-1");
  const payload = { ...JSON.parse(data.textContent), analysis: JSON.parse(fresh.getElementById("data-1").textContent).analysis };
  // No character in it can end the element.
  data.textContent = JSON.stringify(payload).replace(/[<>&]/g, (c) => "\\u00" + c.charCodeAt(0).toString(16));
  const text = page.documentElement.outerHTML, end = text.indexOf("</head>");
  return "<!doctype html>\n" + text.slice(0, end) + STYLE.exec(had)[0] + text.slice(end) + "\n";
}

/* ---------------------------------------------------------------------------------------------- corrections */

const at = (index, what) => "segments[" + index + "]." + what;
const FIELDS = { text: "text", speaker: "speaker", label: "reading.sentiment.label" };

function corrected(r, path) {
  return (r.json.corrections || []).find((c) => c.path === path);
}

/** Put a value over what was read; null takes a correction back. The label library reads these. */
function correct(r, path, value) {
  const others = (r.json.corrections || []).filter((c) => c.path !== path);
  if (value !== null) others.push({ path, value, by: "user", at: new Date().toISOString() });
  if (others.length) r.json.corrections = others;
  else delete r.json.corrections;
}

function correctable(article, r) {
  const lines = article.querySelector("[data-lines]");
  if (!lines) return;  // a picture by itself has none
  for (const line of article.querySelectorAll("[data-line]")) {
    const index = Number(line.dataset.line);
    const button = make("button", { type: "button", class: "edit", tabindex: line.querySelector("button").tabIndex, "aria-label": say("correct") + " " + (index + 1) }, say("correct"));
    button.addEventListener("click", (e) => { e.stopPropagation(); edit(line, index, r); });
    line.querySelector("p").append(button);
    show(line, index, r);
  }
  // Tab stops at one line of the transcript, which the report chooses; its correction is reached from there.
  new MutationObserver((seen) => seen.forEach(({ target }) => {
    if (target.matches("[data-line] > button")) target.parentNode.querySelector(".edit").tabIndex = target.tabIndex;
  })).observe(lines, { subtree: true, attributeFilter: ["tabindex"] });
}

/** The line as corrected. */
function show(line, index, r) {
  const segment = r.json.segments[index], p = line.querySelector("p"), button = p.querySelector(".edit");
  const text = corrected(r, at(index, FIELDS.text)), who = corrected(r, at(index, FIELDS.speaker)), label = corrected(r, at(index, FIELDS.label));
  const said = (text ? text.value : segment.text || "").trim() || make("em", {}, say("no_text"));
  if (text || line.dataset.corrected) p.replaceChildren(said, button);
  const name = line.querySelector(".who");
  if (name) name.textContent = (who ? who.value : segment.speaker) || "";
  p.classList.toggle("corrected", Boolean(text || who || label));
  line.classList.remove("positive", "neutral", "negative", "none");
  line.classList.add(label ? label.value : (segment.reading.sentiment || {}).label || "none");
  if (text || who || label) line.dataset.corrected = "";
  p.title = label ? say("fix_label") + ": " + say(label.value) : "";
}

function edit(line, index, r) {
  const open = line.querySelector("form.correct");
  if (open) { open.remove(); return; }
  const form = formOf(line, index, r);
  line.append(form);
  form.elements[0].focus();
}

/** Take what was typed into a form over into one of the new article, and the focus if it was there. */
function typed(old, article, r, focus) {
  const index = Number(old.parentNode.dataset.line), line = article.querySelector('[data-line="' + index + '"]');
  const form = formOf(line, index, r);
  line.append(form);
  [...old.elements].forEach((field, k) => {
    form.elements[k].value = field.value;
    if (field === focus) form.elements[k].focus();
  });
}

/** The form that corrects a line; it stands in none yet. */
function formOf(line, index, r) {
  const segment = r.json.segments[index];
  const value = (what, read) => { const found = corrected(r, at(index, FIELDS[what])); return found ? found.value : read; };
  const text = make("input", { name: "text", value: value("text", segment.text || "").trim().replace(/\s*\n\s*/g, " "), "aria-label": say("fix_text") }), asShown = text.value;
  const speaker = make("input", { name: "speaker", value: value("speaker", segment.speaker || ""), placeholder: say("fix_speaker"), "aria-label": say("fix_speaker") });
  const label = make("select", { name: "label", "aria-label": say("fix_label") }, make("option", { value: "" }, say("as_read")), ...["positive", "neutral", "negative"].map((l) => make("option", { value: l }, say(l))));
  label.value = value("label", "") || "";
  const form = make("form", { class: "correct" }, ...(segment.text ? [text] : []), speaker, label,
    make("button", { class: "button main" }, say("save")), make("button", { type: "button", class: "button", onclick: () => { ["text", "speaker", "label"].forEach((w) => correct(r, at(index, FIELDS[w]), null)); done(); } }, say("undo")),
    make("small", {}, say("corrected")));
  const done = () => { form.remove(); show(line, index, r); line.querySelector(".edit").focus(); };
  form.addEventListener("click", (e) => e.stopPropagation());
  form.addEventListener("keydown", (e) => { e.stopPropagation(); if (e.key === "Escape") done(); });
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    const set = (what, given, read) => correct(r, at(index, FIELDS[what]), given === read ? null : given);
    if (text.value !== asShown) set("text", text.value.trim(), segment.text);  // a field has one line: that alone is no correction
    set("speaker", speaker.value.trim(), segment.speaker || "");
    set("label", label.value, "");
    done();
  });
  return form;
}

/* ------------------------------------------------------------------------------------------------ two readings */

const signed = (v) => (v === null || v === undefined ? "–" : (v < -0.005 ? "−" : v > 0.005 ? "+" : "") + Math.abs(v).toFixed(2));
const percent = (v) => (v === null || v === undefined ? "–" : (v >= 0.995 && v < 1 ? ">99" : Math.round(100 * v)) + " %");
const score = (reading) => (reading && reading.sentiment ? reading.sentiment.score : null);
const label = (reading) => (reading && reading.sentiment ? reading.sentiment.label : null);
const top = (reading) => Object.entries((reading && reading.emotions) || {}).reduce((best, e) => (!best || e[1] > best[1] ? e : best), null);

/** Two readings beside each other: verdicts, cues, timelines, and what differs. */
export function compare(holder, a, b) {
  const columns = make("div", { class: "versus" });
  for (const r of [a, b]) {
    const { payload, words } = parts(r.html[language()]), o = r.json.overall, said = o.abstain ? null : label(o);
    const box = make("div", {}), feeling = top(o);
    columns.append(make("section", { class: "card" }, make("h3", { dir: "auto" }, make("bdi", {}, r.name)),
      make("p", { class: "big reading " + (said || "none") }, said ? say(said) + " " + signed(score(o)) : o.abstain ? "? " + say("unsure") : say("none")),
      make("p", {}, feeling ? (words[feeling[0] === "neutral" ? "emotion_neutral" : feeling[0]] || feeling[0]) + " " + percent(feeling[1]) + (o.abstain ? "" : " · " + say("confidence") + " " + percent(o.confidence)) : ""), box));
    if (payload && payload.analysis.segments.length > 1) queueMicrotask(() => window.Demeanor.timeline(box, payload.analysis, { frames: payload.frames, peaks: payload.peaks, words }));
  }
  const names = [...new Set([...Object.keys(a.json.cues), ...Object.keys(b.json.cues)])];
  const row = (name, x, y) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, signed(x)), make("td", {}, signed(y)), make("td", {}, x === null || y === null ? "–" : signed(Math.round(100 * y) / 100 - Math.round(100 * x) / 100)));
  const table = make("table", { class: "difference" },
    make("thead", {}, make("tr", {}, ...["score", "first", "second", "difference"].map((k) => make("th", { scope: "col" }, say(k))))),
    make("tbody", {}, row(say("label"), score(a.json.overall), score(b.json.overall)), ...names.map((n) => row(say(n), score(a.json.cues[n]), score(b.json.cues[n])))));
  holder.replaceChildren(make("h2", {}, say("comparison")), columns, make("section", { class: "card difference" }, table));
  holder.hidden = false;
}

