/* Live reading over `WS v1/stream` (protocol 1, docs/live.md): sound and pictures out, readings in, through lost
   connections. What is not yet acknowledged is kept, and sent again. */

import * as api from "./api.js";
import { make } from "./dom.js";
import { problem, say } from "./words.js";

const AUDIO = 1, PICTURE = 2, HAS_TIME = 1, HEADER = 16;
const FRAMES = 4, WIDTH = 480, BUSY = 1 << 20, GIVE_UP = 20;
const CUES = ["words", "voice", "face", "scene"];
const MARKS = { positive: "▲", neutral: "●", negative: "▼" };

const signed = (v) => (v < -0.005 ? "−" : v > 0.005 ? "+" : "") + Math.abs(v).toFixed(2);
const clock = (s) => Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0");

function verdict(reading) {
  const s = reading && reading.sentiment;
  if (!s || reading.abstain) return make("span", { class: "reading none" }, "–");
  return make("span", { class: "reading " + s.label }, MARKS[s.label] + " " + say(s.label) + " ", make("b", {}, signed(s.score)));
}

/** Where the service listens for live sessions. */
function address() {
  const here = new URL("v1/stream", location.href);
  here.protocol = here.protocol === "https:" ? "wss:" : "ws:";
  return here.href;
}

/** A connection that mends itself: messages are numbered, kept until acknowledged, and sent again after a loss. */
function link(hello, hear, tell) {
  let socket = null, session = null, seen = 0, number = 0, over = false, ended = false, tries = 0, ready = false;
  const kept = [];  // {n, message}

  function open() {
    const key = api.keyNow();
    socket = new WebSocket(address(), key ? ["demeanor", "demeanor.key." + key] : ["demeanor"]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify({ ...hello, session, seen }));
    socket.onmessage = (e) => take(JSON.parse(e.data));
    socket.onclose = () => {
      ready = false;
      if (over) return;
      if (++tries > GIVE_UP) { over = true; hear({ type: "error", problem: { detail: say("unreachable") } }); return; }
      tell(say("reconnecting"));
      setTimeout(open, Math.min(4000, 250 * 2 ** tries));
    };
  }
  function take(event) {
    if (event.type === "hello") {
      session = event.session;
      tries = 0;
      ready = true;
      forget(event.received);
      kept.forEach((k) => socket.send(k.message));
      if (ended) sayEnd();  // again: it may not have arrived
      tell(say("listening"));
      return;
    }
    if (event.received) forget(event.received);
    if (event.seq) {
      seen = event.seq;
      if (event.type !== "partial") socket.send(JSON.stringify({ type: "ack", seq: seen }));
    }
    if (event.type === "final" || event.type === "error") { over = true; ready = false; }
    hear(event);
  }
  function forget(received) {
    while (kept.length && kept[0].n <= received) kept.shift();
  }
  function sayEnd() {
    socket.send(JSON.stringify({ type: "end" }));
  }
  open();
  return {
    send(kind, time, data) {
      const message = new ArrayBuffer(HEADER + data.byteLength), view = new DataView(message);
      number += 1;
      view.setUint8(0, kind);
      view.setUint8(1, time === null ? 0 : HAS_TIME);
      view.setUint32(4, number, true);
      view.setFloat64(8, time || 0, true);
      new Uint8Array(message, HEADER).set(new Uint8Array(data));
      kept.push({ n: number, message });
      if (ready) socket.send(message);
    },
    /** Whether nobody listens at present. */
    lost: () => !ready,
    /** Whether sending lags behind so far that pictures should be passed over. */
    busy: () => socket.bufferedAmount > BUSY || kept.length > 100,
    end() {
      ended = true;
      if (ready) sayEnd();
    },
    close() { over = true; ready = false; socket.close(); },
  };
}

/** Read a microphone's (and camera's) stream live.
 *  cues: names, or null for all; language: a code or auto; redact: whether personal data are left out, and `names`; places: {now, said, link}, elements to write into. `broken(why)` is called when the session ended with an error:
 *  nothing is sent any more; `over()` when its analysis is there, perhaps because it has reached the service's limit. The result has `stop()`, which gives the analysis, or null where nothing was read, and
 *  `discard()`. */
export function live(stream, preview, { cues, language, redact, names }, places, broken, over) {
  const sound = new AudioContext(), lines = new Map();
  let began = null, finish = null, frames = null, wire = null;
  const finished = new Promise((done) => { finish = done; });
  const tell = (text) => { places.link.textContent = text; };

  function hear(event) {
    if (event.type === "partial") {
      places.now.replaceChildren(...["fused", ...CUES].filter((c) => c === "fused" || event.cues[c]).map((c) =>
        make("div", {}, make("dt", {}, c === "fused" ? say("label") : say(c)), make("dd", {}, bar(c === "fused" ? event.reading : event.cues[c]), verdict(c === "fused" ? event.reading : event.cues[c])))));
    } else if (event.type === "segment") {
      (event.replaces || []).forEach(drop);
      line(event);
    } else if (event.type === "retract") event.replaces.forEach(drop);
    else if (event.type === "warning" || event.type === "problem") tell(event.message || problem(event.problem));
    else if (event.type === "final") { finish(event.analysis); over(); }
    else if (event.type === "error") fail(problem(event.problem));
  }
  function fail(why) {
    quiet();
    if (wire) wire.close();
    finish(null);
    tell("");
    broken(why);
  }
  function drop(id) {
    if (lines.has(id)) lines.get(id).remove();
    lines.delete(id);
  }
  function line(event) {
    const s = event.segment, made = make("li", { class: "line " + ((s.reading.sentiment || {}).label || "none") + (event.state === "open" ? " partial" : "") },
      make("span", {}, clock(s.start || 0)), make("p", { dir: "auto" }, (s.text || "…").trim()), make("span", { class: "line-reading" }, verdict(s.reading)));
    drop(event.id);
    made.start = s.start || 0;  // of what is heard again a part may begin before lines that are there
    places.said.insertBefore(made, [...places.said.children].find((other) => other.start > made.start) || null);
    lines.set(event.id, made);
    places.said.scrollTop = places.said.scrollHeight;
  }

  // A socket cannot ask for a key: this does, where one is needed.
  const ready = api.call("v1/models").then(() => sound.audioWorklet.addModule("pcm.js")).then(() => {
    wire = link({ type: "hello", protocol: 1, audio: { format: "pcm", rate: sound.sampleRate, channels: 1 }, cues, language, redact: Boolean(redact), names: names ? [names] : null, id: say("reading_live") }, hear, tell);
    const tap = new AudioWorkletNode(sound, "pcm", { numberOfOutputs: 0 });
    tap.port.onmessage = (e) => {
      // Pictures have the sound's clock, which begins with its first sample, not while a key is asked for.
      if (began === null) began = performance.now() - (1000 * e.data.byteLength) / (2 * sound.sampleRate);
      wire.send(AUDIO, null, e.data);
    };
    sound.createMediaStreamSource(stream).connect(tap);
    if (stream.getVideoTracks().length) frames = setInterval(() => shoot(), 1000 / FRAMES);
  }).catch((error) => fail(error.message));

  const canvas = document.createElement("canvas");
  let shooting = false, passed = 0, silent = false;
  function shoot() {
    if (began === null || !preview.videoWidth || shooting) return;
    if (wire.lost()) return;  // the line says already why nothing is read
    if (wire.busy()) { passed += 1; tell(say(passed === 1 ? "dropped_one" : "dropped", { n: passed })); return; }
    shooting = true;
    const time = (performance.now() - began) / 1000;
    canvas.width = WIDTH;
    canvas.height = Math.round((WIDTH * preview.videoHeight) / preview.videoWidth);
    canvas.getContext("2d").drawImage(preview, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(async (blob) => {
      if (blob) wire.send(PICTURE, time, await blob.arrayBuffer());
      shooting = false;
    }, "image/jpeg", 0.85);
  }
  function quiet() {
    clearInterval(frames);
    if (!silent) sound.close();  // a second time is an error
    silent = true;
  }

  return {
    async stop() {
      await ready;
      quiet();
      if (!wire) return null;
      wire.end();
      const analysis = await finished;
      wire.close();
      return analysis && analysis.segments.length ? analysis : null;
    },
    discard() {
      quiet();
      if (wire) wire.close();
      finish(null);
    },
  };
}

/** What a reading is made of, from its analysis; the server renders it, and may refuse. */
export async function rendered(analysis) {
  const render = (format, language) => api.render(analysis, format, language);
  const texts = { csv: await render("csv"), srt: await render("srt"), vtt: await render("vtt") };
  return { json: JSON.stringify(analysis), html: { en: await render("html", "en"), zh: await render("html", "zh") }, texts };
}

/** A reading's score as a bar from the middle. */
function bar(reading) {
  const NS = "http://www.w3.org/2000/svg", svg = document.createElementNS(NS, "svg"), v = reading && reading.sentiment ? reading.sentiment.score : 0;
  const rect = (name, x, width) => {
    const r = document.createElementNS(NS, "rect");
    for (const [k, value] of Object.entries({ class: name, x, width, height: 8 })) r.setAttribute(k, value);
    svg.append(r);
  };
  for (const [k, value] of Object.entries({ class: "meter", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" })) svg.setAttribute(k, value);
  rect("rail", 0, 100);
  rect(v < 0 ? "negative" : "positive", v < 0 ? 50 + 50 * v : 50, 50 * Math.abs(v));
  return svg;
}
