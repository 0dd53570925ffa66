"""Percentile intervals by the cluster bootstrap: whole videos, speakers or duplicate groups are drawn.

Rows of one video or speaker are alike, so that drawing rows would promise more than the data hold.
Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 8 and 13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanor.errors import DataError


@dataclass(frozen=True, slots=True)
class Interval:
    """A value on the data and the range of its `level` percentile interval.

    `undefined` counts resamples whose value was nan; they are left out of the range. With a single cluster
    nothing can be said and `low` and `high` are nan.
    """

    value: float
    low: float
    high: float
    level: float = 0.95
    undefined: int = 0

    def __str__(self) -> str:
        """For example 0.713 [0.690, 0.735]."""
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def excludes(self, point: float = 0.0) -> bool:
        """Whether the point lies outside; False where the range is undefined."""
        return point < self.low or point > self.high

    def to_dict(self) -> dict[str, float]:
        """JSON-ready mapping."""
        return {"value": self.value, "low": self.low, "high": self.high, "level": self.level}


def interval(
    metric: Callable[..., float],
    *arrays: ArrayLike,
    clusters: ArrayLike | None,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Bootstrap interval of `metric(*arrays)`.

    Args:
        metric: a number from the arrays, in the order given.
        arrays: each with samples along its first axis.
        clusters: what each sample belongs to (samples,); None: every sample stands for itself.
        n: resamples.
        seed: of the resampling; the same seed and clusters draw the same resamples.
        level: of the interval.

    Raises:
        DataError: unequal numbers of samples, none at all, or a level outside (0, 1).
    """
    return intervals(lambda *a: {"value": metric(*a)}, *arrays, clusters=clusters, n=n, seed=seed, level=level)["value"]


def intervals(
    metrics: Callable[..., Mapping[str, float]],
    *arrays: ArrayLike,
    clusters: ArrayLike | None,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Bootstrap intervals of every number of `metrics(*arrays)` (such as `mosi`), on the same resamples."""
    data = [np.asarray(a) for a in arrays]
    if not data or any(a.ndim == 0 or len(a) != len(data[0]) or not len(a) for a in data):
        raise DataError(f"expected arrays of one length ≥ 1, got shapes {[a.shape for a in data]}")
    if not 0 < level < 1 or n < 1:
        raise DataError(f"expected a level within (0, 1) and n ≥ 1, got {level} and {n}")
    whole = dict(metrics(*data))
    names = list(whole)
    drawn = np.full((n, len(names)), np.nan)
    for i, rows in enumerate(_resamples(clusters, len(data[0]), n, seed)):
        found = metrics(*(a[rows] for a in data))
        drawn[i] = [found[name] for name in names]
    return {name: _summary(float(whole[name]), drawn[:, j], level) for j, name in enumerate(names)}


def paired_difference(
    metric: Callable[..., float],
    a: ArrayLike,
    b: ArrayLike,
    labels: ArrayLike,
    clusters: ArrayLike | None,
    *,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Interval of metric(a) − metric(b) on the same resamples; it `excludes(0)` where a and b differ.

    Args:
        metric: called as `metric(labels=…, predictions=…)`, by name because orders differ in this field.
        a: predictions of one system, samples first.
        b: predictions of the other.
        labels: samples first.
        clusters: what each sample belongs to (samples,), or None.
        n: resamples.
        seed: of the resampling.
        level: of the interval.
    """

    def difference(x: NDArray[Any], z: NDArray[Any], y: NDArray[Any]) -> float:
        return metric(labels=y, predictions=x) - metric(labels=y, predictions=z)

    return interval(difference, a, b, labels, clusters=clusters, n=n, seed=seed, level=level)


def _resamples(clusters: ArrayLike | None, rows: int, n: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Row indices of n resamples; none where there is only one cluster."""
    group = np.arange(rows) if clusters is None else np.asarray(clusters)
    if group.shape != (rows,):
        raise DataError(f"expected one cluster per sample ({rows},), got {group.shape}")
    _, inverse, sizes = np.unique(group, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        return
    order = np.argsort(inverse, kind="stable")
    starts = np.cumsum(sizes) - sizes
    rng = np.random.default_rng(seed)
    for _ in range(n):
        drawn = rng.integers(len(sizes), size=len(sizes))
        lengths = sizes[drawn]
        ends = np.cumsum(lengths)
        # Row j of cluster c sits at order[starts[c] + j]; the repeat lays all drawn clusters end to end.
        yield order[np.repeat(starts[drawn] - ends + lengths, lengths) + np.arange(ends[-1])]


def _summary(value: float, drawn: NDArray[np.float64], level: float) -> Interval:
    known = drawn[~np.isnan(drawn)]
    undefined = int(len(drawn) - len(known))
    if not len(known):
        return Interval(value, float("nan"), float("nan"), level, undefined)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), level, undefined)
