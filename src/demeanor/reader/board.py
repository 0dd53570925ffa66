"""Which live segments stand at the moment, and what takes their place when speech is heard again."""

from __future__ import annotations

from collections.abc import Sequence

Span = tuple[float, float]


class Board:
    """Ids of segments and where they lie. Not for several threads at once.

    Attributes:
        settled: seconds up to which segments are final; what comes later about that time is too late.
    """

    def __init__(self) -> None:
        self.settled = 0.0
        self._standing: dict[str, Span] = {}
        self._turns: dict[int, list[str]] = {}
        self._named = 0

    def live(self, turn: int, spans: Sequence[Span], closed: bool) -> tuple[list[str], tuple[str, ...]]:
        """Segments of a turn, as it is heard now.

        Args:
            turn: its number.
            spans: of its segments (s), in order.
            closed: whether the turn has ended.

        Returns:
            Ids of the segments, and ids that the turn had and that are gone.
        """
        ids = [id for id in self._turns.get(turn, []) if id in self._standing]  # what is final keeps its id for itself
        gone = tuple(ids[len(spans) :])
        ids = [*ids[: len(spans)], *(self._new_id() for _ in spans[len(ids) :])]
        for id in gone:
            self._standing.pop(id, None)
        self._standing |= dict(zip(ids, spans, strict=True))
        self._turns[turn] = ids
        if closed:
            del self._turns[turn]
        return ids, gone

    def final(self, span: Span) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """A segment that was heard again; they come in order of time.

        Args:
            span: where it lies (s).

        Returns:
            Its id, that of the live segment it is most like; other ids that it takes the place of; and ids of earlier
            live segments that turned out to be none.
        """
        self.settled = max(self.settled, span[1])
        alike = sorted((i for i, s in self._standing.items() if _alike(s, span)), key=lambda i: -self._overlap(i, span))
        gone = tuple(i for i, s in self._standing.items() if i not in alike and s[1] <= span[0] + 1e-3)
        for id in (*alike, *gone):
            del self._standing[id]
        return alike[0] if alike else self._new_id(), tuple(alike[1:]), gone

    def rest(self) -> tuple[str, ...]:
        """Ids of the live segments that nothing has taken the place of, at the end."""
        gone = tuple(self._standing)
        self._standing.clear()
        return gone

    def _new_id(self) -> str:
        self._named += 1
        return f"s{self._named}"

    def _overlap(self, id: str, span: Span) -> float:
        return _common(self._standing[id], span)


def _common(one: Span, other: Span) -> float:
    return min(one[1], other[1]) - max(one[0], other[0])


def _alike(one: Span, other: Span) -> bool:
    """Whether half of one of the two lies in the other."""
    return _common(one, other) >= 0.5 * max(0.01, min(one[1] - one[0], other[1] - other[0]))
