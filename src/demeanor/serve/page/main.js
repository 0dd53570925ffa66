/* The page: what is to be read is put together, sent as jobs, and shown. Nothing is kept beyond this tab. */

import * as api from "./api.js";
import { make } from "./dom.js";
import { live } from "./live.js";
import { compare, draw, reading, release } from "./reading.js";
import { devices, meter, recorder, release as off } from "./record.js";
import { language, place, problem, say, speak } from "./words.js";

const find = (name) => document.querySelector("[data-" + name + "]");
const parts = [];        // files waiting to be read
const work = [];         // {name, job, state, reading, node}
let limits = {}, shown = null, pair = [];  // what is compared

/* ---------------------------------------------------------------------------------------- what is to be read */

const KINDS = { txt: "text", srt: "transcript", vtt: "transcript", json: "transcript", mkv: "video", mov: "video", ogg: "audio" };

function kind(file) {
  const own = file.type.split("/")[0];
  if (own === "image" || own === "audio" || own === "video") return own;
  return KINDS[file.name.split(".").pop().toLowerCase()] || (own === "text" ? "text" : "video");
}

function size(bytes) {
  return bytes > 1e6 ? say("mb", { n: (bytes / 1e6).toFixed(1) }) : say("kb", { n: Math.max(1, Math.round(bytes / 1e3)) });
}

function add(files) {
  fault();
  for (const file of files) {
    if (limits.largest && file.size > limits.largest) fault(say("too_large", { name: file.name, most: size(limits.largest) }));
    else parts.push({ file, kind: kind(file), url: file.type.startsWith("image/") ? URL.createObjectURL(file) : null });
  }
  list();
}

function list() {
  find("parts").replaceChildren(...parts.map((part, i) => make("li", {},
    part.url ? make("img", { src: part.url, alt: "" }) : null,
    make("bdi", {}, part.file.name), make("small", {}, size(part.file.size)),
    make("button", { type: "button", "aria-label": say("remove", { name: part.file.name }), onclick: () => drop(i) }, "✕"))), ...hint());
}

function hint() {
  const text = find("text").value.trim(), kinds = parts.map((p) => p.kind);
  if (!text || parts.length !== 1) return [];
  if (kinds[0] === "image") return [make("li", {}, make("small", {}, say("post")))];
  return kinds[0] === "audio" || kinds[0] === "video" ? [make("li", {}, make("small", {}, say("transcript")))] : [];
}

function drop(i) {
  const [gone] = parts.splice(i, 1);
  if (gone.url) URL.revokeObjectURL(gone.url);
  list();
}

/** The samples that text and files make: what belongs together is one, everything else one each. */
function samples() {
  const text = find("text").value.trim(), media = parts.filter((p) => ["image", "audio", "video"].includes(p.kind));
  const written = parts.filter((p) => p.kind === "text"), heard = parts.filter((p) => p.kind === "transcript");
  const one = media.length === 1 && written.length + (text ? 1 : 0) <= 1 && heard.length <= 1;
  if (one && (text || written.length || heard.length)) {
    return [{ name: media[0].file.name, media: media[0].file, [media[0].kind]: media[0].file, text: text || (written[0] && written[0].file), transcript: heard[0] && heard[0].file }];
  }
  const made = media.map((p) => ({ name: p.file.name, media: p.file, [p.kind]: p.file }));
  for (const p of [...written, ...(media.length ? [] : heard)]) made.push({ name: p.file.name, text: p.file });
  if (text) made.push({ name: text.slice(0, 60) + (text.length > 60 ? "…" : ""), text });
  return made;
}

function fault(message = "") {
  const box = find("fault");
  box.textContent = message;
  box.hidden = !message;
}

async function go(event) {
  event.preventDefault();
  const wanted = samples(), cues = [...document.querySelectorAll("[data-cue]")].filter((c) => c.checked).map((c) => c.value);
  if (!wanted.length) return fault(say("nothing_given"));
  if (!cues.length) return fault(say("no_cue"));
  fault();
  find("text").value = "";
  while (parts.length) drop(0);
  for (const sample of wanted) read(sample, cues.length < 4 ? cues.join(",") : null);
}

/* -------------------------------------------------------------------------------------------------- the work */

async function read(sample, cues) {
  const { name, media, ...given } = sample, redact = find("redact").checked;
  const entry = { name, job: null, state: "queued", told: "", progress: null, reading: null };
  work.unshift(entry);
  show(entry);
  try {
    // What was typed is no name then: cut short, it may hold half of something that is found only whole.
    const id = redact && !media && typeof given.text === "string" ? null : name;
    const sent = { ...given, cues, language: find("spoken").value, id, redact: redact ? "true" : null };
    entry.job = await api.submit(sent);
    if (entry.gone) return void api.forget(entry.job.id);
    const ended = await api.follow(entry.job, (job) => tell(entry, job));
    entry.job = ended;
    entry.state = ended.state;
    if (ended.state !== "done") api.forget(ended.id);
    if (ended.state === "failed") entry.told = ended.error ? problem(ended.error) : "";
    if (ended.state === "done") {
      entry.reading = await collect(ended, name, media || null, sent);
      if (entry.gone) return release(entry.reading);
      if (idle() && (!shown || work.indexOf(entry) === 0)) open(entry);
    }
  } catch (error) {
    entry.state = "failed";
    entry.told = error.message;
  }
  // What was typed is not lost with a reading that failed.
  if (entry.state === "failed" && typeof given.text === "string" && !find("text").value) find("text").value = given.text;
  render();
}

/** Whether nobody is in the middle of something that a result would push aside. */
function idle() {
  return !taking && find("comparison").hidden && !document.querySelector("form.correct") && !find("text").value && !parts.length;
}

/** What has become of a job. The list stays as it is while only the progress changes: focus and clicks are not lost. */
function tell(entry, job) {
  const same = entry.state === job.state && entry.far && entry.far.isConnected;
  entry.job = job;
  entry.state = job.state;
  entry.progress = job.progress;
  if (same) entry.far.replaceChildren(...far(entry));
  else render();
}

/** Everything the page offers of a result; then the server may forget it. */
async function collect(job, name, media, sample) {
  const html = await api.reports(job.id);
  const texts = { csv: await api.result(job.id, "csv") };
  const json = await api.result(job.id, "json");
  const timed = JSON.parse(json).segments.some((s) => s.start !== null);
  if (timed) for (const format of ["srt", "vtt"]) texts[format] = await api.result(job.id, format);
  api.forget(job.id);
  return reading({ name, json, html, media, texts, sample });
}

function show(entry) {
  find("work").hidden = false;
  render();
}

function verdict(r) {
  const s = r.json.overall.sentiment;
  if (!s) return make("span", { class: "reading none" }, say("none"));
  const mark = { positive: "▲", neutral: "●", negative: "▼" }[s.label];
  return make("span", { class: "reading " + s.label }, mark + " " + say(s.label) + " ", make("b", {}, (s.score < -0.005 ? "−" : s.score > 0.005 ? "+" : "") + Math.abs(s.score).toFixed(2)));
}

function state(entry) {
  if (entry.reading) return verdict(entry.reading);
  if (entry.state === "failed") return make("span", { class: "error" }, "✗ " + say("failed"), make("small", { dir: "auto" }, entry.told));
  if (entry.state === "cancelled") return make("span", { class: "nothing" }, say("cancelled"));
  entry.far = make("span", { role: "status" }, ...far(entry));
  return entry.far;
}

/** How far a job is. */
function far(entry) {
  const known = entry.progress > 0;
  return [make("progress", { max: "1", value: known ? String(entry.progress) : null, "aria-label": say(entry.state) }), make("small", {}, say(entry.state) + (known ? " " + Math.round(100 * entry.progress) + " %" : ""))];
}

function render() {
  const many = work.filter((e) => e.reading).length > 1;
  find("list").replaceChildren(...work.map((entry, i) => make("li", { class: many ? null : "plain", "aria-current": entry.reading && entry === shown ? "true" : null },
    many ? make("input", { type: "checkbox", disabled: !entry.reading, checked: entry.picked, "aria-label": say("compare_pick", { name: entry.name }), onchange: (e) => pick(entry, e.target.checked) }) : null,
    make("button", { type: "button", class: "open", disabled: !entry.reading, title: entry.name, onclick: () => open(entry) }, make("bdi", {}, entry.name)),
    state(entry),
    make("button", { type: "button", class: "x", "aria-label": say(entry.reading || entry.state === "failed" || entry.state === "cancelled" ? "close" : "cancel") + " " + entry.name, onclick: () => end(entry, i) }, "✕"))));
  find("compare-bar").hidden = !many;
  find("compare").disabled = work.filter((e) => e.picked).length !== 2;
}

function pick(entry, on) {
  entry.picked = on;
  const picked = work.filter((e) => e.picked);
  if (picked.length > 2) picked.find((e) => e !== entry).picked = false;
  render();
}

function open(entry) {
  shown = entry;
  find("comparison").hidden = true;
  draw(find("result"), entry.reading);
  render();
  find("result").focus({ preventScroll: true });
  find("result").scrollIntoView({ block: "start" });
}

/** Draw what is shown once more, in other colours or words; a recording stays where it is. */
function redraw() {
  if (shown) {
    const before = find("result").querySelector("[data-player]"), time = before ? before.currentTime : 0;
    draw(find("result"), shown.reading);
    const player = find("result").querySelector("[data-player]");
    if (player && time) player.currentTime = time;
  } else if (!find("comparison").hidden) compare(find("comparison"), ...pair.map((e) => e.reading));
}

function end(entry, i) {
  if (!entry.reading && entry.job && (entry.state === "queued" || entry.state === "running")) {
    api.cancel(entry.job.id).catch(() => {});
    return;
  }
  entry.gone = true;  // what is still on its way is not shown any more
  work.splice(i, 1);
  if (entry.reading) release(entry.reading);
  if (entry === shown) {
    shown = null;
    find("result").hidden = true;
    find("result").replaceChildren();
  }
  find("work").hidden = !work.length;
  find("comparison").hidden = true;
  render();
}

/* ------------------------------------------------------------------------------------------- sound and camera */

let taking = null;

/** Ask, then take: `mode` is audio, video (a recording to be read) or live. */
function capture(mode) {
  taking = { mode };
  find("composer").hidden = true;
  find("capture").hidden = false;
  find("consent").hidden = false;
  find("taking").hidden = true;
  find("capture-title").textContent = say({ audio: "recording_voice", video: "recording_video", live: "reading_live" }[mode]);
  find("agree").focus();
}

async function agreed() {
  const now = taking;
  if (now.asked) return;  // a second click, while the browser asks
  now.asked = true;
  try {
    now.stream = await devices(now.mode !== "audio");
  } catch (error) {
    if (now.mode !== "live") { away(); return fault(error.message); }
    try { now.stream = await devices(false); } catch (again) { away(); return fault(again.message); }
  }
  if (taking !== now) return off(now.stream);
  const preview = find("preview"), camera = now.stream.getVideoTracks().length > 0;
  preview.hidden = !camera;
  preview.srcObject = camera ? now.stream : null;
  if (camera) preview.play().catch(() => {});
  find("consent").hidden = true;
  find("taking").hidden = false;
  find("now").replaceChildren();
  find("said").replaceChildren();
  find("link").textContent = "";
  find("broken").hidden = true;
  find("discard").hidden = false;
  find("stop").textContent = say(now.mode === "live" ? "live_stop" : "stop");
  find("stop").focus();
  now.meter = meter(now.stream, find("level"));
  const began = Date.now();
  now.clock = setInterval(() => {
    const s = Math.floor((Date.now() - began) / 1000);
    find("clock").textContent = Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0");
  }, 250);
  if (now.mode === "live") now.session = live(now.stream, preview, { now: find("now"), said: find("said"), link: find("link") }, (why) => broken(now, why));
  else now.recorder = recorder(now.stream, now.mode === "video");
}

/** Switch microphone and camera off. */
function unplug(now) {
  if (now.stream) {
    clearInterval(now.clock);
    now.meter.stop();
    off(now.stream);
  }
  now.stream = null;
  find("preview").srcObject = null;
}

/** A live session ended with an error: the lines that were read stay, with the reason, until they are closed. */
function broken(now, why) {
  if (taking !== now) return;
  unplug(now);
  now.broken = true;
  find("broken").textContent = say("broken", { why });
  find("broken").hidden = false;
  find("stop").textContent = say("close");
  find("discard").hidden = true;
}

function away() {
  if (taking) unplug(taking);
  taking = null;
  find("clock").textContent = "0:00";
  find("capture").hidden = true;
  find("composer").hidden = false;
}

async function stop() {
  const now = taking;
  if (now && now.broken) return away();
  if (!now || !now.stream) return;
  if (now.session) {
    const ending = now.session.stop();
    unplug(now);
    const ended = await ending;
    if (now.broken || taking !== now) return;
    away();
    if (ended) {
      const entry = { name: say("reading_live"), job: null, state: "done", reading: reading({ name: say("reading_live"), ...ended }) };
      work.unshift(entry);
      show(entry);
      open(entry);
    }
    return;
  }
  const file = await now.recorder.stop();
  away();
  read({ name: file.name, media: file, [now.mode === "video" ? "video" : "audio"]: file }, null);
}

function discard() {
  if (taking && taking.session) taking.session.discard();
  away();
}

/* -------------------------------------------------------------------------------------------------- the page */

function theme() {
  const page = document.documentElement, dark = window.matchMedia("(prefers-color-scheme: dark)");
  const keep = (value) => { try { if (value) localStorage.setItem("demeanor-theme", value); return localStorage.getItem("demeanor-theme"); } catch { return null; } };
  if (["light", "dark"].includes(keep())) page.dataset.theme = keep();
  find("theme-button").addEventListener("click", () => {
    page.dataset.theme = (page.dataset.theme || (dark.matches ? "dark" : "light")) === "dark" ? "light" : "dark";
    keep(page.dataset.theme);
    redraw();
  });
}

function retell() {
  speak();
  find("language").textContent = say("language_name");
  find("language").lang = language() === "en" ? "zh" : "en";
  find("theme-button").setAttribute("aria-label", say("theme"));
  find("theme-button").title = say("theme");
  find("retention").textContent = say("kept", { minutes: Math.ceil((limits.keep || 3600) / 60) });
  list();
  render();
}

/** The page of the labelling task, in a tab of its own; its address is told to who may ask only. */
async function label(event) {
  const link = find("label");
  if ("known" in link.dataset) return;
  event.preventDefault();
  try {
    link.href = await api.labelling();
    link.dataset.known = "";
    link.click();
  } catch (error) { fault(error.message); }
}

/** A live reading is shown while it is heard, names and all. */
function redacts() {
  find("live").disabled = find("redact").checked;
  find("redact-note").hidden = !find("redact").checked;
}

function wire() {
  find("redact").addEventListener("change", redacts);
  find("label").addEventListener("click", label);
  find("form").addEventListener("submit", go);
  find("text").addEventListener("input", list);
  find("text").addEventListener("keydown", (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) find("form").requestSubmit(); });
  find("files").addEventListener("change", (e) => { add(e.target.files); e.target.value = ""; });
  find("text").addEventListener("paste", (e) => { if (e.clipboardData.files.length) { e.preventDefault(); add(e.clipboardData.files); } });
  const zone = find("drop");
  for (const name of ["dragenter", "dragover"]) document.addEventListener(name, (e) => { e.preventDefault(); zone.classList.add("over"); });
  document.addEventListener("dragleave", (e) => { if (!e.relatedTarget) zone.classList.remove("over"); });
  document.addEventListener("drop", (e) => { e.preventDefault(); zone.classList.remove("over"); add(e.dataTransfer.files); });
  document.querySelectorAll("[data-record]").forEach((b) => b.addEventListener("click", () => capture(b.dataset.record)));
  find("live").addEventListener("click", () => capture("live"));
  find("agree").addEventListener("click", agreed);
  find("back").addEventListener("click", away);
  find("stop").addEventListener("click", stop);
  find("discard").addEventListener("click", discard);
  find("compare").addEventListener("click", () => {
    pair = work.filter((e) => e.picked);
    find("result").hidden = true;
    shown = null;
    compare(find("comparison"), ...pair.map((e) => e.reading));
    render();
    find("comparison").focus({ preventScroll: true });
    find("comparison").scrollIntoView({ block: "start" });
  });
  find("language").addEventListener("click", () => { speak(language() === "en" ? "zh" : "en"); retell(); redraw(); });
  window.addEventListener("pagehide", () => { if (taking) discard(); });
}

wire();
redacts();
theme();
retell();
api.about().then((found) => { limits = found; place(found.local); find("label").hidden = !found.label; retell(); }).catch((error) => fault(error.message));
