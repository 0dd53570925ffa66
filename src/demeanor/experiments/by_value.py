"""A part scored by speaker, by language, or by what else its samples say: another view of the same predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from demeanor.errors import ConfigError
from demeanor.training.measure import Arrays, task_metrics
from demeanor.training.prepare import scored
from demeanor.training.runfile import RunFile
from demeanor.types import Sample

FIELDS = ("speaker", "language", "group", "author")
"""What a sample may say of itself; labels besides, so that a table's column `label_gender` is `gender` here."""

FEWEST = 5
"""Labelled samples below which a value has no metrics: they would say nothing."""


def values_of(samples: Sequence[Sample], by: str) -> list[str | None]:
    """What each sample says under that name; None where it says nothing.

    Raises:
        ConfigError: none of them says anything; names what there is.
    """
    values = [getattr(s, by) if by in FIELDS else s.labels.get(by) for s in samples]
    if all(v is None or v == "" for v in values):
        there = [f for f in FIELDS if any(getattr(s, f) for s in samples)]
        there += sorted({name for s in samples for name in s.labels})
        raise ConfigError(f"--by: expected what samples of this part carry ({', '.join(there)}), got '{by}'")
    return [None if v is None or v == "" else _told(v) for v in values]


def _told(value: Any) -> str:
    """Whole numbers without a point; every other in full, so that different ones stay apart.

    One that tables stored in 32 bits has the digits that these have: 0.1, not 0.10000000149011612.
    """
    if isinstance(value, int):
        return str(int(value))
    if not isinstance(value, float):
        return str(value)
    if value.is_integer() and abs(value) < 1e15:  # below it, doubles are exact to the unit
        return str(int(value))
    with np.errstate(over="ignore"):
        short = np.float32(value)
    return str(short) if float(short) == value else repr(float(value))


def by_value(run: RunFile, values: Sequence[str | None], predicted: Arrays, labels: Arrays) -> list[dict[str, Any]]:
    """Every task's metrics for each value.

    Args:
        run: whose tasks they are.
        values: one per row, see `values_of`.
        predicted: per task (N,) or (N, classes).
        labels: the same shapes; NaN where a row has none.

    Returns:
        `value`, `n` and `tasks` in the order of the values, samples without one (None) last; per task `n`, those with
        one label of it, and `metrics`, {} of fewer than `FEWEST`.
    """
    rows = []
    for value in sorted(set(values), key=lambda v: (v is None, v or "")):
        at = np.array([v == value for v in values])
        tasks = {}
        for name, task in run.tasks.items():
            count = int(scored(labels[name][at]).sum())
            with np.errstate(invalid="ignore"):
                found = task_metrics(task, predicted[name][at], labels[name][at]) if count >= FEWEST else {}
            tasks[name] = {"n": count, "metrics": found}
        rows.append({"value": value, "n": int(at.sum()), "tasks": tasks})
    return rows
