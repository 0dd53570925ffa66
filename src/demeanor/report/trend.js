/* The trend of an analysis on its timeline: the smoothed line over the fused lane, a band of labels that do not flicker,
   and the lasting changes. Loaded before timeline.js.

   Demeanor.trend(found, items, timed) takes an analysis's `trend` and the timeline's items; null without a trend, else
     {steps: [{a, b, label}], changes, of(index), line(pen, row), band(pen, row), marks(pen, row)}; `of` gives {score, label} or null.
       pen: {ctx, x, gutter, width, ink, words, signs}: the canvas, place of a time, colours, words, a sign per label. */
(function (global) {
  "use strict";

  const SILENCE = 4; // seconds after which the timeline's curve breaks, too

  function trend(found, items, timed) {
    if (!found) return null;
    const { smoothed, labels, changes } = found, breaks = new Set(changes.map((c) => c.segment));
    const of = (index) => (typeof smoothed[index] === "number" ? { score: smoothed[index], label: labels[index] } : null);
    const lines = [], steps = [];
    let reach = null;
    for (const it of [...items].sort((p, q) => p.a + p.b - q.a - q.b || p.a - q.a)) {
      const said = of(it.index);
      if (!said) continue;
      const apart = reach === null || (timed && it.a - reach > SILENCE), step = steps[steps.length - 1];
      if (apart || breaks.has(it.index)) lines.push([{ t: it.a, v: said.score }]);
      lines[lines.length - 1].push({ t: (it.a + it.b) / 2, v: said.score, end: it.b });
      if (!apart && step.label === said.label) step.b = Math.max(step.b, it.b);
      else steps.push({ a: it.a, b: it.b, label: said.label });
      reach = Math.max(reach === null ? it.b : reach, it.b);
    }
    for (const list of lines) {
      list.push({ t: list[list.length - 1].end, v: list[list.length - 1].v });
      list.sort((p, q) => p.t - q.t);
    }

    /* Through every point, with the slope of its neighbours: a straight rise stays straight. */
    function path(list, { ctx, x }, y) {
      const slope = (k) => {
        const p = list[Math.max(0, k - 1)], q = list[Math.min(list.length - 1, k + 1)];
        return q.t > p.t ? (q.v - p.v) / (q.t - p.t) : 0;
      };
      ctx.beginPath();
      ctx.moveTo(x(list[0].t), y(list[0].v));
      for (let k = 1; k < list.length; k++) {
        const p = list[k - 1], q = list[k], third = (q.t - p.t) / 3;
        ctx.bezierCurveTo(x(p.t + third), y(p.v + slope(k - 1) * third), x(q.t - third), y(q.v - slope(k) * third), x(q.t), y(q.v));
      }
    }

    function line(pen, row) {
      const { ctx, ink } = pen, middle = row.top + row.height / 2, half = row.height / 2 - 3;
      ctx.lineJoin = ctx.lineCap = "round";
      for (const list of lines) {
        path(list, pen, (v) => middle - Math.min(1, Math.max(-1, v)) * half);
        const dense = pen.x(list[list.length - 1].t) - pen.x(list[0].t) < 5 * list.length;
        for (const [colour, wide] of dense ? [[ink.ink, 1]] : [[ink.soft, 4.5], [ink.ink, 1.75]]) {
          ctx.strokeStyle = colour;
          ctx.lineWidth = wide;
          ctx.stroke();
        }
      }
      ctx.lineCap = "butt";
    }

    function band({ ctx, x, gutter, width, ink, words, signs }, row) {
      ctx.font = "600 11px " + ink.font;
      for (const { a, b, label } of steps) {
        const from = Math.max(gutter, x(a)), w = Math.min(width, x(b)) - from - 1;
        if (x(b) < gutter || from > width) continue;
        ctx.fillStyle = ink[label];
        ctx.globalAlpha = 0.22;
        ctx.beginPath();
        ctx.roundRect(from, row.top, Math.max(1, w), row.height, Math.min(4, Math.max(0.5, w / 2)));
        ctx.fill();
        ctx.globalAlpha = 1;
        const y = label === "positive" ? row.top : label === "negative" ? row.top + row.height - 3 : row.top + row.height / 2 - 1.5;
        const said = [signs[label] + " " + words[label], signs[label]].find((text) => ctx.measureText(text).width + 10 <= w);
        if (label !== "neutral" || !said) ctx.fillRect(from, y, Math.max(1, w), 3);
        ctx.fillStyle = ink.ink;
        if (said) ctx.fillText(said, from + 6, row.top + row.height / 2 + 0.5);
      }
      ctx.font = "12px " + ink.font;
    }

    /* Lasting changes of the sentiment: a line where each begins, and an arrow the way it goes. */
    function marks({ ctx, x, gutter, width, ink }, row) {
      const middle = row.top + row.height / 2, half = row.height / 2 - 3;
      for (const change of changes) {
        const px = x(change.at), tip = middle - change.to * half, base = tip + (change.to > change.from ? 9 : -9);
        if (px < gutter || px > width) continue;
        ctx.strokeStyle = ctx.fillStyle = ink.ink;
        ctx.lineWidth = 1.25;
        ctx.setLineDash([4, 3]);
        ctx.beginPath();
        ctx.moveTo(px, row.top);
        ctx.lineTo(px, row.top + row.height);
        ctx.stroke();
        ctx.setLineDash([]);
        ctx.beginPath();
        ctx.moveTo(px, tip);
        ctx.lineTo(px - 5, base);
        ctx.lineTo(px + 5, base);
        ctx.fill();
      }
    }

    return { steps, changes, of, line, band, marks };
  }

  global.Demeanor = { ...global.Demeanor, trend };
})(window);
