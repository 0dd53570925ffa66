"""Pictures and tables of what models say with less to read: NAME-subsets.png, NAME-frames-METRIC.png, NAME-missing.md.

`python -m demeanor.experiments.missing_plot [RESULTS]` makes them anew from the summaries of the benchmarks there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demeanor.experiments.missing import FRAMES
from demeanor.plugins import require
from demeanor.report.fonts import drawable, lettered
from demeanor.training.measure import LOWER_IS_BETTER

INK, ACCENT, SOFT, BASE = "#1f2933", "#2b6cb0", "#d3dae3", "#c05621"
COLUMNS = 5
"""Small multiples side by side."""
CHOSEN = ("mae", "uar", "accuracy")
"""The metric of a task that is drawn: the kind the leaderboard is ordered by, else the first of these that it has."""

Row = Mapping[str, Any]


def write_missing(summary: Path) -> list[Path]:
    """What is made of one benchmark's summary (`bench-NAME.json`), beside it; [] where nothing was taken away.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require("matplotlib", "plots", "curves under missing modalities")
    rows = [r for r in json.loads(summary.read_text(encoding="utf-8")) if r.get("missing")]
    if not rows:
        return []
    name, out = summary.stem.removeprefix("bench-"), summary.parent
    every = list(dict.fromkeys(p for r in rows for p in r["missing"]))
    sets = [p for p in every if not p.startswith(FRAMES)]
    losses = [p for p in every if p.startswith(FRAMES)]
    drawn = chosen(rows[0]["mean"], rows[0].get("shown"))
    several = [r for r in rows if any(p in r["missing"] for p in sets)]
    made = [out / f"{name}-missing.md"]
    made[0].write_text(table(name, rows, sets, losses, drawn), encoding="utf-8")
    with lettered():
        if sets:
            made.append(out / f"{name}-subsets.png")
            _subsets(several, sets, drawn).savefig(made[-1], dpi=110)
        for metric in drawn if losses else ():
            made.append(out / f"{name}-frames-{metric}.png")
            _curves(rows, losses, metric).savefig(made[-1], dpi=110)
    return made


def chosen(metrics: Mapping[str, Any], shown: str | None = None) -> list[str]:
    """One metric per task, in the tasks' order; the kind that is `shown` goes before the others."""
    found: dict[str, str] = {}
    for ending in sorted(CHOSEN, key=lambda e: not (shown or "").endswith(e)):
        for m in metrics:
            if m == ending or m.endswith(f"_{ending}"):
                found.setdefault(m.removesuffix(ending), m)
    return [m for m in metrics if m in found.values()]


def table(name: str, rows: Sequence[Row], sets: Sequence[str], losses: Sequence[str], metrics: Sequence[str]) -> str:
    """All numbers that are drawn, as Markdown; the best of each column in bold."""
    parts = [
        f"# {name}: with less to read\n",
        f"Made by `python -m demeanor.experiments.missing_plot` from bench-{name}.json: the same weights as in the "
        "leaderboard, mean over seeds, test part.\n",
    ]
    for metric in metrics:
        for title, patterns in (("modalities present", sets), ("share of frames lost", losses)):
            if patterns:
                parts += [f"## {metric}, {title}\n", *_table_of(rows, patterns, metric), ""]
    return "\n".join(parts)


def _table_of(rows: Sequence[Row], patterns: Sequence[str], metric: str) -> list[str]:
    best = min if metric.endswith(LOWER_IS_BETTER) else max
    columns = {p: [r["missing"].get(p, {}).get(metric) for r in rows] for p in patterns}
    lead = {p: best((v for v in values if v is not None), default=None) for p, values in columns.items()}
    lines = [
        "| model | " + " | ".join(p.removeprefix(FRAMES) for p in patterns) + " |",
        "| --- |" + " --- |" * len(patterns),
    ]
    for row in rows:
        cells = [row["missing"].get(p, {}).get(metric) for p in patterns]
        if all(c is None for c in cells):
            continue
        shown = [
            "" if c is None else f"**{c:.3f}**" if c == lead[p] else f"{c:.3f}"
            for p, c in zip(patterns, cells, strict=True)
        ]
        lines.append(f"| {row['entry']} | " + " | ".join(shown) + " |")
    return lines


def _subsets(rows: Sequence[Row], sets: Sequence[str], metrics: Sequence[str]) -> Any:
    """A cell per model and set of modalities: the number, and how near it is to the column's best."""
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.2 + 1.15 * len(sets) * len(metrics), 1.2 + 0.3 * len(rows)), layout="constrained")
    axes = figure.subplots(1, len(metrics), squeeze=False)[0]
    for number, (one, metric) in enumerate(zip(axes, metrics, strict=True)):
        found = [[r["missing"].get(p, {}).get(metric) for p in sets] for r in rows]
        values = np.array([[np.nan if v is None else v for v in line] for line in found])
        low, high = np.nanmin(values, 0), np.nanmax(values, 0)
        share = (values - low) / np.maximum(high - low, 1e-9)
        good = 1 - share if metric.endswith(LOWER_IS_BETTER) else share
        one.imshow(good, cmap="Blues", vmin=-0.15, vmax=2.2, aspect="auto")
        for (y, x), value in np.ndenumerate(values):
            if not np.isnan(value):
                one.text(x, y, f"{value:.3f}", ha="center", va="center", fontsize=8, color=INK)
        one.set_xticks(range(len(sets)), ["\n+ ".join(map(drawable, s.split("+"))) for s in sets], fontsize=8)
        names = ["" if number else drawable(r["entry"]) for r in rows]
        one.set_yticks(range(len(rows)), names, fontsize=8)
        one.tick_params(length=0, top=False)
        one.spines[:].set_visible(False)
        title = f"{drawable(metric)} by what is present (darker: nearer the column's best)"
        one.set_title(title, fontsize=9, loc="left")
    return figure


def _curves(rows: Sequence[Row], losses: Sequence[str], metric: str) -> Any:
    """A panel per model: its curve over the share of frames lost, before all others' in grey and concat's dashed."""
    from matplotlib.figure import Figure

    found = {r["entry"]: [r["missing"].get(p, {}).get(metric) for p in losses] for r in rows}
    curves = {name: curve for name, curve in found.items() if curve[0] is not None}
    shares = [float(p.removeprefix(FRAMES)) for p in losses]
    lines = -(-len(curves) // COLUMNS)
    figure = Figure(figsize=(2.2 * COLUMNS, 1.75 * lines + 0.6), layout="constrained")
    panels = figure.subplots(lines, COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, (name, curve) in zip(panels, curves.items(), strict=False):
        for other in curves.values():
            panel.plot(shares, other, color=SOFT, linewidth=0.7)
        if "concat" in curves and name != "concat":
            panel.plot(shares, curves["concat"], color=BASE, linewidth=1.1, linestyle="--")
        panel.plot(shares, curve, color=BASE if name == "concat" else ACCENT, linewidth=1.9)
        panel.set_title(drawable(name), fontsize=8.5, loc="left", color=INK)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=7)
        panel.set_xticks([0, 0.3, 0.6, 0.9])
    for panel in panels[len(curves) :]:
        panel.set_visible(False)
    figure.supxlabel("share of frames lost", fontsize=9)
    better = "lower" if metric.endswith(LOWER_IS_BETTER) else "higher"
    figure.supylabel(f"{drawable(metric)} ({better} is better)", fontsize=9)
    figure.suptitle("Frames lost at random; dashed: concat; grey: all models", fontsize=9, x=0.01, ha="left")
    return figure


if __name__ == "__main__":
    for summary in sorted(Path(sys.argv[1] if len(sys.argv) > 1 else "results").glob("bench-*.json")):
        for path in write_missing(summary):
            print(path)
