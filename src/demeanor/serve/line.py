"""Who waits for an answer at once: so many altogether, and so many of one owner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from demeanor.serve.problem import Problem

_ALTOGETHER, _EACH = 64, 32


class Line:
    """Refuses at the door rather than letting a line grow without end."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def place(self, owner: str) -> Iterator[None]:
        """A place in it.

        Raises:
            Problem: there is none left.
        """
        if self._waiting[owner] >= _EACH or self._waiting.total() >= _ALTOGETHER:
            raise Problem(
                503, "busy", "too many samples wait to be read at once; try again in 5 s, or send it as a job",
                {"Retry-After": "5"},
            )  # fmt: skip
        self._waiting[owner] += 1
        try:
            yield
        finally:
            self._waiting[owner] -= 1
            if not self._waiting[owner]:
                del self._waiting[owner]
