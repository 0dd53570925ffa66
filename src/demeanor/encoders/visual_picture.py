"""Whole pictures → the tensor the scene expert takes: squeezed to a square, scaled to about [-1, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig
from demeanor.encoders._media import middle_picture
from demeanor.types import Sample

SIZE = 224


def picture_tensor(pictures: Sequence[NDArray[np.uint8]], size: int = SIZE) -> NDArray[np.float32]:
    """RGB pictures (height, width, 3) → (batch, 3, size, size), (x − 127) / 128.

    The whole picture is kept, squeezed: what is at its edge may carry the feeling.
    """
    import cv2

    resized = [cv2.resize(p, (size, size), interpolation=cv2.INTER_AREA) for p in pictures]
    x = np.stack(resized).astype(np.float32).transpose(0, 3, 1, 2)
    out: NDArray[np.float32] = np.ascontiguousarray((x - 127) / 128)
    return out


class Config(EncoderConfig):
    """`size`: side of the square, in pixels."""

    size: int = Field(default=SIZE, ge=8)


class WholePicture(Encoder):
    """What the film shows half-way, or the picture: (3, size, size)."""

    config: Config
    modality = "visual"
    gives = "picture"
    parallel = True

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(3, size, size) float32."""
        shown = middle_picture(sample)
        return None if shown is None else picture_tensor([shown], self.config.size)[0]


ENCODER = WholePicture
