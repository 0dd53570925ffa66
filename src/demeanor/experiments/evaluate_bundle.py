"""An exported bundle on the validation or test part of its run's data, read as the reader reads; its run file, data
and floors are the lab's, so it needs torch all the same.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor import bundle
from demeanor.bundle import FUSED
from demeanor.errors import ConfigError
from demeanor.experiments import records
from demeanor.experiments.by_value import by_value, values_of
from demeanor.experiments.evaluate import intervals, spec_of
from demeanor.features.digest import of_ids
from demeanor.features.exported import column_of
from demeanor.features.parts import Parts, group_of, parts_of
from demeanor.features.read import samples_of
from demeanor.features.store import Store
from demeanor.reader.joint import Features, JointModel
from demeanor.training import lab
from demeanor.training.measure import floor
from demeanor.training.prepare import targets_of
from demeanor.training.runfile import RunFile
from demeanor.types import Sample

Rows = NDArray[np.intp]


def is_bundle(folder: Path) -> bool:
    """Whether a folder holds a bundle, and not a run."""
    return (folder / "bundle.json").is_file()


def config_of(folder: Path) -> Mapping[str, Any]:
    """The resolved run file of a run folder, or of what was exported of one; empty of a bundle of experts.

    Raises:
        ConfigError: not a run folder.
        BundleError: a bundle that is damaged.
    """
    told = bundle.load(folder).spec.get("provenance", {}) if is_bundle(folder) else spec_of(folder)
    found: Mapping[str, Any] = told.get("config", {})
    return found


def evaluate_bundle(
    folder: Path,
    root: Path,
    split: str = "valid",
    out: Path | None = records.DEFAULT,
    store: Store | None = None,
    say: Callable[[str], None] = print,
    by: str | None = None,
) -> dict[str, Any]:
    """Score a bundle on the data of its run.

    Args:
        folder: of an exported bundle.
        root: the folder of the data sets.
        split: `valid` or `test`.
        out: where a test read is recorded; None records nothing.
        store: of features.
        say: where progress lines go.
        by: a field of the samples, or a label of theirs, by whose values the part is scored too.

    Returns:
        The record, as `evaluate` gives it of a run.

    Raises:
        ConfigError: no bundle of the lab, another part, nothing under `by`, or other data than the run's.
    """
    opened = bundle.load(folder)
    if opened.spec.get("kind") != FUSED:
        raise ConfigError(f"{folder}: expected a bundle that `demeanor export` made, got one of experts by cue")
    model = JointModel(opened)
    told = opened.spec["provenance"]
    run = lab.check(_placed(told["config"], root), begins=False)
    samples = samples_of(run.data.model_dump(exclude={"name"}), root)
    d = run.data
    parts = parts_of(samples, d.valid, d.folds, d.fold, d.fold_seed, d.by)
    part = _part(parts, split, run)
    if of_ids(samples[i].id for i in parts.valid) != opened.spec["validation"]["ids_sha256"]:
        raise ConfigError(
            f"expected the data that '{told['run']}' was trained on in {root}, got other samples; give their folder"
        )
    values = [] if by is None else values_of([samples[i] for i in part], by)
    predicted = predictions(model, samples, part, store or Store())
    labels = {name: targets_of(samples, name, task) for name, task in run.tasks.items()}
    truth = {name: y[part] for name, y in labels.items()}
    groups = np.array([group_of(samples[i]) for i in part])
    count = len(set(groups))
    say(f"{split}: {len(part)} samples of {count} groups")
    record = _record(run, told, split, intervals(run, predicted, truth, groups))
    record |= {"n": len(part), "groups": count}
    record |= {"floor": floor(run, {n: y[parts.train] for n, y in labels.items()}, truth)}
    if split == "test" and out is not None:
        records.append(record, out)
    return record | {"by": {"field": by, "rows": by_value(run, values, predicted, truth)}} if values else record


def predictions(
    model: JointModel, samples: Sequence[Sample], part: Rows, store: Store
) -> dict[str, NDArray[np.float32]]:
    """Raw outputs per task (rows, …) of those samples; one without any modality gets the training labels' mean."""
    needed = range(len(samples)) if model.spec.context else part
    found = dict(zip(needed, _features(model, [samples[i] for i in needed], store), strict=True))
    out: dict[str, list[Any]] = {task: [] for task in model.spec.tasks}
    for row in part:
        features = found[row]
        present = tuple(m for m in model.parts if m in features)
        numbers = model.numbers(features, [present])[0] if present else model.nothing()
        for task, value in numbers.items():
            out[task].append(value)
    return {task: np.stack(values).astype(np.float32) for task, values in out.items()}


def _features(model: JointModel, samples: Sequence[Sample], store: Store) -> list[Features]:
    out: list[dict[str, NDArray[Any]]] = [{} for _ in samples]
    for modality, part in model.parts.items():
        encoder, scale = model.encoders[modality], model.scales.get(modality)
        place = f"{model.bundle.folder}: {modality}"
        column = column_of(samples, encoder, part, scale, model.spec.context, store, place)
        for features, value in zip(out, column, strict=True):
            if value is not None:
                features[modality] = value
    return [*out]


def _placed(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """The run's settings, each of its table manifests looked for by its name in the data folder, in recipes/tables and
    in the working folder, where run files and their manifests are.

    Raises:
        ConfigError: a manifest is in none of them, or two of them are the same file.
    """
    data = dict(config["data"])
    if named := data.get("manifest"):
        places: list[str] = []
        for name in [named] if isinstance(named, str) else named:
            where = [root / Path(name).name, Path("recipes/tables") / Path(name).name, Path(name)]
            found = next((str(p.resolve()) for p in where if p.is_file()), None)
            if found is None:
                raise ConfigError(
                    f"expected the table manifest {name} in {root}, in recipes/tables or here, found none; put it "
                    "into one of them"
                )
            if found in places:
                raise ConfigError(
                    f"expected a table manifest for each of {', '.join(named)}, got {found} for two of them; "
                    "give the two manifests different names and export again"
                )
            places.append(found)
        data["manifest"] = places
    return {**config, "data": data}


def _part(parts: Parts, split: str, run: RunFile) -> Rows:
    part: Rows | None = getattr(parts, split, None) if split in ("valid", "test") else None
    if part is None or not len(part):
        raise ConfigError(f"--split: expected a part with samples, valid or test; got '{split}' for {run.data.dataset}")
    return part


def _record(
    run: RunFile, told: Mapping[str, Any], split: str, metrics: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    return {
        "dataset": run.data.name or run.data.dataset,
        "protocol": run.data.protocol + (f", fold {run.data.fold} of {run.data.folds}" if run.data.folds else ""),
        "split": split,
        "run": run.run.name,
        "model": f"{run.run.model} (bundle)",
        "encoders": {m: e["name"] for m, e in run.encoders.items()},
        "seed": run.training.seed,
        "metrics": metrics,
        "params": told["params"],
        "seconds_per_epoch": None,
        "peak_mb": None,
        "command": "demeanor " + shlex.join(sys.argv[1:]),
        "commit": told["commit"],
        "config_sha256": told["config_sha256"],
        "version": version("demeanor"),
        "test_read_at": datetime.now(UTC).isoformat(timespec="seconds") if split == "test" else None,
    }
