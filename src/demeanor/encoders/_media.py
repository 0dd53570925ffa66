"""Sound and pictures of a sample, as encoders take them: of the clip's own time alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import EncoderConfig
from demeanor.errors import DataError, InputError
from demeanor.types import Sample

if TYPE_CHECKING:
    from demeanor.media.video import VideoReader

ARRAY_RATE = 16_000
"""Samples per second of sound that comes as an array."""

_FAR = 20.0
"""Seconds into a film from which its pictures are sought rather than decoded from the start."""

_FINE = 100.0
"""Looks a second at whether the pictures of a film are over where it does not say so."""

Picture = NDArray[np.uint8]


class PictureConfig(EncoderConfig):
    """Settings of encoders that read pictures: of a film so many a second, evenly thinned to at most `most`."""

    fps: float = Field(default=2.0, ge=0.05, le=100)
    most: int = Field(default=64, ge=1)
    longest: int = Field(default=960, ge=16)


@contextmanager
def named(sample: Sample) -> Iterator[None]:
    """What cannot be read is an error of that sample.

    Raises:
        DataError: the medium is missing or damaged; names the sample.
    """
    try:
        yield
    except InputError as error:
        raise DataError(f"sample '{sample.id}': {error}") from error


def sound_of(sample: Sample, rate: int) -> NDArray[np.float32] | None:
    """The sample's sound, or the sound track of its film: (time,) mono at `rate`; None where there is neither.

    Raises:
        DataError: it cannot be read; names the sample.
    """
    source = sample.audio if sample.audio is not None else sample.video
    if source is None:
        return None
    with named(sample):
        whole = _sound(source, rate)
        if whole is None:
            return None
        first = round((sample.start or 0.0) * rate)
        last = len(whole) if sample.end is None else round(sample.end * rate)
        piece = whole[first:last]
        if not len(piece):
            raise InputError(
                f"expected sound from {sample.start or 0:.2f} to {sample.end or math.inf:.2f} s, got a file of "
                f"{len(whole) / rate:.2f} s; check start and end"
            )
        return piece


def _sound(source: Any, rate: int) -> NDArray[np.float32] | None:
    if isinstance(source, str | Path) and Path(source).is_file():
        stat = Path(source).stat()
        return _of_file(str(source), rate, stat.st_mtime_ns, stat.st_size)
    return _decoded(source, rate)


@lru_cache(maxsize=1)
def _of_file(path: str, rate: int, changed: int, size: int) -> NDArray[np.float32] | None:
    """Kept for the next sample: the clips of one recording follow each other."""
    return _decoded(path, rate)


def _decoded(source: Any, rate: int) -> NDArray[np.float32] | None:
    from demeanor.media.audio import decode_audio, has_audio
    from demeanor.media.waveform import Waveform

    if isinstance(source, np.ndarray):
        source = Waveform(source, ARRAY_RATE)
    return decode_audio(source, rate) if has_audio(source) else None


def pictures_of(sample: Sample, config: PictureConfig) -> list[Picture] | None:
    """The film's pictures, or the sample's one: RGB uint8 (height, width, 3) each; None where there is neither.

    Raises:
        DataError: it cannot be read; names the sample.
    """
    if sample.video is None and sample.image is None:
        return None
    with named(sample):
        if sample.video is None:
            from demeanor.media.image import decode_image

            assert sample.image is not None
            return [decode_image(sample.image, longest=config.longest)]
        return [image for _, image in _film(sample, config)]


def timed_pictures_of(sample: Sample, config: PictureConfig) -> list[tuple[float, Picture]] | None:
    """As `pictures_of`, each with its time in seconds (0 for the one picture of a still)."""
    if sample.video is not None:
        with named(sample):
            return _film(sample, config)
    stills = pictures_of(sample, config)
    return None if stills is None else [(0.0, still) for still in stills]


def middle_picture(sample: Sample, longest: int = 960) -> Picture | None:
    """What the sample's film shows half-way, else its picture.

    Raises:
        DataError: it cannot be read; names the sample.
    """
    if sample.video is None:
        stills = pictures_of(sample, PictureConfig(longest=longest))
        return stills[0] if stills else None
    from demeanor.media.video import open_video

    with named(sample):
        film = open_video(sample.video)
        start, end = _span(sample, film)
        end = end if math.isfinite(end) else film.duration or start
        return film.frame_at((start + end) / 2, longest).image


def _span(sample: Sample, film: VideoReader) -> tuple[float, float]:
    """The seconds from and until which the film is the sample's; without an end infinity.

    Raises:
        InputError: the film shows nothing then.
    """
    start, end = sample.start or 0.0, math.inf if sample.end is None else sample.end
    if film.duration is None:  # as browsers record: it says nothing of its length
        over = start > 0 and _is_over(film, start)
        length = f"that is over before {start:.2f} s" if over else "of unknown length"
    elif film.pictures_end is not None and film.pictures_end <= start < film.duration:
        over = start > 0 and _is_over(film, start)  # declared ends may be a little short of the last picture's
        length = f"whose pictures end at {film.pictures_end:.2f} s"
    else:
        over, length = start >= film.duration, f"of {film.duration:.2f} s"
    if over or end <= start:
        raise InputError(f"expected pictures from {start:.2f} to {end:.2f} s, got a film {length}; check start and end")
    return start, end


def _is_over(film: VideoReader, time: float) -> bool:
    """Whether no picture is shown any more at a time in seconds, found out by looking."""
    return next(film.frames(_FINE, 16, time), None) is None


def _film(sample: Sample, config: PictureConfig) -> list[tuple[float, Picture]]:
    """Pictures at start, start + 1/fps … before the end, on the clip's own clock; at least one."""
    from demeanor.media.video import open_video

    assert sample.video is not None
    film = open_video(sample.video)
    start, end = _span(sample, film)
    until = min(end, film.duration or math.inf)
    fps = config.fps
    if math.isfinite(until) and (until - start) * fps > config.most:
        fps = config.most / (until - start)
    if start < _FAR and start * fps == round(start * fps):
        shown = ((f.time, f.image) for f in film.frames(fps, config.longest) if f.time >= start - 1e-6)
        pictures = list(islice(takewhile(lambda f: f[0] < end - 1e-6, shown), config.most))
    else:
        count = 1 if not math.isfinite(until) else max(1, math.ceil((until - start) * fps - 1e-6))
        times = [start + i / fps for i in range(min(count, config.most))]
        pictures = [(t, film.frame_at(t, config.longest).image) for t in times]
    return pictures or [(start, film.frame_at(start, config.longest).image)]
