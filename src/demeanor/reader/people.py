"""Who is seen and heard: which face and which voice are one person, for how long, and what is read of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from demeanor.calibration.pool import agree
from demeanor.types import POLARITIES, Dimensions, Person, Reading, Segment, Sentiment

_INSTANT = 1e-6  # seconds that a piece without time counts, so that such pieces count alike


def people(segments: Sequence[Segment]) -> tuple[Person, ...]:
    """One person per face and per speaker; a single face and a single speaker are one: nothing else is possible.

    Args:
        segments: with their faces and, where channels or a transcript tell, speakers.
    """
    faces = tuple(dict.fromkeys(face.id for segment in segments for face in segment.faces))
    speakers = list(dict.fromkeys(segment.speaker for segment in segments if segment.speaker))
    alone: list[tuple[tuple[str, ...], str | None]] = [((face,), None) for face in faces]
    alone += [((), speaker) for speaker in speakers]
    if len(faces) == 1 and len(speakers) == 1:
        alone = [(faces, speakers[0])]
    return read_of([Person(f"P{number}", *own) for number, own in enumerate(alone, start=1)], segments)


def read_of(persons: Iterable[Person], segments: Sequence[Segment]) -> tuple[Person, ...]:
    """The persons with their `seconds` and `reading`, from the segments in which they are seen or speak."""
    seen: dict[str, list[int]] = {}
    spoke: dict[str, list[int]] = {}
    for at, segment in enumerate(segments):
        for face in dict.fromkeys(face.id for face in segment.faces):
            seen.setdefault(face, []).append(at)
        if segment.speaker:
            spoke.setdefault(segment.speaker, []).append(at)
    out = []
    for person in persons:
        places = {at for face in person.faces for at in seen.get(face, ())}
        places.update(spoke.get(person.speaker or "", ()))
        out.append(_read_of(person, [segments[at] for at in sorted(places)]))
    return tuple(out)


def _read_of(person: Person, segments: Sequence[Segment]) -> Person:
    """The person with what is read of them in their own segments."""
    lengths = [None if s.start is None or s.end is None else max(0.0, s.end - s.start) for s in segments]
    said: list[tuple[Reading, float]] = []
    for segment, length in zip(segments, lengths, strict=True):
        speaks = bool(person.speaker) and segment.speaker == person.speaker
        faces = [f.reading for f in segment.faces if f.id in person.faces and f.reading is not None]
        found = [segment.reading] if speaks else faces
        said += [(reading, max(length or 0.0, _INSTANT) / len(found)) for reading in found]
    return replace(person, seconds=_seconds(segments), reading=_mean(said))


def _seconds(segments: Sequence[Segment]) -> float | None:
    """How long segments last together, stretches that several share once; None of none with times."""
    timed = sorted((s.start, s.end) for s in segments if s.start is not None and s.end is not None)
    total, reached = 0.0, -math.inf
    for start, end in timed:
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total if timed else None


def _mean(said: Sequence[tuple[Reading, float]]) -> Reading | None:
    """One reading of several, by weight, those that abstain left out unless all do; None of none.

    A mean has no prediction sets and no own tasks: they are of single pieces.
    """
    heard = [(r, w) for r, w in said if not r.abstain] or said
    if not heard:
        return None
    if len(heard) == 1:
        return replace(heard[0][0], weight=None, share=None)
    sentiment = _mean_sentiment([(r.sentiment, w) for r, w in heard if r.sentiment is not None])
    return Reading(
        sentiment,
        _by_weight([(r.emotions, w) for r, w in heard if r.emotions is not None]),
        _mean_dimensions([(r.dimensions, w) for r, w in heard if r.dimensions is not None]),
        None if sentiment is None else sentiment.probabilities[sentiment.label],
        abstain=all(r.abstain for r, _ in heard),
    )


def _mean_sentiment(said: Sequence[tuple[Sentiment, float]]) -> Sentiment | None:
    probabilities = _by_weight([(s.probabilities, w) for s, w in said])
    score = _by_weight([({"score": s.score}, w) for s, w in said])
    if probabilities is None or score is None:
        return None
    polarity = np.array([probabilities[p] for p in POLARITIES])
    return Sentiment(agree(score["score"], polarity), POLARITIES[int(polarity.argmax())], probabilities)


def _mean_dimensions(said: Sequence[tuple[Dimensions, float]]) -> Dimensions | None:
    felt = _by_weight([({n: getattr(d, n) for n in ("valence", "arousal", "dominance")}, w) for d, w in said])
    return None if felt is None else Dimensions(**felt, derived=all(d.derived for d, _ in said))


def _by_weight(said: Sequence[tuple[Mapping[str, float], float]]) -> dict[str, float] | None:
    """The mean of each key; None of nothing."""
    if not said:
        return None
    weights = [w for _, w in said]
    return {key: float(np.average([values[key] for values, _ in said], weights=weights)) for key in said[0][0]}
