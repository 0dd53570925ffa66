"""What is pushed into a stream, put on one clock: sound without gaps, pictures on a regular beat."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import InputError
from demeanor.media.audio import TOLERANCE, sane
from demeanor.media.container import GAP_LIMIT
from demeanor.media.resample import Resampler, frame_of
from demeanor.media.vad import RATE, Samples
from demeanor.media.waveform import RATES, rows_of, scaled
from demeanor.media.windows import Stream

LONGEST_WAIT = 600.0
"""Seconds of sound that may wait to be heard; what comes beyond it is lost, and said to be."""

MOST_PICTURES = 3
"""Pictures that wait to be looked at, at most; of more the oldest are dropped."""

_SLACK = 0.002  # seconds: timestamps in milliseconds may come a little after their tick
_MOST_AT_ONCE = 10 * RATE  # samples handed over at a time


class Feed:
    """Sound that waits for one listener, in another thread.

    Attributes:
        lost: seconds of sound that were replaced by silence because nobody kept up.
    """

    def __init__(self) -> None:
        self._waiting: deque[Samples] = deque()
        self._samples = self._sounding = 0
        self._closed = False
        self._changed = threading.Condition()
        self.lost = 0.0

    def put(self, block: Samples) -> None:
        """Add samples (time,); never blocks."""
        with self._changed:
            if self._closed:
                return
            sounding = _sounding(block)
            if self.seconds > LONGEST_WAIT:
                self.lost += sounding / RATE
                sounding = 0
            self._waiting.append(block if sounding else silence(len(block)))
            self._samples += len(block)
            self._sounding += sounding
            self._changed.notify_all()

    def close(self) -> None:
        """No more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drop(self) -> None:
        """Let go of what waits; no more will come."""
        with self._changed:
            self._waiting.clear()
            self._samples = self._sounding = 0
            self._closed = True
            self._changed.notify_all()

    @property
    def seconds(self) -> float:
        """Of sound that wait; silence, such as that in gaps, is no trouble to whoever hears it."""
        return self._sounding / RATE

    def take(self, least: int) -> Samples | None:
        """What waits, at least so many samples but at the end; None after the end."""
        with self._changed:
            while self._samples < least and not self._closed:
                self._changed.wait()
            taken: list[Samples] = []
            while self._waiting and (not taken or sum(map(len, taken)) < _MOST_AT_ONCE):
                taken.append(self._waiting.popleft())
            self._samples -= sum(map(len, taken))
            self._sounding -= sum(map(_sounding, taken))
        return np.concatenate(taken) if taken else None

    def blocks(self) -> Iterator[Samples]:
        """All that comes, in blocks of a second; waits for it."""

        def pieces() -> Iterator[Samples]:
            while (piece := self.take(RATE)) is not None:
                yield piece

        stream = Stream(pieces())
        while len(block := stream.take(RATE)):
            yield block


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture that waits: its time in seconds, and what it came as."""

    time: float
    image: Any


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A text that waits: its number, 1, 2 …, and its place in all that was written."""

    number: int
    place: int
    text: str


class Desk:
    """Pictures and texts that wait to be looked at, in another thread; of pictures the last few only."""

    def __init__(self) -> None:
        self._waiting: deque[Picture | Text] = deque()
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: Picture | Text, wait: bool = False) -> int:
        """Add one.

        Args:
            item: a picture or text.
            wait: wait for room; else this never blocks.

        Returns:
            How many pictures, the oldest, had to go for it.
        """
        with self._changed:
            while wait and len(self._waiting) >= MOST_PICTURES and not self._closed:
                self._changed.wait()
            if self._closed:
                return 0
            self._waiting.append(item)
            pictures = [i for i in self._waiting if isinstance(i, Picture)]
            for picture in pictures[:-MOST_PICTURES]:
                self._waiting.remove(picture)
            self._changed.notify_all()
            return max(0, len(pictures) - MOST_PICTURES)

    def take(self) -> Picture | Text | None:
        """The next one, waited for; None after the end."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            self._changed.notify_all()
            return self._waiting.popleft() if self._waiting else None

    def close(self, drop: bool = False) -> None:
        """No more will come; `drop` lets go of what waits."""
        with self._changed:
            self._closed = True
            if drop:
                self._waiting.clear()
            self._changed.notify_all()


class Now:
    """The time of what comes without one, on a clock that begins with the first sound or picture."""

    def __init__(self) -> None:
        self._zero: float | None = None
        self._is_seen = False  # pictures without a time

    def picture(self, time: float | None) -> float:
        """The time of a picture, seconds."""
        now = self._at(time or 0.0)
        self._is_seen |= time is None
        return now if time is None else float(time)

    def sound(self, time: float | None, length: float, is_first: bool) -> float | None:
        """The time of the first sample of `length` seconds that end now; None where it follows the last one."""
        now = self._at((time or 0.0) + length)
        return max(0.0, now - length) if time is None and is_first and self._is_seen else time

    def _at(self, begins: float) -> float:
        """What time it is; `begins` where nothing came before."""
        now = perf_counter()
        if self._zero is None:
            self._zero = now - begins
        return now - self._zero


def silence(count: int) -> Samples:
    """So many samples of silence, which take no memory."""
    return np.broadcast_to(np.float32(0), (count,))


def _sounding(block: Samples) -> int:
    """The samples of a block, 0 where all of it is silence."""
    return len(block) if block.any() else 0


class SoundClock:
    """Sound of any rate and shape to 16 kHz mono without gaps: a sample's index divided by the rate is its time.

    Attributes:
        seconds: of sound that has come, gaps included.
        repeated: seconds that lay before what had come already, and were left out.
        jumps: times that were further ahead than a gap can be.
    """

    def __init__(self) -> None:
        self.seconds = self.repeated = 0.0
        self.jumps = 0
        self._shift = 0.0
        self._resampler = Resampler(1, RATE)
        self._written = 0

    def push(self, rows: NDArray[Any], rate: int, time: float | None) -> list[Samples]:
        """Take in sound.

        Args:
            rows: (channels, time), floats in [-1, 1] or integers.
            rate: samples per second.
            time: of the first sample, seconds; None where it follows the last one.

        Returns:
            Pieces (time,), 16 kHz.
        """
        out = []
        if time is not None:
            ahead = time + self._shift - self.seconds
            if ahead > GAP_LIMIT:
                self.jumps += 1
                self._shift -= ahead
            elif ahead > TOLERANCE:
                out += self._pause(ahead)
            elif ahead < -TOLERANCE:
                skipped = min(rows.shape[1], round(-ahead * rate))
                self.repeated += skipped / rate
                rows = rows[:, skipped:]
        if not rows.shape[1]:
            return out
        self.seconds += rows.shape[1] / rate
        mono = scaled(rows).mean(axis=0, dtype=np.float32, keepdims=True)
        pieces = [mono] if rate == RATE else self._resampler.push(frame_of(mono, rate))
        return [*out, *self._counted(pieces)]

    def flush(self) -> list[Samples]:
        """What the resampler still holds."""
        return self._counted(self._resampler.flush())

    def _pause(self, seconds: float) -> list[Samples]:
        out = self.flush()
        self.seconds += seconds
        missing = round(self.seconds * RATE) - self._written
        while missing > 0:
            out.append(silence(min(missing, _MOST_AT_ONCE)))
            missing -= len(out[-1])
            self._written += len(out[-1])
        return out

    def _counted(self, pieces: list[Samples]) -> list[Samples]:
        flat = [sane(piece.reshape(-1)) for piece in pieces]
        self._written += sum(map(len, flat))
        return flat


def rows_from(samples: NDArray[Any] | bytes, rate: int, channels: int) -> NDArray[Any]:
    """Sound as it is pushed → (channels, time).

    Args:
        samples: an array as for `demeanor.analyze`, or bytes: 16-bit integers, little end first, channels interleaved.
        rate: samples per second.
        channels: of bytes.

    Raises:
        InputError: no sound of such a rate.
    """
    if rate not in RATES:
        raise InputError(f"expected a rate of {RATES[0]} to {RATES[-1]} samples per second, got {rate}")
    if not isinstance(samples, bytes | bytearray | memoryview):
        array = np.asarray(samples)
        return array.reshape(1, 0) if not array.size else rows_of(array).copy()
    if not 1 <= channels <= 64 or len(samples) % (2 * channels):
        raise InputError(
            f"expected 16-bit samples of {channels} interleaved channels, got {len(samples)} bytes; send whole samples"
        )
    return np.frombuffer(samples, "<i2").reshape(-1, channels).T


class Beat:
    """Chooses which pictures are looked at: what is shown at 0, 1/fps, 2/fps … seconds, as in a film.

    A picture is chosen when the next one shows that it was the last before its tick; where pictures come more slowly
    than the beat, each at once.

    Attributes:
        late: pictures that came with a time not after the last one's, and were left out.
        jumps: times that were further ahead than a gap can be.
        last: time of the last picture, seconds.
        spacing: between the last two, seconds.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._due = 0
        self._held: tuple[float, Any] | None = None
        self.late = self.jumps = 0
        self._shift = 0.0
        self.last: float | None = None
        self.spacing = 1 / fps

    def push(self, time: float, image: Any, reached: float = 0.0) -> list[tuple[float, Any]]:
        """Take in a picture; those chosen come out, each with its time on the beat.

        Args:
            time: seconds; where it is further ahead than a gap can be, the picture follows what has come.
            image: a picture.
            reached: seconds of the sound beside it that have come.
        """
        time += self._shift
        now = max(reached, 0.0 if self.last is None else self.last + self.spacing)
        if time - now > GAP_LIMIT:
            self.jumps += 1
            self._shift -= time - now
            time = now
        if self.last is not None and time <= self.last:
            self.late += 1
            return []
        chosen = self._shown(time)
        slow = self.last is not None and time - self.last >= 1 / self._fps
        self.spacing = min(1.0, time - self.last) if self.last is not None else self.spacing
        self.last, self._held = time, (time, image)
        if slow:
            chosen += self._shown(time + 1 / self._fps)
            self._held = None
        return chosen

    def flush(self) -> list[tuple[float, Any]]:
        """The last picture, if it is shown at a tick."""
        return [] if self.last is None else self._shown(self.last + self.spacing)

    def _shown(self, until: float) -> list[tuple[float, Any]]:
        """The picture held, if a tick that is due lies between it and a time."""
        if self._held is None:
            return []
        first, stop = (ceil((t - _SLACK) * self._fps) for t in (self._held[0], until))
        first = max(first, self._due)
        if first >= stop:
            return []
        self._due = stop
        return [(max(0, first) / self._fps, self._held[1])]
