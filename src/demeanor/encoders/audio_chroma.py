"""Chroma: how strong each of the twelve pitch classes is, frame by frame, as librosa defines it.

Paper: Ellis 2007, "Classifying Music Audio with Timbral and Chroma Features", ISMIR.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders import _spectral
from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._media import sound_of
from demeanor.types import Sample


class Config(EncoderConfig):
    """Sizes in samples; `tuning` in semitones off A = 440 Hz, by default estimated from the sound."""

    rate: int = Field(default=16_000, ge=8_000)
    size: int = Field(default=2048, ge=256)
    hop: int = Field(default=512, ge=1)
    tuning: float | None = Field(default=None, ge=-0.5, le=0.5)


class Chroma(Encoder):
    """(time, 12) from C to B; the strongest class of a frame is 1, silence 0."""

    config: Config
    modality = "audio"
    parallel = True

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, 12) float32.

        Raises:
            DataError: the sound cannot be read.
        """
        c = self.config
        sound = sound_of(sample, c.rate)
        if sound is None:
            return None
        power = _spectral.spectrum(sound, c.size, c.size, c.hop) ** 2
        tuning = _spectral.tuning_of(power, c.rate, c.size) if c.tuning is None else c.tuning
        found = power @ _spectral.chroma_filters(c.rate, c.size, tuning)
        top = found.max(1, keepdims=True)
        return frames(found / np.where(top > np.finfo(np.float32).tiny, top, 1))


ENCODER = Chroma
