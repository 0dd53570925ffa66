"""Signals over time: the sentiment of segments smoothed, where it changes for good, and labels that do not flicker.

A change is a place where two laws explain the scores better than one, by more than a further law may cost. A law is a
level, or a level with a slope, so that a steady rise is none. The best choice of places is found exactly, by dynamic
programming over all of them. Segments count by their length times the reader's confidence; its cube root finds changes.

Source: penalised change points as in Killick, Fearnhead and Eckley, JASA 107 (2012); the noise by the median absolute
deviation of first differences, after Donoho and Johnstone, Biometrika 81 (1994).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.types import POLARITIES

FEWEST = 4
"""Segments with a score below which there is no trend."""

LARGEST = 3000
"""Segments above which the search, which grows with their square, begins with every so many of their places."""

PENALTY = 3.25
"""What a number of a law costs, times log n, in units of the noise. Of constant signals in Gaussian noise of a standard
deviation up to 0.3, some 5 % at most show any change, for 4 to 200 segments (tests/reader/test_trend.py)."""

NOISE, HELD = 0.3, 6.0
"""Standard deviation that scores of segments are thought to have for no reason at all, before any is seen, and how many
segments that is worth: a few of them cannot tell their noise."""

ENTER, LEAVE = 0.25, 0.10
"""A smoothed score takes a label when it is beyond the first, and gives it up when it is within the second."""

Array = NDArray[np.float64]


def trend(segments: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The trend of an analysis' segments (as in its JSON); None where there are too few scores.

    Returns:
        `unit` (seconds, or characters of a text), `smoothed` and `labels` per segment (None without a score), and
        `changes`: where (`at`), before which `segment`, `from` and `to` which level.
    """
    unit = "seconds" if any(s["start"] is not None for s in segments) else "characters"
    known = [(i, *_place(s, unit), _score(s), _trust(s)) for i, s in enumerate(segments) if _score(s) is not None]
    known = [k for k in known if k[1] is not None]
    if len(known) < FEWEST:
        return None
    table = np.array(known, np.float64)
    table = table[np.lexsort((table[:, 1], table[:, 1] + table[:, 2]))]  # by their middles: one may lie within another
    index, start, end, score, trust = table.T
    middle, weight = (start + end) / 2, np.maximum(end - start, 1e-2) * trust
    edges = changes(middle, score, weight)
    smooth = smoothed(middle, score, weight, edges)
    values: list[float | None] = [None] * len(segments)
    labels: list[str | None] = [None] * len(segments)
    for i, value, label in zip(index, smooth, steady(smooth, edges), strict=True):
        values[int(i)], labels[int(i)] = round(float(value), 4), label
    found = [
        {"at": round(float(start[e]), 3), "segment": int(index[e]), "from": round(float(smooth[e - 1]), 4),
         "to": round(float(smooth[e]), 4)}
        for e in edges
    ]  # fmt: skip
    return {"unit": unit, "smoothed": values, "labels": labels, "changes": found}


def changes(place: Array, score: Array, weight: Array, penalty: float = PENALTY, noise: float = NOISE) -> list[int]:
    """Indices at which a new law begins, in order.

    Args:
        place: (n,), in order: seconds or the like.
        score: (n,).
        weight: (n,), ≥ 0. It counts by its cube root: between noise that is as its inverse root and noise that knows
            nothing of it, where a few long segments would make changes of chance.
        penalty: see `PENALTY`.
        noise: see `NOISE`.
    """
    n = len(score)
    w = np.cbrt(weight)
    w = np.maximum(w / w.mean(), 1e-3) if w.mean() > 0 else np.ones(n)
    price = penalty * float(np.log(max(n, 2)))
    sums = _sums(place - place.mean(), score, w)
    variance = (HELD * noise**2 + (n - 1) * _noise(score, w) ** 2) / (HELD + n - 1)
    step = -(-n // LARGEST)
    edges = _search(sums, np.append(np.arange(0, n, step), n), variance, price)
    while step > 1:  # places between those looked at, around what was found
        step = (step + 1) // 2
        near = edges[:, None] + step * np.arange(-2, 3)
        edges = _search(sums, np.unique(np.clip([0, n, *near.flat], 0, n)), variance, price)
    return [int(e) for e in edges]


def _search(sums: Array, places: NDArray[np.int64], variance: float, price: float) -> NDArray[np.int64]:
    """The best choice among `places`, which begin with 0 and end with n: where new laws begin, in order."""
    best, before = np.zeros(len(places)), np.zeros(len(places), int)
    best[0] = -price
    for end in range(1, len(places)):
        costs = best[:end] + _cost(sums, places[:end], int(places[end]), variance, price) + price
        before[end] = int(np.argmin(costs))
        best[end] = costs[before[end]]
    found, at = [], len(places) - 1
    while before[at] > 0:
        at = int(before[at])
        found.append(int(places[at]))
    return np.array(found[::-1], np.int64)


def smoothed(place: Array, score: Array, weight: Array, edges: Sequence[int] = ()) -> Array:
    """Local lines through the scores (n,), each law by itself so that a change stays sharp; within [-1, 1].

    A straight ramp stays as it is. The width of the window is twice the usual distance between segments.
    """
    out = np.empty(len(score))
    for a, b in zip([0, *edges], [*edges, len(score)], strict=True):
        x, y, w = place[a:b], score[a:b], np.maximum(weight[a:b], 1e-6)
        width = 2 * max(float(np.median(np.diff(x))) if b - a > 1 else 1.0, 1e-6)
        for i in range(b - a):
            low, high = np.searchsorted(x, [x[i] - 4 * width, x[i] + 4 * width])
            d = x[low:high] - x[i]
            out[a + i] = _line(d, y[low:high], w[low:high] * np.exp(-0.5 * (d / width) ** 2))
    return np.clip(out, -1, 1)


def steady(score: Array, edges: Sequence[int] = ()) -> list[str]:
    """Labels (n,) of a smoothed score that change only where it clearly does (`ENTER`, `LEAVE`), or at a change."""
    out: list[str] = []
    now = "neutral"
    for i, s in enumerate(score):
        afresh = i == 0 or i in set(edges)
        if abs(s) >= ENTER or (afresh and abs(s) >= (ENTER + LEAVE) / 2):
            now = POLARITIES[2] if s > 0 else POLARITIES[0]
        elif afresh or abs(s) < LEAVE or (s > 0) != (now == POLARITIES[2]):
            now = "neutral"
        out.append(now)
    return out


def _line(d: Array, y: Array, w: Array) -> float:
    """Value at 0 of the weighted line through points; their mean where they do not spread."""
    total, mean = w.sum(), float(w @ d / w.sum())
    spread = float(w @ (d - mean) ** 2)
    level = float(w @ y / total)
    if spread <= 1e-12 * total:
        return level
    return level - mean * float(w @ ((d - mean) * y)) / spread


def _sums(x: Array, y: Array, w: Array) -> Array:
    """Running sums (6, n + 1) that the cost of any stretch follows from."""
    rows = np.stack([w, w * x, w * y, w * x * x, w * x * y, w * y * y])
    return np.concatenate([np.zeros((6, 1)), np.cumsum(rows, axis=1)], axis=1)


def _cost(sums: Array, starts: NDArray[np.int64], end: int, variance: float, price: float) -> Array:
    """Of each stretch [start, end): what its law leaves unexplained, plus the price of its numbers."""
    s, sx, sy, sxx, sxy, syy = sums[:, [end]] - sums[:, starts]
    level = np.maximum(syy - sy * sy / s, 0)
    spread, along = np.maximum(sxx - sx * sx / s, 1e-12), sxy - sx * sy / s
    count = end - starts
    sloped = np.where(count >= 4, np.maximum(level - along * along / spread, 0), np.inf)
    alone = np.where(count == 1, price, 0.0)  # one segment is hardly a law
    return np.asarray(np.minimum(level / variance + alone, sloped / variance + price))


def _noise(score: Array, w: Array) -> float:
    steps = np.diff(score) / np.sqrt(1 / w[1:] + 1 / w[:-1])
    return float(1.4826 * np.median(np.abs(steps)))


def _score(segment: Mapping[str, Any]) -> float | None:
    sentiment = segment["reading"]["sentiment"]
    return None if sentiment is None else float(sentiment["score"])


def _trust(segment: Mapping[str, Any]) -> float:
    reading = segment["reading"]
    return 0.05 if reading["abstain"] else max(0.05, float(reading["confidence"] or 0.0))


def _place(segment: Mapping[str, Any], unit: str) -> tuple[float | None, float | None]:
    span = (segment["start"], segment["end"]) if unit == "seconds" else segment["chars"] or (None, None)
    return span[0], span[1]
