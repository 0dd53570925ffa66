"""Labels → a table to learn from: those of raters, and those that a reader is sure of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demeanor.datasets._columns import groups_of, split_of
from demeanor.datasets._groups import hashed_split
from demeanor.errors import ConfigError
from demeanor.features.more import keys_of
from demeanor.label.agree import Dispute, disagreement, settled
from demeanor.label.store import LabelStore, Mark
from demeanor.label.task import Task, row_of, write_table
from demeanor.report.corrections import same_side
from demeanor.types import Sample

_SHARES = {"train": 0.7, "valid": 0.1, "test": 0.2}
"""How a run divides a table without any split, by hash of the group (`features/parts.py`)."""
_SEALED = ("valid", "test")


@dataclass(frozen=True, slots=True)
class Exported:
    """How many rows were written, and how many items were left out, by why."""

    rows: int
    left_out: Mapping[str, int]


def export(task: Task, store: LabelStore, out: Path, *, min_agreement: float = 0.0) -> Exported:
    """Write a table that the data set `table` and `demeanor batch` read.

    One row per item with a label: the standard columns, `label_score`, `label_polarity`, `label_emotions`,
    `label_raters` (how many rated it), `label_agreement` (0 … 1, empty for a single rater) and `label_decided`
    (1 where a deciding rater settled it). Media are relative to the table.

    Args:
        task: the task.
        store: its labels.
        out: a .csv.
        min_agreement: items below it that nobody decided are left out.

    Raises:
        ConfigError: nothing is labelled, or `out` is no place to write to.
    """
    everyone, decisions = store.by_rater(), store.decisions()
    rows: list[dict[str, Any]] = []
    left = {"without a label": 0, "in disagreement": 0}
    for item in task.items:
        marks = [given[item.id] for given in everyone.values() if item.id in given]
        decision = decisions.get(item.id)
        apart = disagreement(marks)
        labels = settled(marks, decision)
        if not labels:
            left["in disagreement" if apart and not decision else "without a label"] += 1
        elif decision is None and apart is not None and 1 - apart < min_agreement:
            left["in disagreement"] += 1
        else:
            rows.append({**row_of(item, out.parent), **_label_columns(labels, marks, apart, decision)})
    return _written(out, rows, left, "label some items first")


def pseudo(
    items: Sequence[Sample], readings: Mapping[str, Mapping[str, Any]], out: Path, *, at_least: float = 0.9,
    folder: Path = Path(),
) -> Exported:  # fmt: skip
    """Write what a reader is sure of as labels for training, marked as such: `label_pseudo` is 1.

    Rows get the split `train`. What belongs to the validation or test part, or shares its group (film, speaker, file,
    equal text) with something there, gets no such label, so that nothing is ever measured on them; where no sample
    has a split, the parts are those that a run would divide the samples into. What the reader abstains from gets none.

    Args:
        items: what was read.
        readings: analyses by id.
        out: a .csv.
        at_least: least confidence, the calibrated probability that the polarity is right; the emotion is added
            where its own probability reaches it too.
        folder: where the table of the items lies.

    Raises:
        ConfigError: `at_least` is no probability, or nothing is left to write.
        DataError: a split that no part is called by.
    """
    if not 0 < at_least <= 1:
        raise ConfigError(f"expected a confidence in (0, 1], got {at_least}; 0.9 is usual")
    named = [split_of(item.split or "", f"item {item.id}") for item in items]
    groups = groups_of(items, folder)
    keys = [_keys(item, group) for item, group in zip(items, groups, strict=True)]
    parts = named if any(named) else [hashed_split(group, _SHARES) for group in groups]
    sealed = {key for part, own in zip(parts, keys, strict=True) if part in _SEALED for key in own}
    rows: list[dict[str, Any]] = []
    left = {"of the validation or test part": 0, "not read": 0, "not sure enough": 0}
    for item, own in zip(items, keys, strict=True):
        reading = readings.get(item.id)
        if sealed & own:
            left["of the validation or test part"] += 1
        elif reading is None:
            left["not read"] += 1
        elif labels := _sure(reading, at_least):
            rows.append({**row_of(item, out.parent), "split": "train", **labels})
        else:
            left["not sure enough"] += 1
    return _written(out, rows, left, "read more, or lower --at-least")


def write_disputes(task: Task, found: Sequence[Dispute], out: Path) -> None:
    """Write the items in disagreement for a spreadsheet: what each rater said, and empty columns for the decision.

    The columns of the raters begin with `label_by_`, so that the table is a table as any other.
    """
    items = {item.id: item for item in task.items}
    empty = [f"label_{name}" for name in task.asked]
    rows = [
        {
            **row_of(items[d.item], out.parent),
            **dict.fromkeys(empty, ""),
            "label_disagreement": round(d.disagreement, 4),
            **{f"label_by_{rater}": _in_words(mark) for rater, mark in d.marks.items()},
        }
        for d in found
    ]
    write_table(out, rows, always=empty)


def _in_words(mark: Mark) -> str:
    said = [str(mark.values[name]) for name in ("score", "polarity") if name in mark.values]
    return " ".join([*said, *mark.values.get("emotions", ())]) or "cannot tell"


def _written(out: Path, rows: list[dict[str, Any]], left: Mapping[str, int], hint: str) -> Exported:
    why = {reason: n for reason, n in left.items() if n}
    if not rows:
        said = ", ".join(f"{n} {reason}" for reason, n in why.items()) or "no items"
        raise ConfigError(f"{out.name}: expected labels to write, got none ({said}); {hint}")
    write_table(out, rows)
    return Exported(len(rows), why)


def _label_columns(
    labels: Mapping[str, Any], marks: Sequence[Mark], apart: float | None, decision: Mark | None
) -> dict[str, Any]:
    return {
        "label_score": labels.get("score"),
        "label_polarity": labels.get("polarity"),
        "label_emotions": ",".join(labels.get("emotions", ())),
        "label_raters": sum(not m.skipped for m in marks),
        "label_agreement": None if apart is None else round(1 - apart, 4),
        "label_decided": 1 if decision else None,
    }


def _sure(reading: Mapping[str, Any], at_least: float) -> dict[str, Any]:
    """The labels of a reading that is sure of its polarity, else nothing."""
    said, confidence = reading.get("sentiment"), reading.get("confidence")
    if not said or reading.get("abstain") or confidence is None or confidence < at_least:
        return {}
    labels = {"label_score": said["score"], "label_polarity": said["label"]}
    if not same_side(said["label"], said["score"]):
        del labels["label_score"]  # a score on the other side of its class would teach both
    emotions = reading.get("emotions") or {}
    top = max(emotions, key=lambda e: float(emotions[e]), default=None)
    if top is not None and emotions[top] >= at_least:
        labels["label_emotions"] = top
    return {**labels, "label_pseudo": 1, "label_confidence": confidence}


def _keys(item: Sample, group: str) -> set[str]:
    """What makes two items the same thing: the group, the text, the file."""
    return {f"group {group}"} | keys_of(item, lambda path: str(path.resolve()))
