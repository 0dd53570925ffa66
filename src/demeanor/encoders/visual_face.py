"""Aligned grey face crops → the tensor the face expert takes: 48×48, zero mean and unit spread per crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._encoder import Encoder
from demeanor.encoders._faces import faces_of, finder_weights
from demeanor.encoders._media import PictureConfig
from demeanor.types import Sample

SIZE = 48


def face_tensor(crops: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey crops (SIZE, SIZE) → (batch, 1, SIZE, SIZE); lighting and contrast are taken out per crop."""
    x = np.stack(list(crops)).astype(np.float32)[:, None]
    mean = x.mean((1, 2, 3), keepdims=True)
    spread = x.std((1, 2, 3), keepdims=True)
    out: NDArray[np.float32] = (x - mean) / np.maximum(spread, 4.0)
    return out


class Config(PictureConfig):
    """Which pictures of a film are searched for faces: of the one followed longest the largest is taken."""

    fps: float = 1.0
    most: int = 8


class Face(Encoder):
    """The main face, where it is largest, as a picture (1, SIZE, SIZE); None where there is none."""

    config: Config
    modality = "visual"
    gives = "picture"
    version = 2
    cue = "face"
    parallel = True

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(1, SIZE, SIZE) float32."""
        from demeanor.media.faces import align

        found = faces_of(sample, self.config)
        if not found:
            return None
        best = max(found, key=lambda f: f.face.box[2] * f.face.box[3])
        crop: NDArray[np.float32] = face_tensor([align(best.image, best.face, SIZE)])[0]
        return crop

    def needs(self) -> Mapping[str, str]:
        """The face finder's weights."""
        return finder_weights()


ENCODER = Face
