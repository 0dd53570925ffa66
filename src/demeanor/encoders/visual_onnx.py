"""Features of pictures as an ONNX graph: what an export makes of the encoders of pictures that need torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._faces import ShownConfig, finder_weights, shown
from demeanor.encoders._graph import EncoderGraph
from demeanor.encoders._media import Picture
from demeanor.types import Sample

Colours = tuple[float, float, float]


class Config(ShownConfig):
    """`graph`: values (1, 3, height, width) → states (rows, dim); `mean` and `spread` of colours in [0, 1]."""

    graph: Path
    height: int = Field(default=224, ge=1, le=4096)
    width: int = Field(default=224, ge=1, le=4096)
    mean: Colours = (0.5, 0.5, 0.5)
    spread: Colours = (0.5, 0.5, 0.5)


class Pictures(Encoder):
    """(pictures · rows, dim)."""

    config: Config
    modality = "visual"
    version = 2

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self._graph: EncoderGraph | None = None
        self.cue = "face" if self.config.faces else "scene"

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, dim) float32.

        Raises:
            ConfigError: the graph is not there, or is none.
            DataError: the picture or film cannot be read.
        """
        pictures = shown(sample, self.config, max(self.config.height, self.config.width))
        if pictures is None:
            return None
        if self._graph is None:
            self._graph = EncoderGraph(self.config.graph)
        # One at a time, as the lab's encoders do.
        return frames(np.concatenate([self._graph.states({"values": self._scaled(p)[None]}) for p in pictures]))

    def needs(self) -> Mapping[str, str]:
        """The face finder's weights, where faces are looked at."""
        return finder_weights() if self.config.faces else {}

    def _scaled(self, picture: Picture) -> NDArray[np.float32]:
        """RGB (height, width, 3) squeezed to (3, height, width), mean and spread taken out."""
        import cv2

        c = self.config
        small = cv2.resize(picture, (c.width, c.height), interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(
            255
        )
        x = (small - np.array(c.mean, np.float32)) / np.array(c.spread, np.float32)
        return np.ascontiguousarray(x.transpose(2, 0, 1))


ENCODER = Pictures
