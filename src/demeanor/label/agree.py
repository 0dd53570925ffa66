"""Where raters agree, where they do not, and what follows from all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.label.store import LabelStore, Mark, joined
from demeanor.label.task import Task
from demeanor.metrics.agreement import Level, alpha_interval
from demeanor.metrics.bootstrap import Interval
from demeanor.report.corrections import polarity_of
from demeanor.types import EMOTIONS, POLARITIES

_ONE_STEP = 1 / 3 + 1e-3
"""Scores that lie one step apart, of the seven there are, are no disagreement."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Krippendorff's α of one label: `items` with two ratings or more, `ratings` in all of them."""

    label: str
    level: Level
    alpha: Interval
    items: int
    ratings: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """An item on which raters disagree: 0 … 1, the mean distance of two raters."""

    item: str
    disagreement: float
    marks: Mapping[str, Mark]


def agreement(task: Task, store: LabelStore, *, n: int = 2000, seed: int = 0) -> list[Agreement]:
    """α of every label with its 95 % interval over groups of items (films, threads).

    The score at interval and ordinal level, polarity at nominal and ordinal, emotions as whole sets and one by one.
    Decisions are no ratings. A label that no item has twice is left out.
    """
    marks = store.by_rater()
    groups = np.array([item.group or item.id for item in task.items])
    found = []
    for label, level, value in _views(task, marks):
        ratings = _ratings(task, marks, value)
        twice = (~np.isnan(ratings)).sum(axis=1) > 1
        if twice.any():
            alpha = alpha_interval(ratings[twice], level, clusters=groups[twice], n=n, seed=seed)
            found.append(Agreement(label, level, alpha, int(twice.sum()), int((~np.isnan(ratings[twice])).sum())))
    return found


def disputes(task: Task, store: LabelStore) -> list[Dispute]:
    """Items that are worth a decision, the worst first; those decided already are in it too.

    Two raters differ where their scores are more than a step apart, their polarities differ (where one of them gave no
    score), or their emotions have none in common.
    """
    everyone = store.by_rater()
    found = []
    for item in task.items:
        marks = {rater: given[item.id] for rater, given in everyone.items() if item.id in given}
        apart = disagreement(list(marks.values()))
        if apart and any(_differ(a, b) for a, b in combinations(marks.values(), 2)):
            found.append(Dispute(item.id, apart, marks))
    return sorted(found, key=lambda d: -d.disagreement)


def disagreement(marks: Sequence[Mark]) -> float | None:
    """Mean distance of two raters over the labels both gave, 0 … 1; None where no two can be compared.

    Scores are |a − b| / 2 apart, polarities 0 or 1, sets of emotions 1 − what they share of what they name together.
    """
    apart = [d for a, b in combinations(marks, 2) for d in _distances(a, b)]
    return sum(apart) / len(apart) if apart else None


def settled(marks: Sequence[Mark], decision: Mark | None = None) -> dict[str, Any]:
    """One label from several: what the raters say together, and laid over it what was decided, if anything.

    The score is the mean; a polarity or an emotion needs more than half of those who gave any, or there is none
    (but scores no more than a step apart lend the polarity the sign of their mean). Of a decision that nobody can tell
    nothing follows.
    """
    if decision is not None:
        if decision.skipped:
            return {}
        said, base = settled([decision]), settled(marks)
        if "polarity" in said and "score" not in said:
            base.pop("score", None)  # theirs is of what was overruled
        return joined(base, said)
    out: dict[str, Any] = {}
    if scores := [m.score for m in marks if m.score is not None]:
        out["score"] = round(sum(scores) / len(scores), 6) + 0.0
    if classes := [m.polarity for m in marks if m.polarity is not None]:
        top, times = Counter(classes).most_common(1)[0]
        if 2 * times > len(classes):
            out["polarity"] = top
        elif len(scores) == len(classes) and max(scores) - min(scores) <= _ONE_STEP:
            out["polarity"] = polarity_of(out["score"])
    if sets := [m.emotions for m in marks if m.emotions is not None]:
        agreed = [e for e in EMOTIONS if 2 * sum(e in s for s in sets) > len(sets)]
        out |= {"emotions": agreed} if agreed else {}
    return out


def _views(
    task: Task, marks: Mapping[str, Mapping[str, Mark]]
) -> list[tuple[str, Level, Callable[[Mark], float | None]]]:
    """What α is computed of: name, level, and a mark as a number."""
    views: list[tuple[str, Level, Callable[[Mark], float | None]]] = []
    if "score" in task.asked:
        views += [("score", "interval", lambda m: m.score), ("score", "ordinal", lambda m: m.score)]
    if {"score", "polarity"} & set(task.asked):
        views += [("polarity", "nominal", _polarity), ("polarity", "ordinal", _polarity)]
    if "emotions" in task.asked:
        sets = {m.emotions for given in marks.values() for m in given.values()} - {None}
        code = {one: float(number) for number, one in enumerate(sorted(sets, key=lambda s: sorted(s or ())))}
        views.append(("emotions", "nominal", lambda m: code.get(m.emotions)))
        used = [e for e in EMOTIONS if any(e in (s or ()) for s in sets)]
        views += [(e, "nominal", _has(e)) for e in used]
    return views


def _polarity(mark: Mark) -> float | None:
    return None if mark.polarity is None else float(POLARITIES.index(mark.polarity))


def _has(emotion: str) -> Callable[[Mark], float | None]:
    return lambda m: None if m.emotions is None else float(emotion in m.emotions)


def _ratings(
    task: Task, marks: Mapping[str, Mapping[str, Mark]], value: Callable[[Mark], float | None]
) -> NDArray[np.float64]:
    """(items, raters), nan where there is none."""
    rows = [[value(given[i.id]) if i.id in given else None for given in marks.values()] for i in task.items]
    return np.array(rows, dtype=np.float64).reshape(len(task.items), len(marks))


def _distances(a: Mark, b: Mark) -> list[float]:
    out = []
    if a.score is not None and b.score is not None:
        out.append(abs(a.score - b.score) / 2)
    elif a.polarity is not None and b.polarity is not None:
        out.append(float(a.polarity != b.polarity))
    if a.emotions is not None and b.emotions is not None:
        out.append(1 - len(a.emotions & b.emotions) / len(a.emotions | b.emotions))
    return out


def _differ(a: Mark, b: Mark) -> bool:
    if a.score is not None and b.score is not None:
        if abs(a.score - b.score) > _ONE_STEP:
            return True
    elif a.polarity and b.polarity and a.polarity != b.polarity:
        return True
    return a.emotions is not None and b.emotions is not None and not a.emotions & b.emotions
