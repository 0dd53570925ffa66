"""What a finished model reads with less to read: each set of its modalities, and a share of its frames lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.fusion._model import Model
from demeanor.training.data import Rows
from demeanor.training.degrade import fewer_frames, only, standing, subsets_of
from demeanor.training.loop import predict
from demeanor.training.measure import measure
from demeanor.training.prepare import Prepared
from demeanor.training.run import save_arrays
from demeanor.training.runfile import RunFile

FRAMES = "frames lost "
"""How the name of a pattern begins that takes frames; that of one that takes modalities is `text+audio`."""


def patterns(run: RunFile, rows: Rows, ids: Sequence[str]) -> dict[str, Rows]:
    """The rows under every pattern that `[missing]` names: `audio+visual`, `frames lost 0.3`."""
    if run.missing is None:
        return {}
    names = standing(rows.values)
    sets = subsets_of(names) if run.missing.subsets and len(names) > 1 else []
    out = {"+".join(chosen): only(rows, chosen) for chosen in sets}
    marked = {m for m in run.encoders if run.features.reach(m)}
    for share in run.missing.frame_loss:
        out[f"{FRAMES}{share:g}"] = fewer_frames(rows, share, ids, run.missing.seed, marked)
    return out


def predict_all(run: RunFile, prepared: Prepared, model: Model, part: NDArray[np.intp], folder: Path) -> None:
    """Predictions under every pattern into `test-missing.npz`, keys `PATTERN/TASK`: part of the one read of a test."""
    ids = [prepared.samples[i].id for i in part]
    found: dict[str, NDArray[np.float32]] = {}
    for name, rows in patterns(run, prepared.rows(part), ids).items():
        predicted = predict(model, rows, 256, run.training.device, "float32")
        found |= {f"{name}/{task}": predicted[task] for task in run.tasks}
    save_arrays(folder / "test-missing.npz", found)


def measured(
    run: RunFile, folders: Sequence[Path], labels: Mapping[str, NDArray[np.float32]]
) -> dict[str, dict[str, float]]:
    """Pattern → metrics, of the predictions of all folds together."""
    parts = [dict(np.load(f / "test-missing.npz")) for f in folders]
    joined = {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
    names = dict.fromkeys(key.rpartition("/")[0] for key in joined)
    with np.errstate(invalid="ignore"):
        return {n: measure(run, {t: joined[f"{n}/{t}"] for t in run.tasks}, labels) for n in names}


def untested(runs: Mapping[str, RunFile], pooled: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """A line per row of which some seed was tested before all patterns were asked for: its test part was read."""
    lines = []
    for row, run in runs.items():
        told: dict[str, list[str]] = {}
        for record in pooled[row]:
            if lacking := [name for name in _names(run) if name not in record.get("missing", {})]:
                told.setdefault(", ".join(lacking), []).append(str(record["seed"]))
        if told:
            lacks = "; ".join(f"{names} of seed {', '.join(seeds)}" for names, seeds in told.items())
            lines.append(f"[missing]: {row} lacks {lacks}; give another --out, where all of it is tested anew")
    return lines


def _names(run: RunFile) -> list[str]:
    """What `patterns` are called."""
    if run.missing is None:
        return []
    names = standing(run.encoders)
    sets = subsets_of(names) if run.missing.subsets and len(names) > 1 else []
    return ["+".join(chosen) for chosen in sets] + [f"{FRAMES}{share:g}" for share in run.missing.frame_loss]


def averaged(found: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Pattern → metric → mean over the records of several seeds."""
    out: dict[str, dict[str, float | None]] = {}
    for pattern, metrics in found[0].get("missing", {}).items():
        if any(pattern not in r.get("missing", {}) for r in found):  # seeds added with another [missing], or none
            continue
        each = {k: [r["missing"][pattern][k] for r in found] for k in metrics}
        out[pattern] = {k: None if None in v else float(np.mean(v)) for k, v in each.items()}
    return out
