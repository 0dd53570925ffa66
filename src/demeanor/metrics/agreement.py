"""How far raters agree beyond chance: Krippendorff's α, with an interval over clusters of items.

Source: K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), University of Pennsylvania
(repository.upenn.edu/asc_papers/43); Content Analysis (4th ed., 2019), chapter 12. The interval is a cluster bootstrap
of items (Efron and Tibshirani 1993), because clips of one film are alike; Krippendorff's own bootstrap draws pairs.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanor.errors import DataError
from demeanor.metrics.bootstrap import Interval, interval

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""What a difference between two ratings means: other; so many ratings apart; so far apart."""


def krippendorff_alpha(ratings: ArrayLike, level: Level = "nominal") -> float:
    """Krippendorff's α of ratings with gaps: 1 for full agreement, 0 for what chance gives, below 0 for less.

    Args:
        ratings: (items, raters), nan where a rater did not rate an item; classes as any numbers.
        level: nominal, ordinal or interval.

    Returns:
        α; nan where no item has two ratings, or all of those are one value (nothing varies that could agree).

    Raises:
        DataError: another shape, an infinite rating, or no such level.
    """
    counts, values = _value_counts(ratings)
    return _alpha(counts, np.ones(len(counts)), values, level)


def alpha_interval(
    ratings: ArrayLike,
    level: Level = "nominal",
    *,
    clusters: ArrayLike | None = None,
    n: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """α with its bootstrap percentile interval.

    Args:
        ratings: (items, raters), nan where a rater did not rate an item.
        level: nominal, ordinal or interval.
        clusters: what each item belongs to (items,), such as its film; None: every item stands for itself.
        n: resamples.
        seed: of the resampling.
        confidence: of the interval.

    Raises:
        DataError: as `krippendorff_alpha`, or no item at all.
    """
    counts, values = _value_counts(ratings)
    # Few kinds of items: a resample only says how often each kind was drawn.
    kinds, kind = np.unique(counts, axis=0, return_inverse=True)

    def alpha(drawn: NDArray[np.intp]) -> float:
        return _alpha(kinds, np.bincount(drawn, minlength=len(kinds)), values, level)

    return interval(alpha, kind.reshape(-1), clusters=clusters, n=n, seed=seed, level=confidence)


def _value_counts(ratings: ArrayLike) -> tuple[Floats, Floats]:
    """How often each value was given to each item (items, values), and the values in order (values,)."""
    given = np.asarray(ratings, dtype=np.float64)
    if given.ndim != 2 or np.isinf(given).any():
        raise DataError(
            f"expected finite ratings of shape (items, raters) with nan for none, got shape {given.shape}"
            f"{' with infinity' if np.isinf(given).any() else ''}; put items in rows and raters in columns"
        )
    values, place = np.unique(given[~np.isnan(given)], return_inverse=True)
    counts = np.zeros((len(given), len(values)))
    np.add.at(counts, (np.nonzero(~np.isnan(given))[0], place), 1.0)
    return counts, values


def _alpha(counts: Floats, times: NDArray[Any], values: Floats, level: Level) -> float:
    """1 − D_o / D_e (2011, p. 5), from the coincidences of values within items, each of which is there `times`."""
    rated = counts.sum(axis=1)
    counts, times, rated = (a[(rated > 1) & (times > 0)] for a in (counts, times, rated))
    total = times @ counts  # n_c
    if (total > 0).sum() < 2:
        return float("nan")
    # o_ck = Σ_u n_uc (n_uk − [c = k]) / (m_u − 1)
    weighted = counts * (times / (rated - 1))[:, None]
    coincidences = weighted.T @ counts - np.diag(weighted.sum(axis=0))
    distance = _squared_distance(values, total, level)
    observed = float((coincidences * distance).sum())
    expected = float(total @ distance @ total / (total.sum() - 1))
    return float(1.0 - observed / expected)


def _squared_distance(values: Floats, total: Floats, level: Level) -> Floats:
    """δ² between every two values (values, values)."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "ordinal":  # the ratings between two ranks, half of each rank itself
        middle = np.cumsum(total) - total / 2
        return np.square(middle[:, None] - middle[None, :])
    if level == "interval":
        return np.square(values[:, None] - values[None, :])
    raise DataError(f"expected a level of {', '.join(LEVELS)}, got {level!r}")
