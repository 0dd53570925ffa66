"""Faces of a sample: of a still the largest, of a film the one that is followed longest."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._media import Picture, PictureConfig, pictures_of, timed_pictures_of
from demeanor.types import Sample

if TYPE_CHECKING:
    from demeanor.media.faces import FaceFinder, FoundFace


class ShownConfig(PictureConfig):
    """`faces`: the main face, upright and grey, in place of each whole picture."""

    faces: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One face at one time (s), in its picture."""

    time: float
    face: FoundFace
    image: NDArray[np.uint8] = field(repr=False)


@cache
def _finder() -> FaceFinder:
    from demeanor.media.faces import FaceFinder

    return FaceFinder()


def finder_weights() -> dict[str, str]:
    """sha256 of what finds the faces.

    Raises:
        WeightsError: it is not on this machine.
    """
    from demeanor.weights import find

    return {"mtcnn": find("mtcnn").sha256}


def faces_of(sample: Sample, config: PictureConfig) -> list[Seen] | None:
    """The main face in order of time; [] where none is found, None where there is no picture.

    Raises:
        DataError: the picture or film cannot be read.
        WeightsError: the face finder's weights are not on this machine.
    """
    from demeanor.media.tracks import FaceTracker

    pictures = timed_pictures_of(sample, config)
    if pictures is None:
        return None
    tracker = FaceTracker(step=(pictures[-1][0] - pictures[0][0]) / max(1, len(pictures) - 1) if pictures else 0.0)
    seen: dict[str, list[Seen]] = {}
    for time, image in pictures:
        for name, face in tracker.update(time, _finder().find(image), image):
            seen.setdefault(name, []).append(Seen(time, face, image))
    if not seen:
        return []
    return max(seen.values(), key=lambda track: (len(track), sum(s.face.box[2] * s.face.box[3] for s in track)))


def shown(sample: Sample, config: ShownConfig, size: int) -> list[Picture] | None:
    """Whole pictures, or crops (size, size, 3) of the main face; None where there is no picture, or no face in it.

    Raises:
        DataError: the picture or film cannot be read.
        WeightsError: the face finder's weights are not on this machine.
    """
    if not config.faces:
        return pictures_of(sample, config)
    from demeanor.media.face_crop import align, as_rgb

    return [as_rgb(align(seen.image, seen.face, size)) for seen in faces_of(sample, config) or ()] or None
