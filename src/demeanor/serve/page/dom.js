/* Elements: those of the page by their names, and as it makes them: attributes, listeners (`onclick`), children; what is null is left out. */

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
