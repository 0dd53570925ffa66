"""A run folder's summary.html: learning curves, scores beside the constant's, confusion or scatter, modalities."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from demeanor.calibration.temperature import softmax
from demeanor.metrics.calibration import reliability, top_label
from demeanor.plugins import require
from demeanor.report.fonts import drawable, lettered
from demeanor.report.reliability import diagrams
from demeanor.training.measure import Arrays
from demeanor.training.prepare import CLASSES, scored
from demeanor.training.runfile import RunFile, Task, checked

INK, ACCENT, SOFT = "#1f2933", "#2b6cb0", "#cbd5e0"
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2933;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.25rem .9rem .25rem 0;text-align:left;border-bottom:1px solid #e2e8f0}td+td{text-align:right}
img{max-width:100%;height:auto}pre{background:#f7fafc;padding:1rem;overflow:auto;font-size:.85rem}
"""


def write_summary(folder: Path) -> Path:
    """Write summary.html into a finished run's folder; it needs nothing beside it.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require("matplotlib", "plots", "plots of a run")
    stored = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    history = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    run = checked(stored["config"])
    predicted = dict(np.load(folder / "valid.npz"))
    targets = dict(np.load(folder / "valid-labels.npz"))
    with lettered():
        parts = _parts(run, stored["config"], scores, history, predicted, targets)
    page = f"<!doctype html><meta charset=utf-8><title>{html.escape(run.run.name)}</title><style>{STYLE}</style>"
    path = folder / "summary.html"
    path.write_text(page + "\n".join(parts), encoding="utf-8")
    return path


def _parts(
    run: RunFile,
    config: Mapping[str, Any],
    scores: Mapping[str, Any],
    history: list[dict[str, float | None]],
    predicted: Arrays,
    targets: Arrays,
) -> list[str]:
    parts = [
        f"<h1>{html.escape(run.run.name)}</h1>",
        f"<p>{html.escape(run.run.model)} on {html.escape(run.data.dataset)}; "
        f"{', '.join(f'{k} {v}' for k, v in scores['sizes'].items())} samples; {scores['params']:,} parameters; "
        f"{scores['seconds_per_epoch']:.1f} s per epoch; best epoch {scores['best_epoch']} of {len(history)}.</p>",
        "<h2>Validation</h2>" + _scores(scores),
        "<h2>Learning curves</h2>" + _image(_curves(history, scores["best_epoch"])),
    ]
    for name, task in run.tasks.items():
        parts.append(f"<h2>{html.escape(name)}</h2>" + _image(_task(name, task, predicted[name], targets[name])))
        if targets[name].ndim == 2:
            parts.append(_image(_reliability(predicted[name], targets[name])))
    if scores["subsets"]:
        parts.append("<h2>Modalities present</h2>" + _image(_subsets(run, scores["subsets"])))
    parts.append(f"<h2>Run file</h2><pre>{html.escape(json.dumps(config, indent=1, ensure_ascii=False))}</pre>")
    return parts


def _scores(scores: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(k)}</td><td>{_number(v)}</td><td>{_number(scores['floor'].get(k))}</td></tr>"
        for k, v in scores["valid"].items()
    )
    return f"<table><tr><th>metric</th><th>this run</th><th>constant</th></tr>{rows}</table>"


def _number(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.3f}"


def _figure(width: float = 8, height: float = 3) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _image(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def _curves(history: list[dict[str, float | None]], best: int) -> Any:
    """An epoch without a score, or that diverged, is a gap."""
    figure, axes = _figure()
    epochs = [h["epoch"] for h in history]
    loss, score = ([np.nan if h[key] is None else h[key] for h in history] for key in ("loss", "score"))
    axes.plot(epochs, loss, color=ACCENT, label="training loss")
    axes.set_xlabel("epoch")
    axes.set_ylabel("training loss", color=ACCENT)
    other = axes.twinx()
    other.spines[["top"]].set_visible(False)
    other.plot(epochs, score, color=INK, label="validation score")
    other.set_ylabel("validation score", color=INK)
    axes.axvline(best, color=SOFT, linestyle="--")
    return figure


def _task(name: str, task: Task, predicted: Any, target: Any) -> Any:
    has = scored(target)
    if target.ndim == 1:
        figure, axes = _figure(4, 4)
        axes.scatter(target[has], predicted[has], s=8, alpha=0.4, color=ACCENT)
        low, high = float(target[has].min()), float(target[has].max())
        axes.plot([low, high], [low, high], color=SOFT)
        axes.set_xlabel(f"{drawable(name)}: label")
        axes.set_ylabel("predicted")
        return figure
    classes = [drawable(c) for c in task.classes or CLASSES[name]]
    matrix = np.zeros((len(classes), len(classes)))
    np.add.at(matrix, (target[has].argmax(1), predicted[has].argmax(1)), 1)
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    figure, axes = _figure(0.7 * len(classes) + 2, 0.6 * len(classes) + 1.5)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("label")
    for (row, column), value in np.ndenumerate(share):
        axes.text(
            column, row, f"{value:.0%}", ha="center", va="center", color="white" if value > 0.5 else INK, fontsize=8
        )
    return figure


def _reliability(predicted: Any, target: Any) -> Any:
    """How sure the raw outputs are, before the export scales them, against how often they are right."""
    has = scored(target)
    sure, right = top_label(softmax(predicted[has]), target[has].argmax(1))
    return diagrams({"before scaling": reliability(sure, right, 10).to_dict()})


def _subsets(run: RunFile, found: Mapping[str, Mapping[str, float]]) -> Any:
    first = next(iter(found.values()))
    metric = run.run.select or next(k for k in first if k.endswith(("mae", "uar")))
    figure, axes = _figure(8, 0.4 * len(found) + 1)
    values = [np.nan if found[s][metric] is None else found[s][metric] for s in found]
    axes.barh([drawable(name) for name in found], values, color=ACCENT)
    for place, value in enumerate(values):
        if np.isfinite(value):
            axes.text(value, place, f" {value:.3f}", va="center", color=INK)
    axes.invert_yaxis()
    axes.set_xlabel(drawable(metric))
    return figure
