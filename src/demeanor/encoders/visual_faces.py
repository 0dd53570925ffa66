"""Face crops, picture by picture: of a film the face that is followed longest, of a still the largest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, frames
from demeanor.encoders._faces import faces_of, finder_weights
from demeanor.encoders._media import PictureConfig
from demeanor.encoders.visual_face import face_tensor
from demeanor.types import Sample


class Config(PictureConfig):
    """`size`: side of a crop in pixels; `margin`: what is added round the face, as a share of its framing."""

    size: int = Field(default=48, ge=16)
    margin: float = Field(default=0.0, ge=0, le=1)


class Faces(Encoder):
    """(pictures with the face, size · size): upright grey crops, each of zero mean and unit spread, row by row."""

    config: Config
    modality = "visual"
    version = 2
    cue = "face"
    parallel = True

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, size · size) float32; None where no face is found.

        Raises:
            DataError: the picture or film cannot be read.
            WeightsError: the face finder's weights are not on this machine.
        """
        from demeanor.media.faces import align

        found = faces_of(sample, self.config)
        if not found:
            return None
        c = self.config
        crops = face_tensor([align(seen.image, seen.face, c.size, c.margin) for seen in found])
        return frames(np.reshape(crops, (len(crops), -1)))

    def needs(self) -> Mapping[str, str]:
        """The face finder's weights."""
        return finder_weights()


ENCODER = Faces
