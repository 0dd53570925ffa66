"""An analysis as the JSON of `demeanor.analysis/1`, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from demeanor.reader.people import read_of
from demeanor.reader.trend import trend
from demeanor.types import Dimensions, Person, Reading, Segment, SegmentFace, Sentiment, Sets, Word

if TYPE_CHECKING:
    from demeanor.reader.analysis import Analysis

SCHEMA = "demeanor.analysis/1"

_PLACES = 6
_LATEST = 1e7  # seconds, some 116 days, as live: the arithmetic of the trend squares them


def from_analysis(analysis: Analysis) -> dict[str, Any]:
    """JSON-ready mapping; `corrections`, `sample` and `trend` only where there are any."""
    a = analysis
    out: dict[str, Any] = {
        "schema": SCHEMA, "id": a.id, "source": a.source, "kind": a.kind, "duration": a.duration,
        "language": a.language, "overall": a.overall.to_dict(),
        "cues": {name: reading.to_dict() for name, reading in a.cues.items()},
        "segments": [from_segment(s) for s in a.segments],
        "people": [_from_person(p) for p in a.people],
        "missing": a.missing, "warnings": a.warnings, "provenance": a.provenance,
    }  # fmt: skip
    if a.corrections:
        out["corrections"] = a.corrections
    if a.sample is not None:
        out["sample"] = a.sample
    plain_out: dict[str, Any] = plain(out)
    # Of the rounded numbers, so that an analysis that comes from JSON has the very same trend.
    found = trend(plain_out["segments"])
    return plain_out if found is None else {**plain_out, "trend": found}


def fields_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the `Analysis` that a JSON mapping describes."""
    segments = tuple(_segment(s) for s in data["segments"])
    same = ("id", "source", "kind", "language", "provenance")
    return {
        **{key: data[key] for key in same},
        "duration": _time(data, "duration"),
        "overall": _reading(data["overall"]),
        "cues": {name: _reading(r) for name, r in data["cues"].items()},
        "segments": segments,
        "people": _people(data["people"], segments),
        "missing": tuple(data["missing"]),
        "warnings": tuple(data["warnings"]),
        "corrections": _corrections(data.get("corrections") or ()),
        "sample": data.get("sample"),
    }


def _corrections(given: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(c, Mapping) and "path" in c for c in given):
        raise TypeError("corrections, a list of {path, value, by, at}")
    return tuple(given)


def plain(value: Any) -> Any:
    """Only what JSON knows: finite numbers to six places, lists, mappings; NaN and infinity become None."""
    kind = type(value)
    if kind is float:
        return round(value, _PLACES) + 0.0 if isfinite(value) else None
    if kind is str or kind is bool or kind is int or value is None:
        return value
    if kind is dict:
        return {k: plain(v) for k, v in value.items()}
    if kind is list or kind is tuple or kind is np.ndarray:
        return [plain(v) for v in value]
    return _plain_of_rare(value)


def _plain_of_rare(value: Any) -> Any:
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    return plain(float(value)) if isinstance(value, float) else str(value)


def from_segment(segment: Segment) -> dict[str, Any]:
    """A segment as in `segments`; numbers as they are (see `plain`)."""
    s = segment
    return {
        "start": s.start, "end": s.end, "chars": s.chars, "text": s.text,
        "words": [asdict(w) for w in s.words],
        "speaker": s.speaker,
        "faces": [
            {"id": f.id, "box": f.box, "reading": None if f.reading is None else f.reading.to_dict()}
            for f in s.faces
        ],
        "reading": s.reading.to_dict(),
        "cues": {name: reading.to_dict() for name, reading in s.cues.items()},
    }  # fmt: skip


def _from_person(person: Person) -> dict[str, Any]:
    p = person
    return {
        "id": p.id, "faces": p.faces, "speaker": p.speaker, "seconds": p.seconds,
        "reading": None if p.reading is None else p.reading.to_dict(),
    }  # fmt: skip


def _people(given: Sequence[Mapping[str, Any]], segments: Sequence[Segment]) -> tuple[Person, ...]:
    persons = tuple(Person(p["id"], tuple(p["faces"]), p["speaker"]) for p in given)
    if not all("reading" in p for p in given):  # written before persons had one
        return read_of(persons, segments)
    return tuple(
        replace(person, seconds=_time(p, "seconds"), reading=p["reading"] and _reading(p["reading"]))
        for person, p in zip(persons, given, strict=True)
    )


def _segment(data: Mapping[str, Any]) -> Segment:
    chars = data["chars"]
    return Segment(
        _time(data, "start"),
        _time(data, "end"),
        None if chars is None else (chars[0], chars[1]),
        data["text"],
        _reading(data["reading"]),
        {name: _reading(r) for name, r in data["cues"].items()},
        tuple(Word(w["text"], _time(w, "start"), _time(w, "end"), w["probability"]) for w in data["words"]),
        data["speaker"],
        tuple(_face(f) for f in data["faces"]),
    )


def _time(data: Mapping[str, Any], name: str) -> Any:
    """Seconds from the start, or None."""
    time = data[name]
    if time is None or (isinstance(time, int | float) and 0 <= time <= _LATEST):
        return time
    raise ValueError(f"{name}, which should be null or seconds from 0 to {_LATEST:.0f}")


def _face(data: Mapping[str, Any]) -> SegmentFace:
    x, y, width, height = data["box"]
    return SegmentFace(data["id"], (x, y, width, height), data["reading"] and _reading(data["reading"]))


def _reading(data: Mapping[str, Any]) -> Reading:
    said, felt, sets = data["sentiment"], data["dimensions"], data.get("sets")
    return Reading(
        None if said is None else Sentiment(said["score"], said["label"], dict(said["probabilities"])),
        None if data["emotions"] is None else dict(data["emotions"]),
        None if felt is None else Dimensions(**felt),
        data["confidence"],
        data["calibration"],
        data["abstain"],
        data.get("weight"),
        data.get("share"),
        data.get("own"),
        None if sets is None else _sets(sets),
    )


def _sets(data: Mapping[str, Any]) -> Sets:
    named = {name: None if data[name] is None else tuple(data[name]) for name in ("sentiment", "emotions")}
    own = data.get("own")
    return Sets(data["coverage"], **named, own=own and {task: tuple(found) for task, found in own.items()})
