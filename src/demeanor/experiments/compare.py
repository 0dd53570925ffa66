"""Rows of a benchmark side by side: mean ± sd over seeds, and differences between those that can be compared."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.experiments import missing, records
from demeanor.metrics import bootstrap
from demeanor.training.measure import measure
from demeanor.training.runfile import RunFile

Record = Mapping[str, Any]
Arrays = dict[str, NDArray[Any]]


def compare(
    runs: Mapping[str, RunFile],
    folders: Mapping[str, Path],
    against: Sequence[str],
    pooled: Mapping[str, Sequence[Record]],
) -> list[dict[str, Any]]:
    """Mean ± sd over seeds per row, and differences with intervals to those rows `against` that are alike.

    Args:
        runs: row → its run file.
        folders: row → where the predictions of each seed lie, `seed-0.npz` and so on.
        against: rows that every other one is compared with.
        pooled: row → its records, one per seed.
    """
    whole = {name: stacked(folders[name], len(found), list(runs[name].tasks)) for name, found in pooled.items()}
    out = []
    for name, found in pooled.items():
        row: dict[str, Any] = {"entry": name, "seeds": len(found), **spread(found)}
        row |= {k: float(np.mean([r[k] for r in found])) for k in ("params", "seconds_per_epoch", "peak_mb")}
        row |= {k: found[0].get(k) for k in ("dataset", "protocol", "settings_sha256", "n", "floor", "shown")}
        row["missing"] = missing.averaged(found)
        row["against"] = {
            other: difference(runs[name], whole[name], whole[other])
            for other in against
            if other != name and alike(runs[name], runs[other]) and tested_alike(whole[name], whole[other])
        }
        out.append(row)
    return out


def alike(one: RunFile, other: RunFile) -> bool:
    """Whether two rows learn the same from the same data, so that their numbers have one unit."""
    tasks, others = ({n: t.model_copy(update={"balance": 0.0}) for n, t in r.tasks.items()} for r in (one, other))
    return one.data == other.data and tasks == others


def tested_alike(one: Arrays, other: Arrays) -> bool:
    """Whether the stacked predictions of two rows are of the same samples with the same labels."""
    keys = ["id", *(k for k in one if k.startswith("label/"))]
    return all(np.array_equal(one[k], other[k], equal_nan=k != "id") for k in keys)


def still_true(path: Path, summary: Sequence[Record], found: Sequence[Record]) -> list[dict[str, Any]]:
    """Rows of the summary at `path` that hold beside the new one: other models of the same table.

    Their settings, number of seeds and of test rows are those of the newest of the records `found`, and so are those of
    each row they are compared with.
    """
    if not path.exists():
        return []

    def place(row: Record) -> tuple[Any, ...]:
        return tuple(row.get(k) for k in ("dataset", "protocol", "entry"))

    name = path.stem.removeprefix("bench-")
    by_table: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in found:
        if record.get("bench") == name and "entry" in record:  # else it is of one fold
            by_table[place(record)[:2]].append(record)
    newest = {place(seeds[0]): seeds for rows in by_table.values() for seeds in records.latest(rows).values()}
    tables, done = {place(r)[:2] for r in summary}, {place(r) for r in summary}
    rows = [r for r in json.loads(path.read_text(encoding="utf-8")) if place(r)[:2] in tables]

    def holds(row: Record) -> bool:
        seeds = newest.get(place(row), [])
        return len(seeds) == row.get("seeds") and all(
            r.get(k) and r.get(k) == row.get(k) for r in seeds for k in ("settings_sha256", "n")
        )

    valid = {place(r): r for r in rows if holds(r)}

    def told(row: Record) -> dict[str, Any]:
        rivals = {other: valid.get((*place(row)[:2], other), {}) for other in row["against"]}
        alike = {other for other, r in rivals.items() if all(r.get(k) == row[k] for k in ("seeds", "n"))}
        return {other: found for other, found in row["against"].items() if other in alike}

    return [{**row, "against": told(row)} for row in valid.values() if place(row) not in done]


def spread(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation (n − 1) over seeds of every metric."""
    values = {
        k: [np.nan if r["metrics"][k]["value"] is None else r["metrics"][k]["value"] for r in found]
        for k in found[0]["metrics"]
    }
    return {
        "mean": {k: float(np.mean(v)) for k, v in values.items()},
        "sd": {k: float(np.std(v, ddof=1)) if len(v) > 1 else None for k, v in values.items()},
    }


def stacked(folder: Path, seeds: int, tasks: Sequence[str]) -> Arrays:
    """Predictions of all seeds in the order of ids: per task (N, seeds, …), `label/TASK`, `id` and `group`."""
    parts = [dict(np.load(folder / f"seed-{s}.npz")) for s in range(seeds)]
    orders = [np.argsort(p["id"]) for p in parts]
    out = {t: np.stack([p[t][o] for p, o in zip(parts, orders, strict=True)], 1) for t in tasks}
    return out | {k: parts[0][k][orders[0]] for k in parts[0] if k.startswith("label/") or k in ("id", "group")}


def difference(
    run: RunFile, one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]
) -> dict[str, dict[str, float]]:
    """Per metric: its mean over seeds for one minus that for the other, on the same resamples of clusters."""
    tasks = list(run.tasks)

    def means(predicted: Iterator[NDArray[Any]], labels: Sequence[NDArray[Any]]) -> dict[str, float]:
        stack = list(predicted)
        truth = dict(zip(tasks, labels, strict=True))
        found = [
            measure(run, {t: p[:, s] for t, p in zip(tasks, stack, strict=True)}, truth)
            for s in range(stack[0].shape[1])
        ]
        return {k: float(np.mean([f[k] for f in found])) for k in found[0]}

    def both(*arrays: NDArray[Any]) -> dict[str, float]:
        n = len(tasks)
        with np.errstate(invalid="ignore"):
            a, b = means(iter(arrays[:n]), arrays[2 * n :]), means(iter(arrays[n : 2 * n]), arrays[2 * n :])
        return {k: a[k] - b[k] for k in a}

    columns = [*(one[t] for t in tasks), *(other[t] for t in tasks), *(one[f"label/{t}"] for t in tasks)]
    found = bootstrap.intervals(both, *columns, clusters=one["group"], n=500)
    return {k: v.to_dict() for k, v in found.items()}
