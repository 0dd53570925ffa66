"""Whether the parts of a sample can be read: each decoded by the same code that a run decodes it with."""

from __future__ import annotations

import numpy as np

from demeanor.datasets._groups import digest
from demeanor.errors import DemeanorError
from demeanor.types import Sample, Source

_SILENT = 1e-3  # of full scale: -60 dB
_SMALL = 256  # pixels of the longer side that are enough to see damage


def fault_of(sample: Sample, part: str, fast: bool = False) -> str | None:
    """What is wrong with a part of a sample, None if nothing is.

    Args:
        sample: whose part it is.
        part: text, image, audio, video or series.
        fast: look at the beginning of sound and film only.
    """
    try:
        match part:
            case "text":
                return None if sample.text and sample.text.strip() else "no words in it"
            case "image":
                return _image_fault(sample)
            case "audio":
                return _sound_fault(sample, fast)
            case "video":
                return _film_fault(sample, fast)
            case _:
                return _series_fault(sample)
    except DemeanorError as error:
        return str(error)


def pixels_of(sample: Sample) -> str | None:
    """A hash of what a picture shows, whatever file it is in; None for a sample without one."""
    from demeanor.media.image import decode_image

    if sample.image is None:
        return None
    image = decode_image(sample.image)
    return digest(str(image.shape).encode() + image.tobytes())


def _image_fault(sample: Sample) -> str | None:
    from demeanor.media.image import decode_image_with_warnings

    return "; ".join(decode_image_with_warnings(_given(sample.image), _SMALL)[1]) or None


def _sound_fault(sample: Sample, fast: bool) -> str | None:
    from demeanor.media.audio import open_audio

    reader = open_audio(_given(sample.audio))
    length, loudest = 0, 0.0
    for block in reader.mono():
        length += len(block)
        loudest = max(loudest, float(np.abs(block).max(initial=0)))
        if fast and loudest > _SILENT:
            return None
    if not length:
        return "no sound in it"
    return "; ".join(reader.warnings) or ("silent" if loudest < _SILENT else None)


def _film_fault(sample: Sample, fast: bool) -> str | None:
    from demeanor.media.video import open_video

    reader = open_video(_given(sample.video), threads=1)
    for number, _ in enumerate(reader.frames(1.0, _SMALL)):
        if fast and number == 1:
            return None
    return "; ".join(reader.warnings) or None


def _series_fault(sample: Sample) -> str | None:
    for name, values in sample.series.items():
        if values.ndim != 2 or not values.size:
            return f"{name}: expected steps (time, dim), found {values.shape}"
        if not np.isfinite(values).all():
            return f"{name}: numbers that are not finite"
    return None


def _given(part: Source | None) -> Source:
    if part is None:
        raise DemeanorError("nothing there")
    return part
