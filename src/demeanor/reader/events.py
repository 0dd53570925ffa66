"""What a live reading tells, event by event, in one order."""

from __future__ import annotations

import threading
import time as clock
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from demeanor.reader.analysis import Analysis
from demeanor.reader.record import from_segment, plain
from demeanor.types import Reading, Segment, SegmentFace

EventType = Literal["partial", "segment", "retract", "warning", "final"]
State = Literal["open", "closed", "final"]

MOST_WAITING = 600
"""Events that wait to be taken; beyond it partial readings, which the next one outdates, are let go."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing told; which fields are set depends on `type`.

    Attributes:
        type: `partial`: what can be read now, once a second (reading, cues, faces, text). `segment`: an utterance or a
            sentence, new or corrected (id, state, replaces, segment). `retract`: segments that turned out to be none
            (replaces). `warning`: something was left out (message). `final`: the end (analysis).
        seq: 1, 2, 3 … without a gap, but for partial readings nobody took.
        time: seconds of input that had come when this was told; never goes back.
        until: seconds of input that this was read from.
        id: of the segment; a later event with the same id takes its place.
        state: `open`: somebody is speaking still; `closed`: the utterance has ended; `final`: heard again with what was
            said around it, as a whole recording is.
        replaces: ids of other segments that are gone with this.
        segment: as in an `Analysis`. Its faces have the ids that they have while the stream goes on.
        reading: of all cues together.
        cues: of each cue.
        faces: seen last.
        text: said or written last.
        message: in words.
        analysis: of everything.
    """

    type: EventType
    seq: int
    time: float
    until: float
    id: str | None = None
    state: State | None = None
    replaces: tuple[str, ...] = ()
    segment: Segment | None = None
    reading: Reading | None = None
    cues: Mapping[str, Reading] = field(default_factory=dict)
    faces: tuple[SegmentFace, ...] = ()
    text: str | None = None
    message: str | None = None
    analysis: Analysis | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON: only the fields that belong to the type, numbers rounded to six places."""
        told: dict[str, Any] = {"type": self.type, "seq": self.seq, "time": self.time, "until": self.until}
        if self.type == "partial" and self.reading is not None:
            told["reading"] = self.reading.to_dict()
            told["cues"] = {name: reading.to_dict() for name, reading in self.cues.items()}
            told["faces"] = [
                {"id": f.id, "box": f.box, "reading": None if f.reading is None else f.reading.to_dict()}
                for f in self.faces
            ]
            told["text"] = self.text
        elif self.type == "segment" and self.segment is not None:
            told |= {"id": self.id, "state": self.state, "replaces": self.replaces}
            told["segment"] = from_segment(self.segment)
        elif self.type == "retract":
            told["replaces"] = self.replaces
        elif self.type == "warning":
            told["message"] = self.message
        elif self.analysis is not None:
            told["analysis"] = self.analysis.to_dict()
        out: dict[str, Any] = plain(told)
        return out


class Outbox:
    """Events on their way out: numbered, in order, to a callback or to whoever takes them."""

    def __init__(self, callback: Callable[[Event], None] | None) -> None:
        self._callback = callback
        self._waiting: deque[Event] = deque()
        self._changed = threading.Condition(threading.RLock())
        self._seq, self._time = 0, 0.0
        self._closed = False

    def put(self, type: EventType, time: float, until: float, **what: Any) -> None:
        """Tell something; nothing any more once closed.

        Args:
            type: of the event.
            time: seconds of input that have come.
            until: seconds of input that were used.
            **what: its other fields.
        """
        with self._changed:
            if self._closed:
                return
            self._seq, self._time = self._seq + 1, max(self._time, time)
            event = Event(type, self._seq, self._time, until, **what)
            if self._callback is not None:
                self._callback(event)
                return
            self._waiting.append(event)
            if len(self._waiting) > MOST_WAITING:
                self._let_go()
            self._changed.notify_all()

    def take(self, timeout: float | None) -> Event | None:
        """The next event; None where none comes in time (seconds), or none will."""
        deadline = None if timeout is None else clock.monotonic() + timeout
        with self._changed:
            while not self._waiting and not self._closed:
                left = None if deadline is None else deadline - clock.monotonic()
                if left is not None and left <= 0:
                    return None
                self._changed.wait(left)
            return self._waiting.popleft() if self._waiting else None

    @property
    def closed(self) -> bool:
        """Whether nothing comes any more and nothing waits."""
        with self._changed:
            return self._closed and not self._waiting

    def close(self) -> None:
        """Nothing more will be told."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _let_go(self) -> None:
        """Of the partial readings that wait, the oldest."""
        oldest = next((e for e in self._waiting if e.type == "partial"), None)
        if oldest is not None:
            self._waiting.remove(oldest)
