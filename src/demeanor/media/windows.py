"""A stream of audio → windows of at most 30 s that hold its speech: what a Whisper encoder takes in one pass.

Windows are cut at the longest pause that offers itself. Pauses of up to a second stay as they are; longer
ones are left out, so that a window is made of one or more pieces of the file. Memory does not
grow with length.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from demeanor.media.vad import RATE, Interval, Samples, noise_floor

LIMIT = 30 * RATE
"""Most samples in a window."""

Detector = Callable[[Samples], list[Interval]]

_LONGEST = 28 * RATE  # of one interval, so that it fits a window with its padding
_PAD = RATE // 5  # of true audio around speech, where the pause leaves room
_PAUSE = RATE  # longer pauses are left out
_SPAN = 60 * RATE  # of the file that one window may reach over
_STRETCH = 120 * RATE  # of the file that is looked at in one go
_MARGIN = RATE  # speech that ends this close to the end of a stretch may go on after it
_STEP = 5 * RATE  # of sound that goes on, after which it is asked whether a window is full
_CONTEXT = 2 * RATE  # kept before and after, to measure the noise and to settle the detector


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Pieces of the file, one after another.

    Attributes:
        samples: (time,), at most `LIMIT`.
        pieces: where they come from: [start, end) in the file, in order.
        speech: intervals of speech inside the pieces, in the file.
        floor: mean square of the noise around.
    """

    samples: Samples
    pieces: tuple[Interval, ...]
    speech: tuple[Interval, ...]
    floor: float

    def piece_at(self, seconds: float) -> int:
        """Index of the piece that holds a time of the window."""
        ends = list(accumulate(end - start for start, end in self.pieces))
        return min(bisect_right(ends, round(seconds * RATE)), len(ends) - 1)

    def in_file(self, seconds: float, piece: int) -> float:
        """A time of the window as a time of the file (s), kept inside a piece."""
        before = sum(end - start for start, end in self.pieces[:piece])
        start, end = self.pieces[piece]
        return min(max(start, start + seconds * RATE - before), end) / RATE

    def position(self, sample: int) -> int:
        """Where a sample of the file lies in the window; the nearest place if it was left out."""
        before = 0
        for start, end in self.pieces:
            if sample < end:
                return before + max(0, sample - start)
            before += end - start
        return before


class Stream:
    """Blocks of any size, taken in any other sizes.

    Attributes:
        taken: samples handed out so far.
    """

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self._blocks = iter(blocks)
        self._rest = np.empty(0, np.float32)
        self.taken = 0

    def take(self, count: int) -> Samples:
        """The next `count` samples, fewer only at the end."""
        parts, have = [self._rest], len(self._rest)
        while have < count and (block := next(self._blocks, None)) is not None:
            parts.append(np.asarray(block, np.float32).reshape(-1))
            have += len(parts[-1])
        joined = np.concatenate(parts)
        self._rest = joined[count:].copy()  # a copy, so that what was handed out can be freed
        self.taken += min(count, have)
        return joined[:count]


def speech_windows(blocks: Iterable[Samples], detect: Detector, early: bool = False) -> Iterator[Window]:
    """Windows that hold the speech `detect` finds; the same whatever the sizes of the blocks.

    Args:
        blocks: (time,) each.
        detect: finds speech in a stretch.
        early: give each window as soon as nothing can change it any more, for sound that is still going on. The windows
            are the same; `detect` is asked more often, and what it finds must not depend on what comes a second later.
    """
    stream = Stream(blocks)
    audio, origin, done, final = np.empty(0, np.float32), 0, 0, False
    while not final:
        given: list[list[Interval]] = []
        while len(audio) < _STRETCH:
            more = stream.take(min(_STEP if early else _STRETCH, _STRETCH - len(audio)))
            if not len(more):
                break
            audio = np.concatenate([audio, more])
            for group in _settled(audio, origin, done, detect)[len(given) :] if early else []:
                yield cut(audio, origin, group)
                given.append(group)
        final = len(audio) < _STRETCH
        groups = _groups(audio, origin, done, detect)
        if given and groups[: len(given)] != given:  # found otherwise after all: what was given stays
            groups = [*given, *_groups(audio, origin, given[-1][-1][1], detect)]
        rest = groups[len(given) :]  # of what was given nothing is held back
        held = [] if final else _held(rest, origin)
        for group in rest:
            yield cut(audio, origin, group)
        done = max([done, *(group[-1][1] for group in given + rest)])
        keep = max(0, (held[0][0] - origin if held else len(audio)) - _CONTEXT)
        audio, origin = audio[keep:].copy(), origin + keep


def _groups(
    audio: Samples, origin: int, done: int, detect: Detector, before: int | None = None
) -> list[list[Interval]]:
    """The speech of a stretch by window: what lies after `done` and, if that is given, ends before a sample."""
    found = [(max(a + origin, done), b + origin) for a, b in detect(audio)]
    end = origin + len(audio)
    return pack([(a, b) for a, b in found if b > a and (before is None or b < before)], done, end)


def _settled(audio: Samples, origin: int, done: int, detect: Detector) -> list[list[Interval]]:
    """The first windows of a stretch that goes on: those which are full, and end well before its end.

    Only speech that has ended is looked at, and the last window of it may still grow.
    """
    end = origin + len(audio)
    full = _groups(audio, origin, done, detect, end - _MARGIN)[:-1]
    return [group for group in full if group[-1][1] + _CONTEXT <= end]


def _held(groups: list[list[Interval]], origin: int) -> list[Interval]:
    """Take off `groups` what may go on after the stretch: a last window that can grow, or its open end."""
    if not groups:
        return []
    last = groups.pop()
    if last[0][0] - origin >= _STRETCH // 2:
        return last
    closed = [i for i in last if i[1] < origin + _STRETCH - _MARGIN]
    if closed:
        groups.append(closed)
    return last[len(closed) :]


def pack(speech: Sequence[Interval], first: int, last: int) -> list[list[Interval]]:
    """Intervals of speech by window: each as full as can be, but cut at the longest pause of its second half.

    Args:
        speech: intervals in order, not overlapping.
        first: nothing before this sample may be used for padding, and
        last: nothing after this one.

    Returns:
        Padded intervals by window.
    """
    windows: list[list[Interval]] = []
    current: list[Interval] = []
    for interval in _padded(_split(speech), first, last):
        while current and _too_long([*current, interval]):
            whole = [*current, interval]
            gaps = [b[0] - a[1] for a, b in pairwise(whole)]
            late = [i for i in range(len(gaps)) if _length(whole[: i + 1]) >= LIMIT // 2] or [len(gaps) - 1]
            at = max(late, key=lambda i: (gaps[i], i)) + 1
            windows.append(current[:at])
            current = current[at:]
        current.append(interval)
    return [*windows, current] if current else windows


def _split(speech: Iterable[Interval]) -> Iterator[Interval]:
    """Intervals too long for a window in equal parts."""
    for start, end in speech:
        parts = -(-(end - start) // _LONGEST)
        edges = [start + (end - start) * i // parts for i in range(parts + 1)]
        yield from pairwise(edges)


def _padded(speech: Iterable[Interval], first: int, last: int) -> list[Interval]:
    """Intervals with `_PAD` around them, but no more than half the pause to the next one."""
    whole = [(first, first), *speech, (last, last)]
    out = []
    for at in range(1, len(whole) - 1):
        start, end = whole[at]
        before, after = start - whole[at - 1][1], whole[at + 1][0] - end
        before = before if at == 1 else before // 2
        after = after if at == len(whole) - 2 else after // 2
        out.append((start - max(0, min(_PAD, before)), end + max(0, min(_PAD, after))))
    return out


def _joined(group: Iterable[Interval]) -> list[Interval]:
    """Padded intervals as pieces of the file: pauses of up to `_PAUSE` stay in."""
    pieces: list[Interval] = []
    for start, end in group:
        if pieces and start - pieces[-1][1] <= _PAUSE - 2 * _PAD:
            pieces[-1] = (pieces[-1][0], max(pieces[-1][1], end))
        else:
            pieces.append((start, end))
    return pieces


def _length(group: Sequence[Interval]) -> int:
    return sum(end - start for start, end in _joined(group))


def _too_long(group: Sequence[Interval]) -> bool:
    return _length(group) > LIMIT or group[-1][1] - group[0][0] > _SPAN


def cut(audio: Samples, origin: int, group: Sequence[Interval]) -> Window:
    """The window of a group of padded intervals, out of audio that begins at sample `origin` of the file."""
    end = origin + len(audio)
    group = [(max(a, origin), min(b, end)) for a, b in group if a < end and b > origin]
    pieces = _joined(group)
    samples = [audio[a - origin : b - origin] for a, b in pieces]
    low = max(origin, (pieces[0][0] if pieces else origin) - _CONTEXT) - origin
    high = min(end, (pieces[-1][1] if pieces else origin) + _CONTEXT) - origin
    floor = noise_floor(audio[low:high], [(a - origin - low, b - origin - low) for a, b in group])
    joined = np.concatenate(samples) if samples else np.empty(0, np.float32)
    return Window(joined[:LIMIT], tuple(pieces), tuple(group), floor)
