"""What a run's predictions score: the metrics of each task, and which of them picks the epoch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import ConfigError
from demeanor.metrics import classification, regression
from demeanor.training.prepare import CLASSES, labelled, scored
from demeanor.training.runfile import RunFile, Task

LOWER_IS_BETTER = ("mae",)
SIDED = ("non0_acc2", "non0_f1")
Arrays = Mapping[str, NDArray[np.float32]]


def task_metrics(task: Task, predicted: NDArray[np.float32], target: NDArray[np.float32]) -> dict[str, float]:
    """Metrics of one task over its labelled rows; of classes, those whose label names one above all others.

    Args:
        task: names the conventions for a regression.
        predicted: (N,) numbers or (N, classes) logits.
        target: (N,) or (N, classes); NaN rows are left out.
    """
    has = scored(target)
    p, y = predicted[has], target[has]
    if y.ndim == 1:
        if task.metrics == "mosi":
            return regression.mosi(p, y)
        if task.metrics == "sims":
            return regression.sims(p, y)
        return {"mae": float(np.abs(p.astype(np.float64) - y).mean()), "corr": regression.pearson(p, y)}
    # Straight to the counts: a benchmark's intervals come through here some hundred thousand times.
    count = y.shape[1]
    pairs = np.bincount(y.argmax(1) * count + p.argmax(1), minlength=count * count)
    return classification.averages(pairs.reshape(count, count))


def measure(run: RunFile, predicted: Arrays, labels: Arrays) -> dict[str, float]:
    """`TASK_METRIC` → value, over all tasks; just `METRIC` where there is one task."""
    out: dict[str, float] = {}
    for name, task in run.tasks.items():
        prefix = f"{name}_" if len(run.tasks) > 1 else ""
        out |= {f"{prefix}{k}": v for k, v in task_metrics(task, predicted[name], labels[name]).items()}
    return out


def rehearsed(run: RunFile) -> dict[str, float]:
    """What `measure` gives for two made-up rows: the names of the metrics, before any data are read."""
    made: dict[str, NDArray[np.float32]] = {}
    for name, task in run.tasks.items():
        classes = task.classes or CLASSES.get(name)
        made[name] = np.array([-1, 1], np.float32) if classes is None else np.ones((2, len(classes)), np.float32)
    with np.errstate(invalid="ignore"):
        return measure(run, made, made)


def floor(run: RunFile, train: Arrays, labels: Arrays) -> dict[str, float]:
    """The scores of a constant: the median of the training labels, or their most frequent class.

    Of negative against positive, of which a median of 0 is neither, it is their more frequent side.
    """
    constant: dict[str, NDArray[np.float32]] = {}
    sided: dict[str, NDArray[np.float32]] = {}
    for name in run.tasks:
        known = train[name][labelled(train[name])]
        value = np.median(known) if known.ndim == 1 else np.eye(known.shape[1])[known.sum(0).argmax()]
        side = value or np.sign(np.sign(known).sum()) if known.ndim == 1 else value
        shape = labels[name].shape
        constant[name], sided[name] = (np.broadcast_to(np.asarray(v, np.float32), shape) for v in (value, side))
    with np.errstate(invalid="ignore"):
        apart = {k: v for k, v in measure(run, sided, labels).items() if k.endswith(SIDED)}
        return measure(run, constant, labels) | apart


def selected(run: RunFile, scores: Mapping[str, float]) -> float:
    """The number that picks the epoch, higher being better: `run.select`, else MAE or UAR of the first task.

    Raises:
        ConfigError: `run.select` names no metric of this run.
    """
    key = run.run.select
    if key is None:
        prefix = f"{next(iter(run.tasks))}_" if len(run.tasks) > 1 else ""
        key = next(prefix + k for k in ("mae", "uar") if prefix + k in scores)
    if key not in scores:
        raise ConfigError(f"run.select: unknown metric '{key}'; this run has {', '.join(sorted(scores))}")
    value = scores[key]
    if np.isnan(value):
        return -np.inf
    return -value if key.endswith(LOWER_IS_BETTER) else value
