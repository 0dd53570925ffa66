/* "Why?" of a reading. The server keeps nothing, so the sample is sent again, as a job that explains: it is followed, may be
   called off, and its panel comes out of its report. A live reading, whose sound is gone, is explained by its numbers. */

import * as api from "./api.js";
import { make } from "./dom.js";
import { language, problem, say } from "./words.js";

const panelOf = (html) => new DOMParser().parseFromString(html.replace(/<style>[\s\S]*?<\/style>/, ""), "text/html").querySelector(".why");

/** Give an article its place for the reasons; `changed` is called when they have come. */
export function place(article, r, changed) {
  const slot = make("div", { class: "why-slot" }), before = article.querySelectorAll(":scope > .verdict, :scope > .sample, :scope > .stage");
  before[before.length - 1].after(slot);
  const drawn = article.querySelector(":scope > .why");
  if (drawn) slot.append(drawn);
  r.place = { article, slot, changed };
  show(r);
}

/** Ask for the reasons, or go to where they are. */
export async function ask(r) {
  if (!r.why && (!r.asking || r.asking.failed)) begin(r);
  const target = r.place.slot.querySelector("h3");
  target.focus({ preventScroll: true });
  r.place.slot.scrollIntoView({ block: "start" });
}

/** Call it off, and have the server forget it. */
export function stop(r) {
  const now = r.asking;
  r.asking = null;
  if (now && now.job) api.forget(now.job.id);
  if (r.place) show(r);
}

async function begin(r) {
  const now = (r.asking = { job: null, failed: "" });
  show(r);
  try {
    const found = await (r.sample ? byJob(r, now) : byNumbers(r));
    if (r.asking !== now) return;
    Object.assign(r, found, { asking: null });
  } catch (error) {
    if (r.asking !== now) return;
    if (now.job) api.forget(now.job.id);
    now.failed = error.message || say("failed");
  }
  show(r);
  if (r.why) r.place.changed();
}

async function byJob(r, now) {
  now.job = await api.submit(r.sample, "explain=true", () => r.asking === now);
  if (r.asking !== now) return api.forget(now.job.id);
  const ended = await api.follow(now.job, (job) => { now.job = job; if (r.asking === now) show(r); });
  if (ended.state !== "done") throw new Error(ended.error ? problem(ended.error) : say(ended.state));
  const html = await api.reports(ended.id), why = await api.explanation(ended.id);
  api.forget(ended.id);
  return { html, why };
}

async function byNumbers(r) {
  const body = JSON.stringify({ ...r.json, corrections: [] }), headers = { "Content-Type": "application/json" };
  const get = (query) => api.call("v1/explain?" + query, { method: "POST", body, headers });
  const page = async (language) => (await get("format=html&language=" + language)).text();
  return { why: await (await get("format=json")).json(), html: { en: await page("en"), zh: await page("zh") } };
}

/** How it stands, where the reading is drawn. */
function show(r) {
  const { article, slot } = r.place, inside = slot.contains(document.activeElement);
  if (!article.isConnected) return;
  if (r.why) {
    if (slot.querySelector(".why")) return;
    slot.replaceChildren(panelOf(r.html[language()]));
    window.Demeanor.reasons(article);
  } else if (!r.asking) slot.replaceChildren();
  else if (r.asking.failed) slot.replaceChildren(card(make("p", { class: "fault", role: "alert" }, r.asking.failed), make("p", { class: "actions" }, make("button", { type: "button", class: "button", onclick: () => ask(r) }, say("again")))));
  else if (!slot.querySelector("progress")) slot.replaceChildren(card(make("p", { role: "status" }), make("progress", { max: "1", "aria-label": say("why_asked") }), make("p", { class: "actions" }, make("button", { type: "button", class: "button", onclick: () => calledOff(r) }, say("cancel")))));
  if (r.asking && !r.asking.failed) told(slot, r.asking.job);
  const heading = slot.querySelector("h3");
  if (heading) heading.tabIndex = -1;
  if (inside && heading && !slot.contains(document.activeElement)) heading.focus({ preventScroll: true });
}

const card = (...inner) => make("section", { class: "card why-asked", "aria-label": say("why") }, make("h3", {}, say("why")), ...inner);

function told(slot, job) {
  const status = slot.querySelector("[role=status]"), meter = slot.querySelector("progress");
  const text = say(!job || job.state === "queued" ? "why_queued" : job.stage === "reasons" ? "why_reasons" : "why_reading");
  if (status.textContent !== text) status.textContent = text;
  if (job && job.progress > 0) meter.value = job.progress;
}

function calledOff(r) {
  stop(r);
  r.place.article.parentNode.querySelector("[data-why]").focus();
}
