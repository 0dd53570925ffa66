"""The timeline as a matplotlib figure, for papers and notebooks (extra `plots`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from demeanor.errors import InputError
from demeanor.plugins import require
from demeanor.report.figures import Json, clock, cue_names, error_of, is_timed, one_line, score_of, source_of
from demeanor.report.fonts import drawable, lettered
from demeanor.types import EMOTIONS, FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {
    "anger": "#b8432d", "disgust": "#a0ad57", "fear": "#7d64ab", "sadness": "#4a7ebb",
    "neutral": "#c6c8cc", "surprise": "#36a5a0", "joy": "#e9b53a",
}  # fmt: skip
_NEGATIVE, _NEUTRAL, _POSITIVE, _LINE = "#2f6fb8", "#8d939d", "#d9791a", "#e4e1d8"
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_MOST = 300
"""Most groups drawn side by side; a line per segment of a two-hour film would be a smear."""


def timeline(analysis: Json) -> Figure:
    """Figure with the fused curve, one lane per cue and the emotions, over seconds (or characters of a text).

    Raises:
        InputError: the item failed, or has no segments in time or text.
        MissingExtraError: matplotlib is not installed.
    """
    require("matplotlib", "plots", "drawing the timeline")
    from matplotlib.figure import Figure

    spans, segments = _spans(analysis)
    cues = cue_names({name: None for s in segments for name in s.get("cues") or {}})
    heights = [2.2, *([0.7] * len(cues)), 1.5]
    with lettered():
        figure = Figure(figsize=(10, 0.75 * sum(heights) + 1.0), layout="constrained")
        axes = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
        spans, values = _gathered(spans, _values(segments, cues))
        _curve(axes[0], spans, values[0])
        for axis, cue, scores in zip(axes[1:-1], cues, values[1:], strict=False):
            _lane(axis, cue, spans, scores)
        _emotions(axes[-1], spans, values[-len(EMOTIONS) :])
        _time_axis(axes[-1], analysis, spans)
        axes[0].set_title(_title(analysis), loc="left", fontsize=12, fontweight="bold")
    return figure


def _spans(analysis: Json) -> tuple[FloatArray, list[Json]]:
    """(start, end) per segment, shape (segments, 2), in seconds or characters, and the segments by start."""
    error = error_of(analysis)
    if error:
        raise InputError(f"a plot needs an analysis, but '{source_of(analysis)}' could not be read ({error})")
    timed = is_timed(analysis)
    found = [(((s.get("start"), s.get("end")) if timed else s.get("chars")), s) for s in analysis.get("segments") or ()]
    placed = [(span, s) for span, s in found if span and span[0] is not None and span[1] is not None]
    if not placed:
        raise InputError(
            f"a plot over time needs segments with times or characters, got none in '{source_of(analysis)}' "
            f"(kind '{analysis.get('kind')}'); next: use the report or the table instead"
        )
    placed.sort(key=lambda pair: tuple(pair[0]))
    return np.array([span for span, _ in placed], dtype=float), [s for _, s in placed]


def _values(segments: Sequence[Json], cues: Sequence[str]) -> FloatArray:
    """Fused score, score per cue, probability per emotion: (1 + cues + 7, segments), NaN if unread."""
    rows = []
    for s in segments:
        emotions = (s.get("reading") or {}).get("emotions") or {}
        parts = [s.get("reading"), *((s.get("cues") or {}).get(cue) for cue in cues)]
        rows.append([*map(score_of, parts), *(emotions.get(name) for name in EMOTIONS)])
    return np.array(rows, dtype=float).T


def _gathered(spans: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Long recordings in `_MOST` groups of neighbouring segments, each the mean of what was read in it."""
    count = len(spans)
    if count <= _MOST:
        return spans, values
    firsts = np.linspace(0, count, _MOST + 1).astype(int)[:-1]
    read = np.add.reduceat(np.isfinite(values).astype(float), firsts, axis=1)
    total = np.add.reduceat(np.nan_to_num(values), firsts, axis=1)
    means = np.divide(total, read, out=np.full_like(total, np.nan), where=read > 0)
    return np.stack([spans[firsts, 0], np.maximum.reduceat(spans[:, 1], firsts)], axis=1), means


def _curve(axis: Any, spans: FloatArray, scores: FloatArray) -> None:
    """The fused score: flat over each segment, with a gap where nothing was read."""
    times = spans.ravel()
    values = np.repeat(scores, 2)
    axis.fill_between(times, values, where=values >= 0, color=_POSITIVE, alpha=0.25, lw=0, interpolate=True)
    axis.fill_between(times, values, where=values <= 0, color=_NEGATIVE, alpha=0.25, lw=0, interpolate=True)
    axis.plot(times, values, color="#1c2330", lw=1.4)
    axis.axhline(0, color=_NEUTRAL, lw=0.8)
    axis.set(ylim=(-1.05, 1.05), yticks=(-1, 0, 1), ylabel="score")
    _quiet(axis)


def _lane(axis: Any, name: str, spans: FloatArray, scores: FloatArray) -> None:
    """One cue: a bar per segment, up and orange for positive, down and blue for negative."""
    known = np.isfinite(scores)
    colours = np.where(scores > 0.05, _POSITIVE, np.where(scores < -0.05, _NEGATIVE, _NEUTRAL))
    width = np.diff(spans, axis=1).ravel()
    axis.bar(spans[known, 0], scores[known], width[known], align="edge", color=list(colours[known]), lw=0)
    axis.axhline(0, color=_LINE, lw=0.8)
    axis.set(ylim=(-1.05, 1.05), yticks=())
    axis.set_ylabel(name, rotation=0, ha="right", va="center")
    _quiet(axis)


def _emotions(axis: Any, spans: FloatArray, values: FloatArray) -> None:
    """Emotion probabilities as stacked areas, with their key."""
    stacks = axis.stackplot(spans.ravel(), np.repeat(values, 2, axis=1), colors=[_COLOURS[e] for e in EMOTIONS], lw=0)
    axis.set(ylim=(0, 1), yticks=())
    axis.set_ylabel("emotions", rotation=0, ha="right", va="center")
    axis.legend(stacks, EMOTIONS, ncols=7, loc="upper center", bbox_to_anchor=(0.5, -0.32), frameon=False, fontsize=8)
    _quiet(axis)


def _time_axis(axis: Any, analysis: Json, spans: FloatArray) -> None:
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    end = max(float(analysis.get("duration") or 0), float(spans.max()))
    axis.set_xlim(0, end)
    if is_timed(analysis):
        axis.xaxis.set_major_formatter(FuncFormatter(lambda t, _: clock(max(0.0, t))))
        axis.xaxis.set_major_locator(MultipleLocator(next((s for s in _STEPS if end / s <= 12), end)))
    else:
        axis.set_xlabel("characters")


def _quiet(axis: Any) -> None:
    for side in ("top", "right", "bottom", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(length=0, labelsize=9)


def _title(analysis: Json) -> str:
    """The source's name, without characters that no installed font has."""
    return drawable(one_line(source_of(analysis)), "")
