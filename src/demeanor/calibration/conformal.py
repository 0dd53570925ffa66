"""Split-conformal prediction: sets of classes that hold the true one as often as stated, and abstention.

The promise holds on average over samples exchangeable with those of the fit, whatever the model. Source:
Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005); the split form as in Angelopoulos
and Bates, A Gentle Introduction to Conformal Prediction (2021).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanor.errors import BundleError, DataError


@dataclass(frozen=True, slots=True)
class Conformal:
    """A class belongs to the set where 1 − p ≤ threshold.

    Attributes:
        threshold: in [0, 1]; 1 admits every class.
        coverage: the share of samples whose true class the sets hold, at least.
        samples: how many the threshold was fitted on.
    """

    threshold: float
    coverage: float
    samples: int

    def sets(self, probabilities: ArrayLike) -> NDArray[np.bool_]:
        """Whether each class is in the set, (…, classes) of probabilities (…, classes)."""
        return np.asarray(1 - np.asarray(probabilities, dtype=np.float64) <= self.threshold)

    def among(self, probabilities: ArrayLike, classes: Sequence[str]) -> tuple[str, ...]:
        """The classes in the set of one vector (classes,), in their order; the most probable one always is.

        That class can only add to the coverage, and a set says something then.
        """
        p = np.asarray(probabilities, dtype=np.float64)
        inside = self.sets(p) | (p == p.max())
        return tuple(name for name, within in zip(classes, inside, strict=True) if within)

    def abstain(self, probabilities: ArrayLike) -> NDArray[np.bool_]:
        """True (…) where the set is not exactly one class: several are possible, or none fits."""
        return np.asarray(self.sets(probabilities).sum(axis=-1) != 1)

    def to_dict(self) -> dict[str, float]:
        """JSON-ready mapping."""
        return {"threshold": self.threshold, "coverage": self.coverage, "samples": self.samples}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Conformal:
        """The inverse of `to_dict`.

        Raises:
            BundleError: keys are missing or not numbers.
        """
        try:
            return cls(float(data["threshold"]), float(data["coverage"]), int(data["samples"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"expected {{threshold, coverage, samples}}, got {dict(data)!r:.120}") from error


def fit(probabilities: ArrayLike, labels: ArrayLike, coverage: float = 0.9) -> Conformal:
    """The threshold whose sets hold the true class with probability `coverage` or more.

    Args:
        probabilities: (samples, classes), on data held back from training and from any other calibration.
        labels: index of the true class (samples,).
        coverage: within (0, 1).

    Raises:
        DataError: other shapes, labels out of range, no samples.
    """
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    if p.ndim != 2 or y.shape != p.shape[:1] or not np.isfinite(p).all():
        raise DataError(
            f"expected finite probabilities (samples, classes) and labels (samples,), "
            f"got {p.shape} and {y.shape}; labels are indices of classes"
        )
    if y.dtype.kind not in "iu" or (y < 0).any() or (y >= p.shape[1]).any():
        raise DataError(f"expected whole labels in 0…{p.shape[1] - 1}, got {np.unique(y)[:8].tolist()}")
    threshold = quantile(1 - p[np.arange(len(y)), y], coverage)
    return Conformal(min(threshold, 1.0), coverage, len(y))


def quantile(scores: ArrayLike, coverage: float) -> float:
    """The ⌈(n + 1) · coverage⌉-th smallest of n scores (samples,): infinite where n is too small for it.

    A new score exchangeable with these is at most that with probability ≥ coverage, and, without ties,
    < coverage + 1/(n + 1).

    Raises:
        DataError: no scores, or a coverage outside (0, 1).
    """
    s = np.sort(np.asarray(scores, dtype=np.float64).ravel())
    if not len(s) or not 0 < coverage < 1:
        raise DataError(f"expected scores and a coverage within (0, 1), got {len(s)} scores and {coverage}")
    rank = math.ceil((len(s) + 1) * coverage - 1e-9)  # 100 · 0.07 is 7.000000000000001 in floating point
    return float(s[rank - 1]) if rank <= len(s) else math.inf
