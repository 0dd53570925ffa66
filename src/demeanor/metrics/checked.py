"""What every metric asks of its arrays before it counts anything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanor.errors import DataError

Floats = NDArray[np.float64]


def paired(predictions: ArrayLike, labels: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two finite floating arrays of shape (samples,), each in its own precision (integers become float64).

    Raises:
        DataError: other shapes, unequal lengths, or a value that is not finite.
    """
    p, y = floating(predictions, "predictions"), floating(labels, "labels")
    if p.ndim != 1 or p.shape != y.shape:
        raise DataError(
            f"expected predictions and labels of one shape (samples,), got {p.shape} and {y.shape}; "
            "flatten them or score each column on its own"
        )
    return p, y


def floating(values: ArrayLike, name: str) -> NDArray[Any]:
    """A finite floating array.

    Raises:
        DataError: not numbers, or a value that is not finite.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind != "f":
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"expected numbers as {name}, got {values!r:.80}; pass an array of floats") from error
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise DataError(
            f"expected finite {name}, got {bad} of {array.size} that are nan or infinite; "
            "drop those rows or find out why the model diverged"
        )
    return array


def distribution(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    """Probabilities (samples, classes) whose rows sum to 1, and the index of each true class (samples,).

    Raises:
        DataError: other shapes, rows that are no distribution, or an index out of range.
    """
    p = floating(probabilities, "probabilities").astype(np.float64)
    y = np.asarray(labels)
    if p.ndim != 2 or y.shape != p.shape[:1]:
        raise DataError(
            f"expected probabilities (samples, classes) and labels (samples,), got {p.shape} and {y.shape}; "
            "labels are indices of classes, not one-hot rows"
        )
    if (p < 0).any() or not np.allclose(p.sum(axis=1), 1.0, atol=1e-4):
        raise DataError("expected rows of probabilities that sum to 1, got others; apply a softmax once")
    whole = y.astype(np.int64)
    if (whole != y).any() or (whole < 0).any() or (whole >= p.shape[1]).any():
        raise DataError(f"expected labels in 0…{p.shape[1] - 1}, got {np.unique(y)[:8]}; map names to indices")
    return p, whole


def mean(values: ArrayLike) -> float:
    """Arithmetic mean in float64; nan of nothing."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()) if array.size else float("nan")
