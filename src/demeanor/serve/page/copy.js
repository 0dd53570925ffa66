/* Copies without personal data: the sample is sent again, as jobs that copy it; what comes back is saved, and a recording
   is played. */

import * as api from "./api.js";
import { make, save } from "./dom.js";
import { problem, say } from "./words.js";

/** What is copied one by one: of a post its picture and its text; what is said in a recording goes with it. */
function originals({ text, image, audio, video, file, transcript, language, names }) {
  const asked = { language, names };
  if (audio || video) return [{ audio, video, transcript: transcript || text, ...asked }];
  return [file && { file, ...asked }, image && { image, ...asked }, text && { text, ...asked }].filter(Boolean);
}

/** The button that copies, with how it stands; `played(copy)` is called with that of a recording. */
export function offer(r, played) {
  const button = make("button", { type: "button", class: "button", "data-copy": true, onclick: () => (copying(r) ? stop(r) : begin(r)) });
  const told = make("small", { role: "status" });
  r.copies = { button, told, played };
  show(r);
  return [button, told];
}

/** Call it off, and have the server forget it. */
export function stop(r) {
  const now = r.copying;
  r.copying = null;
  if (now && now.job) api.forget(now.job.id);
  if (r.copies) show(r);
}

/** Whether a copy is being made: who leaves loses it. */
export const copying = (r) => Boolean(r.copying && !r.copying.ended);

function show(r) {
  const { button, told } = r.copies, now = r.copying;
  button.textContent = say(copying(r) ? "cancel_copy" : "copy");
  told.textContent = now ? now.told || (now.ended && summary(now.found)) || say("copying") + (now.job && now.job.progress > 0 ? " " + Math.round(100 * now.job.progress) + " %" : "") : "";
  told.className = now && now.failed ? "fault" : "";
}

async function begin(r) {
  const now = (r.copying = { job: null, ended: false, failed: false, told: "" }), found = [];
  const wanted = () => r.copying === now;
  show(r);
  try {
    for (const sample of originals(r.sample)) {
      const copy = await made(sample, now, () => { if (wanted()) show(r); }, wanted);
      if (!wanted()) return;
      found.push(copy);
      save(r.name.replace(/\.[^.]*$/, "") + "-redacted", copy.file.name.split(".").pop(), copy.file);
    }
    now.found = found.map((copy) => copy.found);
  } catch (error) {
    if (now.job) api.forget(now.job.id);
    Object.assign(now, { failed: true, told: error.message || say("failed") });
  }
  if (!wanted()) return;
  now.ended = true;
  show(r);
  const [{ file } = {}] = found;
  if (file && /^(audio|video)\//.test(file.type)) r.copies.played(file);
}

/** One copy `{file, found}`; the server may forget it then. */
async function made(sample, now, changed, wanted) {
  now.job = await api.submit(sample, "copy=true", wanted);
  if (!wanted()) return void api.forget(now.job.id);
  const ended = await api.follow(now.job, (job) => { now.job = job; changed(); });
  if (!wanted()) return;
  if (ended.state !== "done") throw new Error(ended.error ? problem(ended.error) : say(ended.state));
  const copy = await api.copy(ended.id);
  api.forget(ended.id);
  return copy;
}

function summary(found) {
  const places = found.flatMap((f) => Object.values(f.found)).reduce((a, b) => a + b, 0), faces = found.reduce((n, f) => n + f.faces, 0);
  return [say("copied", { places, faces }), ...found.flatMap((f) => f.warnings)].join(" ");
}
