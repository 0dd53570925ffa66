"""Learning from use: corrections and unlabelled samples go back into a run, and what that changed is measured.

The run goes on from its present weights, encoders and scales, over its own training part and what is new: samples that
users corrected, and unlabelled ones with the labels that the present model is sure of. Its validation and test parts
stay what they were, and nothing that belongs to them is learned from. A share of the corrected groups is held back, so
that the model before and after can be compared on what users correct – which they do where the model was wrong, so
that such samples flatter whatever comes after; the validation part does not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.calibration import temperature
from demeanor.datasets._groups import hashed_split
from demeanor.errors import ConfigError
from demeanor.features.meaning import reads_of
from demeanor.features.more import keys_of, prefix_of, read_more
from demeanor.features.parts import group_of, parts_of
from demeanor.features.read import samples_of
from demeanor.features.store import Store
from demeanor.label.corrected import corrected
from demeanor.label.items import find_items
from demeanor.label.task import row_of, write_table
from demeanor.metrics import bootstrap
from demeanor.training import lab
from demeanor.training.calibrate import range_of
from demeanor.training.measure import measure
from demeanor.training.prepare import CLASSES, Prepared, labelled, prepare, scored, targets_of
from demeanor.training.run import provenance, write_json
from demeanor.training.runfile import RunFile
from demeanor.types import Sample

Say = Callable[[str], None]
Predicted = Mapping[str, NDArray[np.float32]]

CORRECTIONS, UNLABELLED = "corrections.csv", "unlabelled.csv"
RESAMPLES = 500
"""Draws of whole groups behind every interval."""


@dataclass(frozen=True)
class New:
    """What there is to learn from.

    Attributes:
        corrections: files or folders of analyses with corrections.
        unlabelled: a folder or manifest of samples without labels.
        media: what the analyses were made from; None: the folder they lie in.
        reviewed: what was not corrected in those analyses counts as right.
        pair: join files of the unlabelled folder that differ in their extension only.
    """

    corrections: Sequence[Path] = ()
    unlabelled: Path | None = None
    media: Path | None = None
    pair: bool = False
    reviewed: bool = False


def learn(
    before: Path, new: New, root: Path, out: Path, *, at_least: float = 0.9, hold: float = 0.2,
    overrides: Mapping[str, Any] | None = None, store: Store | None = None, say: Say = print,
    then: Callable[[Path], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train on, into `out/run`, and tell what it changed.

    Args:
        before: folder of the finished run.
        new: corrections, unlabelled samples, or both.
        root: the folder of the run's data set.
        out: gets corrections.csv, unlabelled.csv, run/ and learned.json.
        at_least: calibrated probability from which the present model's own class counts as a label.
        hold: share of the corrected groups that is held back to measure on.
        overrides: `[training]` settings that differ from the run's.
        store: of features.
        say: where progress lines go.
        then: what else is to be made of the new run, whose folder it gets. learned.json comes last: without it the
            same call goes on with what was interrupted.

    Returns:
        What learned.json holds: counts, and per part (`valid`, `corrections`) each metric before, after, and their
        difference with its 95 % interval over groups.

    Raises:
        ConfigError: no finished run, a wrong share, nothing to learn from, or `out` holds a finished run.
    """
    if not 0 < at_least <= 1 or not 0 <= hold < 1:
        raise ConfigError(
            f"expected a confidence in (0, 1] and a share to hold back in [0, 1), got {at_least} and {hold}"
        )
    stored = _stored(before)
    refuse_learned(out, before)
    store = store or Store()
    out.mkdir(parents=True, exist_ok=True)
    run = lab.check(stored["config"], begins=False)
    told: dict[str, Any] = {"run": before.name, "corrected": 0, "held_back": 0, "unlabelled": 0, "pseudo_labelled": 0}
    tables, samples = [], _corrections(run, root, new, hold, out, told, say)
    changed = dict(overrides or {})
    if samples:
        tables.append(out / CORRECTIONS)
    if new.unlabelled is not None and _unlabelled(new, samples, store, out, told):
        tables.append(out / UNLABELLED)
        present, table = lab.check(_going_on(stored["config"], before, tables, {}), begins=False), tables.pop()
        told["pseudo_labelled"] = _pseudo_label(
            present, before, table, root, at_least, bool(changed.get("pretrain")), store, say
        )
        tables += [table] if told["pseudo_labelled"] or changed.get("pretrain") else []
    _refuse_nothing(told, bool(changed.get("pretrain")))
    config = _going_on(stored["config"], before, tables, changed)
    (folder := out / "run").mkdir(exist_ok=True)
    write_json(folder / "run.json", {**provenance(config), "data_root": str(root.resolve())})
    run = lab.check(config, begins=False)  # the settings are those of the run before
    prepared = prepare(run, root, store, say)
    progress = lab.train(run, root, folder, store, say, prepared)
    write_json(folder / "history.json", progress.history)
    told["parts"] = _compared(run, prepared, before, folder, prefix_of(len(stored["config"]["data"].get("also", ()))))
    if then is not None:
        then(folder)
    write_json(out / "learned.json", told)
    return told


def refuse_learned(out: Path, before: Path | None = None) -> None:
    """Refuse a place whose tables a run has learned from; what was interrupted after `before` goes on.

    Raises:
        ConfigError: it is one.
    """
    if (out / "run" / "weights.pt").is_file() and not (before and _is_interrupted(out, before)):
        raise ConfigError(
            f"{out}: expected a place of its own for what is learned, got one with a finished run, whose "
            f"{CORRECTIONS} would be lost; name another folder by --out"
        )


def _is_interrupted(out: Path, before: Path) -> bool:
    """Whether the run there goes on from this one, and what is written last is not there yet."""
    if (out / "learned.json").is_file():
        return False
    training = _stored(out / "run")["config"].get("training", {})
    return bool(training.get("init_from") == str(before.resolve() / "weights.pt"))


def _refuse_nothing(told: Mapping[str, Any], pretrain: bool) -> None:
    """Refuse to train on nothing, and say why there is nothing."""
    if told["held_back"] and not told["corrected"] + told["unlabelled"]:
        raise ConfigError("expected corrections to learn from, but all of these few are held back; give --hold 0")
    if not told["corrected"] + told["pseudo_labelled"] + (told["unlabelled"] if pretrain else 0):
        raise ConfigError(
            f"expected corrections that are labels of the run {told['run']}, or unlabelled samples that it is sure of, "
            f"found none ({told['unlabelled']} unlabelled); correct some readings, name a folder by --unlabelled, "
            "lower --at-least, or give --pretrain"
        )


def _stored(folder: Path) -> dict[str, Any]:
    if (folder / "bundle.json").is_file():
        raise ConfigError(
            f"{folder}: expected the run folder that this bundle was exported from, got the bundle, which cannot be "
            "trained; name the folder that `demeanor train` made"
        )
    if not (folder / "run.json").is_file() or not (folder / "weights.pt").is_file():
        raise ConfigError(f"{folder}: expected a finished run (run.json, weights.pt); `demeanor train` makes one")
    found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return found


def _corrections(
    run: RunFile, root: Path, new: New, hold: float, out: Path, told: dict[str, Any], say: Say
) -> list[Sample]:  # fmt: skip
    """The corrected samples, written with their part: whole groups train, or are held back."""
    if not new.corrections:
        return []
    if not new.reviewed:
        say("corrections alone show a model its mistakes only; if all of these readings were looked at, say --reviewed")
    found = corrected(new.corrections, run.tasks, new.media, new.reviewed, _ranges(run, root))
    for file in found.foreign:
        say(f"{file.name} passed over: nothing in it is an analysis")
    for why, count in found.left_out.items():
        say(f"{count} corrected items {why} left out")
    shares = {"test": hold, "train": 1 - hold}
    samples = [replace(s, split=hashed_split(f"learn:{group_of(s)}", shares)) for s in found.samples]
    told["corrected"] = sum(s.split == "train" for s in samples)
    told["held_back"] = len(samples) - told["corrected"]
    if samples:
        write_table(out / CORRECTIONS, [corrections_row(s, out) for s in samples])
    return samples


def _ranges(run: RunFile, root: Path) -> dict[str, tuple[float, float]]:
    """What −1 and 1 of a reading's score are in the unit of the run's labels: what its training part spans."""
    scores = {
        name: task
        for name, task in run.tasks.items()
        if reads_of(name, task.label or name, task.classes or CLASSES.get(name)) == "score"
    }
    if not scores:
        return {}
    d = run.data
    samples = samples_of(d.model_dump(exclude={"name"}), root)
    parts = parts_of(samples, d.valid, d.folds, d.fold, d.fold_seed, d.by)
    train = [samples[i] for i in parts.train] + [s for s in read_more(d.also, root) if s.split == "train"]
    found = {name: targets_of(train, name, task) / task.scale for name, task in scores.items()}
    return {name: range_of(values[labelled(values)].astype(np.float64), "score") for name, values in found.items()}


def _unlabelled(new: New, known: Sequence[Sample], store: Store, out: Path, told: dict[str, Any]) -> bool:
    """Write the unlabelled samples, without what was corrected or is held back."""
    assert new.unlabelled is not None
    taken = {key for s in known for key in keys_of(s, store.files.digest)}
    found = [s for s in find_items(new.unlabelled, pair=new.pair).items if not taken & keys_of(s, store.files.digest)]
    told["unlabelled"] = len(found)
    if found:
        write_table(out / UNLABELLED, [corrections_row(replace(s, labels={}, split="train"), out) for s in found])
    return bool(found)


def corrections_row(sample: Sample, folder: Path) -> dict[str, Any]:
    """A sample as a row of a table to learn from."""
    return {**row_of(sample, folder), **{f"label_{name}": value for name, value in sample.labels.items()}}


def _pseudo_label(
    run: RunFile, before: Path, table: Path, root: Path, at_least: float, keep: bool, store: Store, say: Say
) -> int:
    """Give the samples of a table, the run's last one, the classes that the present model is sure of: how many got one.

    Numbers get none. What it is not sure of is kept only where it serves for pretraining.
    """
    prepared = prepare(run, root, store, say)
    model, prefix = lab.load(run, prepared, before), prefix_of(len(run.data.also) - 1)
    rows = [i for i in prepared.parts.train if prepared.samples[i].id.startswith(prefix)]
    sure = sure_labels(run, prepared, lab.predictions(run, prepared, model, np.array(rows, np.intp)), model, at_least)
    chosen = [
        replace(prepared.samples[i], id=prepared.samples[i].id.removeprefix(prefix), labels=labels)
        for i, labels in zip(rows, sure, strict=True)
        if labels or keep
    ]
    write_table(table, [corrections_row(s, table.parent) for s in chosen], always=("id", "text"))
    return sum(map(bool, sure))


def sure_labels(
    run: RunFile, prepared: Prepared, predicted: Predicted, model: Any, at_least: float
) -> list[dict[str, str]]:
    """Per row the label columns whose class the model is sure of, marked `pseudo`; {} where it is sure of none.

    Its probabilities are scaled on the validation part.
    """
    valid = lab.predictions(run, prepared, model, prepared.parts.valid)
    out: list[dict[str, str]] = [{} for _ in next(iter(predicted.values()))]
    for name, task in run.tasks.items():
        classes = task.classes or CLASSES.get(name)
        if classes is None:
            continue
        target = prepared.labels[name][prepared.parts.valid]
        has = scored(target)
        chances = temperature.fit(valid[name][has], target[has].argmax(1)).apply(predicted[name])
        for labels, row in zip(out, chances, strict=True):
            if row.max() >= at_least:
                labels |= {task.label or name: classes[int(row.argmax())], "pseudo": "1"}
    return out


def _going_on(
    config: Mapping[str, Any], before: Path, tables: Sequence[Path], overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """The run file of a run that goes on from another one with more to learn from."""
    place = str(before.resolve())
    data, features, training = (dict(config.get(s, {})) for s in ("data", "features", "training"))
    data["also"] = [*data.get("also", ()), *(str(t.resolve()) for t in tables)]
    features["as_in"] = place
    training = {**training, "pretrain": 0, "init_from": str(before.resolve() / "weights.pt"), **overrides}
    return {**config, "data": data, "features": features, "training": training}


def _compared(run: RunFile, prepared: Prepared, before: Path, after: Path, prefix: str) -> dict[str, Any]:
    """Both models on the validation part and on the corrections held back, and the difference of every metric."""

    def measured(predicted: Predicted, target: Predicted) -> dict[str, float]:
        return measure(run, predicted, target)

    held = [i for i, s in enumerate(prepared.samples) if s.split == "test" and s.id.startswith(prefix)]
    out = {}
    for name, part in (("valid", prepared.parts.valid), ("corrections", np.array(held, np.intp))):
        if not len(part):
            continue
        labels = {t: y[part] for t, y in prepared.labels.items()}
        models = [lab.load(run, prepared, folder) for folder in (before, after)]
        old, now = (lab.predictions(run, prepared, model, part) for model in models)
        out[name] = {"n": len(part), "metrics": differences(measured, old, now, labels, prepared.groups(part))}
    return out


def differences(
    measured: Callable[[Predicted, Predicted], dict[str, float]],
    before: Predicted,
    after: Predicted,
    labels: Predicted,
    groups: Sequence[str],
) -> dict[str, dict[str, float]]:
    """Per metric `before`, `after`, and the interval `low` to `high` of after − before over whole groups.

    Args:
        measured: metrics of predictions and labels by task.
        before: predictions by task.
        after: likewise.
        labels: likewise.
        groups: of the rows.
    """
    tasks = list(labels)

    def change(*columns: NDArray[np.float32]) -> dict[str, float]:
        parts = [dict(zip(tasks, columns[n::3], strict=True)) for n in range(3)]
        with np.errstate(invalid="ignore"):
            old, now = measured(parts[0], parts[2]), measured(parts[1], parts[2])
        return {**{f"before {k}": v for k, v in old.items()}, **{k: now[k] - old[k] for k in now}}

    columns = [column for t in tasks for column in (before[t], after[t], labels[t])]
    found = bootstrap.intervals(change, *columns, clusters=np.array(groups), n=RESAMPLES)
    return {
        name: {
            "before": (old := found[f"before {name}"].value), "after": old + i.value, "low": i.low, "high": i.high,
        }
        for name, i in found.items() if not name.startswith("before ")
    }  # fmt: skip
