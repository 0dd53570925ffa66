/* What makes the panel "Why" respond: numbers at whatever is pointed at or focused, places that can be gone to, and the
   seconds of the voice on the timeline. Without it the panel says the same in titles and words.

   Demeanor.reasons(article) wires the panel of an article that Demeanor.report has drawn; once, if there is one. */
(function (global) {
  "use strict";

  const TOLD = "mark[title], .shaded g, .cells g";

  /* The words of a title, taken from where the browser would show them by itself. */
  function taken(node) {
    const own = node.querySelector(":scope > title");
    const told = own ? own.textContent : node.title;
    if (own) own.remove();
    else node.removeAttribute("title");
    return told;
  }

  /* One stop for the tabulator in a group; arrows go from one to the next. */
  function roving(nodes) {
    if (!nodes.length) return;
    nodes.forEach((node, i) => node.setAttribute("tabindex", i ? "-1" : "0"));
    nodes.forEach((node, i) => node.addEventListener("keydown", (e) => {
      const go = { ArrowRight: i + 1, ArrowDown: i + 1, ArrowLeft: i - 1, ArrowUp: i - 1, Home: 0, End: nodes.length - 1 }[e.key];
      if (go === undefined || !nodes[go]) return;
      e.preventDefault();
      nodes.forEach((other) => other.setAttribute("tabindex", "-1"));
      nodes[go].setAttribute("tabindex", "0");
      nodes[go].focus();
    }));
  }

  function numbers(panel) {
    const tip = document.createElement("div");
    tip.className = "why-tip";
    tip.setAttribute("aria-hidden", "true");  // the ear has the numbers in the text itself
    tip.hidden = true;
    panel.append(tip);
    const hide = () => { tip.hidden = true; };
    const show = (node) => {
      tip.textContent = node.dataset.told;
      tip.hidden = false;
      const at = node.getBoundingClientRect(), around = panel.getBoundingClientRect();
      const middle = at.left + at.width / 2 - around.left - tip.offsetWidth / 2;
      tip.style.left = Math.max(8, Math.min(middle, around.width - tip.offsetWidth - 8)) + "px";
      tip.style.top = at.top - around.top - tip.offsetHeight - 6 + "px";
    };
    panel.querySelectorAll(TOLD).forEach((node) => {
      node.dataset.told = taken(node);
      if (node.tagName !== "MARK") { node.setAttribute("role", "img"); node.setAttribute("aria-label", node.dataset.told); }
    });
    panel.querySelectorAll(".shaded, .cells").forEach((svg) => {
      svg.removeAttribute("aria-hidden");
      svg.setAttribute("role", "group");
      if (svg.dataset.name) svg.setAttribute("aria-label", svg.dataset.name);
      roving([...svg.querySelectorAll("[data-told]")]);
    });
    roving([...panel.querySelectorAll(".marked [data-told]")]);
    const told = (e) => e.target.closest && e.target.closest("[data-told]");
    panel.addEventListener("pointerover", (e) => (told(e) ? show(told(e)) : hide()));
    panel.addEventListener("pointerleave", hide);
    panel.addEventListener("focusin", (e) => (told(e) ? show(told(e)) : hide()));
    panel.addEventListener("focusout", hide);
    panel.addEventListener("keydown", (e) => { if (e.key === "Escape") hide(); });
  }

  /* Segments and moments that are named become buttons: the player and the timeline go there. */
  function places(panel, article) {
    const drawn = article.demeanorTimeline;
    if (!drawn) return;
    const seek = (time) => {
      const player = article.querySelector("[data-player]");
      const item = drawn.items.find((it) => it.a <= time && time < it.b);
      if (item) drawn.select(item.index);
      if (player && !player.hidden) player.currentTime = time;
      drawn.setTime(time);
    };
    panel.querySelectorAll("[data-segment], [data-time]").forEach((named) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = named.className + " go";
      button.append(...named.childNodes);
      button.addEventListener("click", () => ("time" in named.dataset ? seek(Number(named.dataset.time)) : drawn.select(Number(named.dataset.segment))));
      named.replaceWith(button);
    });
    const stretches = [...panel.querySelectorAll(".shaded g")].map((node) => ({ node, a: Number(node.dataset.start), b: Number(node.dataset.end), share: Number(node.dataset.share) }));
    stretches.forEach(({ node, a }) => {
      node.addEventListener("click", () => seek(a));
      node.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); seek(a); } });
    });
    if (stretches.length) drawn.shade(stretches);
  }

  function reasons(article) {
    const panel = article.querySelector(".why");
    if (!panel || panel.dataset.wired) return;
    panel.dataset.wired = "";
    numbers(panel);
    places(panel, article);
  }

  global.Demeanor.reasons = reasons;
})(window);
