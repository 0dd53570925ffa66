"""Pictures of a film on a regular clock: RGB, upright, square pixels, by presentation time, bounded memory.

What is shown at a tick is the last frame presented at or before it, which is right for variable frame rates
too. To be fast, packets are looked at one group of pictures ahead: groups (and tails of groups) in which no
tick falls are not decoded at all, and frames that no other frame refers to are decoded only if they are
wanted. The result is the same as that of decoding everything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import DecodeError, InputError
from demeanor.media.container import (
    GAP_LIMIT,
    MAX_PIXELS,
    Clock,
    Damage,
    decode_packet,
    end_of,
    flushing,
    open_container,
    read_packets,
)
from demeanor.media.source import name_of
from demeanor.media.streams import UNKNOWN_CODEC, lost_tracks, picture_stream, sound_stream
from demeanor.media.upright import Upright
from demeanor.types import Source

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_STEP = "decode pictures"
_SLACK = 0.002  # seconds: timestamps in milliseconds may come a little after their tick
_GROUP = 600  # packets looked at ahead at most


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture and its time: `time` in seconds from the start, `image` RGB uint8 (height, width, 3).

    Ticks within one long-lasting picture share one array: copy before drawing on it.
    """

    time: float
    image: NDArray[np.uint8] = field(repr=False, compare=False)


class VideoReader:
    """Pictures of one film, read as often as wanted.

    Attributes:
        duration: seconds as the file declares them, None if it does not.
        pictures_end: seconds at which the pictures end as their stream declares it, None if it does not.
        size: (width, height) as shown: upright, with square pixels.
        fps: average frames per second, 0.0 if the file does not say.
        has_audio: whether there is a sound track that can be decoded.
        warnings: filled while reading: what was damaged, left out or mended.
    """

    def __init__(self, source: Source, threads: int = 0) -> None:
        self.warnings: list[str] = []
        self._source, self._threads = source, threads
        with self._opened() as (container, stream):
            self.has_audio = sound_stream(container) is not None
            if "sound" in lost_tracks(container):
                self.warnings.append(f"{name_of(source)}: {UNKNOWN_CODEC.format('sound')}; only the pictures were read")
            self.pictures_end = end_of(container, stream)
            self.duration = container.duration / 1e6 if container.duration else self.pictures_end
            self.fps = float(stream.average_rate or stream.guessed_rate or 0)
            packets = ((packet, True) for packet in read_packets(container, stream, Damage()))
            first = next(self._decoded(stream, packets, Damage()), None)
            if first is None:
                raise DecodeError(
                    f"{name_of(source)}: cannot {_STEP}: expected at least one picture, none could be "
                    "decoded; the file is damaged"
                )
            self.size = Upright(stream).size(first)

    def frames(self, fps: float = 2.0, longest: int = 960, start: float = 0.0) -> Iterator[Frame]:
        """What is shown at 0, 1/fps, 2/fps … seconds; at least one frame if the film is not over before `start`.

        Args:
            fps: pictures per second of film; may exceed the film's own rate (pictures then repeat).
            longest: the longer side is scaled down to this; never up.
            start: seconds; the first picture is that of the last tick up to it.

        Raises:
            DecodeError: nothing could be decoded.
        """
        if not (0.01 <= fps <= 1000 and longest >= 1):
            raise InputError(f"expected fps in [0.01, 1000] and longest >= 1, got fps={fps}, longest={longest}")
        damage = Damage()
        # The first picture stands in where the whole film lies between two ticks.
        spare: tuple[float, VideoFrame] | None = None
        due, end, since = 0, 0.0, math.floor(start * fps)
        with self._opened() as (container, stream):
            clock, upright = Clock(container, damage), Upright(stream, longest)
            expected_end = end_of(container, stream)
            packets = _wanted(read_packets(container, stream, damage), clock, fps)
            for start, end, frame in _spans(self._decoded(stream, packets, damage), clock):
                first, stop = max(due, _tick_at(start, fps)), _tick_at(end, fps)
                spare = spare or (start, frame)
                if first < stop:
                    due, first = stop, max(first, since)
                if first < stop:
                    image = upright(frame)
                    yield from (Frame(tick / fps, image) for tick in range(first, stop))
            if spare is not None and due == 0:
                yield Frame(spare[0], upright(spare[1]))
        name = name_of(self._source)
        notes = damage.report(name, _STEP, end, expected_end)
        if not notes and self.has_audio and self.duration and self.duration - end > max(2.0, 0.02 * self.duration):
            notes = [
                f"{name}: {_STEP}: the pictures end at {end:.1f} s of {self.duration:.1f} s; after it nothing was seen"
            ]
        self.warnings += notes
        if spare is None:
            raise DecodeError(f"{name}: cannot {_STEP}: expected pictures, got none {damage.last}; the file is damaged")

    def frame_at(self, time: float, longest: int = 960) -> Frame:
        """What is shown at `time` seconds; the first or last picture where the film does not reach.

        Raises:
            DecodeError: nothing could be decoded there.
        """
        # Seeking may land late, so try earlier, and at last read from the start.
        for lead in (0.0, 10.0, None):
            with self._opened() as (container, stream):
                if lead is not None and not _sought(container, time - lead):
                    continue
                shown = self._at(container, stream, time, longest)
            if shown is not None and (shown.time <= time + _SLACK or lead is None):
                return Frame(max(time, 0.0), shown.image)
        raise DecodeError(
            f"{name_of(self._source)}: cannot {_STEP} at {time:.2f} s: expected a picture, got none; the "
            "file is damaged"
        )

    def _at(self, container: InputContainer, stream: VideoStream, time: float, longest: int) -> Frame | None:
        clock = Clock(container, Damage())
        shown: VideoFrame | None = None
        start = 0.0
        for frame in self._decoded(stream, ((p, True) for p in read_packets(container, stream, Damage())), Damage()):
            at = 0.0 if frame.time is None else clock.plain(frame.time)
            if shown is not None and at > time + _SLACK:
                break
            shown, start = frame, at
        return None if shown is None else Frame(start, Upright(stream, longest)(shown))

    @contextmanager
    def _opened(self) -> Iterator[tuple[InputContainer, VideoStream]]:
        with open_container(self._source, _STEP) as container:
            stream: Any = picture_stream(container)
            if stream is None and lost_tracks(container):
                raise DecodeError(
                    f"{name_of(self._source)}: cannot {_STEP}: {UNKNOWN_CODEC.format('pictures')}; convert it with "
                    "another program"
                )
            if stream is None:
                raise InputError(
                    f"{name_of(self._source)}: cannot {_STEP}: expected a film, got no pictures that can be "
                    "decoded (cover art is not a film); read it as sound"
                )
            stream.thread_type = "AUTO"
            if self._threads > 0:
                stream.thread_count = self._threads
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            yield container, stream

    def _decoded(
        self, stream: VideoStream, packets: Iterable[tuple[Any, bool]], damage: Damage
    ) -> Iterator[VideoFrame]:
        """Frames of the packets; one that is not wanted may be left out if no other refers to it.

        A packet of None says that some were left out: the decoder gives what it holds and starts afresh, for
        otherwise it would put the pictures on both sides of the hole in a wrong order.
        """
        context = stream.codec_context
        holding = False
        for packet, wanted in packets:
            if packet is None and not holding:
                continue
            holding = packet is not None
            context.skip_frame = "DEFAULT" if wanted else "NONREF"
            try:
                frames = decode_packet(flushing(stream) if packet is None else packet, damage)
            except DecodeError as error:
                raise DecodeError(f"{name_of(self._source)}: cannot {_STEP}: {error}") from error
            if packet is None:
                context.flush_buffers()
            yield from frames


def open_video(source: Source, *, threads: int = 0) -> VideoReader:
    """Open the pictures of a film.

    Args:
        source: path, bytes or open binary file.
        threads: decoding threads; 0 takes one per core.

    Raises:
        InputError: there are no moving pictures in it (cover art does not count), or no such file.
        DecodeError: it is empty, damaged beyond reading, or in an unknown format.
    """
    return VideoReader(source, threads)


def _tick_at(time: float, fps: float) -> int:
    """Number of the first tick at or after a time."""
    return math.ceil((time - _SLACK) * fps)


def _spans(frames: Iterable[VideoFrame], clock: Clock) -> Iterator[tuple[float, float, VideoFrame]]:
    """Each frame with the seconds from and until which it is shown; the last one for its own duration."""
    held: VideoFrame | None = None
    start = length = 0.0
    for frame in frames:
        # Declared lengths follow the order of decoding and may be wrong; only starts are compared.
        at = start + length if frame.time is None else clock.place(frame.time, start)
        if held is not None:
            yield start, at, held
        held, start = frame, at
        length = min(float(frame.duration * (frame.time_base or 0)) if frame.duration else 0.04, GAP_LIMIT)
    if held is not None:
        yield start, start + max(length, 2 * _SLACK), held


def _groups(packets: Iterable[Any]) -> Iterator[list[Any]]:
    """Packets from one key frame to the next; the flushing packet alone at the end."""
    group: list[Any] = []
    for packet in packets:
        if group and (packet.is_keyframe or packet.pts is None or len(group) >= _GROUP):
            yield group
            group = []
        group.append(packet)
    yield group
    yield []


def _wanted(packets: Iterable[Any], clock: Clock, fps: float) -> Iterator[tuple[Any, bool]]:
    """The packets to decode, each with whether its picture is shown at a tick."""
    opening = True
    for group, following in pairwise(_groups(packets)):
        times = {id(p): clock.plain(float(p.pts * p.time_base)) for p in group + following if p.pts is not None}
        if opening or not clock.steady or len(times) < len(group):
            yield from ((packet, True) for packet in group)
        else:
            yield from _chosen(group, following, times, fps)
        opening = False


def _chosen(group: list[Any], following: list[Any], times: dict[int, float], fps: float) -> Iterator[tuple[Any, bool]]:
    """Of one group, what must be decoded, knowing the next one.

    A picture is wanted if a tick falls between it and the next. What comes after the last wanted one is
    dropped, unless the next group needs it: because that is no real group, or its leading pictures (shown
    before their key frame, referring back) are wanted.
    """
    shown = sorted({*times.values(), math.inf})
    wanted = {a for a, b in pairwise(shown) if b == math.inf or _tick_at(a, fps) < _tick_at(b, fps)}
    key = times[id(group[0])]
    last = max((i for i, p in enumerate(group) if times[id(p)] in wanted), default=-1)
    if following:
        next_key = times.get(id(following[0]), -math.inf) if following[0].is_keyframe else -math.inf
        leading = {times[id(p)] for p in following if id(p) in times and times[id(p)] < next_key}
        if next_key < key or leading & wanted:
            last = len(group) - 1
    for packet in group[: last + 1]:
        at = times[id(packet)]
        if at in wanted or at >= key:
            yield packet, at in wanted
    if last < len(group) - 1:
        yield None, False


def _sought(container: InputContainer, time: float) -> bool:
    import av

    try:
        container.seek(round(max(time, 0.0) * 1e6) + (container.start_time or 0))
    except av.FFmpegError:
        return False
    return True
