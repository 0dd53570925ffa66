/* Sound and camera: everybody is asked first, then a recording is made, which is read as a file is, or it is read live. */

import { find, save } from "./dom.js";
import { live, rendered } from "./live.js";
import { reading } from "./reading.js";
import { devices, meter, recorder, release as off } from "./record.js";
import { say } from "./words.js";

let taking = null, page = {};

/** Give an element the words for `key`, in whatever language the page is switched to. */
function tell(element, key) {
  find(element).dataset.say = key;
  find(element).textContent = say(key);
}

/** Ask, then take: `mode` is audio, video (a recording to be read) or live. */
function capture(mode) {
  const chosen = page.options();
  if (!chosen) return;
  taking = { mode, chosen };
  find("composer").hidden = true;
  find("capture").hidden = false;
  find("consent").hidden = false;
  find("taking").hidden = true;
  tell("capture-title", { audio: "recording_voice", video: "recording_video", live: "reading_live" }[mode]);
  find("agree").focus();
}

/** Whether pictures are read at all: else a live reading asks for no camera. */
const seen = ({ cues }) => !cues || cues.includes("face") || cues.includes("scene");

async function agreed() {
  const now = taking;
  if (now.asked) return;  // a second click, while the browser asks
  now.asked = true;
  try {
    now.stream = await devices(now.mode === "video" || (now.mode === "live" && seen(now.chosen)));
  } catch (error) {
    if (now.mode !== "live") { away(); return page.fault(error.message); }
    try { now.stream = await devices(false); } catch (again) { away(); return page.fault(again.message); }
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
  find("broken").hidden = find("keep").hidden = true;
  find("discard").hidden = false;
  tell("stop", now.mode === "live" ? "live_stop" : "stop");
  find("stop").focus();
  now.meter = meter(now.stream, find("level"));
  const began = Date.now();
  now.clock = setInterval(() => {
    const s = Math.floor((Date.now() - began) / 1000);
    find("clock").textContent = Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0");
  }, 250);
  if (now.mode === "live") now.session = live(now.stream, preview, now.chosen, { now: find("now"), said: find("said"), link: find("link") }, (why) => broken(now, why), () => taking === now && stop());
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
  tell("stop", "close");
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
  if (now && now.analysis) return finish(now);
  if (!now || !now.stream) return;
  if (now.session) {
    const ending = now.session.stop();
    unplug(now);
    now.analysis = await ending;
    if (now.broken || taking !== now) return;
    return now.analysis ? finish(now) : away();
  }
  if (now.ending) return;  // a second click
  now.ending = true;
  const file = await now.recorder.stop();
  if (taking !== now) return;
  away();
  if (!file.size) return page.fault(say("empty_recording"));  // stopped before the browser had recorded anything
  page.read({ name: file.name, media: file, [now.mode === "video" ? "video" : "audio"]: file }, now.chosen);
}

/** Show a live reading. Where its report cannot be made now, what was read is kept: to be saved, or tried again. */
async function finish(now) {
  if (now.making) return;  // a second click
  const name = say("reading_live");
  find("broken").hidden = find("keep").hidden = now.making = true;
  const made = await rendered(now.analysis).catch((error) => ({ why: error.message }));
  now.making = false;
  if (taking !== now) return;
  if (!("why" in made)) { away(); return page.keep(reading({ name, ...made, saved: Boolean(now.saved) })); }
  find("broken").textContent = say("no_report", made);
  find("broken").hidden = find("keep").hidden = false;
  tell("stop", "again");
}

function discard() {
  if (taking && taking.session) taking.session.discard();
  away();
}

/** Whether something is being taken, and whether leaving would lose any of it. */
export const busy = () => taking !== null;
export const unsaved = () => Boolean(taking && !taking.broken && (taking.recorder || taking.session));

/** Listen to the buttons. `does` is what the page has for it: `options()`, null where nothing can be read with them,
 *  `fault(message)`, `read(sample, options)` and `keep(reading)`. */
export function wire(does) {
  page = does;
  document.querySelectorAll("[data-record]").forEach((b) => b.addEventListener("click", () => capture(b.dataset.record)));
  find("live").addEventListener("click", () => capture("live"));
  find("agree").addEventListener("click", agreed);
  find("back").addEventListener("click", away);
  find("stop").addEventListener("click", stop);
  find("keep").addEventListener("click", () => { save(say("reading_live"), "json", JSON.stringify(taking.analysis, null, 2)); taking.saved = true; });
  find("discard").addEventListener("click", discard);
  addEventListener("pagehide", () => { if (taking) discard(); });
}
