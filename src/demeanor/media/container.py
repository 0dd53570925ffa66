"""Containers through FFmpeg (PyAV): opened safely, read past damage, timed on one clock.

FFmpeg is given an open file and may open nothing else: no protocol is allowed to it, and the formats whose
content names other files, runs scripts or turns plain text into pictures are refused. Sound and pictures of
one file share the container's clock (`Clock`), which is 0 where the earliest stream starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO

from demeanor.errors import DecodeError
from demeanor.media.source import name_of, open_source, suffix_of
from demeanor.media.streams import picture_stream as picture_stream  # and for those who open a container here
from demeanor.media.streams import sound_stream as sound_stream

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

MAX_PIXELS = 160_000_000
"""Largest video frame decoded: a damaged header must not claim all memory (8K is 33 million)."""

GAP_LIMIT = 1800.0
"""Longest pause in a stream, in seconds, that is believed; beyond it the timestamps are taken to be wrong."""

# Formats that name other files or addresses, run scripts, are devices, or read any plain text as a picture.
_REFUSED = (
    "hls applehttp dash concat concatf image2 image2pipe imf sdp rtsp rtp sap hds smoothstreaming vobsub "
    "webm_dash_manifest avisynth vapoursynth lavfi fbdev alsa oss kmsgrab x11grab v4l2 video4linux2 dshow "
    "avfoundation gdigrab sndio pulse jack openal decklink bluray dvdvideo svg_pipe tty bin xbin adf idf "
    "ffmetadata tedcaptions"
)
_UNINDEXED = ("aac", "amr", "amrnb", "amrwb", "loas")  # raw frames one after another
_GIVE_UP = 64  # read errors in one file after which the rest is left


@dataclass(slots=True)
class Damage:
    """What went wrong while a file was read; told once, in words, when the reading ends."""

    packets: int = 0
    reads: int = 0
    jumps: int = 0
    corrupt: int = 0
    last: str = ""
    notes: list[str] = field(default_factory=list)

    def report(self, name: str, step: str, seconds: float, expected: float | None) -> list[str]:
        """Warnings naming the file and the step; empty for a sound file.

        Args:
            name: the file's name.
            step: what was being done ("decode sound").
            seconds: where the decoded stream ended.
            expected: where it said it would end, None if it did not say.
        """
        out = [f"{name}: {step}: {note}" for note in self.notes]
        if self.packets or self.reads or self.corrupt:
            parts = f"{self.packets + self.reads + self.corrupt} damaged parts"
            out.append(f"{name}: {step}: {parts} were left out or mended {self.last}".rstrip())
        if self.jumps:
            out.append(f"{name}: {step}: timestamps jump {self.jumps} times; times after a jump are estimates")
        if expected is not None and expected - seconds > max(0.5, 0.02 * expected):
            out.append(f"{name}: {step}: ends at {seconds:.1f} s of {expected:.1f} s; the file seems to be cut short")
        return out


class Clock:
    """Presentation times as seconds from the container's start, mended where they jump.

    A time that goes back by more than a second, or ahead by more than `GAP_LIMIT` or past the declared end,
    is taken for a restart of the timestamps: the stream goes on without a pause and later times are shifted
    alike.
    """

    def __init__(self, container: InputContainer, damage: Damage) -> None:
        self._start = (container.start_time or 0) / 1e6
        self._limit = container.duration / 1e6 + 2.0 if container.duration else None
        self._shift = 0.0
        self._damage = damage

    @property
    def steady(self) -> bool:
        """Whether no jump has been met so far."""
        return self._shift == 0.0

    def plain(self, time: float) -> float:
        """Seconds from the start, as the stream says."""
        return time - self._start + self._shift

    def place(self, time: float | None, expected: float) -> float:
        """Seconds from the start; `expected`, where the previous frame ended, stands in for no time."""
        if time is None:
            return expected
        at = self.plain(time)
        ahead = at - expected
        beyond = self._limit is not None and at > max(self._limit, expected + 1.0)
        if ahead < -1.0 or ahead > GAP_LIMIT or (beyond and ahead > 1.0):
            self._shift -= ahead
            self._damage.jumps += 1
            return expected
        return max(at, 0.0)


class _Named:
    """What FFmpeg sees of a file: its bytes and its extension, by which alone raw formats are known."""

    def __init__(self, file: BinaryIO, suffix: str) -> None:
        self.name = "media" + suffix if re.fullmatch(r"\.[a-z0-9]{1,8}", suffix) else "media"
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


@cache
def _allowed() -> str:
    import av

    refused = set(_REFUSED.split())
    return ",".join(sorted(n for n in av.formats_available if not refused & set(n.split(","))))


@contextmanager
def open_container(source: object, step: str) -> Iterator[InputContainer]:
    """Open a sound or video file so that it can neither reach beyond itself nor claim all memory.

    Args:
        source: path, bytes or open binary file.
        step: what is being done, for messages.

    Raises:
        InputError: there is no such file (see `open_source`).
        DecodeError: it is empty, or FFmpeg knows no sound or video format in it.
    """
    with open_source(source, step) as file, _container(file, source, step) as container:
        yield container


def _container(file: BinaryIO, source: object, step: str) -> InputContainer:
    import av

    fault: Exception | None = None
    for suffix in dict.fromkeys((suffix_of(source), "")):  # a false name must not hide what the content shows
        file.seek(0)
        try:
            container: InputContainer = av.open(
                _Named(file, suffix),
                mode="r",
                options={"max_pixels": str(MAX_PIXELS)},
                container_options={"protocol_whitelist": "none", "format_whitelist": _allowed()},
                metadata_errors="replace",
                buffer_size=1 << 18,
            )
            return container
        except (av.FFmpegError, ValueError, MemoryError) as error:
            fault = error
    if _lacks_index(file):
        raise DecodeError(
            f"{name_of(source)}: cannot {step}: expected an MP4 with its index (the box 'moov', often the last), got "
            "one without; the recording, copy or download was cut off: take the whole file, or mend it elsewhere"
        ) from fault
    reason = getattr(fault, "strerror", None) or str(fault)
    raise DecodeError(
        f"{name_of(source)}: cannot {step}: expected a sound or video file, FFmpeg says: {reason}; the file "
        "is damaged, not a medium, or a playlist that names other files (those are never read)"
    ) from fault


def _lacks_index(file: BinaryIO) -> bool:
    """Whether this is an MP4 or QuickTime file that ends before its index; looks at the outermost boxes only."""
    at, end, known = 0, file.seek(0, 2), False
    for _ in range(1000):
        file.seek(at)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        known = known or kind == b"ftyp"
        if len(head) < 8 or not known or kind == b"moov":
            return known and kind != b"moov"
        at += int.from_bytes(head[8:16], "big") if length == 1 else length or end
        if length in range(2, 8) or at >= end:
            return True
    return False


def wave_end(source: object, step: str) -> float | None:
    """Where a WAV file that ends before its sound does says that it would end, in seconds; None for any other file.

    FFmpeg believes the file's length instead. A recorder that was cut off or writes into a pipe says the most there can
    be, which is no length.

    Raises:
        InputError: there is no such file.
    """
    with open_source(source, step) as file:
        if (head := file.read(12))[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        a_second = 0
        for _ in range(100):
            chunk = file.read(8)
            kind, length = chunk[:4], int.from_bytes(chunk[4:], "little")
            start = file.tell()
            if kind == b"data" or len(chunk) < 8:
                is_cut = start + length > file.seek(0, 2) and length < 0x7FFF_0000
                return length / a_second if a_second and is_cut else None
            if kind == b"fmt ":
                a_second = int.from_bytes(file.read(12)[8:], "little")
            file.seek(start + length + length % 2)
        return None


def is_length_guessed(form: str, source: object, step: str) -> bool:
    """Whether the length that FFmpeg tells of a format is a guess, from the file's size and the bit rate at its start.

    Such files say nothing about it: raw frames, and MP3 whose first frame holds no count of them.

    Raises:
        InputError: there is no such file.
    """
    if form != "mp3":
        return form in _UNINDEXED
    with open_source(source, step) as file:
        head = file.read(10)
        tagged = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=False))
        file.seek(10 + tagged if head[:3] == b"ID3" else 0)
        first = file.read(4096)
    return not any(count in first for count in (b"Xing", b"Info", b"VBRI"))


def end_of(container: InputContainer, stream: Stream) -> float | None:
    """Where a stream says it ends, in seconds from the start; None if only another stream may say."""
    start = (container.start_time or 0) / 1e6
    if stream.duration and stream.time_base:
        return float((stream.start_time or 0) * stream.time_base + stream.duration * stream.time_base) - start
    if (tagged := _tagged(stream.metadata)) is not None:
        return tagged - start
    alone = sum(1 for s in (picture_stream(container), sound_stream(container)) if s is not None) == 1
    return container.duration / 1e6 if alone and container.duration else None


def _tagged(metadata: Mapping[str, str]) -> float | None:
    """Seconds of a Matroska stream, which says them in a tag (DURATION, DURATION-eng: hours:minutes:seconds)."""
    for name, value in metadata.items():
        found = re.fullmatch(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d+)?)", value.strip())
        if name.upper().partition("-")[0] == "DURATION" and found is not None:
            hours, minutes, seconds = found.groups()
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    return None


def _leave_out_others(container: InputContainer, stream: Stream) -> None:
    """Have the demuxer skip what is not asked for (a film's pictures while its sound is read)."""
    from av.stream import Discard

    for other in container.streams:
        other.discard = Discard.default if other.index == stream.index else Discard.all


def read_packets(container: InputContainer, stream: Stream, damage: Damage) -> Iterator[Any]:
    """Packets of one stream, going on after read errors; the last one is empty and flushes the decoder."""
    import av

    _leave_out_others(container, stream)
    while True:
        try:
            yield from container.demux(stream)
            return
        except av.FFmpegError as error:
            damage.reads += 1
            damage.last = f"({error.strerror})"
            if damage.reads >= _GIVE_UP:
                damage.notes.append("too many read errors; the rest was left out")
                yield flushing(stream)
                return


def flushing(stream: Stream) -> Any:
    """An empty packet, which makes the decoder of a stream give all it holds."""
    import av

    packet = av.Packet()
    packet.stream = stream
    packet.time_base = stream.time_base
    return packet


def decode_packet(packet: Any, damage: Damage) -> list[Any]:
    """Frames that a packet yields; none where it is damaged.

    Raises:
        DecodeError: there is no decoder for the stream.
    """
    import av

    try:
        frames: list[Any] = packet.decode()
    except av.error.DecoderNotFoundError as error:
        raise DecodeError(f"no decoder for this codec ({error}); convert the file with another program") from error
    except (av.FFmpegError, ValueError, MemoryError) as error:
        damage.packets += 1
        damage.last = f"({getattr(error, 'strerror', None) or error})"
        return []
    damage.corrupt += sum(1 for frame in frames if frame.is_corrupt)
    return frames
