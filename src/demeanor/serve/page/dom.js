/* Elements: those of the page by their names, and as it makes them: attributes, listeners (`onclick`), children; what is null is left out.
   Files that it gives to be kept. */

export const find = (name) => document.querySelector("[data-" + name + "]");

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((c) => c !== null && c !== undefined));
  return node;
}

/** The first characters of a text; `slice` may halve an emoji. */
export const cut = (text, most) => [...text.slice(0, 2 * most)].slice(0, most).join("");

const TYPES = { json: "application/json", html: "text/html", csv: "text/csv", srt: "application/x-subrip", vtt: "text/vtt" };

/** Give a text or a file to keep, under a name whose ending is replaced. */
export function save(name, ending, content) {
  const url = URL.createObjectURL(new Blob([content], { type: TYPES[ending] || content.type }));
  const link = make("a", { href: url, download: cut(name.replace(/\.[^. ]*(?= |$)/, "").replace(/[\\/:*?"<>|]+/g, "-"), 60) + "." + ending });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
