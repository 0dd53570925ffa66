/* The HTTP API as the page uses it: jobs in, results out, a key where the server asks for one. */

import { problem, say } from "./words.js";

const open = new Set();  // jobs of this page that the server still holds
/** A key without what cannot be sent in a header, such as an invisible character that was copied with it. */
const sendable = (given) => given.replace(/[^!-~]/g, "");
let key = (() => { try { return sendable(sessionStorage.getItem("demeanor-key") || ""); } catch { return ""; } })();

export class Refused extends Error {
  /** status: of HTTP, 0 where nobody answered; after: seconds that the server asks to wait. */
  constructor(status, message, after = 0) { super(message); Object.assign(this, { status, after }); }
}

const PASSING = [0, 429, 502, 503, 504];  // of a server or proxy that may well answer a moment later
const TRIES = 20;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

let asking = null;  // one question for all requests that wait for its answer

function askForKey() {
  const dialog = document.querySelector("[data-key-dialog]");
  return asking ||= new Promise((done) => {
    dialog.addEventListener("close", () => {
      asking = null;
      const field = dialog.querySelector("[data-key]"), given = dialog.returnValue === "ok" && sendable(field.value);
      field.value = "";
      if (given) { key = given; try { sessionStorage.setItem("demeanor-key", given); } catch { /* kept in this page only */ } }
      done(Boolean(given));
    }, { once: true });
    dialog.showModal();
  });
}

export const keyNow = () => key;

/** Seconds after which a request that failed is sent again, 0 where it is not: anything that does no more the second time
 *  (`again`), and what the server put off before it began. */
function pause(again, status, after) {
  if (after && (status === 429 || status === 503)) return after;
  return again && PASSING.includes(status) ? after || 1 : 0;
}

/** One request; problems of the server become errors in words for the reader. What fails in passing is sent again, unless
 *  it is not `wanted()` any more; of what is no GET only what says that it may be (`again: true`). */
export async function call(path, options = {}, wanted = () => true, tries = TRIES) {
  const sent = key, failed = await asked(path, options);
  if (failed.ok) return failed;
  if (failed.status === 401 && (key !== sent || (await askForKey()))) return call(path, options, wanted, tries);
  const seconds = pause(options.again || !options.method, failed.status, failed.after);
  if (seconds && tries && wanted()) {
    await wait(1000 * seconds);
    if (wanted()) return call(path, options, wanted, tries - 1);
  }
  throw failed;
}

/** The answer to one request, or what became of it: `Refused`. */
async function asked(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...(options.headers || {}), ...(key ? { Authorization: "Bearer " + key } : {}) }, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const lost = await unreadable(options.body);
    if (lost) throw new Error(say("moved", { name: lost.name }));
    return new Refused(0, say("unreachable"));
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({})), after = Math.min(60, Number.parseInt(answer.headers.get("Retry-After"), 10) || 0);
  return new Refused(answer.status, problem(told) || answer.statusText, after);
}

/** The file of a form that cannot be read any more: browsers tell of it as if nobody had answered. */
async function unreadable(body) {
  for (const file of body instanceof FormData ? body.values() : []) {
    if (file instanceof File) try { await file.slice(0, 1).arrayBuffer(); } catch { return file; }
  }
  return null;
}

/** A name for one request. `crypto.randomUUID` is there over https and on this computer only. */
const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

/** Send the parts of one sample; the job that will read them (`explain=false`), read and explain (`explain=true`), or copy
 *  them without personal data (`copy=true`). */
export async function submit(parts, what, wanted = () => true) {
  const form = new FormData();
  for (const [name, value] of Object.entries(parts)) if (value !== null && value !== undefined && value !== "") form.append(name, value);
  const job = await (await call("v1/jobs?" + what, { method: "POST", again: true, body: form, headers: { "Idempotency-Key": newKey() } }, wanted)).json();
  open.add(job.id);
  return job;
}

const AT_ONCE = 4;   // samples on their way: a server takes only so many of one sender
const waiting = [];  // those that come next
let under = 0;

/** Wait until a sample may be sent; `over()` lets the next one go when it has been read. */
export const turn = () => new Promise((go) => { if (under < AT_ONCE) { under += 1; go(); } else waiting.push(go); });
export const over = () => { if (waiting.length) waiting.shift()(); else under -= 1; };

/** Follow a job until it ends, telling `progress(job)` on the way. */
export async function follow(job, progress) {
  let between = 150;
  while (job.state === "queued" || job.state === "running") {
    progress(job);
    await wait(between);
    between = Math.min(1000, between * 1.3);
    job = await (await call("v1/jobs/" + job.id)).json();  // a server that restarts finds its jobs again
  }
  return job;
}

export const cancel = (id) => call("v1/jobs/" + id + "/cancel", { method: "POST" });

/** Delete what the server still holds of a job. */
export const forget = (id) => { open.delete(id); return call("v1/jobs/" + id, { method: "DELETE", keepalive: true }).catch(() => {}); };

// Who leaves the page can fetch nothing any more.
addEventListener("pagehide", (event) => { if (!event.persisted) open.forEach(forget); });

/** What an answer says, as a file has it: decoding takes away the mark that tells spreadsheets the encoding. */
export const said = async (answer, format) => (format === "csv" ? "\ufeff" : "") + (await answer.text());

/** The result in one format, as text. */
export const result = async (id, format, language = "auto") => said(await call("v1/jobs/" + id + "/result?format=" + format + "&language=" + language), format);

/** A job's copy `{file, found}`: its name tells nothing, `found` is kinds and counts. */
export async function copy(id) {
  const answer = await call("v1/jobs/" + id + "/result"), blob = await answer.blob();
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))[1];
  return { file: new File([blob], name, { type: blob.type }), found: JSON.parse(answer.headers.get("X-Demeanor-Redaction")) };
}

/** The report in every language the page can be switched to. */
export const reports = async (id) => ({ en: await result(id, "html", "en"), zh: await result(id, "html", "zh") });

/** An analysis that the page has, in another form. */
export const render = async (analysis, format, language = "auto") => said(await call("v1/render?format=" + format + "&language=" + language, { method: "POST", again: true, body: JSON.stringify(analysis), headers: { "Content-Type": "application/json" } }), format);

/** Why a job's sample was read so. */
export const explanation = async (id) => (await call("v1/jobs/" + id + "/explanation")).json();

/** Where the labelling task is labelled. */
export const labelling = async () => (await (await call("v1/label")).json()).url;

/** How the server is, and what it keeps and takes. */
export const about = async () => (await call("health")).json();
