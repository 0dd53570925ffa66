"""What a live reading tells, without personal data: each segment is looked through with those told before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from demeanor.privacy.analysis import redact_analysis
from demeanor.privacy.json_texts import laid_out
from demeanor.privacy.names import several, told_names
from demeanor.privacy.text import find_personal, redact_text
from demeanor.reader.events import Event

ROUND = 6
"""Segments that each one is looked through with, for a number or a name that goes on in the next."""


class LiveEraser:
    """Takes personal data out of what one live reading tells, event by event.

    What somebody is in the middle of saying is not told, for half of a number cannot be known as one. What only a later
    segment shows to be personal (a name that is told then, the rest of a number) has been told by then; the analysis
    at the end, which is looked through whole, does not have it. What was once a name stays one, misheard or not.

    Args:
        names: of people, to be found wherever they stand.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = {*several(names)}
        self._standing: dict[str, Mapping[str, Any]] = {}

    def told(self, event: Event) -> dict[str, Any]:
        """An event as JSON, as it may be told. Segments have no `chars`: those of the whole are known at its end."""
        found = event.to_dict()
        for id in event.replaces:
            self._standing.pop(id, None)
        if event.type == "segment":
            found["segment"] = self._segment(found["id"], found["state"], found["segment"])
        elif event.type == "partial":
            found["text"] = None
        elif event.type == "warning":
            found["message"] = redact_text(found["message"], names=self._names).text
        elif event.analysis is not None:
            found["analysis"] = event.analysis.redacted(names=self._names, faces=False).to_dict()
        return found

    def _segment(self, id: str, state: str, segment: Mapping[str, Any]) -> dict[str, Any]:
        if state == "open" or not segment["text"]:
            return {**segment, "chars": None, "text": None, "words": []}
        self._standing.pop(id, None)
        self._standing[id] = segment
        while len(self._standing) > ROUND:
            del self._standing[next(iter(self._standing))]
        beside = sorted(self._standing, key=lambda one: self._standing[one]["start"] or 0.0)
        said = [self._standing[one] for one in beside]
        whole, _ = laid_out(said)
        self._names |= told_names(whole, find_personal(whole, names=self._names))
        done = redact_analysis({"segments": said}, names=self._names).data["segments"]
        return {**done[beside.index(id)], "chars": None}
