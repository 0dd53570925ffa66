"""Scores of intensity regression in the field's conventions: MOSI/MOSEI, CH-SIMS, MulT, old MOSEI accuracy.

Rounding is numpy's half-to-even throughout (0.5 → 0, 1.5 → 2, 2.5 → 2). Undefined values are nan, never 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from demeanor.metrics.checked import mean, paired
from demeanor.metrics.classification import accuracy, uar, weighted_f1

SIMS_EDGES = {2: (0.0,), 3: (-0.1, 0.1), 5: (-0.7, -0.1, 0.1, 0.7)}
"""Upper ends, closed, of every class but the last."""


def mosi(predictions: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """The CMU-MOSI / MOSEI set, as computed by MMSA.

    Args:
        predictions: (samples,) on the scale of the labels; not clipped for `mae` and `corr`.
        labels: (samples,) in [-3, 3].

    Returns:
        `mae`; `corr` (Pearson, nan if either side is constant); `acc7`, `acc5`, `acc3` (equal after clipping
        to ±3, ±2, ±1 and rounding); `has0_acc2`, `has0_f1` (≥ 0 against < 0, all samples); `non0_acc2`,
        `non0_f1` (> 0 against ≤ 0, samples whose label is exactly 0 dropped; nan if none is left). F1 is
        weighted by support.

    Raises:
        DataError: unequal shapes, or a value that is not finite.
    """
    p, y = paired(predictions, labels)
    out = {"mae": _mae(p, y), "corr": pearson(p, y)}
    for name, bound in (("acc7", 3), ("acc5", 2), ("acc3", 1)):
        out[name] = mean(np.round(np.clip(p, -bound, bound)) == np.round(np.clip(y, -bound, bound)))
    out["has0_acc2"], out["has0_f1"] = _binary(p >= 0, y >= 0)
    kept = y != 0
    out["non0_acc2"], out["non0_f1"] = _binary(p[kept] > 0, y[kept] > 0)
    return out


def sims(predictions: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """The CH-SIMS / SIMS v2 set, as computed by MMSA: both sides are clipped to [-1, 1] first.

    Classes are intervals open on the left and closed on the right, so that neutral (0) counts as negative in
    `acc2`; edges are taken in the precision of each array, so a float32 -0.7 lies where a float64 one does.

    Returns:
        `mae`, `corr`, `acc2`, `acc3`, `acc5`, and `f1` (weighted by support, on the two classes).

    Raises:
        DataError: unequal shapes, or a value that is not finite.
    """
    p, y = (np.clip(a, -1, 1) for a in paired(predictions, labels))
    out = {"mae": _mae(p, y), "corr": pearson(p, y)}
    for k, edges in SIMS_EDGES.items():
        out[f"acc{k}"] = mean(_interval(p, edges) == _interval(y, edges))
    out["f1"] = weighted_f1(_interval(y, SIMS_EDGES[2]), _interval(p, SIMS_EDGES[2]), (0, 1))
    return out


def mult_acc2(predictions: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """The third Acc-2, of MulT's code without `exclude_zero`: > 0 on all samples, neutral counts as negative.

    Returns:
        `acc2` and `f1` (weighted by support).
    """
    p, y = paired(predictions, labels)
    acc2, f1 = _binary(p > 0, y > 0)
    return {"acc2": acc2, "f1": f1}


def mosei_weighted_accuracy(predictions: ArrayLike, labels: ArrayLike) -> float:
    """The old MOSEI weighted accuracy (TP·n/p + TN) / 2n with p positive (> 0) and n other labels.

    It equals the balanced accuracy (TP/p + TN/n) / 2; nan unless both kinds of label occur.
    """
    p, y = paired(predictions, labels)
    positive = y > 0
    return uar(positive, p > 0, (False, True)) if positive.any() and not positive.all() else float("nan")


def pearson(predictions: ArrayLike, labels: ArrayLike) -> float:
    """Pearson's r of two arrays (samples,); nan if either is constant."""
    p, y = (a.astype(np.float64) for a in paired(predictions, labels))
    if p.size < 2 or np.ptp(p) == 0 or np.ptp(y) == 0:
        return float("nan")
    p, y = (p - p.mean()) / np.ptp(p), (y - y.mean()) / np.ptp(y)
    return float(np.clip(p @ y / np.sqrt((p @ p) * (y @ y)), -1.0, 1.0))


def _mae(p: NDArray[Any], y: NDArray[Any]) -> float:
    return mean(np.abs(p.astype(np.float64) - y.astype(np.float64)))


def _binary(p: NDArray[np.bool_], y: NDArray[np.bool_]) -> tuple[float, float]:
    return accuracy(y, p), weighted_f1(y, p, (False, True))


def _interval(values: NDArray[Any], edges: tuple[float, ...]) -> NDArray[np.int64]:
    """Class of each value (samples,): the number of edges below it."""
    at: NDArray[np.int64] = np.digitize(values, np.asarray(edges, dtype=values.dtype), right=True)
    return at
