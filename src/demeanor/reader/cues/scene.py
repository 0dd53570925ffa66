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
"""Pixels of the shorter side below which, as with one even colour, there is nothing to see."""


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
            flat = [min(p.shape[:2]) < SMALLEST or float(p.std()) < 4 for p in pictures[part]]
            reliabilities = [0.0 if f else 1.0 for f in flat]
            found += evidence(outputs, self._spec["calibration"], reliabilities, scored=False, abstain=flat)
        return found
