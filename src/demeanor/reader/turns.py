"""Sound that goes on, cut into turns while it comes: a turn ends where somebody pauses, or has spoken for long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from demeanor.media.utterances import LONGEST
from demeanor.media.vad import RATE, Interval, Samples
from demeanor.media.windows import Window, cut

PAUSE = 0.5
"""Seconds of silence that end a turn."""

_LONGEST = round(LONGEST * RATE)
_PAUSE = round(PAUSE * RATE)
_PAD = RATE // 5  # of true audio around speech
_CONTEXT = 2 * RATE  # kept before, to measure the noise and to settle the detector


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """A stretch of speech.

    Attributes:
        number: 0, 1, 2 …; an open turn comes again with the same number.
        window: its sound so far.
        closed: whether it has ended.
        until: seconds of sound that were listened to.
        spoken_until: where its speech ends so far, seconds; the window goes on for a fifth of a second where it can.
    """

    number: int
    window: Window
    closed: bool
    until: float
    spoken_until: float

    @property
    def start(self) -> float:
        """Seconds."""
        return self.window.speech[0][0] / RATE

    @property
    def end(self) -> float:
        """Of its window, seconds."""
        return self.window.speech[-1][1] / RATE

    @property
    def paused(self) -> bool:
        """Whether a pause has begun: the window is then what it will be if the pause ends the turn."""
        return self.end < self.until


class Turns:
    """Finds the turns in sound that goes on; keeps the sound of the current one only.

    Args:
        detect: finds speech in a stretch of sound.
    """

    def __init__(self, detect: Callable[[Samples], list[Interval]]) -> None:
        self._detect = detect
        self._audio, self._origin = np.empty(0, np.float32), 0
        self._number, self._done = 0, 0

    def add(self, samples: Samples) -> list[Turn]:
        """Take in more sound.

        Args:
            samples: (time,), 16 kHz.

        Returns:
            Turns that have ended, and last the one that goes on, if somebody speaks.
        """
        self._audio = np.concatenate([self._audio, samples])
        found: list[Turn] = []
        while (turn := self._next()) is not None:
            found.append(turn)
            if not turn.closed:
                break
        return found

    def _next(self) -> Turn | None:
        end = self._origin + len(self._audio)
        found = [(max(a + self._origin, self._done), b + self._origin) for a, b in self._detect(self._audio)]
        speech = [(a, b) for a, b in found if b > a]
        if not speech:
            self._forget(end - _CONTEXT)
            return None
        starts = [*(a for a, _ in speech[1:]), end]
        ends_at = next((i for i, start in enumerate(starts) if start - speech[i][1] >= _PAUSE), None)
        group = speech if ends_at is None else speech[: ends_at + 1]
        short = _shortened(group)
        closed = ends_at is not None or short != group
        low = [max(short[0][0] - _PAD, self._done, self._origin), *(a for a, _ in short[1:])]
        high = [*(b for _, b in short[:-1]), min(short[-1][1] + _PAD, end) if short == group else short[-1][1]]
        window = cut(self._audio, self._origin, list(zip(low, high, strict=True)))
        turn = Turn(self._number, window, closed, end / RATE, short[-1][1] / RATE)
        if closed:
            self._number += 1
            self._done = high[-1]  # its padding too: what is found there later is the echo of the same speech
            self._forget(self._done - _CONTEXT)
        else:
            self._forget(short[0][0] - _CONTEXT)
        return turn

    def _forget(self, before: int) -> None:
        """Let go of the sound before a sample."""
        if before > self._origin:
            self._audio = self._audio[before - self._origin :].copy()
            self._origin = before


def _shortened(group: Sequence[Interval]) -> list[Interval]:
    """A group no longer than an utterance may be: cut at the longest pause of its second half, or anywhere."""
    start, out = group[0][0], list(group)
    if out[-1][1] - start <= _LONGEST:
        return out
    inside = [i for i, (_, b) in enumerate(out[:-1]) if _LONGEST // 2 <= b - start <= _LONGEST]
    if inside:
        pauses = [b[0] - a[1] for a, b in pairwise(out)]
        return out[: max(inside, key=lambda i: pauses[i]) + 1]
    return [(a, min(b, start + _LONGEST)) for a, b in out if a < start + _LONGEST]
