"""A picture: its faces and the scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from demeanor.media.face_crop import FoundFace, align, quality
from demeanor.reader.experts import Experts
from demeanor.types import Evidence

LONGEST = 1600
"""Pixels of the longer side that pictures are decoded to."""

FILLS, FILLS_SMALL, SMALL = 0.35, 0.25, 128
"""Share of a picture from which a single face is all there is to see, and no scene is left to read; in pictures up
to `SMALL` pixels the second. Of 108 tight face pictures of 48 pixels the face took 0.31 and more of every one; of
talking heads it takes 0.14 to 0.27."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face with what it says: `box` is (x, y, width, height) in fractions of the picture."""

    id: str
    box: Box
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Looked:
    """What a picture shows."""

    faces: tuple[SeenFace, ...]
    scene: Evidence | None
    warnings: tuple[str, ...]


def look(image: NDArray[np.uint8], experts: Experts, cues: frozenset[str]) -> Looked:
    """Read a picture.

    Args:
        image: RGB (height, width, 3).
        experts: where one is missing its cue is.
        cues: names of those wanted.
    """
    warnings = []
    found: list[FoundFace] = []
    seen: tuple[SeenFace, ...] = ()
    face = experts.face if "face" in cues else None
    if face is not None and experts.finder is not None:
        found = experts.finder.find(image)
        crops = [align(image, f, face.crop_size) for f in found]
        evidence = face.read(crops, [quality(image, f) for f in found]) if found else []
        seen = tuple(
            SeenFace(f"F{number}", fraction(f.box, image), replace(e, embedding=None))
            for number, (f, e) in enumerate(zip(found, evidence, strict=True), start=1)
        )
    scene = experts.scene if "scene" in cues else None
    if scene is not None and fills(found, image):
        warnings.append("the picture is hardly more than a face, so no scene was read")
        scene = None
    said = scene.read([image])[0] if scene is not None else None
    if said is not None and said.abstain:
        warnings.append("the picture is of one colour or very small, so its scene was not read")
    return Looked(seen, said, tuple(warnings))


def fills(faces: Sequence[FoundFace], image: NDArray[np.uint8]) -> bool:
    """Whether one face is nearly all there is in a picture."""
    height, width = image.shape[:2]
    limit = FILLS_SMALL if max(height, width) <= SMALL else FILLS
    return any(f.box[2] * f.box[3] > limit * height * width for f in faces)


def fraction(box: Box, image: NDArray[np.uint8]) -> Box:
    """A box in pixels as fractions of its picture, inside it."""
    height, width = image.shape[:2]
    x, y = min(max(box[0] / width, 0.0), 1.0), min(max(box[1] / height, 0.0), 1.0)
    return x, y, min(max(box[2] / width, 0.0), 1.0 - x), min(max(box[3] / height, 0.0), 1.0 - y)
