"""Labels given elsewhere, taken into a task: another copy of it, a spreadsheet, corrections in analyses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demeanor.datasets import table
from demeanor.errors import ConfigError, DemeanorError
from demeanor.label.analyses import corrected_labels, other_place, read_analyses
from demeanor.label.store import LONG_AGO, LabelStore, Mark, Values, checked, joined, moment
from demeanor.types import Sample


@dataclass(frozen=True, slots=True)
class Taken:
    """How many labels came in, and how many were strange – of no item here, not asked, or impossible – or known.

    `damaged` lines of a copy could not be read.
    """

    new: int
    strange: int
    known: int
    damaged: int = 0


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
        rater: whose labels they are, for a table; whose corrections, where not as the analyses say. A copy says it.
        decides: they settle disagreements. A copy says which ones do.

    Raises:
        ConfigError: the source is none of these, a table comes without a rater, or a copy with one or as decisions.
    """
    if not source.is_file():
        raise ConfigError(f"{source}: expected labels, analyses or a table, found nothing there; check the path")
    given, damaged = _given(store, source, rater, decides)
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
            if (said := _together(store, one)) is None:
                known += 1
                continue
            store.add(one.rater, one.item, said.values, skipped=said.skipped, decides=one.decides, at=said.at)
            new += 1
        except DemeanorError:
            strange += 1
    return Taken(new, strange, known, damaged)


def _together(store: LabelStore, one: _Given) -> Mark | None:
    """What a rater says of an item with what is taken in; None if that is known, or overruled by a later word."""
    before = store.marks(one.rater, one.decides).get(one.item)
    given = Mark(one.values, one.skipped, one.at)
    if before is None:
        return given
    if _same(before, one):
        return None
    if one.at is None or given.moment > before.moment:
        return given if one.whole else replace(given, values=joined(before.values, one.values))
    # An earlier word on something else adds to the later one, once: what was changed since is not brought back.
    since = [m for m in store.history(one.rater, one.item, one.decides) if m.moment >= given.moment]
    added = Mark(joined(checked(one.values), before.values), at=before.at)
    overruled = one.whole or one.skipped or before.skipped or added.values == before.values
    return None if overruled or any(_same(m, one) for m in since) else added


def _asked(values: Values, asked: Sequence[str]) -> Values:
    """The labels that a task asks: a score says the polarity, so that each of the two answers for the other."""
    sentiment = ("score", "polarity")
    wanted = {*asked, *(sentiment if set(sentiment) & set(asked) else ())}
    return {name: value for name, value in values.items() if name in wanted}


def _given(store: LabelStore, source: Path, rater: str | None, decides: bool) -> tuple[list[_Given], int]:
    """The labels in a source; how many lines of a copy could not be read."""
    if source.suffix.lower() == ".jsonl" and (copy := _copy_of(store, source))[0]:
        if rater is not None or decides:
            raise ConfigError(
                f"{source.name}: expected a copy's labels as they are, since it says who gave them and which ones "
                "decide, got --rater or --decides; leave them out"
            )
        return copy
    analyses = read_analyses(source)
    if analyses is not None:
        return list(_of_corrections(store, analyses.items, rater, decides)), 0
    if rater is None:
        raise ConfigError(f"{source.name}: expected the name of who labelled this table; say --rater NAME")
    return list(_of_table(table.read(source), rater, decides)), 0


def _same(before: Mark, one: _Given) -> bool:
    said = checked(one.values)
    same = before.values == said if one.whole else joined(before.values, said) == before.values
    return before.skipped == one.skipped and same


def _copy_of(store: LabelStore, source: Path) -> tuple[list[_Given], int]:
    """Each rater's last word in a file of the same form, none if it has another; how many lines could not be read."""
    names = set()
    for line in source.read_text(encoding="utf-8-sig", errors="replace").split("\n"):
        try:
            said = json.loads(line)
            if isinstance(said, dict) and "rater" in said and "item" in said:
                names.add(str(said["item"]))
        except ValueError:
            continue
    other = LabelStore(source, names, store.asked)
    given = [
        _Given(rater, item, mark.values, mark.at, mark.skipped, role, whole=True)
        for role in (False, True)
        for rater in other.raters(role)
        for item, mark in other.marks(rater, role).items()
    ]
    return given, other.damaged


def _of_corrections(
    store: LabelStore, analyses: Iterable[Mapping[str, Any]], rater: str | None, decides: bool
) -> Iterator[_Given]:
    """Corrections of one item by one user make one label, later ones in place of earlier ones."""
    together: dict[tuple[str, str], tuple[dict[str, Any], str | None]] = {}
    for analysis in analyses:
        for c in sorted(corrected_labels(analysis), key=lambda c: moment(c.at) or LONG_AGO):
            item = c.item if c.item in store else other_place(analysis, c.item)
            values, _ = together.get((rater or c.by, item), ({}, None))
            together[rater or c.by, item] = (joined(values, {c.name: c.value}), c.at if moment(c.at) else None)
    for (name, item), (values, at) in together.items():
        yield _Given(name, item, values, at, decides=decides)


def _of_table(samples: Iterable[Sample], rater: str, decides: bool) -> Iterator[_Given]:
    for sample in samples:
        values: dict[str, Any] = {n: sample.labels[n] for n in ("score", "polarity") if n in sample.labels}
        if "emotions" in sample.labels:
            values["emotions"] = str(sample.labels["emotions"]).split(",")
        if values:
            yield _Given(rater, sample.id, values, decides=decides)
