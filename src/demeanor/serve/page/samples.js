/* What is read together: files and a text, put together to samples. */

import { cut } from "./dom.js";

const KINDS = { txt: "text", rtf: "file", ass: "file", ssa: "file", srt: "transcript", vtt: "transcript", json: "transcript", mkv: "video", mov: "video", ogg: "audio" };

/** What a file is: image, audio, video, text, transcript, or a file of which the server has to tell. */
export function kind(file) {
  const own = file.type.split("/")[0];
  if (own === "image" || own === "audio" || own === "video") return own;
  return KINDS[file.name.split(".").pop().toLowerCase()] || { text: "text", application: "file" }[own] || "video";
}

const stem = (part) => part.file.name.replace(/\.[^.]*$/, "");

/** The samples that parts `{file, kind}` and a text make, and the transcripts that belong to no recording.
 *
 *  A text belongs to the picture or recording of its own name (`sky.txt`, `sky.jpg`), a transcript to such a recording; where
 *  there is one of each only, their names do not matter. Everything else is one sample each; without any picture or
 *  recording a transcript is a text like others.
 */
export function samples(parts, text) {
  const of = (...kinds) => parts.filter((p) => kinds.includes(p.kind));
  const media = of("image", "audio", "video"), recordings = of("audio", "video"), heard = of("transcript"), written = of("text");
  const made = new Map(media.map((p) => [p, { name: p.file.name, media: p.file, [p.kind]: p.file }])), lost = [];
  const alone = media.length ? [] : [...heard];
  /** The one sample, of those that these make, that a part belongs to and that has nothing in its place. */
  const home = (part, among, place, sole) => {
    const found = sole ? among : among.filter((p) => stem(p) === stem(part));
    return found.length === 1 && !made.get(found[0])[place] ? made.get(found[0]) : null;
  };
  for (const part of media.length ? heard : []) {
    const sample = home(part, recordings, "transcript", recordings.length === 1 && heard.length === 1);
    if (sample) sample.transcript = part.file;
    else lost.push(part.file.name);
  }
  const post = media.length === 1 && written.length + (text ? 1 : 0) === 1;
  for (const part of written) {
    const sample = home(part, media, "text", post);
    if (sample) sample.text = part.file;
    else alone.push(part);
  }
  if (text && post) made.get(media[0]).text = text;
  const last = text && !post ? [{ name: cut(text, 60) + (cut(text, 60) === text ? "" : "…"), text }] : [];
  const others = of("file").map((p) => ({ name: p.file.name, media: p.file, file: p.file }));
  return { samples: [...made.values(), ...alone.map((p) => ({ name: p.file.name, text: p.file })), ...others, ...last], lost };
}

/** Whether a clipboard's files are meant: cells of a spreadsheet bring a picture of themselves beside their text, and a file
 *  that was copied brings its name. */
export function pasted(clipboard) {
  const names = [...clipboard.files].map((f) => f.name), text = clipboard.getData("text/plain").trim();
  return names.length > 0 && (!text || text.split(/[\r\n]+/).every((line) => names.includes(line)));
}
