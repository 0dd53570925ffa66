"""How far a reading has come: told by the steps that take long, heard by whoever watches (in the same thread)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, float], None]
"""Called with a step ("pictures", "sound", "words", "reasons", "copy") and the part of it that is done, in [0, 1]."""

_listener: ContextVar[Listener | None] = ContextVar("demeanor_progress", default=None)


@contextmanager
def watched(listener: Listener) -> Iterator[None]:
    """Have a listener told what is done within the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(step: str, done: float, total: float | None) -> None:
    """Say that so much of a step is done; nothing happens where nobody watches or the total is not known."""
    listener = _listener.get()
    if listener is not None and total:
        listener(step, min(1.0, max(0.0, done / total)))
