"""How far probabilities can be believed: calibration error, Brier score, log-loss, reliability table."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanor.errors import DataError
from demeanor.metrics.checked import Floats, distribution, floating, mean

Bins = Literal["mass", "width"]


@dataclass(frozen=True, slots=True)
class Reliability:
    """Confidence against accuracy in bins, each array of shape (bins,), empty bins left out.

    Attributes:
        low, high: least and greatest confidence in the bin (`mass`), or its edges (`width`).
        confidence: mean confidence.
        accuracy: share that is right.
        count: number of samples.
    """

    low: Floats
    high: Floats
    confidence: Floats
    accuracy: Floats
    count: NDArray[np.int64]

    def to_dict(self) -> dict[str, list[float]]:
        """Columns as lists, for a plot or a card."""
        return {name: getattr(self, name).tolist() for name in self.__slots__}

    @property
    def error(self) -> float:
        """Expected calibration error: Σ count/N · |accuracy − confidence|."""
        if not self.count.sum():
            return float("nan")
        return float(self.count @ np.abs(self.accuracy - self.confidence) / self.count.sum())


def top_label(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Confidence in the most probable class and whether that class is right, shape (samples,) each.

    Args:
        probabilities: (samples, classes), rows sum to 1.
        labels: index of the true class (samples,).
    """
    p, y = distribution(probabilities, labels)
    return p.max(axis=1), p.argmax(axis=1) == y


def expected_calibration_error(
    confidence: ArrayLike, correct: ArrayLike, bins: int = 15, scheme: Bins = "mass"
) -> float:
    """Mean gap between confidence and accuracy, weighted by the bins' sizes; nan of no samples.

    Args:
        confidence: (samples,) in [0, 1].
        correct: (samples,), 0 or 1.
        bins: how many.
        scheme: `mass`: bins of equal size in order of confidence; `width`: of equal width over [0, 1].
    """
    return reliability(confidence, correct, bins, scheme).error


def reliability(confidence: ArrayLike, correct: ArrayLike, bins: int = 15, scheme: Bins = "mass") -> Reliability:
    """The table behind `expected_calibration_error`, for plots.

    Equal confidences share their mean accuracy before they are dealt into bins of equal mass: the table then
    does not depend on the order of the samples. Bins of equal width are open below and closed above.

    Raises:
        DataError: unequal shapes, values outside [0, 1], no bins, an unknown scheme.
    """
    c, hit = _checked(confidence, correct, bins)
    if scheme == "mass":
        order = np.argsort(c, kind="stable")
        c, hit = c[order], _tie_means(c[order], hit[order])
        edges = np.linspace(0, len(c), bins + 1).round().astype(np.int64)
        groups: list[Any] = [slice(a, b) for a, b in itertools.pairwise(edges) if b > a]
        low, high = [c[g][0] for g in groups], [c[g][-1] for g in groups]
    elif scheme == "width":
        ends = np.linspace(0, 1, bins + 1)
        at = np.digitize(c, ends[1:-1], right=True)
        used = np.unique(at)
        low, high = ends[used].tolist(), ends[used + 1].tolist()
        groups = [at == k for k in used]
    else:
        raise DataError(f"expected the scheme 'mass' or 'width', got {scheme!r}")
    return Reliability(
        low=np.asarray(low, dtype=np.float64),
        high=np.asarray(high, dtype=np.float64),
        confidence=np.array([c[g].mean() for g in groups], dtype=np.float64),
        accuracy=np.array([hit[g].mean() for g in groups], dtype=np.float64),
        count=np.array([len(c[g]) for g in groups], dtype=np.int64),
    )


def brier(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Brier's original multi-class score: mean over samples of Σ_k (p_k − [y = k])², in [0, 2].

    Of two classes it is twice the one-column form. Arguments as for `top_label`; nan of no samples.
    """
    p, y = distribution(probabilities, labels)
    return mean(((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1))


def log_loss(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean of −ln p(true class), in nats; probabilities below 2.2e-16 count as that. nan of no samples."""
    p, y = distribution(probabilities, labels)
    return mean(-np.log(np.maximum(p[np.arange(len(y)), y], np.finfo(np.float64).eps)))


def _checked(confidence: ArrayLike, correct: ArrayLike, bins: int) -> tuple[Floats, Floats]:
    c = floating(confidence, "confidence").astype(np.float64)
    hit = floating(correct, "correct").astype(np.float64)
    if c.ndim != 1 or c.shape != hit.shape:
        raise DataError(f"expected confidence and correct of one shape (samples,), got {c.shape} and {hit.shape}")
    if (c < 0).any() or (c > 1 + 1e-9).any() or not np.isin(hit, (0, 1)).all():
        raise DataError("expected confidence in [0, 1] and correct of 0 and 1, got others")
    if bins < 1:
        raise DataError(f"expected one bin or more, got {bins}")
    return c, hit


def _tie_means(c: NDArray[Any], hit: Floats) -> Floats:
    """`hit` with every run of equal `c` replaced by its mean."""
    _, group = np.unique(c, return_inverse=True)
    if not len(c):
        return hit
    means: Floats = np.bincount(group, weights=hit) / np.bincount(group)
    return means[group]
