"""The scene: the picture as a whole, also without a face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from demeanor.bundle import Bundle
from demeanor.encoders.visual_picture import picture_tensor
from demeanor.reader.cues._evidence import evidence, in_batches
from demeanor.types import Evidence

BATCH = 8
SMALLEST = 16
"""Pixels of the shorter side below which there is nothing to see."""

LEAST_RELIEF = 5.0
"""Relief (see `relief`) below which a picture shows nothing: a wall, the night. Of 1 500 pictures of posts the flattest
has 7.4."""

_SIDE = 64  # pixels: what is finer is grain


class Scene:
    """Reads whole pictures."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._spec = bundle.cues["scene"]

    def read(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Evidence]:
        """Evidence per RGB picture (height, width, 3), in order."""
        found: list[Evidence] = []
        for part in in_batches(len(pictures), BATCH):
            outputs = self._bundle.run(self._spec["graph"], {"values": picture_tensor(pictures[part])})
            flat = [min(p.shape[:2]) < SMALLEST or relief(p) < LEAST_RELIEF for p in pictures[part]]
            reliabilities = [0.0 if f else 1.0 for f in flat]
            found += evidence(outputs, self._spec["calibration"], reliabilities, scored=False, abstain=flat)
        return found

    def variants(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Evidence]:
        """As `read`, of pictures that are one with parts covered: none is too flat to be read."""
        found: list[Evidence] = []
        for part in in_batches(len(pictures), BATCH):
            outputs = self._bundle.run(self._spec["graph"], {"values": picture_tensor(pictures[part])})
            found += evidence(outputs, self._spec["calibration"], [1.0] * len(pictures[part]), scored=False)
        return found


def relief(picture: NDArray[np.uint8]) -> float:
    """How far an RGB picture (height, width, 3) departs from an even slope of light, 0 to 127.

    The standard deviation of what is left of the most varied channel, once grain and its best-fitting plane are gone.
    """
    import cv2

    small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float64)
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].reshape(2, -1) / (_SIDE - 1) - 0.5
    plane = np.stack([np.ones_like(x), x, y], axis=1)
    fitted, *_ = np.linalg.lstsq(plane, small, rcond=None)
    return float((small - plane @ fitted).std(axis=0).max())
