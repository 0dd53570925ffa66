"""Labels given elsewhere, taken into a task: another copy of it, a spreadsheet, corrections in analyses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demeanor.datasets import table
from demeanor.errors import ConfigError, DemeanorError
from demeanor.label.analyses import corrected_labels, read_analyses
from demeanor.label.store import LabelStore, Mark, Values, checked, joined
from demeanor.types import Sample


@dataclass(frozen=True, slots=True)
class Taken:
    """How many labels came in, and how many were strange – of no item here, not asked, or impossible – or known."""

    new: int
    strange: int
    known: int


@dataclass(frozen=True, slots=True)
class _Given:
    rater: str
    item: str
    values: Values
    at: str | None = None
    skipped: bool = False
    decides: bool = False
    whole: bool = False  # all this rater says of the item, not a part of it


def take(store: LabelStore, source: Path, rater: str | None = None, *, decides: bool = False) -> Taken:
    """Take labels in. What is there already is not taken twice.

    Args:
        store: of the task.
        source: `labels.jsonl` of a copy of the task (each rater's last word); analyses with `corrections`
            (whoever corrected is the rater); or a table with `label_…` columns, whose ids are items.
        rater: whose labels they are, for a table; else as the file says.
        decides: they settle disagreements.

    Raises:
        ConfigError: the source is none of these, or a table comes without a rater.
    """
    if not source.is_file():
        raise ConfigError(f"{source}: expected labels, analyses or a table, found nothing there; check the path")
    given = _given(store, source, rater, decides)
    if not given:
        raise ConfigError(
            f"{source.name}: expected labels.jsonl of a task, analyses with corrections, or a table with label_score, "
            "label_polarity or label_emotions; found no label in it"
        )
    new = strange = known = 0
    for every in given:
        one = replace(every, values=_asked(every.values, store.asked))
        if len(one.values) < len(every.values):
            strange += 1
            if not one.values:
                continue
        try:
            before = store.marks(one.rater, one.decides).get(one.item)
            if before is not None and (_same(before, one) or (one.at or "~") <= (before.at or "")):
                known += 1
                continue
            values = one.values if one.whole else joined(before.values if before else {}, one.values)
            store.add(one.rater, one.item, values, skipped=one.skipped, decides=one.decides, at=one.at)
            new += 1
        except DemeanorError:
            strange += 1
    return Taken(new, strange, known)


def _asked(values: Values, asked: Sequence[str]) -> Values:
    """The labels that a task asks: a score says the polarity, so that each of the two answers for the other."""
    sentiment = ("score", "polarity")
    wanted = {*asked, *(sentiment if set(sentiment) & set(asked) else ())}
    return {name: value for name, value in values.items() if name in wanted}


def _given(store: LabelStore, source: Path, rater: str | None, decides: bool) -> list[_Given]:
    if source.suffix.lower() == ".jsonl" and (copy := _copy_of(store, source)):
        return copy
    analyses = read_analyses(source)
    if analyses is not None:
        return list(_of_corrections(analyses.items, rater, decides))
    if rater is None:
        raise ConfigError(f"{source.name}: expected the name of who labelled this table; say --rater NAME")
    return list(_of_table(table.read(source), rater, decides))


def _same(before: Mark, one: _Given) -> bool:
    said = checked(one.values)
    same = before.values == said if one.whole else joined(before.values, said) == before.values
    return before.skipped == one.skipped and same


def _copy_of(store: LabelStore, source: Path) -> list[_Given]:
    """Each rater's last word in a file of the same form; empty if it has another."""
    names = set()
    for line in source.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            said = json.loads(line)
            if isinstance(said, dict) and "rater" in said and "item" in said:
                names.add(str(said["item"]))
        except ValueError:
            continue
    other = LabelStore(source, names, store.asked)
    return [
        _Given(rater, item, mark.values, mark.at, mark.skipped, role, whole=True)
        for role in (False, True)
        for rater in other.raters(role)
        for item, mark in other.marks(rater, role).items()
    ]


def _of_corrections(analyses: Iterable[Mapping[str, Any]], rater: str | None, decides: bool) -> Iterator[_Given]:
    """Corrections of one item by one user make one label, later ones in place of earlier ones."""
    together: dict[tuple[str, str], tuple[dict[str, Any], str | None]] = {}
    for analysis in analyses:
        for c in sorted(corrected_labels(analysis), key=lambda c: c.at or ""):
            values, _ = together.get((rater or c.by, c.item), ({}, None))
            together[rater or c.by, c.item] = (joined(values, {c.name: c.value}), c.at)
    for (name, item), (values, at) in together.items():
        yield _Given(name, item, values, at, decides=decides)


def _of_table(samples: Iterable[Sample], rater: str, decides: bool) -> Iterator[_Given]:
    for sample in samples:
        values: dict[str, Any] = {n: sample.labels[n] for n in ("score", "polarity") if n in sample.labels}
        if "emotions" in sample.labels:
            values["emotions"] = str(sample.labels["emotions"]).split(",")
        if values:
            yield _Given(rater, sample.id, values, decides=decides)
