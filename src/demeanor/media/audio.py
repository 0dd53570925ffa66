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
    is_length_guessed,
    open_container,
    read_packets,
    wave_end,
)
from demeanor.media.finite import check_finite
from demeanor.media.resample import Resampler, frame_of
from demeanor.media.source import name_of
from demeanor.media.streams import UNKNOWN_CODEC, lost_tracks, sound_stream
from demeanor.media.waveform import RATES, Samples, Waveform, scaled
from demeanor.types import Source

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.stream import Stream

MAX_SECONDS = 4 * 3600.0
"""Longest sound that `decode_audio` holds in memory (0.9 GB at 16 kHz); `open_audio` has no limit."""

TOLERANCE = 0.08
"""Seconds of pause that may be coarse timestamps rather than a gap."""

_STEP = "decode sound"
_CANCELLED = 0.01  # power of the mean of channels, relative to the first's


class AudioReader:
    """Sound of one source, read as often as wanted, in blocks.

    Attributes:
        duration: seconds as the source declares them, None if it does not.
        is_guess: whether nothing declares them: `duration` then only helps to tell how far a reading is.
        channels: 1 or 2, the number of rows of each block.
        rate: samples per second of what comes out.
        warnings: filled while reading: what was damaged, left out or mended.
    """

    def __init__(self, source: Source | Waveform, rate: int) -> None:
        self.rate = rate
        self.warnings: list[str] = []
        self._source = source
        self._array: NDArray[Any] | None = None
        self.is_guess = False
        wave = Waveform(source, rate) if isinstance(source, np.ndarray) else source
        if isinstance(wave, Waveform):
            self._array, self._array_rate = wave.rows, wave.rate
            self.warnings += check_finite(self._array, _STEP)
            self.channels = len(self._array) if len(self._array) <= 2 else 1
            self.duration: float | None = self._array.shape[1] / self._array_rate
            return
        with open_container(source, _STEP) as container:
            stream = _sound_or_raise(container, source)
            layout = getattr(stream.codec_context, "layout", None)
            self.channels = 1 if layout is not None and layout.nb_channels == 1 else 2
            self.duration = container.duration / 1e6 if container.duration else end_of(container, stream)
            if "pictures" in lost_tracks(container):
                self.warnings.append(f"{name_of(source)}: {UNKNOWN_CODEC.format('pictures')}; only the sound was read")
            form = container.format.name
        self.is_guess = is_length_guessed(form, source, _STEP)

    def blocks(self, seconds: float = 30.0) -> Iterator[Samples]:
        """Blocks (channels, time) in [-1, 1]; all of `seconds` but the last one, which is shorter.

        Raises:
            DecodeError: not a single sample could be decoded.
        """
        size = max(1, round(seconds * self.rate))
        pieces = self._from_array() if self._array is not None else self._from_file()
        yield from (sane(block) for block in _regrouped(pieces, size))

    def mono(self, seconds: float = 30.0) -> Iterator[Samples]:
        """The same with the channels averaged: (time,); the first alone where they cancel each other."""
        for block in self.blocks(seconds):
            yield block[0] if len(block) == 1 else _mixed(block)

    def _from_array(self) -> Iterator[Samples]:
        assert self._array is not None
        resampler = Resampler(self.channels, self.rate)
        for first in range(0, self._array.shape[1], self._array_rate):
            piece = scaled(self._array[:, first : first + self._array_rate])
            if self._array_rate == self.rate and len(piece) <= 2:
                yield piece
            else:
                yield from resampler.push(frame_of(piece, self._array_rate))
        yield from resampler.flush()

    def _from_file(self) -> Iterator[Samples]:
        damage = Damage()
        name = name_of(self._source)
        told = wave_end(self._source, _STEP)
        with open_container(self._source, _STEP) as container:
            stream = _sound_or_raise(container, self._source)
            expected_end = told or (None if self.is_guess else end_of(container, stream))
            written = 0
            timed = _timed(_frames(container, stream, damage, name), Clock(container, damage))
            for piece in _in_sync(timed, self.channels, self.rate):
                written += piece.shape[1]
                yield piece
        self.warnings += damage.report(name, _STEP, written / self.rate, expected_end)
        if not written:
            got = f"none {damage.last}".rstrip()
            raise DecodeError(f"{name}: cannot {_STEP}: expected samples, got {got}; the file is empty or damaged")


def open_audio(source: Source | Waveform, *, rate: int = 16000) -> AudioReader:
    """Open the sound of a sound file, of a video, or of an array.

    Args:
        source: path, bytes, open binary file, a `Waveform`, or an array (time,), (time, channels) or (channels,
            time), float in [-1, 1] or integer, whose rate is `rate` already.
        rate: samples per second that come out.

    Raises:
        InputError: there is no sound in it, or no such file.
        DecodeError: it is empty, damaged beyond reading, or in an unknown format.
    """
    return AudioReader(source, rate)


def decode_audio(source: Source | Waveform, rate: int = 16000) -> Samples:
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


def has_audio(source: Source | Waveform) -> bool:
    """Whether a sound or video file has a sound track that can be decoded.

    Raises:
        InputError: there is no such file, or it is neither sound nor video.
    """
    if isinstance(source, np.ndarray | Waveform):
        return isinstance(source, Waveform) or source.dtype != np.uint8
    with open_container(source, "look for sound") as container:
        return sound_stream(container) is not None


def why_silent(source: Source | Waveform) -> str | None:
    """Why not one sample of a sound track can be decoded, in words; None where one can.

    Raises:
        InputError: there is no such file, or no sound track in it.
    """
    try:
        next(open_audio(source).blocks(1.0))
    except DecodeError as error:
        return str(error)
    return None


def _sound_or_raise(container: Any, source: Source | Waveform) -> Stream:
    stream = sound_stream(container)
    if stream is not None:
        return stream
    if container.streams.audio:
        raise DecodeError(
            f"{name_of(source)}: cannot {_STEP}: {UNKNOWN_CODEC.format('sound')}; convert the file with another program"
        )
    raise InputError(f"{name_of(source)}: cannot {_STEP}: expected a sound track, got none; use another cue or file")


def _frames(container: Any, stream: Stream, damage: Damage, name: str) -> Iterator[AudioFrame]:
    for packet in read_packets(container, stream, damage):
        try:
            frames = decode_packet(packet, damage)
        except DecodeError as error:
            raise DecodeError(f"{name}: cannot {_STEP}: {error}") from error
        yield from (f for f in frames if f.samples and f.sample_rate in RATES)


def _timed(frames: Iterable[AudioFrame], clock: Clock) -> Iterator[tuple[float, AudioFrame]]:
    """Each frame with the seconds of silence before it; frames that repeat what was heard are left out."""
    heard = 0.0
    for frame in frames:
        at = clock.place(frame.time, heard)
        gap = at - heard
        if gap < -TOLERANCE:
            continue
        if gap > TOLERANCE:
            heard = at
        yield (gap if gap > TOLERANCE else 0.0), frame
        heard += frame.samples / frame.sample_rate


def _in_sync(timed: Iterable[tuple[float, AudioFrame]], channels: int, rate: int) -> Iterator[Samples]:
    """Resampled pieces (channels, time), with silence where the stream pauses.

    What goes in is counted in seconds, so rounding by the resampler never adds up.
    """
    resampler = Resampler(channels, rate)
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


def _mixed(block: Samples) -> Samples:
    """The mean of channels (channels, time); the first where one wired the wrong way round leaves nothing of it."""
    mean: Samples = block.mean(axis=0, dtype=np.float32)
    return block[0] if np.square(mean).sum() < _CANCELLED * np.square(block[0]).sum() else mean


def sane(samples: Samples) -> Samples:
    """No NaN, nothing outside [-1, 1] (damaged float files hold both)."""
    return np.clip(np.nan_to_num(samples, copy=False, nan=0.0), -1.0, 1.0)
