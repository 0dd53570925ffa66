"""What a live reading tells, without personal data: each segment is looked through with those round it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from demeanor.privacy.analysis import redact_analysis
from demeanor.privacy.names import several

ROUND = 40
"""Segments told last that each one is looked through with: what is a name in one of them is one in all."""


class LiveEraser:
    """Takes personal data out of what one live reading tells, event by event.

    What somebody is in the middle of saying is not told, for half of a number cannot be known as one. Of a number or a
    name that goes on in a segment which nobody has said yet the first part is told; the analysis at the end, which is
    looked through whole, does not have it.

    Args:
        names: of people, to be found wherever they stand.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = several(names)
        self._standing: dict[str, Mapping[str, Any]] = {}

    def told(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """An event, as `Event.to_dict` gives it, as it may be told; it is not changed itself."""
        for id in event.get("replaces") or ():
            self._standing.pop(id, None)
        if event["type"] == "segment":
            return {**event, "segment": self._segment(event["id"], event["state"], event["segment"])}
        if event["type"] == "partial":
            return {**event, "text": None}
        if event["type"] == "final":
            return {**event, "analysis": redact_analysis(event["analysis"], names=self._names).data}
        return dict(event)

    def _segment(self, id: str, state: str, segment: Mapping[str, Any]) -> dict[str, Any]:
        if state == "open":
            return {**segment, "text": None, "words": []}
        self._standing.pop(id, None)
        self._standing[id] = segment
        while len(self._standing) > ROUND:
            del self._standing[next(iter(self._standing))]
        beside = sorted(self._standing, key=lambda one: self._standing[one]["start"] or 0.0)
        said = redact_analysis({"segments": [self._standing[one] for one in beside]}, names=self._names)
        found: dict[str, Any] = said.data["segments"][beside.index(id)]
        return found
