"""Isotonic regression of correctness on confidence, by pooling adjacent violators.

Source: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates (KDD
2002); the algorithm is that of Ayer et al. (1955).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanor.errors import BundleError, DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A never falling, piecewise linear map of confidence, constant outside its knots.

    Attributes:
        x: knots, rising.
        y: calibrated confidence at the knots, never falling.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]

    def apply(self, confidence: ArrayLike) -> Floats:
        """Calibrated confidence of any shape, in [0, 1]."""
        return np.asarray(np.interp(np.asarray(confidence, dtype=np.float64), self.x, self.y))

    def to_dict(self) -> dict[str, list[float]]:
        """JSON-ready mapping."""
        return {"x": list(self.x), "y": list(self.y)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Isotonic:
        """The inverse of `to_dict`.

        Raises:
            BundleError: keys are missing, or the knots are not monotone.
        """
        try:
            x, y = (tuple(float(v) for v in data[name]) for name in ("x", "y"))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"expected isotonic knots {{x, y}}, got {dict(data)!r:.120}") from error
        if not x or len(x) != len(y) or not (np.diff(x) > 0).all() or not (np.diff(y) >= 0).all():
            raise BundleError(f"expected as many x (rising) as y (never falling), got {x[:4]}… and {y[:4]}…")
        return cls(x, y)


def fit(confidence: ArrayLike, correct: ArrayLike) -> Isotonic:
    """The never falling map with least squared error from confidence to correctness.

    Blocks at the ends are often all right or all wrong; so that nothing is called certain, values are kept
    within [1/(n+2), (n+1)/(n+2)], Laplace's bounds for n samples.

    Args:
        confidence: (samples,), on data held back from training.
        correct: (samples,), 0 or 1.

    Raises:
        DataError: other shapes, no samples, values that are not finite or not 0 and 1.
    """
    c, hit = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if c.ndim != 1 or c.shape != hit.shape or not len(c):
        raise DataError(f"expected confidence and correct (samples ≥ 1,) alike, got {c.shape} and {hit.shape}")
    if not np.isfinite(c).all() or not np.isin(hit, (0, 1)).all():
        raise DataError("expected finite confidence and correct of 0 and 1, got others")
    x, group = np.unique(c, return_inverse=True)
    weight = np.bincount(group).astype(np.float64)
    y = pool_adjacent_violators(np.bincount(group, weights=hit) / weight, weight)
    y = np.clip(y, 1 / (len(c) + 2), (len(c) + 1) / (len(c) + 2))
    inner = np.zeros(len(x), dtype=bool)  # within a run of equal values only the two ends are needed
    inner[1:-1] = (y[1:-1] == y[:-2]) & (y[1:-1] == y[2:])
    return Isotonic(tuple(x[~inner].tolist()), tuple(y[~inner].tolist()))


def pool_adjacent_violators(values: ArrayLike, weights: ArrayLike) -> Floats:
    """Weighted least-squares fit that never falls, shape (points,)."""
    blocks: list[tuple[float, float, int]] = []
    v, w = np.asarray(values, dtype=np.float64).tolist(), np.asarray(weights, dtype=np.float64).tolist()
    for mean, weight in zip(v, w, strict=True):
        size = 1
        while blocks and blocks[-1][0] >= mean:
            before, mass, count = blocks.pop()
            mean = (before * mass + mean * weight) / (mass + weight)
            weight, size = mass + weight, size + count
        blocks.append((mean, weight, size))
    return np.repeat([b[0] for b in blocks], [b[2] for b in blocks])
