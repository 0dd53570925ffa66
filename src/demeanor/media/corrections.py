"""What users put right of an analysis (its `corrections`): which segment is meant, and what was said in it by whom."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_STEP = re.compile(r"[^\[\]./]+")  # segments[3].reading and /segments/3/reading alike


def corrections_of(analysis: Mapping[str, Any]) -> Iterator[tuple[list[str], Any, str, str | None]]:
    """Steps of the path, value, by whom and when, of each correction; what is none is passed over."""
    given = analysis.get("corrections")
    for said in given if isinstance(given, list | tuple) else ():
        if isinstance(said, Mapping):
            path = _STEP.findall(str(said.get("path") or "").removeprefix("$"))
            yield path, said.get("value"), str(said.get("by") or "user"), said.get("at")


def place_of(path: list[str]) -> int | None:
    """The segment that is meant, −1 for all of it, None for something else."""
    if len(path) > 2 and path[0] == "segments" and path[1].isdecimal():
        return int(path[1])
    return -1 if path and path[0] == "overall" else None


def corrected_speech(analysis: Mapping[str, Any]) -> list[Any]:
    """Copies of an analysis' segments with the corrected texts and speakers in place of what was heard.

    The last word on each counts; what is no text, no name, or of no segment, is passed over.
    """
    segments = [dict(s) if isinstance(s, Mapping) else s for s in analysis.get("segments") or ()]
    for path, value, _, _ in corrections_of(analysis):
        place = place_of(path)
        if place is None or not 0 <= place < len(segments) or not isinstance(segments[place], dict):
            continue
        if path[2:] == ["text"] and isinstance(value, str):
            segments[place]["text"] = value
            segments[place].pop("words", None)  # they are of what was heard
        elif path[2:] == ["speaker"] and (value is None or isinstance(value, str)):
            segments[place]["speaker"] = value or None
    return segments
