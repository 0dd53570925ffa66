"""A finished run on its validation or test part: metrics with intervals over clusters; a test read is recorded."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import ConfigError
from demeanor.experiments import missing, records
from demeanor.experiments.by_value import by_value, values_of
from demeanor.metrics import bootstrap
from demeanor.training import lab
from demeanor.training.measure import floor, measure
from demeanor.training.prepare import Prepared, prepare, refuse_other_data
from demeanor.training.run import save_arrays, write_json
from demeanor.training.runfile import RunFile

RESAMPLES = 500
"""Draws of whole groups behind every interval."""


def spec_of(folder: Path) -> dict[str, Any]:
    """What run.json of a run folder holds.

    Raises:
        ConfigError: not a run folder.
    """
    path = folder / "run.json"
    if not path.is_file():
        raise ConfigError(f"expected a run folder with run.json, found none in {folder}; `demeanor train` makes one")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def evaluate(
    folder: Path,
    root: Path,
    split: str = "valid",
    out: Path | None = records.DEFAULT,
    prepared: Prepared | None = None,
    say: Callable[[str], None] = print,
    resamples: int = RESAMPLES,
    by: str | None = None,
) -> dict[str, Any]:
    """Score a run folder.

    Args:
        folder: of a finished run.
        root: the folder of the data sets.
        split: `valid` or `test`.
        out: where a test read is recorded; None records nothing (a part that was read already for the same run).
        prepared: the run's data, where it is at hand.
        say: where progress lines go.
        resamples: for the intervals; 0 leaves them out.
        by: a field of the samples, or a label of theirs, by whose values the part is scored too.

    Returns:
        The record: metrics {name: {value, low, high, level}}, floor, n, groups, and what records hold; the bounds are
        nan for a single group. Predictions go into SPLIT-predictions.npz. Where asked, unrecorded: `by` {field, rows}.

    Raises:
        ConfigError: no finished run, no such part, nothing under `by`, or other data than the run learned from.
    """
    stored = spec_of(folder)
    run = lab.check(stored["config"], begins=False)
    prepared = prepared or prepare(run, root, say=say)
    refuse_other_data(folder, prepared)
    part = getattr(prepared.parts, split, None) if split in ("valid", "test") else None
    if part is None or not len(part):
        raise ConfigError(f"--split: expected a part with samples, valid or test; got '{split}' for {run.data.dataset}")
    values = [] if by is None else values_of([prepared.samples[i] for i in part], by)
    model = lab.load(run, prepared, folder)
    predicted = lab.predictions(run, prepared, model, part)
    labels = {task: y[part] for task, y in prepared.labels.items()}
    groups = np.array(prepared.groups(part))
    truth = {f"label/{t}": y for t, y in labels.items()}
    ids, speakers = zip(*((prepared.samples[i].id, prepared.samples[i].speaker or "") for i in part), strict=True)
    extra = {"group": groups, "id": np.array(ids), "speaker": np.array(speakers)}
    save_arrays(folder / f"{split}-predictions.npz", {**predicted, **truth, **extra})
    if split == "test" and run.missing is not None:
        missing.predict_all(run, prepared, model, part, folder)
    train = {task: y[prepared.parts.train] for task, y in prepared.labels.items()}
    if resamples:
        found = intervals(run, predicted, labels, groups, resamples)
    else:
        found = {name: {"value": value} for name, value in measure(run, predicted, labels).items()}
    record = describe(run, stored, folder, split, found)
    record |= {"n": len(part), "groups": len(set(groups)), "floor": floor(run, train, labels)}
    if split == "test" and run.missing is not None:
        record["missing"] = missing.measured(run, [folder], labels)
    write_json(folder / f"{split}.json", record)
    if split == "test" and out is not None:
        records.append(record, out)
    return record | {"by": {"field": by, "rows": by_value(run, values, predicted, labels)}} if values else record


def intervals(
    run: RunFile,
    predicted: dict[str, NDArray[np.float32]],
    labels: dict[str, NDArray[np.float32]],
    groups: NDArray[Any],
    resamples: int = RESAMPLES,
) -> dict[str, dict[str, float]]:
    """Every metric with its 95 % interval, whole groups drawn."""
    tasks = list(run.tasks)

    def all_metrics(*arrays: NDArray[np.float32]) -> dict[str, float]:
        half = len(arrays) // 2
        with np.errstate(invalid="ignore"):
            return measure(
                run, dict(zip(tasks, arrays[:half], strict=True)), dict(zip(tasks, arrays[half:], strict=True))
            )

    columns = [predicted[t] for t in tasks] + [labels[t] for t in tasks]
    found = bootstrap.intervals(all_metrics, *columns, clusters=groups, n=resamples)
    return {name: value.to_dict() for name, value in found.items()}


def describe(
    run: RunFile, stored: dict[str, Any], folder: Path, split: str, metrics: dict[str, dict[str, float]]
) -> dict[str, Any]:
    """What a line of the records says of a run; what it cost is null where it did not end."""
    path = folder / "scores.json"
    scores = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {
        "dataset": run.data.name or run.data.dataset,
        "protocol": run.data.protocol + (f", fold {run.data.fold} of {run.data.folds}" if run.data.folds else ""),
        "split": split,
        "run": run.run.name,
        "model": run.run.model,
        "encoders": {m: e["name"] for m, e in run.encoders.items()},
        "context": run.features.context,
        "seed": run.training.seed,
        "metrics": metrics,
        "params": scores.get("params"),
        "seconds_per_epoch": scores.get("seconds_per_epoch"),
        "peak_mb": scores.get("peak_mb"),
        "command": "demeanor " + shlex.join(sys.argv[1:]),
        "commit": stored["commit"],
        "config_sha256": stored["config_sha256"],
        "version": version("demeanor"),
        "test_read_at": datetime.now(UTC).isoformat(timespec="seconds") if split == "test" else None,
    }
