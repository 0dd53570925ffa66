/* The page: what is to be read is put together, sent as jobs, and shown. Nothing is kept beyond this tab. */

import * as api from "./api.js";
import * as capture from "./capture.js";
import { cut, find, make } from "./dom.js";
import { compare, draw, reading, release, unsaved } from "./reading.js";
import { kind, pasted, samples } from "./samples.js";
import { language, place, problem, say, speak } from "./words.js";

const parts = [];        // files waiting to be read
const work = [];         // {name, job, state, reading, node}; name: null while it may be personal
const NAME = 255;        // characters that the server takes of a name
let limits = {}, shown = null, pair = [];  // what is compared

/* ---------------------------------------------------------------------------------------- what is to be read */

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

function fault(message = "") {
  const box = find("fault");
  box.textContent = message;
  box.hidden = !message;
}

/** What was chosen for all that is read, files, recordings and live: `cues` (null for all), `language`, `redact`, `names`; null and a fault
 *  where nothing is left to read from. */
function options() {
  const boxes = [...document.querySelectorAll("[data-cue]")], cues = boxes.filter((c) => c.checked).map((c) => c.value);
  fault(cues.length ? "" : say("no_cue"));
  const redact = find("redact").checked ? "true" : null, names = (redact && find("names").value.trim()) || null;
  return cues.length ? { cues: cues.length < boxes.length ? cues : null, language: find("spoken").value, redact, names } : null;
}

async function go(event) {
  event.preventDefault();
  const wanted = samples(parts, find("text").value.trim());
  if (!wanted.samples.length) return fault(say("nothing_given"));
  if (wanted.lost.length) return fault(say("no_recording", { names: wanted.lost.join(", ") }));
  const chosen = options();
  if (!chosen) return;
  find("text").value = "";
  while (parts.length) drop(0);
  for (const sample of wanted.samples) read(sample, chosen);
}

/* -------------------------------------------------------------------------------------------------- the work */

async function read(sample, chosen) {
  const { name, media, ...given } = sample;
  const entry = { name: chosen.redact ? null : name, job: null, state: "queued", told: "", progress: null, reading: null };
  work.unshift(entry);
  show(entry);
  await api.turn();
  try {
    if (entry.gone) return;
    // Cut short, as the name of what was typed is, it may hold half of something that is found only whole.
    const typed = !media && typeof given.text === "string", id = chosen.redact && (typed || cut(name, NAME) !== name) ? null : cut(name, NAME);
    const sent = { ...given, ...chosen, id };
    entry.job = await api.submit(sent, "explain=false", () => !entry.gone);
    if (entry.gone) return void api.forget(entry.job.id);
    const ended = await api.follow(entry.job, (job) => tell(entry, job));
    entry.job = ended;
    entry.state = ended.state;
    if (ended.state !== "done") api.forget(ended.id);
    if (ended.state === "failed") entry.told = ended.error ? problem(ended.error) : "";
    if (ended.state === "done") {
      entry.reading = await collect(ended, name, media || null, sent);
      if (entry.gone) return release(entry.reading);
      entry.name = entry.reading.name;
      if (idle() && (!shown || work.indexOf(entry) === 0)) open(entry);
    }
  } catch (error) {
    if (entry.job) api.forget(entry.job.id);
    entry.state = "failed";
    entry.told = error.message;
  } finally { api.over(); }
  // What was typed is not lost with a reading that failed.
  if (!entry.gone && entry.state === "failed" && typeof given.text === "string" && !find("text").value) find("text").value = given.text;
  render();
}

/** Whether nobody is in the middle of something that a result would push aside. */
function idle() {
  return !capture.busy() && find("comparison").hidden && !document.querySelector("form.correct") && !find("text").value && !parts.length;
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
  if (r.json.overall.abstain) return make("span", { class: "reading none" }, "? " + say("unsure"));
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

const called = (entry) => entry.name ?? say("sample");

function render() {
  const many = work.filter((e) => e.reading).length > 1;
  find("list").replaceChildren(...work.map((entry, i) => make("li", { class: many ? null : "plain", "aria-current": entry.reading && entry === shown ? "true" : null },
    many ? make("input", { type: "checkbox", disabled: !entry.reading, checked: entry.picked, "aria-label": say("compare_pick", { name: called(entry) }), onchange: (e) => pick(entry, e.target.checked) }) : null,
    make("button", { type: "button", class: "open", disabled: !entry.reading, title: called(entry), onclick: () => open(entry) }, make("bdi", {}, called(entry))),
    state(entry),
    make("button", { type: "button", class: "x", "aria-label": say(entry.reading || entry.state === "failed" || entry.state === "cancelled" ? "close" : "cancel") + " " + called(entry), onclick: () => end(entry, i) }, "✕"))));
  find("compare-bar").hidden = !many;
  find("compare").disabled = work.filter((e) => e.picked).length !== 2;
  find("compare-hint").hidden = !find("compare").disabled;
}

function pick(entry, on) {
  entry.picked = on;
  const picked = work.filter((e) => e.picked);
  if (picked.length > 2) picked.find((e) => e !== entry).picked = false;
  render();
}

/** Show a reading that no job of this page has made. */
function keep(made) {
  const entry = { name: made.name, job: null, state: "done", reading: made };
  work.unshift(entry);
  show(entry);
  open(entry);
}

function open(entry) {
  shown = entry;
  find("comparison").hidden = true;
  draw(find("result"), entry.reading);
  render();
  find("result").focus({ preventScroll: true });
  find("result").scrollIntoView({ block: "start" });
}

/** Draw what is shown once more, in other words. */
function redraw() {
  if (shown) draw(find("result"), shown.reading);
  else if (!find("comparison").hidden) compare(find("comparison"), ...pair.map((e) => e.reading));
}

/** Show no reading; what was played falls silent. */
function hide() {
  shown = null;
  find("result").hidden = true;
  find("result").replaceChildren();
}

function end(entry, i) {
  if (!entry.reading && entry.job && (entry.state === "queued" || entry.state === "running")) {
    api.cancel(entry.job.id).catch(() => {});
    return;
  }
  if (entry.reading && unsaved(entry.reading) && !confirm(say("lose", { name: called(entry) }))) return;
  entry.gone = true;  // what is still on its way is not shown any more
  work.splice(i, 1);
  if (entry.reading) release(entry.reading);
  if (entry === shown) hide();
  find("work").hidden = !work.length;
  find("comparison").hidden = true;
  render();
}

/* -------------------------------------------------------------------------------------------------- the page */

function theme() {
  const page = document.documentElement, dark = window.matchMedia("(prefers-color-scheme: dark)");
  const keep = (value) => { try { if (value) localStorage.setItem("demeanor-theme", value); return localStorage.getItem("demeanor-theme"); } catch { return null; } };
  if (["light", "dark"].includes(keep())) page.dataset.theme = keep();
  find("theme-button").addEventListener("click", () => {
    page.dataset.theme = (page.dataset.theme || (dark.matches ? "dark" : "light")) === "dark" ? "light" : "dark";
    keep(page.dataset.theme);
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

/** Names are asked for where they are left out. */
function redacts() {
  for (const name of ["redact-note", "names-box"]) find(name).hidden = !find("redact").checked;
}

/** Whether leaving the page would lose something: what is being read or taken, and live readings and corrections that were not saved. */
function unfinished() {
  const lost = (entry) => (entry.reading ? unsaved(entry.reading) : entry.state !== "failed" && entry.state !== "cancelled");
  return work.some(lost) || capture.unsaved();
}

function wire() {
  find("redact").addEventListener("change", redacts);
  find("label").addEventListener("click", label);
  find("form").addEventListener("submit", go);
  find("text").addEventListener("input", list);
  find("text").addEventListener("keydown", (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) find("form").requestSubmit(); });
  find("files").addEventListener("change", (e) => { add(e.target.files); e.target.value = ""; });
  find("text").addEventListener("paste", (e) => { if (pasted(e.clipboardData)) { e.preventDefault(); add(e.clipboardData.files); } });
  const zone = find("drop");
  const brings = (e) => e.dataTransfer.types.includes("Files");  // text that is dragged is the text field's own matter
  for (const name of ["dragenter", "dragover"]) document.addEventListener(name, (e) => { if (brings(e)) { e.preventDefault(); zone.classList.add("over"); } });
  document.addEventListener("dragleave", (e) => { if (!e.relatedTarget) zone.classList.remove("over"); });
  document.addEventListener("drop", (e) => { if (!brings(e)) return; e.preventDefault(); zone.classList.remove("over"); add(e.dataTransfer.files); });
  capture.wire({ options, fault, read, keep });
  find("compare").addEventListener("click", () => {
    pair = work.filter((e) => e.picked);
    hide();
    compare(find("comparison"), ...pair.map((e) => e.reading));
    render();
    find("comparison").focus({ preventScroll: true });
    find("comparison").scrollIntoView({ block: "start" });
  });
  find("language").addEventListener("click", () => { speak(language() === "en" ? "zh" : "en"); retell(); redraw(); });
  window.addEventListener("beforeunload", (e) => { if (unfinished()) e.preventDefault(); });
}

wire();
redacts();
theme();
retell();
api.about().then((found) => { limits = found; place(found.local); find("label").hidden = !found.label; retell(); }).catch((error) => fault(error.message));
