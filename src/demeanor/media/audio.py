"""Sound as float32 blocks at one rate: from sound files, from videos, from arrays; streamed, never whole.

Sound keeps the container's clock: where it starts late or pauses, silence stands in, so a sample's index
divided by the rate is its time in the film. One or two channels come out: mono and stereo as they are,
surround folded down to stereo with the usual weights (centre and rear at -3 dB, no subwoofer), so that
speakers told apart by channel stay so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import DecodeError, InputError, LimitError
from demeanor.media.container import (
    Clock,
    Damage,
    decode_packet,
    end_of,
    open_container,
    read_packets,
    sound_stream,
)
from demeanor.media.source import name_of
from demeanor.types import Source

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.stream import Stream

Samples = NDArray[np.float32]

MAX_SECONDS = 4 * 3600.0
"""Longest sound that `decode_audio` holds in memory (0.9 GB at 16 kHz); `open_audio` has no limit."""

_STEP = "decode sound"
_TOLERANCE = 0.08  # seconds of pause that may be coarse timestamps rather than a gap
_RATES = range(1000, 1_000_000)  # samples per second; anything else is a damaged header
_SURROUND_GAIN = 0.7071  # keeps the fold-down of full-scale surround from clipping all the time


class AudioReader:
    """Sound of one source, read as often as wanted, in blocks.

    Attributes:
        duration: seconds as the source declares them, None if it does not.
        channels: 1 or 2, the number of rows of each block.
        rate: samples per second of what comes out.
        warnings: filled while reading: what was damaged, left out or mended.
    """

    def __init__(self, source: Source, rate: int, array_rate: int | None) -> None:
        self.rate = rate
        self.warnings: list[str] = []
        self._source = source
        self._array: NDArray[Any] | None = None
        if isinstance(source, np.ndarray):
            self._array = _as_rows(source)
            self._array_rate = array_rate or rate
            self.channels = len(self._array) if len(self._array) <= 2 else 1
            self.duration: float | None = self._array.shape[1] / self._array_rate
            return
        with open_container(source, _STEP) as container:
            stream = _sound_or_raise(container, source)
            layout = getattr(stream.codec_context, "layout", None)
            self.channels = 1 if layout is not None and layout.nb_channels == 1 else 2
            self.duration = container.duration / 1e6 if container.duration else end_of(container, stream)

    def blocks(self, seconds: float = 30.0) -> Iterator[Samples]:
        """Blocks (channels, time) in [-1, 1]; all of `seconds` but the last one, which is shorter.

        Raises:
            DecodeError: not a single sample could be decoded.
        """
        size = max(1, round(seconds * self.rate))
        pieces = self._from_array() if self._array is not None else self._from_file()
        yield from (_sane(block) for block in _regrouped(pieces, size))

    def mono(self, seconds: float = 30.0) -> Iterator[Samples]:
        """The same with the channels averaged: (time,)."""
        for block in self.blocks(seconds):
            yield block[0] if len(block) == 1 else block.mean(axis=0, dtype=np.float32)

    def _from_array(self) -> Iterator[Samples]:
        assert self._array is not None
        resampler = _Resampler(self.channels, self.rate)
        for first in range(0, self._array.shape[1], self._array_rate):
            piece = _scaled(self._array[:, first : first + self._array_rate])
            if self._array_rate == self.rate and len(piece) <= 2:
                yield piece
            else:
                yield from resampler.push(_frame(piece, self._array_rate))
        yield from resampler.flush()

    def _from_file(self) -> Iterator[Samples]:
        damage = Damage()
        name = name_of(self._source)
        with open_container(self._source, _STEP) as container:
            stream = _sound_or_raise(container, self._source)
            expected_end = end_of(container, stream)
            written = 0
            timed = _timed(_frames(container, stream, damage, name), Clock(container, damage))
            for piece in _in_sync(timed, self.channels, self.rate):
                written += piece.shape[1]
                yield piece
        self.warnings += damage.report(name, _STEP, written / self.rate, expected_end)
        if not written:
            raise DecodeError(f"{name}: cannot {_STEP}: expected samples, got none {damage.last}; the file is damaged")


def open_audio(source: Source, *, rate: int = 16000, array_rate: int | None = None) -> AudioReader:
    """Open the sound of a sound file, of a video, or of an array.

    Args:
        source: path, bytes, open binary file, or an array (time,) or (time, channels), float in [-1, 1] or
            integer.
        rate: samples per second that come out.
        array_rate: samples per second of an array; None says it is `rate` already.

    Raises:
        InputError: there is no sound in it, or no such file.
        DecodeError: it is empty, damaged beyond reading, or in an unknown format.
    """
    return AudioReader(source, rate, array_rate)


def decode_audio(source: Source, rate: int = 16000) -> Samples:
    """All of a source's sound, mono: (time,) float32 in [-1, 1] at `rate`.

    Raises:
        InputError: there is no sound in it, or no such file.
        DecodeError: nothing could be decoded.
        LimitError: longer than `MAX_SECONDS`.
    """
    reader = open_audio(source, rate=rate)
    parts: list[Samples] = []
    length = 0
    for block in reader.mono():
        parts.append(block)
        length += len(block)
        if length > MAX_SECONDS * rate:
            raise LimitError(
                f"{name_of(source)}: expected at most {MAX_SECONDS / 3600:.0f} hours of sound at once, got "
                "more; read it in blocks with open_audio"
            )
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def has_audio(source: Source) -> bool:
    """Whether a sound or video file has a sound track that can be decoded.

    Raises:
        InputError: there is no such file, or it is neither sound nor video.
    """
    if isinstance(source, np.ndarray):
        return source.dtype != np.uint8
    with open_container(source, "look for sound") as container:
        return sound_stream(container) is not None


def _sound_or_raise(container: Any, source: Source) -> Stream:
    stream = sound_stream(container)
    if stream is not None:
        return stream
    if container.streams.audio:
        raise DecodeError(
            f"{name_of(source)}: cannot {_STEP}: its codec is not among those FFmpeg decodes; "
            "convert the file with another program"
        )
    raise InputError(f"{name_of(source)}: cannot {_STEP}: expected a sound track, got none; use another cue or file")


def _frames(container: Any, stream: Stream, damage: Damage, name: str) -> Iterator[AudioFrame]:
    for packet in read_packets(container, stream, damage):
        try:
            frames = decode_packet(packet, damage)
        except DecodeError as error:
            raise DecodeError(f"{name}: cannot {_STEP}: {error}") from error
        yield from (f for f in frames if f.samples and f.sample_rate in _RATES)


def _timed(frames: Iterable[AudioFrame], clock: Clock) -> Iterator[tuple[float, AudioFrame]]:
    """Each frame with the seconds of silence before it; frames that repeat what was heard are left out."""
    heard = 0.0
    for frame in frames:
        at = clock.place(frame.time, heard)
        gap = at - heard
        if gap < -_TOLERANCE:
            continue
        if gap > _TOLERANCE:
            heard = at
        yield (gap if gap > _TOLERANCE else 0.0), frame
        heard += frame.samples / frame.sample_rate


def _in_sync(timed: Iterable[tuple[float, AudioFrame]], channels: int, rate: int) -> Iterator[Samples]:
    """Resampled pieces (channels, time), with silence where the stream pauses.

    What goes in is counted in seconds, so rounding by the resampler never adds up.
    """
    resampler = _Resampler(channels, rate)
    due, written = 0.0, 0
    for pause, frame in timed:
        pieces = resampler.flush() if pause else []
        due += pause
        for piece in pieces:
            written += piece.shape[1]
            yield piece
        missing = round(due * rate) - written if pause else 0
        while missing > 0:
            piece = np.zeros((channels, min(missing, 30 * rate)), np.float32)
            missing -= piece.shape[1]
            written += piece.shape[1]
            yield piece
        for piece in resampler.push(frame):
            written += piece.shape[1]
            yield piece
        due += frame.samples / frame.sample_rate
    yield from resampler.flush()


class _Resampler:
    """Frames of any format, rate and layout, even changing ones, to float32 (channels, time) at one rate."""

    def __init__(self, channels: int, rate: int) -> None:
        self._channels, self._rate = channels, rate
        self._inner: Any = None
        self._shape: tuple[str, int, str] | None = None

    def push(self, frame: AudioFrame) -> list[Samples]:
        import av

        if frame.layout.nb_channels > 8:  # no such loudspeaker layout: microphones, each as good as the other
            frame = _frame(_averaged(frame), frame.sample_rate)
        shape = (frame.format.name, frame.sample_rate, frame.layout.name)
        out: list[Samples] = []
        if shape != self._shape:
            out = self.flush()
            layout = "mono" if self._channels == 1 else "stereo"
            self._inner = av.AudioResampler(format="fltp", layout=layout, rate=self._rate)
            self._gain = _SURROUND_GAIN if frame.layout.nb_channels > 2 else 1.0
            self._shape = shape
        frame.pts = None
        return out + self._arrays(frame)

    def flush(self) -> list[Samples]:
        """What is still inside; the next frame starts afresh."""
        out = self._arrays(None) if self._inner is not None else []
        self._inner = self._shape = None
        return out

    def _arrays(self, frame: AudioFrame | None) -> list[Samples]:
        import av

        try:
            frames = [f for f in self._inner.resample(frame) if f is not None and f.samples]
        except (av.FFmpegError, ValueError):  # a damaged header can ask for a conversion that does not exist
            self._inner = self._shape = None
            return []
        return [f.to_ndarray() * np.float32(self._gain) for f in frames]


def _regrouped(pieces: Iterable[Samples], size: int) -> Iterator[Samples]:
    """Pieces (channels, any) to blocks (channels, size), the last one shorter."""
    kept: list[Samples] = []
    length = 0
    for piece in pieces:
        kept.append(piece)
        length += piece.shape[1]
        if length >= size:
            whole = np.concatenate(kept, axis=1)
            for first in range(0, length - size + 1, size):
                yield whole[:, first : first + size]
            kept, length = [whole[:, length - length % size :]], length % size
    if length:
        yield np.concatenate(kept, axis=1)


def _as_rows(array: NDArray[Any]) -> NDArray[Any]:
    """(channels, time) view of an array (time,) or (time, channels)."""
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiu" or not array.size:
        raise InputError(
            f"cannot {_STEP}: expected an array (time,) or (time, channels) of floats or integers, "
            f"got {array.shape} {array.dtype}"
        )
    rows = array[None] if array.ndim == 1 else array.T
    if len(rows) > 64:
        raise InputError(f"cannot {_STEP}: expected an array (time, channels), got {array.shape}; transpose it")
    return rows


def _scaled(rows: NDArray[Any]) -> Samples:
    """Samples of any type as float32 in [-1, 1]; more than two channels become one."""
    if rows.dtype.kind == "f":
        out = rows.astype(np.float32)
    else:
        half = float(2 ** (8 * rows.dtype.itemsize - 1))
        out = ((rows.astype(np.float64) - (half if rows.dtype.kind == "u" else 0.0)) / half).astype(np.float32)
    return out if len(out) <= 2 else out.mean(axis=0, keepdims=True)


def _averaged(frame: AudioFrame) -> Samples:
    """A frame's samples with its many channels averaged: (1, time)."""
    import av

    packed = av.AudioResampler(format="flt").resample(frame)[0]  # planes beyond the eighth cannot be reached
    return _scaled(packed.to_ndarray().reshape(-1, frame.layout.nb_channels).T)


def _frame(rows: Samples, rate: int) -> AudioFrame:
    import av

    layout = "mono" if len(rows) == 1 else "stereo"
    frame: AudioFrame = av.AudioFrame.from_ndarray(np.ascontiguousarray(rows), format="fltp", layout=layout)
    frame.sample_rate = rate
    return frame


def _sane(samples: Samples) -> Samples:
    """No NaN, nothing outside [-1, 1] (damaged float files hold both)."""
    return np.clip(np.nan_to_num(samples, copy=False, nan=0.0), -1.0, 1.0)
