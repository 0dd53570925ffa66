"""What the validation part says of an exported model: temperatures, prediction sets, spread, calibration error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.calibration import conformal, temperature
from demeanor.calibration.temperature import softmax
from demeanor.features.meaning import reads_of
from demeanor.metrics.calibration import expected_calibration_error, top_label
from demeanor.training.prepare import CLASSES, Prepared, labelled, scored
from demeanor.training.runfile import RunFile

FEWEST = 10
"""Validation rows with one label without which no calibration is fitted."""

COVERAGE = 0.9
"""How often prediction sets hold the true class, at least."""

_IN_A_BIN = 20  # rows of a bin of the calibration error: with fewer it measures noise


def described_task(run: RunFile, prepared: Prepared, name: str) -> dict[str, Any]:
    """What a task predicts, and what its training labels say on average."""
    task = run.tasks[name]
    classes = task.classes or CLASSES.get(name)
    label = task.label or name
    train = prepared.labels[name][prepared.parts.train]
    known = train[labelled(train)].astype(np.float64)
    reads = reads_of(name, label, classes)
    if classes is not None:
        prior = known.mean(0) / known.mean(0).sum()
        return {
            "classes": list(classes),
            "reads": reads,
            "prior": prior.tolist(),
            "calibration": {},
            "sets": {},
            "rows": {},
        }
    low, high = range_of(known / task.scale, reads)
    # Until its errors are measured they are taken to be those of a model that knows nothing but the mean.
    spread = float((known / task.scale).std()) * 2 / (high - low)
    return {
        "classes": None, "reads": reads, "scale": task.scale, "low": low, "high": high, "spread": spread,
        "prior": [float(known.mean())], "calibration": {}, "sets": {}, "rows": {},
    }  # fmt: skip


def range_of(labels: NDArray[np.float64], reads: str | None) -> tuple[float, float]:
    """[-1, 1] for a score within it that is below 0 somewhere, else the span of the training labels.

    0 is in the middle where it lies inside.
    """
    low, high = float(labels.min()), float(labels.max())
    if reads == "score" and -1 <= low < 0 and high <= 1:
        return -1.0, 1.0
    if low < 0 < high:
        far = max(-low, high)
        return -far, far
    return (low, high) if low < high else (low - 1, high + 1)


def calibrate(task: dict[str, Any], key: str, numbers: NDArray[Any], target: NDArray[Any]) -> None:
    """Add what is measured of one set of modalities, where there are rows enough: calibration, or errors' spread."""
    has = scored(target)
    task["rows"][key] = int(has.sum())
    if has.sum() < FEWEST:
        return
    if task["classes"] is None:
        errors = (numbers[has] - target[has]) / task["scale"] * 2 / (task["high"] - task["low"])
        if not task["sets"]:  # of all modalities, which come first
            task["spread"] = float(errors.std())
        apart = conformal.quantile(np.abs(numbers[has] - target[has]) / abs(task["scale"]), COVERAGE)
        if np.isfinite(apart):
            task["sets"][key] = conformal.Conformal(apart, COVERAGE, int(has.sum())).to_dict()
        return
    if len(task["classes"]) > 1:
        truth = target[has].argmax(1)
        scaling = temperature.fit(numbers[has], truth)
        task["calibration"][key] = scaling.to_dict()
        # The temperature is one number, fitted on the same rows: it moves the sets by less than a row does.
        task["sets"][key] = conformal.fit(scaling.apply(numbers[has]), truth, COVERAGE).to_dict()


def calibration_error(task: Mapping[str, Any], key: str, numbers: NDArray[Any], target: NDArray[Any]) -> float | None:
    """Expected calibration error, on the rows it was calibrated on."""
    has = scored(target)
    if key not in task["calibration"]:
        return None
    scaling = task["calibration"][key]
    chances = softmax(numbers[has].astype(np.float64) / scaling["t"])
    bins = int(np.clip(has.sum() // _IN_A_BIN, 1, 15))
    return expected_calibration_error(*top_label(chances, target[has].argmax(1)), bins)
