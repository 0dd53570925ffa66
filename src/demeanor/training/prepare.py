"""A run file's data as arrays: samples read and divided, encoders fitted on the training part, features scaled."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.batch import CONTEXT
from demeanor.datasets._columns import number_of
from demeanor.encoders._encoder import Encoder
from demeanor.errors import ConfigError
from demeanor.features.context import in_context, preceding
from demeanor.features.digest import of, of_arrays
from demeanor.features.encode import encode_all
from demeanor.features.exported import over_time
from demeanor.features.normalise import (
    LEAST_OF_SERIES,
    LEAST_SPREAD,
    Standardiser,
    all_within_speakers,
    is_frames,
    within_speakers,
)
from demeanor.features.parts import Parts, group_of
from demeanor.features.read import encoders_of
from demeanor.features.store import Store, fitted, refuse_leak
from demeanor.training.data import Rows, example_of, inverse_frequency
from demeanor.training.runfile import Features, RunFile, Task
from demeanor.training.sources import divided, kept, restored, seen_by
from demeanor.types import EMOTIONS, POLARITIES, Sample

CLASSES = {"polarity": POLARITIES, "emotions": EMOTIONS}
"""Classes of the tasks that have a fixed set, where a run file names none."""

SECTIONS = ("data", "encoders", "features", "tasks")
"""The sections of a run file that `prepare` looks at: runs alike in them share what it makes."""

Column = list[NDArray[Any] | None]


@dataclass
class Prepared:
    """What a run trains and is measured on.

    Attributes:
        samples: all of the data set.
        parts: their row numbers by part.
        columns: per modality one array per sample, None where it lacks the modality.
        encoders: fitted.
        scales: per modality of frames its standardiser, fitted on the training part.
        labels: per task (N,) or (N, classes), NaN where a sample has none.
        fitted_on: ids of the samples that encoders and scales were fitted on; None where a run that they were taken
            from does not say.
        raw_steps: per modality steps of the longest training sample as its encoder gives it, neither cut nor averaged.
        own: `TASK_MODALITY` → labels of one modality alone, where the data set has them: shaped as the task's. They
            are no tasks; a model may teach a modality's own head by them.
    """

    samples: list[Sample]
    parts: Parts
    columns: dict[str, Column]
    encoders: dict[str, Encoder]
    scales: dict[str, Standardiser]
    labels: dict[str, NDArray[np.float32]]
    fitted_on: tuple[str, ...] | None = None
    raw_steps: dict[str, int] = field(default_factory=dict)
    own: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def dims(self) -> dict[str, int]:
        """Width of a step per modality of frames; 0 for token ids, channels for pictures."""
        out = {}
        for modality, column in self.columns.items():
            first = next(x for x in column if x is not None)
            out[modality] = first.shape[1] if first.ndim == 2 else first.shape[0] if first.ndim == 3 else 0
        return out

    def groups(self, rows: NDArray[np.intp]) -> list[str]:
        """Video, speaker or duplicate group of those rows: what intervals are bootstrapped over."""
        return [group_of(self.samples[i]) for i in rows]

    def digest(self) -> str:
        """sha256 of what weights were learned from and chosen by: ids and labels of both parts, in their order."""
        parts = [self.parts.train, self.parts.valid]
        labels = {task: y[np.concatenate(parts)] for task, y in self.labels.items()}
        return of({"ids": [[self.samples[i].id for i in part] for part in parts], "labels": of_arrays(labels)})

    def rows(self, part: NDArray[np.intp], tasks: Mapping[str, Task] | None = None) -> Rows:
        """One part as the loop takes it; `tasks`, given for training, weigh the rows and bring `own` labels."""
        labels = {task: y[part] for task, y in self.labels.items()}
        weight = np.ones(len(part), np.float32)
        for name, task in (tasks or {}).items():
            if task.balance and labels[name].ndim == 2:
                has = labelled(labels[name])
                weight[has] *= inverse_frequency(labels[name][has], task.balance)
        weight /= weight.mean()
        if tasks:
            labels |= {name: y[part] for name, y in self.own.items()}
        values = {m: [column[i] for i in part] for m, column in self.columns.items()}
        # Of all parts: one that misses a modality altogether still has to know its width.
        examples = {m: x for m, column in self.columns.items() if (x := example_of(column)) is not None}
        return Rows(values, labels, weight, self.groups(part), shapes=examples)


def prepare(run: RunFile, root: Path, store: Store | None = None, say: Callable[[str], None] = print) -> Prepared:
    """Read, divide, encode and scale.

    Args:
        run: the checked run file.
        root: the folder that `data.root` is relative to.
        store: of features; default the user's.
        say: where progress lines go.

    Raises:
        ConfigError: a part or a label is empty, a label is none of the classes, or a fitted encoder or scale has seen
            what it must not.
        DataError: the data set is not there.
    """
    store = store or Store()
    samples, parts, own = divided(run.data, root, store, say)
    held = {samples[i].id for i in (*parts.valid, *parts.test)}
    before = None if run.features.as_in is None else Path(run.features.as_in)
    labels = {name: targets_of(samples, name, task) for name, task in run.tasks.items()}
    _refuse_unlabelled(labels, parts)
    read = encoders_of(run.encoders, root)
    known = {} if before is None else _scales_of(kept(before, "features.npz"))
    seen = () if before is None else seen_by(before, say)
    if any(e.learns for e in read.values()) or (known and run.features.normalise != "none"):
        _refuse_seen(before, seen or (), held)
    columns: dict[str, Column] = {}
    encoders: dict[str, Encoder] = {}
    for modality, encoder in read.items():
        ids: Sequence[str] = ()
        if encoder.learns and before is not None:
            encoder, ids = restored(encoder, modality, before, seen, [samples[i].id for i in own])
        elif encoder.learns:
            encoder, ids = fitted(encoder, [samples[i] for i in parts.train], store)
            refuse_leak(ids, held)
        encoders[modality] = encoder
        columns[modality] = list(encode_all(samples, encoder, store, fitted_ids=ids))
        say(f"{modality}: {sum(x is not None for x in columns[modality])} of {len(samples)} samples encoded")
    raw = {m: max((len(x) for i in parts.train if (x := c[i]) is not None), default=0) for m, c in columns.items()}
    series = {m for m, settings in run.encoders.items() if settings["name"] == "series"}
    scales = _shape(columns, run.features, samples, parts, known, series)
    if seen is not None and (set(scales) - set(known) or (before is None and any(e.learns for e in read.values()))):
        seen = tuple(sorted({*seen, *(samples[i].id for i in parts.train)}))
    return Prepared(samples, parts, columns, encoders, scales, labels, seen, raw, _own_labels(samples, run))


LEARNED = "data.json"
"""In a run folder: the digest of the data that its weights learned from."""


def refuse_other_data(folder: Path, prepared: Prepared) -> None:
    """Weights are gone on with, and judged, only beside the data that they learned from.

    A folder that does not say what that was is taken as it is: runs were saved without it once.

    Raises:
        ConfigError: the training or validation part has other samples or labels now.
    """
    path = folder / LEARNED
    if path.is_file() and json.loads(path.read_text(encoding="utf-8"))["sha256"] != prepared.digest():
        raise ConfigError(
            f"expected the training and validation samples, and their labels, that {folder} learned from, got others; "
            "give the data as they were (--data), or train on these in another folder"
        )


def _refuse_seen(folder: Path | None, seen: Sequence[str], held: Set[str]) -> None:
    """Refuse encoders and scales of an earlier run that were fitted on what this one holds back."""
    if both := sorted(held & set(seen)):
        raise ConfigError(
            f"features.as_in: expected a run fitted on none of this run's validation and test samples, got {folder}, "
            f"fitted on {len(both)} of them ({', '.join(both[:5])}{' …' * (len(both) > 5)}); divide the data as that "
            "run did, leave as_in out, or, where these are other samples of the same name, give them other ids"
        )


def _scales_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Standardiser]:
    names = dict.fromkeys(key.split("/")[0] for key in arrays)
    return {m: Standardiser.restore({k: arrays[f"{m}/{k}"] for k in ("mean", "spread")}) for m in names}


def _shape(
    columns: dict[str, Column], features: Features, samples: Sequence[Sample], parts: Parts,
    known: Mapping[str, Standardiser], series: Set[str],
) -> dict[str, Standardiser]:  # fmt: skip
    """Cut, average, scale and put into context, in place; `NAME_context` are columns of their own.

    Scales that are `known` are taken as they are, where features are scaled at all. `series` are the modalities in
    units of the user's own.
    """
    reaches = features.context if isinstance(features.context, dict) else {}
    for setting, names in (
        ("longest", features.longest),
        ("mean", features.mean),
        ("moments", features.moments),
        ("per_speaker", features.per_speaker),
        ("context", reaches),
        ("before", features.before),
    ):
        for name in names:
            if name not in columns:
                raise ConfigError(f"features.{setting}: unknown modality '{name}'; encoders are {', '.join(columns)}")
    scales: dict[str, Standardiser] = {} if features.normalise == "none" else dict(known)
    said: dict[str, Column] = {}
    for modality, column in columns.items():
        if all(x is None for x in column):
            raise ConfigError(f"no sample has the modality '{modality}'; leave its encoder out")
        if all(column[i] is None for i in parts.train):
            raise ConfigError(
                f"expected training samples with the modality '{modality}', got {len(parts.train)} without; "
                "leave its encoder out, or give some of its samples to the training part"
            )
        column = [None if x is None else x[: features.longest.get(modality)] for x in column]
        if all(x is None or is_frames(x) for x in column):
            least = LEAST_OF_SERIES if modality in series else LEAST_SPREAD
            column = shape_frames(column, modality, features, parts, scales, [s.speaker for s in samples], least)
            if count := features.before.get(modality):
                said[modality + CONTEXT] = preceding(column, samples, count)
            if reach := features.reach(modality):
                column = list(in_context(column, samples, reach))
        columns[modality] = column
    # Where no training sample was preceded by another, nothing could be learned of what was said before.
    columns |= {name: column for name, column in said.items() if any(column[i] is not None for i in parts.train)}
    return scales


def shape_frames(
    column: Column, modality: str, features: Features, parts: Parts, scales: dict[str, Standardiser],
    speakers: Sequence[str | None] = (), least: float = LEAST_SPREAD,
) -> Column:  # fmt: skip
    """Mean (and spread) over time where asked, then scaled: as `scales` says, else by the training part, left there."""
    mean, moments = modality in features.mean, modality in features.moments
    column = [None if x is None else over_time(x, mean, moments) for x in column]
    if modality in features.per_speaker:
        column = list(within_speakers(column, speakers, least))
        if all_within_speakers(column, speakers):
            least = LEAST_SPREAD  # units are the speakers' own spreads now, and what is smaller is left of constants
    if features.normalise == "none":
        return column
    scale = scales.setdefault(modality, Standardiser.fit([column[i] for i in parts.train], least))
    return [None if x is None else scale.apply(x) for x in column]


def targets_of(samples: Sequence[Sample], name: str, task: Task) -> NDArray[np.float32]:
    """(N,) numbers or (N, classes) distributions; NaN where a sample has no such label.

    Several classes in a cell, separated by commas, share the mass. A label that the task ignores counts as none, and
    so does "nan" where that is no class.

    Raises:
        ConfigError: a label outside the classes, or none that is a number where the task has no classes.
    """
    key = task.label or name
    classes = task.classes or CLASSES.get(name)
    if classes is None:
        return np.array([_number(s.labels.get(key), name) * task.scale for s in samples], np.float32)
    said = [_names(s.labels.get(key), (*classes, *task.ignore)) for s in samples]
    _refuse_unknown(Counter(n for names in said for n in names), name, task, classes)
    out = np.full((len(samples), len(classes)), np.nan, np.float32)
    for row, names in enumerate(said):
        known = [n for n in names if n in classes]
        if known:
            out[row] = 0
            for n in known:
                out[row, classes.index(n)] = 1 / len(known)
    return out


def _own_labels(samples: Sequence[Sample], run: RunFile) -> dict[str, NDArray[np.float32]]:
    """What a data set says of one modality alone, as CH-SIMS does: see `Prepared.own`."""
    out = {}
    for task, settings in run.tasks.items():
        for modality in run.encoders:
            name, label = f"{task}_{modality}", f"{settings.label or task}_{modality}"
            if name not in run.tasks and any(label in s.labels for s in samples):
                alone = settings.model_copy(update={"label": label, "classes": settings.classes or CLASSES.get(task)})
                out[name] = targets_of(samples, name, alone)
    return out


def _number(label: float | str | None, task: str) -> float:
    try:
        return float(np.nan if label in (None, "") else label)
    except ValueError:
        raise ConfigError(
            f"tasks.{task}: expected numbers, got the label '{label}'; name the classes: classes = [\"{label}\", …]"
        ) from None


def _names(label: float | str | None, known: Sequence[str]) -> list[str]:
    """The classes of a cell; none of an empty one. What is no class is that of the same number: 1 is "1.0"."""
    if label is None:
        return []
    names = [n for part in str(label).split(",") if (n := part.strip())]
    numbers: dict[float | None, str] = {number: n for n in reversed(known) if (number := number_of(n)) is not None}
    return [n if n in known else numbers.get(number_of(n), n) for n in names if n in known or n.lower() != "nan"]


def _refuse_unknown(found: Counter[str], name: str, task: Task, classes: Sequence[str]) -> None:
    """Labels outside the classes would cost their samples silently."""
    unknown = [(n, count) for n, count in found.most_common() if n not in classes and n not in task.ignore]
    if not unknown:
        return
    told = ", ".join(f"'{n}' ({count} sample{'s' * (count > 1)})" for n, count in unknown[:8])
    idle = [c for c in classes if c not in found]
    alike = [(n, count, m[0]) for n, count in unknown if (m := difflib.get_close_matches(n, classes, 1))]
    # A class that no sample has is the slip, beside a label that several have.
    near = dict.fromkeys(n if c in idle and count > 1 else c for n, count, c in alike)
    ignored = json.dumps([n for n, _ in unknown[:8]], ensure_ascii=False)
    raise ConfigError(
        f"tasks.{name}: expected labels among {', '.join(classes)}, got {told}{' …' * (len(unknown) > 8)}"
        + (f"; no sample has {', '.join(idle)}" if idle else "")
        + (f"; did you mean {' or '.join(near)}?" if near else "")
        + f"; mend classes, or leave such samples out: ignore = {ignored}"
    )


def labelled(target: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) which rows carry a label."""
    has: NDArray[np.bool_] = ~np.isnan(target if target.ndim == 1 else target.sum(1))
    return has


def scored(target: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) which rows a figure of one label a row is of: those with a number, or with one class above all others."""
    if target.ndim == 1:
        return labelled(target)
    one: NDArray[np.bool_] = (target == target.max(1, keepdims=True)).sum(1) == 1
    return one


def _refuse_unlabelled(labels: Mapping[str, NDArray[np.float32]], parts: Parts) -> None:
    for task, target in labels.items():
        for part in ("train", "valid"):
            if not labelled(target[getattr(parts, part)]).any():
                raise ConfigError(
                    f"tasks.{task}: expected labels in the {part} part, found none; see tasks.{task}.label"
                )
