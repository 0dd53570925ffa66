"""The face: a small convolutional network over aligned grey crops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from demeanor.bundle import Bundle
from demeanor.encoders.visual_face import face_tensor
from demeanor.media.face_crop import FaceQuality
from demeanor.reader.cues._evidence import evidence, in_batches
from demeanor.types import Evidence

BATCH = 64


class Face:
    """Reads face crops; each is seen as it is and mirrored, and the two are averaged."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._spec = bundle.cues["face"]
        self.crop_size: int = self._spec["crop_size"]

    def read(self, crops: Sequence[NDArray[np.uint8]], qualities: Sequence[FaceQuality]) -> list[Evidence]:
        """Evidence per crop (size, size), in order."""
        found: list[Evidence] = []
        for part in in_batches(len(crops), BATCH):
            values = face_tensor(crops[part])
            seen = self._bundle.run(self._spec["graph"], {"values": values})
            mirrored = self._bundle.run(self._spec["graph"], {"values": values[..., ::-1].copy()})
            outputs = {name: (seen[name] + mirrored[name]) / 2 for name in seen}
            reliabilities = [self._reliability(q) for q in qualities[part]]
            limits = self._spec.get("sets")
            found += evidence(outputs, self._spec["calibration"], reliabilities, scored=False, limits=limits)
        return found

    @staticmethod
    def _reliability(quality: FaceQuality) -> float:
        """Small, blurred, badly lit or turned faces count for less; half at 32 pixels."""
        size = quality.size_px / (quality.size_px + 32)
        sharp = min(1.0, quality.sharpness / 0.25)
        return float(size * (0.3 + 0.7 * sharp) * (0.2 + 0.8 * quality.illumination) * (0.3 + 0.7 * quality.frontality))
