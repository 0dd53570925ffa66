"""From a fused model's numbers to readings: calibrated, in the words of an analysis and in the model's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erf, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from demeanor.calibration.conformal import Conformal
from demeanor.calibration.dimensions import from_emotions
from demeanor.calibration.pool import agree, shapley
from demeanor.calibration.temperature import Temperature
from demeanor.features.described import Described, TaskPart
from demeanor.features.meaning import sums
from demeanor.reader.joint import Numbers, Present
from demeanor.types import EMOTIONS, POLARITIES, Dimensions, Reading, Sentiment, Sets

ENOUGH = 30
"""Labelled validation rows from which a set of cues counts as verified."""

_NEUTRAL = 1 / 6
"""Scores up to here are the middle one of MOSI's seven steps."""

_LEAST_SPREAD = 0.05
_UNMEASURED = 1 / sqrt(3)
"""Spread of the errors of a bundle that does not know them: that of numbers drawn evenly from [-1, 1]."""

_DIMENSIONS = ("valence", "arousal", "dominance")

Own = dict[str, float | dict[str, float]]


@dataclass(frozen=True, slots=True)
class Said:
    """What the model says of one set of modalities: per task a number in the labels' unit, or probabilities.

    `key` names the set (`audio+text`); empty for what is no answer of the model but a mean.
    """

    tasks: Mapping[str, NDArray[np.float64]]
    verified: bool = False
    key: str = ""


def said_of(spec: Described, numbers: Numbers, present: Present) -> Said:
    """Calibrated for that set of modalities, or, where that could not be measured, for all of them."""
    key, whole = "+".join(present), "+".join(spec.modalities)
    out = {}
    for name, task in spec.tasks.items():
        if task.classes is None:
            out[name] = np.asarray(numbers[name] / task.scale)
        else:
            scaling = task.calibration.get(key) or task.calibration.get(whole)
            fitted = Temperature() if scaling is None else Temperature(scaling.t, scaling.bias)
            out[name] = fitted.apply(numbers[name])
    return Said(out, all(t.rows.get(key, 0) >= ENOUGH for t in spec.tasks.values()), key)


def nothing(spec: Described) -> Said:
    """What is said where no modality is present: the training labels' own mean."""
    tasks = {n: np.array(t.prior) if t.classes else np.array(t.prior[0] / t.scale) for n, t in spec.tasks.items()}
    return Said(tasks)


def averaged(said: Sequence[Said], weights: Sequence[float]) -> Said:
    """The mean over pieces."""
    w = np.asarray(weights, np.float64) / sum(weights)
    return Said({t: np.tensordot(w, np.stack([s.tasks[t] for s in said]), 1) for t in said[0].tasks})


def reading(spec: Described, said: Said, weight: float | None = None, share: float | None = None) -> Reading:
    """As a reading: what the tasks do not predict is None."""
    sentiment = sentiment_of(spec, said)
    emotions = _emotions(spec, said)
    return Reading(
        sentiment,
        None if emotions is None else dict(zip(EMOTIONS, map(float, emotions), strict=True)),
        _dimensions(spec, said, emotions),
        None if sentiment is None else sentiment.probabilities[sentiment.label],
        "verified" if said.verified else "pooled",
        False,
        weight,
        share,
        own_of(spec, said),
        sets_of(spec, said),
    )


def own_of(spec: Described, said: Said) -> Own:
    """Every task in the model's own words."""
    out: Own = {}
    for name, task in spec.tasks.items():
        value = said.tasks[name]
        out[name] = dict(zip(task.classes, map(float, value), strict=True)) if task.classes else float(value)
    return out


def sets_of(spec: Described, said: Said) -> Sets | None:
    """Prediction sets of every task that has them for these modalities; None where coverage was not measured."""
    limits = {name: task.sets[said.key] for name, task in spec.tasks.items() if said.verified and said.key in task.sets}
    if not limits:
        return None
    own: dict[str, tuple[str, ...] | tuple[float, float]] = {}
    for name, limit in limits.items():
        task, value = spec.tasks[name], said.tasks[name]
        if task.classes is None:
            own[name] = (float(value) - limit.threshold, float(value) + limit.threshold)
        else:
            own[name] = Conformal(limit.threshold, limit.coverage, limit.samples).among(value, task.classes)
    coverage = min(limit.coverage for limit in limits.values())
    return Sets(coverage, _meant(spec, own, "polarity"), _meant(spec, own, "emotions"), own)


def _meant(
    spec: Described, own: Mapping[str, Sequence[str | float]], kind: Literal["polarity", "emotions"]
) -> tuple[str, ...] | None:
    """The polarities or emotions that a task's own classes stand for; polarities also from an interval of a score."""
    name = _task(spec, kind)
    if name is not None and name in own:
        columns, names = _columns(spec.tasks[name], kind), POLARITIES if kind == "polarity" else EMOTIONS
        rows = columns[[c in own[name] for c in spec.tasks[name].classes or ()]]
        return tuple(n for n, meant in zip(names, rows.max(0), strict=True) if meant)
    number = _task(spec, "score") if kind == "polarity" and name is None else None
    if number is None or number not in own:
        return None
    low, high = (_score(spec.tasks[number], np.array(edge)) for edge in own[number])
    inside = (low < -_NEUTRAL, low <= _NEUTRAL and high >= -_NEUTRAL, high > _NEUTRAL)
    return tuple(n for n, within in zip(POLARITIES, inside, strict=True) if within)


def sentiment_of(spec: Described, said: Said) -> Sentiment | None:
    """From a task of polarities, an intensity, or both; an intensity alone gives polarities by its measured error."""
    found, name = None, _task(spec, "polarity")
    if name is not None:
        found = said.tasks[name] @ _columns(spec.tasks[name], "polarity")
    number = _task(spec, "score")
    score = None if number is None else _score(spec.tasks[number], said.tasks[number])
    if found is None and number is not None and score is not None:
        found = _polarity(score, spec.tasks[number].spread)
    elif found is not None:
        score = agree(float(found[2] - found[0]) if score is None else score, found)
    if found is None or score is None:
        return None
    probabilities = dict(zip(POLARITIES, map(float, found), strict=True))
    return Sentiment(score, POLARITIES[int(np.argmax(found))], probabilities)


def shares(
    spec: Described, cues: Mapping[str, str], said: Mapping[Present, Said]
) -> tuple[dict[str, float], dict[str, float | None]]:
    """Weight and share of every cue.

    The share is the exact Shapley value of the score, against what is said where nothing is present. A weight is the
    size of a cue's Shapley value among all. Where the model predicts no score, the value is the probability of the
    first task's most probable class (or its number), and there is no share.

    Args:
        spec: the bundle's.
        cues: modality → cue, of those present.
        said: per set of those modalities, all of them but the empty one.
    """
    whole, empty = max(said, key=len), nothing(spec)
    scored = sentiment_of(spec, empty) is not None
    first = next(iter(spec.tasks))
    top = int(np.argmax(said[whole].tasks[first])) if spec.tasks[first].classes else None

    def value(present: frozenset[str]) -> float:
        one = said[tuple(m for m in whole if m in present)] if present else empty
        sentiment = sentiment_of(spec, one)
        if sentiment is not None:
            return sentiment.score
        return float(one.tasks[first] if top is None else one.tasks[first][top])

    found = shapley(value, list(cues))
    sizes = {cue: abs(found[m]) + 1e-9 for m, cue in cues.items()}
    weights = {cue: size / sum(sizes.values()) for cue, size in sizes.items()}
    return weights, {cue: found[m] if scored else None for m, cue in cues.items()}


def _task(spec: Described, reads: str) -> str | None:
    return next((name for name, task in spec.tasks.items() if task.reads == reads), None)


def _columns(task: TaskPart, kind: Literal["polarity", "emotions"]) -> NDArray[np.float64]:
    found = sums(task.classes or (), kind)
    assert found is not None  # checked when the bundle was opened
    return found


def _emotions(spec: Described, said: Said) -> NDArray[np.float64] | None:
    name = _task(spec, "emotions")
    return None if name is None else np.asarray(said.tasks[name] @ _columns(spec.tasks[name], "emotions"))


def _dimensions(spec: Described, said: Said, emotions: NDArray[np.float64] | None) -> Dimensions | None:
    """As labelled, where all three were learned; else from the emotions."""
    names = [_task(spec, d) for d in _DIMENSIONS]
    values = [_score(spec.tasks[n], said.tasks[n]) for n in names if n is not None]
    if len(values) == len(_DIMENSIONS):
        return Dimensions(values[0], values[1], values[2], derived=False)
    return None if emotions is None else Dimensions(*from_emotions(emotions))


def _score(task: TaskPart, value: NDArray[np.float64]) -> float:
    """A number in the labels' unit as a score in [-1, 1]."""
    return float(np.clip(2 * (value - task.low) / (task.high - task.low) - 1, -1, 1))


def _polarity(score: float, spread: float | None) -> NDArray[np.float64]:
    """Chances that the label lies below, within and above the neutral band, if errors are normal."""
    width = max(_UNMEASURED if spread is None else spread, _LEAST_SPREAD) * sqrt(2)
    below, upto = (0.5 * (1 + erf((edge - score) / width)) for edge in (-_NEUTRAL, _NEUTRAL))
    return np.array([below, upto - below, 1 - upto])
