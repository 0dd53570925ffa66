/* The timeline of one analysis (demeanor.analysis/1), and what makes the report respond. No dependency, no build step.

   Demeanor.timeline(element, analysis, {frames, peaks, words, onselect, onhover}) draws into any element and returns
     {element, items, course, select(i), setTime(seconds), shade([{a, b, share}]), redraw(), destroy()}; `i` counts the analysis's segments.
       frames: [{time, src, width, height, faces: [{id, box, label}]}], peaks: [min, max, min, max, …] in -100..100,
       words: the interface's words (demeanor.report.wording), onselect(i, source).
   Demeanor.report(article, payload, words) wires a whole article of the report. All text goes in as text, never as HTML. */
(function (global) {
  "use strict";

  const EMOTIONS = ["anger", "disgust", "fear", "sadness", "neutral", "surprise", "joy"];
  const CUES = ["words", "voice", "face", "scene"];
  const MARKS = { positive: "▲", neutral: "●", negative: "▼" };
  const TOLD = 12; // stretches of the trend that are read aloud; the table has it of every segment
  const SVG = "http://www.w3.org/2000/svg";

  const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
  const signed = (v) => (Math.abs(v) < 0.005 ? "" : v < 0 ? "−" : "+") + Math.abs(v).toFixed(2);
  const percent = (v) => (v >= 0.995 && v < 1 ? ">99" : Math.round(100 * v)) + "%"; // as in figures.py
  const score = (r) => (r && r.sentiment ? r.sentiment.score : null);
  const label = (r) => (r && r.sentiment ? r.sentiment.label : null);
  const cueNames = (a) => {
    const all = new Set(Object.keys(a.cues || {}));
    a.segments.forEach((s) => Object.keys(s.cues || {}).forEach((c) => all.add(c)));
    return CUES.filter((c) => all.has(c)).concat([...all].filter((c) => !CUES.includes(c)).sort());
  };

  function topEmotion(reading) {
    const found = Object.entries((reading && reading.emotions) || {});
    return found.length ? found.reduce((best, e) => (e[1] > best[1] ? e : best)) : null;
  }

  function clock(seconds, tenths) {
    const units = tenths ? Math.round(seconds * 10) : Math.floor(seconds) * 10;
    const whole = Math.floor(units / 10), two = (n) => String(n).padStart(2, "0");
    const head = whole >= 3600 ? Math.floor(whole / 3600) + ":" + two(Math.floor((whole % 3600) / 60)) : Math.floor(whole / 60);
    return head + ":" + two(whole % 60) + (tenths ? "." + (units % 10) : "");
  }

  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "class") node.className = value;
      else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== null && value !== undefined) node.setAttribute(key, value);
    }
    node.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
    return node;
  }

  const emotionWord = (name, words) => words[name === "neutral" ? "emotion_neutral" : name] || name;

  function readingNode(reading, words, short) {
    const said = label(reading);
    if (!said) return make("span", { class: "reading none" }, "– " + words.none);
    return make("span", { class: "reading " + said }, MARKS[said] + " " + (short ? "" : words[said] + " "), make("b", {}, signed(score(reading))));
  }

  function emotionNode(reading, words) {
    const top = topEmotion(reading);
    if (!top) return null;
    return make("span", { class: "top-emotion" }, make("span", { class: "dot e-" + top[0] }), emotionWord(top[0], words) + " " + percent(top[1]));
  }

  function trendNode(course, index, words) {
    const found = course && course.of(index);
    return found && readingNode({ sentiment: found }, words);
  }

  function place(segment, timed, tenths) {
    if (timed) return clock(segment.start, tenths) + " – " + clock(segment.end, tenths);
    return segment.chars ? segment.chars[0] + " – " + segment.chars[1] : "";
  }

  /* ------------------------------------------------------------------------------------------------ drawing */

  function timeline(root, analysis, options) {
    const { frames = [], peaks = null, words, onselect = () => {} } = options;
    const segments = analysis.segments;
    const timed = segments.some((s) => s.start !== null && s.start !== undefined);
    const items = segments
      .map((segment, index) => ({ segment, index, a: timed ? segment.start : (segment.chars || [index])[0], b: timed ? segment.end : (segment.chars || [0, index + 1])[1] }))
      .filter((it) => it.a !== null && it.b !== null)
      .sort((p, q) => p.a - q.a || p.b - q.b);
    const order = new Map(items.map((it, k) => [it.index, k]));
    const end = Math.max(timed ? analysis.duration || 0 : 0, ...tail(items), 1e-3);
    const cues = cueNames(analysis), course = global.Demeanor.trend(analysis.trend, items, timed);
    const view = { a: 0, b: end };
    const shortest = Math.min(end, timed ? 4 : 20);
    let shades = [];
    let hover = null, chosen = null, now = null, width = 0, height = 0, gutter = 0, rows = [], ink = {}, ticking = false;

    const base = make("canvas", { "aria-hidden": "true" }), over = make("canvas", { "aria-hidden": "true" });
    const tip = make("div", { class: "tl-tip", hidden: "" });
    const box = make("div", { class: "tl", tabindex: "0", role: "slider", "aria-label": words.timeline_use, "aria-orientation": "horizontal", "aria-valuemin": "1", "aria-valuemax": String(Math.max(1, items.length)), "aria-valuenow": "1" }, base, over, tip);
    const legend = make("div", { class: "tl-legend", "aria-hidden": "true" });
    root.replaceChildren(box, legend);
    const pictures = frames.map((frame) => {
      const image = new Image();
      image.onload = later;
      image.src = frame.src;
      return { frame, image };
    });

    function tail(list) {
      let most = 0;
      for (const it of list) most = Math.max(most, it.b);
      return [most];
    }
    const x = (t) => gutter + ((t - view.a) / (view.b - view.a)) * (width - gutter);
    const t = (px) => view.a + ((px - gutter) / (width - gutter)) * (view.b - view.a);

    function colours() {
      const style = getComputedStyle(document.documentElement);
      const read = (name) => style.getPropertyValue("--" + name).trim();
      ink = { negative: read("negative"), neutral: read("neutral"), positive: read("positive"), ink: read("ink"), muted: read("muted"), line: read("line"), soft: read("soft"), card: read("card"), accent: read("accent"), font: getComputedStyle(root).fontFamily };
      EMOTIONS.forEach((e) => (ink[e === "neutral" ? "calm" : e] = read("e-" + e)));
    }
    const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    function tone(v) {
      const from = rgb(ink.neutral), to = rgb(v < 0 ? ink.negative : ink.positive), k = clamp(Math.abs(v) * 2.2, 0, 1);
      return "rgb(" + from.map((c, i) => Math.round(c + (to[i] - c) * k)).join() + ")";
    }

    function lay() {
      width = box.clientWidth;
      gutter = width >= 620 ? 88 : 0;
      const wanted = [];
      if (pictures.length) wanted.push(["picture", gutter ? 56 : 44, strip]);
      if (peaks) wanted.push(["sound", 36, wave]);
      if (segments.some((s) => s.speaker)) wanted.push(["who", 18, voices]);
      wanted.push(["fused", 96, curve]);
      if (course) wanted.push(["trend", 18, (row) => course.band(pen(), row)]);
      if (cues.length > 1) cues.forEach((c) => wanted.push([c, c === "voice" && shades.length ? 38 : 30, (row, cells) => {
        lane(row, cells, (s) => score((s.cues || {})[c]));
        if (c === "voice") stretches(row);
      }]));
      if (segments.some((s) => s.reading && s.reading.emotions)) wanted.push(["emotions", 68, feelings]);
      let top = 0;
      rows = wanted.map(([name, h, draw]) => {
        const row = { name, draw, top: top + (gutter ? 0 : 16), height: h };
        top = row.top + h + 8;
        return row;
      });
      height = top + 20;
    }

    function fit(canvas) {
      const ratio = Math.min(global.devicePixelRatio || 1, 3);
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.height = height + "px";
      const ctx = canvas.getContext("2d");
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      ctx.clearRect(0, 0, width, height);
      return ctx;
    }

    /* Segments in view, one cell each; more than fit are averaged into cells of 3 px. */
    function cellsInView() {
      const seen = items.filter((it) => it.b > view.a && it.a < view.b);
      if (seen.length * 5 <= width - gutter) return seen.map((it) => ({ xa: x(it.a), xb: x(it.b), list: [it.segment], a: it.a, b: it.b }));
      const step = 3, count = Math.ceil((width - gutter) / step), cells = Array.from({ length: count }, () => []);
      for (const it of seen) {
        const first = clamp(Math.floor((x(it.a) - gutter) / step), 0, count - 1), last = clamp(Math.ceil((x(it.b) - gutter) / step) - 1, first, count - 1);
        for (let k = first; k <= last; k++) cells[k].push(it.segment);
      }
      return cells.map((list, k) => ({ xa: gutter + k * step, xb: gutter + (k + 1) * step, list, a: t(gutter + k * step), b: t(gutter + (k + 1) * step), many: true })).filter((c) => c.list.length);
    }
    function mean(cell, get) {
      let sum = 0, n = 0;
      for (const s of cell.list) {
        const v = get(s);
        if (v !== null && v !== undefined) { sum += v; n += 1; }
      }
      return n ? sum / n : null;
    }

    let ctx = null;
    const pen = () => ({ ctx, x, gutter, width, ink, words, signs: MARKS });
    function redraw() {
      ticking = false;
      if (!box.isConnected || !box.clientWidth) return;
      colours();
      lay();
      ctx = fit(base);
      const cells = cellsInView();
      ctx.font = "12px " + ink.font;
      ctx.textBaseline = "middle";
      for (const row of rows) {
        ctx.fillStyle = ink.muted;
        const name = words[row.name] || row.name;
        if (gutter) ctx.fillText(name, 0, row.top + row.height / 2, gutter - 8);
        else ctx.fillText(name, 0, row.top - 8, width);
        ctx.save();
        ctx.beginPath();
        ctx.rect(gutter, row.top - 4, width - gutter, row.height + 8);
        ctx.clip();
        row.draw(row, cells);
        ctx.restore();
      }
      axis();
      overlay();
      zoomState();
    }
    function later() {
      if (!ticking) { ticking = true; requestAnimationFrame(redraw); }
    }

    function rounded(px, py, w, h, r) {
      ctx.beginPath();
      ctx.roundRect(px, py, Math.max(w, 0.5), h, Math.min(r, Math.max(w, 0.5) / 2, h / 2));
    }

    function strip(row) {
      const ready = pictures.filter((p) => p.image.complete && p.image.naturalWidth);
      if (!ready.length) return;
      const tile = clamp(row.height * (ready[0].image.naturalWidth / ready[0].image.naturalHeight), 24, 140);
      const count = Math.max(1, Math.round((width - gutter) / tile)), w = (width - gutter) / count;
      rounded(gutter, row.top, width - gutter, row.height, 8);
      ctx.clip();
      for (let k = 0; k < count; k++) {
        const middle = t(gutter + (k + 0.5) * w);
        const { frame, image } = ready.reduce((best, p) => (Math.abs(p.frame.time - middle) < Math.abs(best.frame.time - middle) ? p : best));
        const scale = Math.max(w / image.naturalWidth, row.height / image.naturalHeight);
        const sw = w / scale, sh = row.height / scale, sx = (image.naturalWidth - sw) / 2, sy = (image.naturalHeight - sh) / 2;
        const left = gutter + k * w;
        ctx.drawImage(image, sx, sy, sw, sh, left, row.top, w - 1.5, row.height);
        ctx.lineWidth = 1.25;
        for (const face of frame.faces || []) {
          ctx.strokeStyle = face.label === "positive" ? "#f5a04a" : face.label === "negative" ? "#6db0f5" : "#ffffff";
          ctx.strokeRect(left + (face.box[0] * image.naturalWidth - sx) * scale, row.top + (face.box[1] * image.naturalHeight - sy) * scale, face.box[2] * image.naturalWidth * scale, face.box[3] * image.naturalHeight * scale);
        }
      }
    }

    function wave(row) {
      const n = peaks.length / 2, middle = row.top + row.height / 2, half = row.height / 200;
      let k = 0;
      for (let px = gutter; px < width; px += 3) {
        const from = Math.floor((t(px) / end) * n), to = Math.max(from + 1, Math.ceil((t(px + 3) / end) * n));
        let low = 0, high = 0;
        for (let i = Math.max(0, from); i < Math.min(n, to); i++) { low = Math.min(low, peaks[2 * i]); high = Math.max(high, peaks[2 * i + 1]); }
        const time = t(px + 1);
        while (k < items.length - 1 && items[k].b < time) k++;
        const it = items[k], v = it && it.a <= time && time <= it.b ? score(it.segment.reading) : null;
        ctx.fillStyle = v === null ? ink.line : tone(v);
        ctx.fillRect(px, middle - Math.max(0.5, high * half), 2, Math.max(1, (high - low) * half));
      }
    }

    function voices(row, cells) {
      const names = [...new Set(segments.map((s) => s.speaker).filter(Boolean))];
      if (cells.length && cells[0].many) {
        ctx.fillStyle = ink.soft;
        rounded(gutter, row.top, width - gutter, row.height, 4);
        ctx.fill();
        return;
      }
      let at = 0;
      while (at < cells.length) {
        const who = cells[at].list[0].speaker;
        let to = at;
        while (to + 1 < cells.length && cells[to + 1].list[0].speaker === who && cells[to + 1].xa - cells[to].xb < 6) to++;
        if (who) {
          const w = cells[to].xb - cells[at].xa, k = names.indexOf(who);
          ctx.globalAlpha = [0.16, 0.34, 0.24, 0.46][k % 4];
          ctx.fillStyle = ink.muted;
          rounded(cells[at].xa + 0.5, row.top, w - 1, row.height, 4);
          ctx.fill();
          ctx.globalAlpha = 1;
          ctx.fillStyle = ink.ink;
          ctx.font = "600 11px " + ink.font;
          const name = who.length > 14 ? who.slice(0, 13) + "…" : who;
          if (ctx.measureText(name).width + 10 < w) ctx.fillText(name, Math.max(cells[at].xa, gutter) + 6, row.top + row.height / 2 + 0.5);
        }
        at = to + 1;
      }
      ctx.font = "12px " + ink.font;
    }

    /* Runs of cells with a value; a longer silence breaks the line. */
    function runs(cells, value) {
      const out = [];
      let run = null;
      for (const cell of cells) {
        const v = value(cell);
        if (v === null) { run = null; continue; }
        const inset = cell.many ? 1.5 : Math.min(16, 0.32 * (cell.xb - cell.xa));
        const point = { xa: cell.xa + inset, xb: cell.xb - inset, cell, v };
        const last = run && run[run.length - 1];
        if (!last || (timed && cell.a - last.cell.b > 4 && cell.xa - last.cell.xb > 10)) { run = []; out.push(run); }
        run.push(point);
      }
      for (const r of out) { r[0].xa = r[0].cell.xa; r[r.length - 1].xb = r[r.length - 1].cell.xb; }
      return out;
    }
    function trace(run, y, back) {
      const list = back ? [...run].reverse() : run;
      list.forEach((p, k) => {
        const [from, to] = back ? [p.xb, p.xa] : [p.xa, p.xb];
        if (k) {
          const q = list[k - 1], x0 = back ? q.xa : q.xb, mid = (x0 + from) / 2;
          ctx.bezierCurveTo(mid, y(q), mid, y(p), from, y(p));
        } else if (back) ctx.lineTo(from, y(p));
        else ctx.moveTo(from, y(p));
        ctx.lineTo(to, y(p));
      });
    }

    function curve(row, cells) {
      const middle = row.top + row.height / 2, half = row.height / 2 - 3, y = (p) => middle - p.v * half;
      ctx.fillStyle = ink.soft;
      rounded(gutter, row.top, width - gutter, row.height, 8);
      ctx.fill();
      ctx.strokeStyle = ink.line;
      ctx.lineWidth = 1;
      for (const v of [-0.5, 0, 0.5]) {
        ctx.setLineDash(v ? [2, 4] : []);
        ctx.beginPath();
        ctx.moveTo(gutter, middle - v * half);
        ctx.lineTo(width, middle - v * half);
        ctx.stroke();
      }
      ctx.setLineDash([]);
      const shade = ctx.createLinearGradient(0, row.top, 0, row.top + row.height);
      [[0, "positive"], [0.4, "positive"], [0.5, "neutral"], [0.6, "negative"], [1, "negative"]].forEach(([at, name]) => shade.addColorStop(at, ink[name]));
      for (const run of runs(cells, (c) => mean(c, (s) => score(s.reading)))) {
        ctx.beginPath();
        trace(run, y);
        ctx.lineTo(run[run.length - 1].xb, middle);
        ctx.lineTo(run[0].xa, middle);
        ctx.globalAlpha = 0.3;
        ctx.fillStyle = shade;
        ctx.fill();
        ctx.globalAlpha = 1;
        ctx.beginPath();
        trace(run, y);
        ctx.strokeStyle = shade;
        ctx.lineWidth = run[0].cell.many ? 1.4 : 2.4;
        ctx.lineJoin = "round";
        ctx.stroke();
      }
      if (cues.length === 1 && cues[0] === "voice") stretches(row);
      if (course) { course.line(pen(), row); course.marks(pen(), row); }
      ctx.fillStyle = ink.muted;
      ctx.font = "10px " + ink.font;
      ctx.fillText("▲ +1", gutter + 6, row.top + 9);
      ctx.fillText("▼ −1", gutter + 6, row.top + row.height - 8);
      ctx.font = "12px " + ink.font;
    }

    /* Seconds of the voice by what they add to its reading: washed, with a line above (towards positive) or below. */
    function stretches(row) {
      for (const { a, b, share } of shades) {
        const from = Math.max(gutter, x(a)), w = Math.min(width, x(b)) - from;
        if (w <= 0 || Math.abs(share) < 0.03) continue;
        ctx.fillStyle = share < 0 ? ink.negative : ink.positive;
        ctx.globalAlpha = 0.1 + Math.min(0.4, Math.abs(share));
        ctx.fillRect(from, row.top, w - 0.5, row.height);
        ctx.globalAlpha = 1;
        ctx.fillRect(from, share < 0 ? row.top + row.height - 3 : row.top, w - 0.5, 3);
      }
    }

    function lane(row, cells, value) {
      const middle = row.top + row.height / 2, half = row.height / 2 - 1;
      for (const cell of cells) {
        const v = mean(cell, value), gap = cell.many ? 0 : 1, w = cell.xb - cell.xa - gap;
        if (v === null) continue;
        if (!cell.many) {
          ctx.fillStyle = ink.soft;
          rounded(cell.xa + gap / 2, row.top, w, row.height, 4);
          ctx.fill();
        }
        const h = Math.max(1.5, Math.abs(v) * half);
        ctx.fillStyle = tone(v);
        rounded(cell.xa + gap / 2, v >= 0 ? middle - h : middle, w, h, cell.many ? 0 : 3);
        ctx.fill();
      }
      ctx.fillStyle = ink.line;
      ctx.fillRect(gutter, middle - 0.5, width - gutter, 1);
    }

    function feelings(row, cells) {
      const all = runs(cells, (c) => mean(c, (s) => (s.reading && s.reading.emotions ? 1 : null)));
      for (const run of all) {
        for (const p of run) {
          const values = EMOTIONS.map((e) => mean(p.cell, (s) => (s.reading && s.reading.emotions ? s.reading.emotions[e] || 0 : null)) || 0);
          const sum = values.reduce((m, v) => m + v, 0) || 1;
          p.stack = values.reduce((list, v) => list.concat(list[list.length - 1] + v / sum), [0]);
        }
        ctx.save();
        rounded(run[0].xa, row.top, run[run.length - 1].xb - run[0].xa, row.height, 6);
        ctx.clip();
        EMOTIONS.forEach((e, k) => {
          const y = (edge) => (p) => row.top + row.height * (1 - p.stack[edge]);
          ctx.beginPath();
          trace(run, y(k + 1));
          trace(run, y(k), true);
          ctx.closePath();
          ctx.fillStyle = ink[e === "neutral" ? "calm" : e];
          ctx.fill();
        });
        ctx.restore();
        ctx.textAlign = "center";
        ctx.font = "600 11px " + ink.font;
        for (const p of run) {
          if (p.cell.many) continue;
          const k = EMOTIONS.reduce((best, _, i) => (p.stack[i + 1] - p.stack[i] > p.stack[best + 1] - p.stack[best] ? i : best), 0);
          const name = emotionWord(EMOTIONS[k], words);
          if (ctx.measureText(name).width + 8 > p.cell.xb - p.cell.xa || (p.stack[k + 1] - p.stack[k]) * row.height < 15) continue;
          const [r, g, b] = rgb(ink[EMOTIONS[k] === "neutral" ? "calm" : EMOTIONS[k]]);
          ctx.fillStyle = 0.299 * r + 0.587 * g + 0.114 * b > 128 ? "#15181d" : "#ffffff";
          ctx.fillText(name, (p.cell.xa + p.cell.xb) / 2, row.top + row.height * (1 - (p.stack[k] + p.stack[k + 1]) / 2));
        }
        ctx.textAlign = "left";
        ctx.font = "12px " + ink.font;
      }
    }

    function axis() {
      const steps = timed ? [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200] : [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000];
      const step = steps.find((s) => (s / (view.b - view.a)) * (width - gutter) >= 62) || steps[steps.length - 1];
      ctx.fillStyle = ink.muted;
      ctx.font = "11px " + ink.font;
      for (let v = Math.ceil(view.a / step) * step; v <= view.b + 1e-9; v += step) {
        const px = x(v), text = timed ? clock(v) : String(v), w = ctx.measureText(text).width;
        ctx.fillText(text, clamp(px - w / 2, gutter, width - w), height - 9);
        ctx.fillRect(clamp(px, gutter, width - 1), height - 22, 1, 4);
      }
    }

    function overlay() {
      const o = fit(over), bottom = height - 22;
      const band = (k, colour, alpha) => {
        const it = items[k], from = Math.max(gutter, x(it.a)), to = Math.min(width, x(it.b));
        if (to < gutter || from > width) return;
        o.globalAlpha = alpha;
        o.fillStyle = colour;
        o.fillRect(from, 0, Math.max(2, to - from), bottom);
        o.globalAlpha = 1;
        return [from, Math.max(2, to - from)];
      };
      if (hover !== null && hover !== chosen) band(hover, ink.ink, 0.06);
      if (chosen !== null) {
        const edge = band(chosen, ink.accent, 0.08);
        o.strokeStyle = ink.accent;
        o.lineWidth = 2;
        if (edge) { o.beginPath(); o.roundRect(edge[0] + 0.5, 1, Math.max(1, edge[1] - 1), bottom - 2, 5); o.stroke(); }
      }
      if (now !== null && now >= view.a && now <= view.b) { o.fillStyle = ink.ink; o.fillRect(x(now) - 0.75, 0, 1.5, bottom); }
    }

    /* ---------------------------------------------------------------------------------------------- answering */

    /** The item that holds a time, the last to begin of several; else the nearest. */
    function atTime(time) {
      if (!items.length) return null;
      let low = 0, high = items.length - 1;
      while (low < high) { const middle = (low + high + 1) >> 1; if (items[middle].a <= time) low = middle; else high = middle - 1; }
      let last = low;
      for (let k = low; k >= 0; k--) {
        if (time < items[k].b) return k;
        if (items[k].b > items[last].b) last = k;
      }
      const next = items[low + 1];
      return next && next.a - time < time - items[last].b ? low + 1 : last;
    }

    const at = (px) => (px < gutter ? null : atTime(t(px)));

    function about(segment, index) {
      const faces = [...new Set((segment.faces || []).map((f) => f.id || f))];
      return [timed ? place(segment, timed, true) : "#" + (index + 1), segment.speaker, ...faces].filter(Boolean);
    }

    function tell(k, px) {
      if (k === null) { tip.hidden = true; return; }
      const { segment, index } = items[k];
      const table = make("table", {});
      for (const c of cues) {
        const r = (segment.cues || {})[c];
        if (r) table.append(make("tr", {}, make("td", {}, words[c] || c), make("td", {}, readingNode(r, words, true)), make("td", {}, emotionNode(r, words) || "")));
      }
      const short = (segment.text || "").trim(), steady = trendNode(course, index, words);
      tip.replaceChildren(
        make("div", { class: "when" }, ...about(segment, index).map((part) => make("bdi", {}, part))),
        make("div", {}, readingNode(segment.reading, words), "  ", emotionNode(segment.reading, words)),
        steady ? make("div", {}, words.trend + " ", steady) : "",
        short ? make("div", { dir: "auto" }, short.length > 110 ? short.slice(0, 109) + "…" : short) : "",
        cues.length > 1 ? table : "");
      tip.hidden = false;
      tip.style.left = clamp(px + 16 + tip.offsetWidth > width ? px - tip.offsetWidth - 16 : px + 16, 0, Math.max(0, width - tip.offsetWidth)) + "px";
      const curveRow = rows.find((r) => r.name === "fused");
      tip.style.top = (curveRow ? curveRow.top : 0) + "px";
    }

    function point(k) {
      const it = items[k], r = it.segment.reading, top = topEmotion(r), steady = course && course.of(it.index);
      const said = label(r) ? words[label(r)] + " " + signed(score(r)) : words.none;
      box.setAttribute("aria-valuenow", String(k + 1));
      box.setAttribute("aria-valuetext", [place(it.segment, timed), it.segment.speaker, said, top ? emotionWord(top[0], words) : "", steady ? words.trend + " " + words[steady.label] : "", it.segment.text].filter(Boolean).join(", "));
    }

    function choose(k, source) {
      if (!items.length) return;
      chosen = clamp(k, 0, items.length - 1);
      const it = items[chosen], span = view.b - view.a;
      if (it.a < view.a || it.b > view.b) look((it.a + it.b) / 2 - span / 2, span);
      point(chosen);
      overlay();
      onselect(it.index, source);
    }

    function look(a, span) {
      span = clamp(span, shortest, end);
      view.a = clamp(a, 0, end - span);
      view.b = view.a + span;
      later();
    }
    function zoom(factor, middle) {
      const span = view.b - view.a, centre = middle === undefined ? (chosen === null ? view.a + span / 2 : (items[chosen].a + items[chosen].b) / 2) : middle;
      const wanted = clamp(span * factor, shortest, end);
      look(centre - (centre - view.a) * (wanted / span), wanted);
    }
    let zoomState = () => {};

    let drag = null;
    box.addEventListener("pointerdown", (e) => { drag = { px: e.offsetX, a: view.a, moved: false }; });
    box.addEventListener("pointermove", (e) => {
      const px = e.clientX - box.getBoundingClientRect().left;
      if (drag && e.buttons && view.b - view.a < end * 0.999 && Math.abs(px - drag.px) > 5) {
        drag.moved = true;
        look(drag.a - ((px - drag.px) / (width - gutter)) * (view.b - view.a), view.b - view.a);
      }
      hover = at(px);
      overlay();
      tell(drag && drag.moved ? null : hover, px);
    });
    box.addEventListener("pointerleave", () => { hover = null; tell(null); if (ctx) overlay(); });
    box.addEventListener("click", (e) => {
      const moved = drag && drag.moved;
      drag = null;
      const k = at(e.clientX - box.getBoundingClientRect().left);
      if (!moved && k !== null) choose(k, "timeline");
    });
    box.addEventListener("wheel", (e) => {
      const span = view.b - view.a;
      if (e.ctrlKey || e.metaKey) zoom(Math.exp(e.deltaY * 0.004), t(clamp(e.clientX - box.getBoundingClientRect().left, gutter, width)));
      else if (Math.abs(e.deltaX) > Math.abs(e.deltaY) && span < end * 0.999) look(view.a + (e.deltaX / (width - gutter)) * span, span);
      else return;
      e.preventDefault();
    }, { passive: false });
    box.addEventListener("keydown", (e) => {
      const from = chosen === null ? -1 : chosen;
      const go = { ArrowRight: from + 1, ArrowDown: from + 1, ArrowLeft: from - 1, ArrowUp: from - 1, PageDown: from + 10, PageUp: from - 10, Home: 0, End: items.length - 1 }[e.key];
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      if (go !== undefined) choose(go, "keyboard");
      else if (e.key === "+" || e.key === "=") zoom(0.5);
      else if (e.key === "-") zoom(2);
      else if (e.key === "0") look(0, end);
      else if (e.key === "Escape") tell(null);
      else return;
      e.preventDefault();
    });

    for (const l of ["positive", "neutral", "negative"]) legend.append(make("span", { class: l }, MARKS[l] + " " + words[l]));
    if (course) {
      legend.append(make("span", {}, "━ " + words.smoothed));
      if (course.changes.length) legend.append(make("span", {}, "┊ " + words.change));
      const told = course.steps.slice(0, TOLD).map((s) => words[s.label] + " " + place({ start: s.a, end: s.b, chars: [s.a, s.b] }, timed));
      root.append(make("p", { class: "ear" }, words.trend + words.colon + told.join(words.comma) + (course.steps.length > TOLD ? " …" : "")));
    }
    legend.append(make("span", { class: "gap" }));
    for (const e of [...EMOTIONS].reverse()) legend.append(make("span", {}, make("span", { class: "dot e-" + e }), emotionWord(e, words)));
    const watch = new ResizeObserver(() => { if (box.clientWidth !== width) later(); });
    watch.observe(box);
    box.redraw = redraw;
    redraw();

    return {
      element: box,
      items,
      course,
      select: (index) => choose(order.get(index), "call"),
      mark: (index) => { chosen = order.get(index); point(chosen); overlay(); },
      setTime: (time) => { now = time; overlay(); const k = atTime(time); return k !== null && items[k].a <= time && time < items[k].b ? items[k].index : null; },
      shade: (found) => {
        if (!shades.length) legend.querySelector(".gap").before(make("span", {}, "▔▁ " + words.why_voice));
        shades = found;
        later();
      },
      redraw,
      zoomButtons: (holder) => {
        const button = (text, name, act) => make("button", { type: "button", "aria-label": name, title: name, onclick: act }, text);
        const out = button("−", words.zoom_out, () => zoom(2)), all = button(words.zoom_all, words.zoom_all, () => look(0, end)), near = button("+", words.zoom_in, () => zoom(0.5));
        holder.replaceChildren(out, near, all);
        zoomState = () => { out.disabled = all.disabled = view.b - view.a >= end * 0.999; near.disabled = view.b - view.a <= shortest; };
        zoomState();
      },
      destroy: () => { watch.disconnect(); root.replaceChildren(); },
    };
  }

  /* ---------------------------------------------------------------------------------------------- the report */

  function bar(value) {
    const svg = document.createElementNS(SVG, "svg");
    const rect = (name, from, w) => {
      const r = document.createElementNS(SVG, "rect");
      for (const [k, v] of Object.entries({ class: name, x: from, width: w, height: 8 })) r.setAttribute(k, v);
      svg.append(r);
    };
    for (const [k, v] of Object.entries({ class: "meter", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" })) svg.setAttribute(k, v);
    rect("rail", 0, 100);
    rect(value < 0 ? "negative" : "positive", value < 0 ? 50 + 50 * value : 50, 50 * Math.abs(value));
    const zero = document.createElementNS(SVG, "path");
    zero.setAttribute("class", "zero");
    zero.setAttribute("d", "M50 0V8");
    svg.append(zero);
    return svg;
  }

  function frameInto(holder, frame) {
    const image = make("img", { src: frame.src, width: frame.width, height: frame.height, alt: "" });
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "boxes");
    svg.setAttribute("viewBox", "0 0 " + frame.width + " " + frame.height);
    for (const face of frame.faces || []) {
      const group = document.createElementNS(SVG, "g"), rect = document.createElementNS(SVG, "rect"), text = document.createElementNS(SVG, "text");
      const [fx, fy, fw, fh] = [face.box[0] * frame.width, face.box[1] * frame.height, face.box[2] * frame.width, face.box[3] * frame.height];
      group.setAttribute("class", face.label || "none");
      for (const [k, v] of Object.entries({ x: fx, y: fy, width: fw, height: fh, rx: 5 })) rect.setAttribute(k, v);
      for (const [k, v] of Object.entries({ x: fx + 2, y: Math.max(13, fy - 5), "font-size": 14 })) text.setAttribute(k, v);
      text.textContent = (face.id + " " + (MARKS[face.label] || "")).trim();
      group.append(rect, text);
      svg.append(group);
    }
    holder.replaceChildren(image, svg);
    holder.hidden = false;
  }

  function report(article, payload, words) {
    const find = (name) => article.querySelector("[data-" + name + "]");
    const { analysis, frames, peaks } = payload, segments = analysis.segments, cues = cueNames(analysis);
    const player = find("player"), figure = find("frame"), panel = find("chosen"), list = find("lines"), stage = find("timeline");
    const timed = segments.some((s) => s.start !== null);
    let line = null, drawn = null, strongest = null;

    function show(index) {
      const s = segments[index], r = s.reading || {};
      if (figure && frames.length && (!player || player.hidden || player.tagName === "AUDIO")) {
        const middle = (s.start + s.end) / 2;
        frameInto(figure, frames.reduce((best, f) => (Math.abs(f.time - middle) < Math.abs(best.time - middle) ? f : best)));
      }
      if (!panel) return;
      const quote = make("blockquote", { dir: "auto" });
      if (s.words && s.words.length) {
        const spaced = s.words.length > 1 && /\s/.test((s.text || "").trim());
        s.words.forEach((w, k) => {
          const doubtful = w.probability !== null && w.probability !== undefined && w.probability < 0.5;
          quote.append(doubtful ? make("span", { class: "doubtful", title: percent(w.probability) }, w.text.trim()) : w.text.trim(), spaced && k < s.words.length - 1 ? " " : "");
        });
      } else quote.append((s.text || "").trim() || make("em", {}, words.no_text));
      const rows = make("dl", {});
      for (const c of cues) {
        const cue = (s.cues || {})[c];
        if (!cue || score(cue) === null) continue;
        rows.append(make("div", {}, make("dt", {}, words[c] || c), make("dd", {}, bar(score(cue)), make("span", {}, signed(score(cue))), emotionNode(cue, words) || make("span", {}))));
      }
      panel.replaceChildren(
        make("p", { class: "when" }, make("span", {}, timed ? place(s, true, true) : "#" + (index + 1)), s.speaker ? make("bdi", {}, s.speaker) : "", ...[...new Set(s.faces || [])].map((f) => make("bdi", {}, f)), index === strongest && score(r) !== null ? make("span", {}, "· " + words.strongest) : ""),
        quote,
        make("p", { class: "now" }, readingNode(r, words), emotionNode(r, words) || "", r.abstain ? make("small", { class: "abstain" }, words.abstain) : r.confidence !== null && r.confidence !== undefined ? make("small", {}, words.confidence.replace("{p}", percent(r.confidence))) : ""),
        cues.length > 1 ? rows : "");
    }

    function follow(index, source) {
      show(index);
      if (list) {
        if (line) { line.removeAttribute("aria-current"); line.querySelector("button").tabIndex = -1; }
        line = list.querySelector('[data-line="' + index + '"]');
        if (line) { line.setAttribute("aria-current", "true"); line.querySelector("button").tabIndex = 0; } // a picture has no line
        if (line && list.classList.contains("scrolls") && source !== "transcript" && source !== "start") list.scrollTop = line.offsetTop - list.clientHeight / 3;
      }
      if (player && !player.hidden && source !== "player" && source !== "start" && timed) player.currentTime = segments[index].start + 0.001;
    }

    if (stage) {
      drawn = timeline(stage, analysis, { frames, peaks, words, onselect: follow });
      const zoom = find("zoom");
      if (zoom && segments.length > 12) drawn.zoomButtons(zoom);
      strongest = drawn.items.reduce((best, it) => (Math.abs(score(it.segment.reading) || 0) > Math.abs(score(segments[best].reading) || 0) ? it.index : best), drawn.items.length ? drawn.items[0].index : 0);
      if (drawn.items.length) { drawn.mark(strongest); follow(strongest, "start"); }
      article.demeanorTimeline = drawn;
    }

    if (list) {
      list.querySelectorAll("button").forEach((b) => { if (b.parentNode !== line) b.tabIndex = -1; });
      if (!line && list.firstElementChild) list.firstElementChild.querySelector("button").tabIndex = 0;
      const pick = (li, focus) => {
        const index = Number(li.dataset.line);
        if (drawn) drawn.mark(index);
        follow(index, "transcript");
        if (focus) { const b = li.querySelector("button"); b.focus({ preventScroll: true }); li.scrollIntoView({ block: "nearest" }); }
      };
      list.addEventListener("click", (e) => {
        const li = e.target.closest("[data-line]");
        if (li && !String(global.getSelection())) pick(li, false);
      });
      list.addEventListener("keydown", (e) => {
        const li = e.target.closest("[data-line]");
        if (!li || (e.key !== "ArrowDown" && e.key !== "ArrowUp")) return;
        let next = li;
        do next = e.key === "ArrowDown" ? next.nextElementSibling : next.previousElementSibling; while (next && next.hidden);
        e.preventDefault();
        if (next) pick(next, true);
      });
    }

    const search = find("find");
    if (search && list) {
      const field = search.querySelector("input"), none = find("no-match");
      let wanted = "";
      const sift = () => {
        const needle = field.value.trim().toLocaleLowerCase();
        let shown = 0;
        for (const li of list.children) {
          const s = segments[Number(li.dataset.line)];
          // By what the line shows, which a user may have corrected.
          const fits = (!wanted || li.classList.contains(wanted)) && (!needle || (s.text || "").toLocaleLowerCase().includes(needle));
          li.hidden = !fits;
          shown += fits;
        }
        none.hidden = shown > 0;
      };
      for (const l of ["", "positive", "neutral", "negative"]) {
        const button = make("button", { type: "button", "aria-pressed": String(!l) }, l ? MARKS[l] + " " + words[l] : words.all);
        button.addEventListener("click", () => {
          wanted = l;
          search.querySelectorAll("button").forEach((b) => b.setAttribute("aria-pressed", String(b === button)));
          sift();
        });
        search.append(button);
      }
      field.addEventListener("input", sift);
      search.hidden = false;
    }

    const details = find("table");
    if (details) details.addEventListener("toggle", () => {
      const holder = details.querySelector("div");
      if (!details.open || holder.firstChild) return;
      const course = drawn && drawn.course;
      const head = make("tr", {}, ...[timed ? words.time : "#", words.speaker, words.transcript, words.fused, ...(course ? [words.trend] : []), words.emotions, ...cues.map((c) => words[c] || c)].map((h) => make("th", { scope: "col" }, h)));
      const body = make("tbody", {});
      segments.forEach((s, i) => body.append(make("tr", {}, make("th", { scope: "row" }, timed ? place(s, true, true) : String(i + 1)), make("td", {}, s.speaker || ""), make("td", { dir: "auto" }, s.text || ""), make("td", {}, readingNode(s.reading, words)), course ? make("td", {}, trendNode(course, i, words) || "–") : "", make("td", {}, emotionNode(s.reading, words) || ""), ...cues.map((c) => make("td", {}, score((s.cues || {})[c]) === null ? "–" : signed(score(s.cues[c])))))));
      holder.append(make("table", {}, make("thead", {}, head), body));
    });

    if (player) {
      player.addEventListener("error", () => {
        player.hidden = true;
        find("gone").hidden = false;
        const current = line ? Number(line.dataset.line) : 0;
        if (segments.length) show(current);
      });
      if (player.error) player.dispatchEvent(new Event("error"));
      player.addEventListener("timeupdate", () => {
        if (!drawn) return;
        const index = drawn.setTime(player.currentTime);
        if (index !== null && !player.paused && (!line || Number(line.dataset.line) !== index)) { drawn.mark(index); follow(index, "player"); }
      });
    }
    if (global.Demeanor.reasons) global.Demeanor.reasons(article);
    return drawn;
  }

  /* ------------------------------------------------------------------------------------------- the whole page */

  function start() {
    const strings = document.getElementById("demeanor-words");
    if (!strings) return;
    const words = JSON.parse(strings.textContent), waiting = new Map();
    const mount = (article) => {
      const block = waiting.get(article);
      if (!block) return;
      waiting.delete(article);
      report(article, JSON.parse(block.textContent), words);
    };
    const near = new IntersectionObserver((seen) => seen.filter((s) => s.isIntersecting).forEach((s) => { near.unobserve(s.target); mount(s.target); }), { rootMargin: "800px" });
    document.querySelectorAll("[data-item]").forEach((article) => {
      const block = document.getElementById("data-" + article.dataset.item);
      if (block) { waiting.set(article, block); near.observe(article); }
    });
    const page = document.documentElement;
    const button = document.querySelector("[data-theme-toggle]");
    const keep = (value) => { try { if (value) localStorage.setItem("demeanor-theme", value); return localStorage.getItem("demeanor-theme"); } catch { return null; } };
    const kept = keep();
    if (kept === "dark" || kept === "light") page.dataset.theme = kept;
    button.hidden = false;
    button.addEventListener("click", () => {
      page.dataset.theme = (page.dataset.theme || (dark.matches ? "dark" : "light")) === "dark" ? "light" : "dark";
      keep(page.dataset.theme);
    });
    global.addEventListener("beforeprint", () => { page.classList.add("printing"); [...waiting.keys()].forEach(mount); again(); });
    global.addEventListener("afterprint", () => { page.classList.remove("printing"); again(); });
  }

  // Style sheets do not reach into a canvas: each timeline is drawn in the new colours, here and in the server's page.
  const dark = global.matchMedia("(prefers-color-scheme: dark)");
  const again = () => document.querySelectorAll(".tl").forEach((box) => box.redraw());
  dark.addEventListener("change", again);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  // To find the next stop, browsers lay out line after line of what they had passed over: minutes, in a long film.
  document.addEventListener("keydown", (e) => { if (e.key === "Tab") document.documentElement.classList.add("by-keys"); });

  global.Demeanor = { ...global.Demeanor, timeline, report };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})(window);
