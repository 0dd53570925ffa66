"""Hidden states of a speech model as an ONNX graph over the waveform: what an export makes of `audio_hf`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._graph import EncoderGraph
from demeanor.encoders._media import sound_of
from demeanor.encoders._pretrained import heard_at_once, pooled
from demeanor.types import Sample


class Config(EncoderConfig):
    """`graph`: values (1, samples) at `rate` → states (time, dim); `normalise` takes out mean and spread before.

    `longest`, `pooling`: as in `audio_hf`.
    """

    graph: Path
    rate: int = Field(default=16_000, ge=4_000, le=96_000)
    normalise: bool = True
    longest: float = Field(default=30.0, ge=1, le=600)
    pooling: Literal["none", "mean", "cls"] = "none"


class Speech(Encoder):
    """(time, dim), or (1, dim) pooled."""

    config: Config
    modality = "audio"

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self._graph: EncoderGraph | None = None

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time or 1, dim) float32.

        Raises:
            ConfigError: the graph is not there, or is none.
            DataError: the sound cannot be read.
        """
        c = self.config
        sound = sound_of(sample, c.rate)
        if sound is None:
            return None
        if self._graph is None:
            self._graph = EncoderGraph(c.graph)
        found = [
            self._graph.states({"values": self._scaled(piece)[None]})
            for piece in heard_at_once(sound, c.rate, c.longest)
        ]
        return frames(pooled(np.concatenate(found), c.pooling))

    def _scaled(self, piece: NDArray[np.float32]) -> NDArray[np.float32]:
        """At least a tenth of a second, and with `normalise` of mean 0 and spread 1."""
        x = np.pad(piece, (0, max(0, self.config.rate // 10 - len(piece))))
        return ((x - x.mean()) / np.sqrt(x.var() + 1e-7)).astype(np.float32) if self.config.normalise else x


ENCODER = Speech
