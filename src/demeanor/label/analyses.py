"""Analyses as files of `analyze --json` and `batch` hold them, with what a user corrected in them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demeanor.datasets._groups import digest, text_key
from demeanor.errors import ConfigError
from demeanor.media.text import decode_text
from demeanor.report.corrections import corrections_of, emotions_meant, label_meant, overlaid, place_of

READ = "as read"
"""Who says what nobody corrected."""


_APART = 0.5
"""Seconds by which two readings of one recording may differ in length: it is that of sound or of pictures."""


_SAME = 1e-3 + 1e-9
"""By how much a number of one input may differ between machines, and what a sum of it leaves behind."""


@dataclass
class Analyses:
    """What a file holds: analyses with their texts and speakers corrected, and samples that had failed.

    `warnings` say what had to be guessed of the file. `alike` are ids of pictures and recordings of one name, of which
    nobody can tell which file is whose.
    """

    items: list[dict[str, Any]] = field(default_factory=list)
    alike: set[str] = field(default_factory=set)
    failed: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Correction:
    """A label that a user put in place of a reading: `item` is the analysis' id, `id#3` its segment 3.

    `own` is one of a trained model's own tasks, in the classes or the unit of its labels.
    """

    item: str
    name: str
    value: Any
    by: str
    at: str | None
    own: bool = False


def read_analyses(source: Path, *, named: bool = True) -> Analyses | None:
    """The analyses in a .json or .jsonl file; None if it is something else, such as a manifest.

    Typed texts, all of which have the id `text`, get one by what they say: `text-0123456789abcdef`. Of analyses of one
    sample the last counts; equally named files are several samples, the second of which has the id `1.txt (2)`.

    Args:
        source: the file.
        named: somebody named this file as one of analyses; else a .json in which nothing is an analysis is None too.

    Raises:
        ConfigError: a .json file that is no analysis.
    """
    kind = source.suffix.lower()
    if kind not in (".json", ".jsonl", ".ndjson") or not source.is_file():
        return None
    found = Analyses()
    entries = list(entries_in(decode_text(source, found.warnings), kind))
    known = [e for e in entries if isinstance(e, dict) and "id" in e and ("overall" in e or "error" in e)]
    if not known or len(known) < len(entries):
        if not known and not (named and kind == ".json"):
            return None
        raise ConfigError(
            f"{source.name}: expected analyses as `demeanor analyze --json` or `batch` write them, got "
            f"{len(entries) - len(known)} of {len(entries)} that are none; check the file"
        )
    gather(known, found)
    return found


def gather(known: Iterable[dict[str, Any]], found: Analyses) -> None:
    """Add the analyses and failures that are `known` to be some, each under the id that it has here."""
    for name, entries in _told_apart(known).items():
        if "overall" not in entries[0]:
            found.failed.append((name, str((entries[0]["error"] or {}).get("message", "could not be read"))))
            continue
        ids = [name, *(f"{name} ({number})" for number in range(2, len(entries) + 1))]
        found.items += [overlaid(entry) | {"id": own} for own, entry in zip(ids, entries, strict=True)]
        if len(ids) > 1 and any(entry["kind"] != "text" for entry in entries):
            found.alike |= set(ids)


def _told_apart(entries: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """By name the last analysis of each sample that is called so; a failure where none was read."""
    out: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        before = out.setdefault(_name(entry), [])
        if "overall" in entry:
            before[:] = [b for b in before if "overall" in b and not _is_same(b, entry)]
        elif any("overall" in b for b in before):
            continue
        else:
            before.clear()
        before.append(entry)
    return out


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two analyses of one name are of one sample, as far as they tell."""
    lengths = [float(a.get("duration") or 0) for a in (one, other)]
    if abs(lengths[0] - lengths[1]) > max(_APART, 0.02 * max(lengths)) or _content(one) != _content(other):
        return False
    # A picture has nothing to be told by but its reading, which is the same by the same bundle.
    bundle = [(a.get("provenance") or {}).get("bundle") for a in (one, other)]
    return one["kind"] != "image" or bundle[0] != bundle[1] or _says_same(one["overall"], other["overall"])


def _says_same(one: Any, other: Any) -> bool:
    """Whether two readings are equal but for what machines differ by."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_says_same(one[key], other[key]) for key in one)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=0, abs_tol=_SAME)
    return bool(one == other)


def _content(analysis: Mapping[str, Any]) -> tuple[Any, ...]:
    """What two readings of one sample share; what is heard in a recording may differ."""
    duration, said = analysis.get("duration"), analysis.get("sample") or {}
    text = text_key(whole_text(analysis) or "") if analysis["kind"] == "text" or duration is None else None
    return analysis["kind"], text, said.get("start"), said.get("end")


def whole_text(analysis: Mapping[str, Any]) -> str | None:
    """What is said in all segments, as far as the analysis has it."""
    said = [s["text"] for s in analysis["segments"] if s.get("text")]
    return " ".join(said) or None


def _name(entry: Mapping[str, Any]) -> str:
    typed = entry["id"] == entry.get("kind") == "text"
    said = whole_text({"segments": entry.get("segments") or ()}) if typed else None
    return f"text-{digest(text_key(said))}" if said else str(entry["id"])


def has_segments(analysis: Mapping[str, Any]) -> bool:
    """A post and a picture are one item; what has times, or is a text, has several."""
    return bool(analysis["segments"]) and (analysis["kind"] == "text" or analysis.get("duration") is not None)


def corrected_labels(analysis: Mapping[str, Any]) -> Iterator[Correction]:
    """The labels among the corrections of an analysis; those of text, speaker, cues and own tasks are none."""
    for path, value, by, at in corrections_of(analysis):
        place, name = place_of(path), label_meant(path)
        if name is None or place is None:
            continue
        yield Correction(_item(analysis, place), name, emotions_meant(value) if name == "emotions" else value, by, at)


def corrected_own(analysis: Mapping[str, Any]) -> Iterator[Correction]:
    """Corrections of a trained model's own tasks: `overall.own.TASK`, `segments[3].reading.own.TASK`."""
    for path, value, by, at in corrections_of(analysis):
        place = place_of(path)
        if place is not None and len(path) > 2 and path[-2] == "own" and path[-3] in ("overall", "reading"):
            yield Correction(_item(analysis, place), path[-1], value, by, at, own=True)


def entries_in(text: str, kind: str) -> Iterator[Any]:
    """What the text of a file (.json, or else JSON lines) holds, None for each line that is no JSON."""
    text = text.removeprefix("\ufeff")
    try:
        if kind == ".json":
            said = json.loads(text)
            yield from said if isinstance(said, list) else [said]
            return
    except ValueError:
        yield None
        return
    for line in text.split("\n"):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError:
                yield None


def other_place(analysis: Mapping[str, Any], item: str) -> str:
    """What an item is called elsewhere, if it is all of an analysis: its only segment and the whole are one thing."""
    whole, segment = str(analysis["id"]), f"{analysis['id']}#0"
    if len(analysis["segments"]) != 1 or item not in (whole, segment):
        return item
    return whole if item == segment else segment


def left_as_read(analysis: Mapping[str, Any]) -> Iterator[Correction]:
    """What a reviewed analysis says of its items, segments or the whole: right, where nobody corrected it.

    Polarity, the strongest emotion and a model's own classes, by nobody in particular; numbers are no labels.
    """
    readings = [(-1, analysis["overall"])]
    if has_segments(analysis):
        readings = [(n, s.get("reading")) for n, s in enumerate(analysis["segments"])]
    for place, reading in readings:
        item, found = _item(analysis, place), reading or {}
        if found.get("sentiment") and not found.get("abstain"):
            yield Correction(item, "polarity", found["sentiment"]["label"], READ, None)
        if found.get("emotions") and not found.get("abstain"):
            yield Correction(item, "emotions", emotions_meant(found["emotions"]), READ, None)
        for task, said in (found.get("own") or {}).items():
            if isinstance(said, Mapping):
                yield Correction(item, task, max(said, key=lambda c: float(said[c])), READ, None, own=True)


def _item(analysis: Mapping[str, Any], place: int) -> str:
    """The only segment of a picture or post is the whole of it."""
    single = place == 0 and not has_segments(analysis) and len(analysis["segments"]) == 1
    return str(analysis["id"]) if place < 0 or single else f"{analysis['id']}#{place}"
