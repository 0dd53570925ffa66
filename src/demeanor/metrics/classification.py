"""Classification scores: one label per sample, or several independent yes/no labels.

`classes` is the label set of the task, not what happens to be predicted. Names clash in the field: "weighted
accuracy" is plain accuracy in speech emotion and balanced accuracy on MOSEI; see docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanor.errors import DataError
from demeanor.metrics.checked import Floats, floating, mean

MOSEI_EMOTIONS = ("happy", "sad", "anger", "surprise", "disgust", "fear")
"""Columns 2 to 7 of the CMU-MOSEI label array (the first is sentiment)."""


def confusion(labels: ArrayLike, predictions: ArrayLike, classes: Sequence[Any]) -> NDArray[np.int64]:
    """Counts M[true, predicted], shape (classes, classes), in the order of `classes`.

    Args:
        labels: true classes (samples,), integers or strings.
        predictions: predicted classes (samples,).
        classes: every class of the task, each once.

    Raises:
        DataError: unequal lengths, or a label or prediction that is not among `classes`.
    """
    true, predicted = _indices(labels, classes, "labels"), _indices(predictions, classes, "predictions")
    if true.shape != predicted.shape:
        raise DataError(f"expected as many predictions as labels, got {predicted.shape} and {true.shape}")
    k = len(classes)
    return np.bincount(true * k + predicted, minlength=k * k).reshape(k, k)


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Share of samples that are right (what speech emotion calls weighted accuracy); nan of nothing."""
    true, predicted = _array(labels), _array(predictions)
    if true.shape != predicted.shape or true.ndim != 1:
        raise DataError(f"expected two arrays (samples,) alike, got {true.shape} and {predicted.shape}")
    if true.size and (true.dtype.kind in "US") != (predicted.dtype.kind in "US"):
        raise DataError(f"expected names or numbers on both sides, got {true[:4]} and {predicted[:4]}")
    return mean(true == predicted)


def recalls(labels: ArrayLike, predictions: ArrayLike, classes: Sequence[Any]) -> Floats:
    """Recall of each class, shape (classes,); nan for a class that no label names."""
    return _recalls(confusion(labels, predictions, classes))


def uar(labels: ArrayLike, predictions: ArrayLike, classes: Sequence[Any]) -> float:
    """Unweighted average recall = balanced accuracy: mean recall over the classes that some label names.

    Classes without a sample are left out, not counted as 0; `report` and `absent` name them.
    """
    known = _recalls(confusion(labels, predictions, classes))
    return mean(known[~np.isnan(known)])


def macro_recall(labels: ArrayLike, predictions: ArrayLike, classes: Sequence[Any]) -> float:
    """`uar` under the name of the SemEval tweet tasks."""
    return uar(labels, predictions, classes)


def absent(labels: ArrayLike, classes: Sequence[Any]) -> tuple[Any, ...]:
    """The classes that no label names."""
    seen = set(_indices(labels, classes, "labels").tolist())
    return tuple(c for i, c in enumerate(classes) if i not in seen)


def f1(labels: ArrayLike, predictions: ArrayLike, classes: Sequence[Any]) -> Floats:
    """F1 of each class, shape (classes,): 2TP / (2TP + FP + FN), 0 where the denominator is 0."""
    return _f1(confusion(labels, predictions, classes))


def macro_f1(labels: ArrayLike, predictions: ArrayLike, classes: Sequence[Any]) -> float:
    """Mean of the F1 of every class of the task; nan of no samples."""
    m = confusion(labels, predictions, classes)
    return mean(_f1(m)) if m.sum() else float("nan")


def weighted_f1(labels: ArrayLike, predictions: ArrayLike, classes: Sequence[Any]) -> float:
    """Mean of the classes' F1 weighted by how many labels name them; nan of no samples."""
    m = confusion(labels, predictions, classes)
    return float(m.sum(axis=1) @ _f1(m) / m.sum()) if m.sum() else float("nan")


def averages(matrix: NDArray[np.int64]) -> dict[str, float]:
    """`accuracy`, `uar`, `macro_f1` and `weighted_f1` of counts M[true, predicted]; nan of no samples."""
    support = matrix.sum(axis=1)
    known, total = support > 0, float(matrix.sum())
    if not total:
        return dict.fromkeys(("accuracy", "uar", "macro_f1", "weighted_f1"), float("nan"))
    f1s = _f1(matrix)
    return {
        "accuracy": float(matrix.trace() / total),
        "uar": float((matrix.diagonal()[known] / support[known]).mean()),
        "macro_f1": float(f1s.mean()),
        "weighted_f1": float(support @ f1s / total),
    }


def report(labels: ArrayLike, predictions: ArrayLike, classes: Sequence[Any]) -> dict[str, Any]:
    """All of the above at once: averages, `classes` with recall, precision, F1 and support, and `absent`."""
    m = confusion(labels, predictions, classes)
    f1s, found, told = _f1(m), _recalls(m), _recalls(m.T)
    each = {
        str(c): {
            "recall": float(found[i]),
            "precision": float(told[i]),
            "f1": float(f1s[i]),
            "support": int(m[i].sum()),
        }
        for i, c in enumerate(classes)
    }
    return {
        "accuracy": accuracy(labels, predictions),
        "uar": mean(found[~np.isnan(found)]),
        "macro_f1": macro_f1(labels, predictions, classes),
        "weighted_f1": weighted_f1(labels, predictions, classes),
        "classes": each,
        "absent": [str(c) for c in absent(labels, classes)],
    }


def binary_tasks(labels: ArrayLike, predictions: ArrayLike, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Several yes/no tasks, each on its own (IEMOCAP as in MulT: neutral, happy, sad, angry).

    Args:
        labels: yes or no, shape (samples, tasks).
        predictions: yes or no, shape (samples, tasks).
        names: of the tasks.

    Returns:
        For each task `accuracy`, `weighted_accuracy` (balanced; nan unless both answers occur), `weighted_f1`
        (over both answers) and `f1` (of "yes").
    """
    true, predicted = _answers(labels, predictions)
    if true.shape[1] != len(names):
        raise DataError(f"expected {len(names)} columns ({', '.join(names)}), got {true.shape[1]}")
    return {name: _task(true[:, i], predicted[:, i]) for i, name in enumerate(names)}


def mosei_emotions(
    predictions: ArrayLike, labels: ArrayLike, names: Sequence[str] = MOSEI_EMOTIONS
) -> dict[str, dict[str, float]]:
    """CMU-MOSEI emotions: an emotion is present where its intensity (samples, emotions) is above 0."""
    p, y = floating(predictions, "predictions"), floating(labels, "labels")
    return binary_tasks(y > 0, p > 0, names)


def multilabel_f1(labels: ArrayLike, predictions: ArrayLike) -> dict[str, float]:
    """F1 over several yes/no labels, shape (samples, tasks) each, in its four averages.

    Returns:
        `micro` (counts pooled), `macro` (mean over tasks), `weighted` (by the tasks' number of "yes"; nan
        without any), `samples` (mean over rows). F1 is 0 where its denominator is 0, as for a row of "no".
    """
    true, predicted = _answers(labels, predictions)
    if not true.size:
        return dict.fromkeys(("micro", "macro", "weighted", "samples"), float("nan"))
    both = true & predicted
    columns, support = _ratio(2 * both.sum(0), true.sum(0) + predicted.sum(0)), true.sum(0)
    total = int(true.sum() + predicted.sum())
    return {
        "micro": 2 * int(both.sum()) / total if total else 0.0,
        "macro": mean(columns),
        "weighted": float(columns @ support / support.sum()) if support.sum() else float("nan"),
        "samples": mean(_ratio(2 * both.sum(1), true.sum(1) + predicted.sum(1))),
    }


def _array(values: ArrayLike) -> NDArray[Any]:
    """An array; one of strings where all its objects are, as a column of pandas."""
    array = np.asarray(values)
    names = array.dtype == object and array.size and all(isinstance(v, str) for v in array.flat)
    return array.astype(str) if names else array


def _indices(values: ArrayLike, classes: Sequence[Any], name: str) -> NDArray[np.int64]:
    """Position of each value in `classes`, shape (samples,)."""
    known, array = _array(classes), _array(values)
    order = np.argsort(known)
    known = known[order]
    if array.ndim != 1 or known.ndim != 1 or not known.size or (known[1:] == known[:-1]).any():
        raise DataError(f"expected {name} (samples,) and distinct classes, got {array.shape} and {list(classes)}")
    if not array.size:
        return np.zeros(0, dtype=np.int64)
    if (array.dtype.kind in "US") != (known.dtype.kind in "US"):
        other = [v for v in array.tolist() if isinstance(v, str) != (known.dtype.kind in "US")]
        raise DataError(f"expected {name} of the kind of the classes {list(classes)}, got {other[:4]}")
    at = np.minimum(np.searchsorted(known, array), len(known) - 1)
    strange = known[at] != array
    if strange.any():
        raise DataError(
            f"expected {name} among {list(classes)}, got {np.unique(array[strange])[:4].tolist()}; "
            "map them to the task's classes or drop those rows"
        )
    return order[at].astype(np.int64)


def _recalls(m: NDArray[np.int64]) -> Floats:
    support = m.sum(axis=1)
    return np.where(support > 0, np.diag(m) / np.maximum(support, 1), np.nan)


def _f1(m: NDArray[np.int64]) -> Floats:
    return _ratio(2 * np.diag(m), m.sum(axis=0) + m.sum(axis=1))


def _ratio(top: NDArray[Any], bottom: NDArray[Any]) -> Floats:
    """Quotient, 0 where the bottom is 0."""
    return np.where(bottom > 0, top / np.maximum(bottom, 1), 0.0)


def _answers(labels: ArrayLike, predictions: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    true, predicted = np.asarray(labels), np.asarray(predictions)
    if true.ndim != 2 or true.shape != predicted.shape:
        raise DataError(f"expected two arrays (samples, tasks), got {true.shape} and {predicted.shape}")
    for name, array in (("labels", true), ("predictions", predicted)):
        if not np.isin(array, (0, 1)).all():
            raise DataError(f"expected {name} of 0 and 1, got {np.unique(array)[:4].tolist()}; threshold them first")
    return true.astype(bool), predicted.astype(bool)


def _task(true: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> dict[str, float]:
    found = recalls(true, predicted, (False, True))
    return {
        "accuracy": accuracy(true, predicted),
        "weighted_accuracy": float(found.mean()),
        "weighted_f1": weighted_f1(true, predicted, (False, True)),
        "f1": float(f1(true, predicted, (False, True))[1]) if true.size else float("nan"),
    }
