/* The HTTP API as the page uses it: jobs in, results out, a key where the server asks for one. */

import { problem, say } from "./words.js";

const open = new Set();  // jobs of this page that the server still holds
let key = (() => { try { return sessionStorage.getItem("demeanor-key"); } catch { return null; } })();

export class Refused extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

let asking = null;  // one question for all requests that wait for its answer

function askForKey() {
  const dialog = document.querySelector("[data-key-dialog]");
  return asking ||= new Promise((done) => {
    dialog.addEventListener("close", () => {
      asking = null;
      const field = dialog.querySelector("[data-key]"), given = dialog.returnValue === "ok" && field.value.trim();
      field.value = "";
      if (given) { key = given; try { sessionStorage.setItem("demeanor-key", given); } catch { /* kept in this page only */ } }
      done(Boolean(given));
    }, { once: true });
    dialog.showModal();
  });
}

export const keyNow = () => key;

/** One request; problems of the server become errors in words for the reader. */
export async function call(path, options = {}) {
  const sent = key;
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...(options.headers || {}), ...(key ? { Authorization: "Bearer " + key } : {}) }, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, say("unreachable"));
  }
  if (answer.status === 401 && (key !== sent || (await askForKey()))) return call(path, options);
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, problem(told) || answer.statusText);
  }
  return answer;
}

/** Send the parts of one sample; the job that will read them, and explain if asked to. */
export async function submit(parts, explain = false) {
  const form = new FormData();
  for (const [name, value] of Object.entries(parts)) if (value !== null && value !== undefined && value !== "") form.append(name, value);
  const job = await (await call("v1/jobs?explain=" + explain, { method: "POST", body: form, headers: { "Idempotency-Key": crypto.randomUUID() } })).json();
  open.add(job.id);
  return job;
}

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** Follow a job until it ends, telling `progress(job)` on the way. */
export async function follow(job, progress) {
  let pause = 150, lost = 0;
  while (job.state === "queued" || job.state === "running") {
    progress(job);
    await wait(pause);
    pause = Math.min(1000, pause * 1.3);
    try {
      job = await (await call("v1/jobs/" + job.id)).json();
      lost = 0;
    } catch (error) {
      if (error.status || ++lost > 20) throw error;  // a server that restarts finds its jobs again
    }
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

/** The report in every language the page can be switched to. */
export const reports = async (id) => ({ en: await result(id, "html", "en"), zh: await result(id, "html", "zh") });

/** An analysis that the page has, in another form. */
export const render = async (analysis, format, language = "auto") => said(await call("v1/render?format=" + format + "&language=" + language, { method: "POST", body: JSON.stringify(analysis), headers: { "Content-Type": "application/json" } }), format);

/** Why a job's sample was read so. */
export const explanation = async (id) => (await call("v1/jobs/" + id + "/explanation")).json();

/** Where the labelling task is labelled. */
export const labelling = async () => (await (await call("v1/label")).json()).url;

/** How the server is, and what it keeps and takes. */
export const about = async () => (await call("health")).json();
