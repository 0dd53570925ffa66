"""What a live reading tells while it goes on: from pieces that were heard, seen and written to events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import floor

from demeanor.reader.board import Board
from demeanor.reader.clip import Seen
from demeanor.reader.events import EventType, Outbox, State
from demeanor.reader.experts import Experts
from demeanor.reader.left_out import LeftOut
from demeanor.reader.timeline import Piece, add_pictures, finished
from demeanor.types import Segment

_RECENT = 1.5  # seconds back that a partial reading looks for faces
_FRESH = 2.5  # seconds after which what was said or written belongs to no partial reading any more
_LAST = 2000  # faces seen last, among which those of a segment are looked for


class Teller:
    """Makes events, from several threads, in one order.

    Args:
        experts: fuse the cues.
        outbox: takes the events.
        seen: what the pictures have shown; another thread adds to it.
        now: seconds of input that have come.
    """

    def __init__(self, experts: Experts, outbox: Outbox, seen: Seen, now: Callable[[], float]) -> None:
        self._experts, self._outbox, self._seen, self._now = experts, outbox, seen, now
        self._step = seen.step  # as pictures come: that of those of long ago grows
        self._board, self.left_out = Board(), LeftOut()
        self._lock = threading.RLock()
        self.warnings: list[str] = []
        self._second = 0
        self._latest: tuple[float, Piece] | None = None

    def turn(self, number: int, pieces: Sequence[Piece], closed: bool, until: float) -> None:
        """A turn of speech as it is heard now."""
        segments = self._segments(pieces)
        with self._lock:
            if pieces and (pieces[-1].end or 0.0) <= self._board.settled:
                return  # heard again already
            segments = [s for s in segments if (s.end or 0.0) > self._board.settled]  # likewise
            ids, gone = self._board.live(number, [(s.start or 0.0, s.end or 0.0) for s in segments], closed)
            if gone and not segments:
                self._put("retract", until, replaces=gone)
            for at, (id, segment) in enumerate(zip(ids, segments, strict=True)):
                last = at == len(segments) - 1
                self._segment(id, "closed" if closed or not last else "open", gone if last else (), segment, until)
            if pieces:
                self._latest = (until, pieces[-1])

    def final(self, piece: Piece, until: float) -> None:
        """An utterance, heard again with what was said around it."""
        (segment,) = self._segments([piece])
        with self._lock:
            id, replaces, gone = self._board.final((piece.start or 0.0, piece.end or 0.0))
            if gone:
                self._put("retract", until, replaces=gone)
            self._segment(id, "final", replaces, segment, until)

    def written(self, number: int, pieces: Sequence[Piece], until: float) -> None:
        """Sentences of a text."""
        segments = self._segments(pieces)
        with self._lock:
            for at, segment in enumerate(segments, start=1):
                self._segment(f"t{number}.{at}", "final", (), segment, until)
            if pieces:
                self._latest = (until, pieces[-1])

    def partial(self, reached: float) -> None:
        """What can be read now, if a second has passed since that was told.

        Args:
            reached: seconds of input that were looked at or listened to.
        """
        with self._lock:
            if floor(reached) <= self._second:
                return
            self._second = floor(reached)
            piece = Piece(max(0.0, reached - _RECENT), reached + 0.01)
            add_pictures([piece], self._recent(), self._experts.average)
            if self._latest is not None and self._latest[0] > reached - _FRESH:
                said = self._latest[1]
                piece.text = said.text
                piece.evidence |= {c: e for c, e in said.evidence.items() if c in ("words", "voice")}
            (now,) = finished([piece], self._experts)
            self._put("partial", reached, reading=now.reading, cues=now.cues, faces=now.faces, text=now.text)

    def missed(self, kind: str, count: float, why: str = "") -> None:
        """Something was left out; see `LeftOut`."""
        with self._lock:
            if (message := self.left_out.add(kind, count, why)) is not None:
                self._put("warning", self._now(), message=message)

    def warn(self, message: str) -> None:
        """A warning, told once and again in the final analysis."""
        with self._lock:
            if message not in self.warnings:
                self.warnings.append(message)
                self._put("warning", self._now(), message=message)

    def rest(self) -> None:
        """At the end: what was heard while it was spoken, and not when it was heard again, is gone."""
        with self._lock:
            if gone := self._board.rest():
                self._put("retract", self._now(), replaces=gone)

    def _segments(self, pieces: Sequence[Piece]) -> list[Segment]:
        timed = [p for p in pieces if p.start is not None]
        add_pictures(timed, self._recent(), self._experts.average)
        return finished(pieces, self._experts)

    def _recent(self) -> Seen:
        """What was seen last, as it is at this moment."""
        return Seen(step=self._step, faces=self._seen.faces[-_LAST:], scenes=self._seen.scenes[-_LAST:])

    def _segment(self, id: str, state: State, replaces: tuple[str, ...], segment: Segment, until: float) -> None:
        self._put("segment", until, id=id, state=state, replaces=replaces, segment=segment)

    def _put(self, type: EventType, until: float, **what: object) -> None:
        self._outbox.put(type, self._now(), until, **what)
