"""Mel-frequency cepstral coefficients with their deltas, as librosa defines them.

Paper: Davis and Mermelstein 1980, "Comparison of parametric representations for monosyllabic word recognition in
continuously spoken sentences", IEEE TASSP 28(4).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from demeanor.encoders import _spectral
from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._media import sound_of
from demeanor.types import Sample


class Config(EncoderConfig):
    """Sizes in samples; `deltas`: how many derivatives over time follow the coefficients."""

    n_mfcc: int = Field(default=20, ge=1)
    deltas: int = Field(default=2, ge=0, le=2)
    rate: int = Field(default=16_000, ge=4_000)
    size: int = Field(default=512, ge=64)
    hop: int = Field(default=160, ge=1)
    mels: int = Field(default=64, ge=8)
    lowest: float = Field(default=0.0, ge=0)
    highest: float | None = None

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.n_mfcc > self.mels:
            raise ValueError(f"expected n_mfcc <= mels, got {self.n_mfcc} > {self.mels}")
        if self.lowest >= self.top:
            raise ValueError(f"expected lowest < highest (Hz), got {self.lowest:g} >= {self.top:g}")
        return self

    @property
    def top(self) -> float:
        """The upper end of the highest band (Hz): half the rate unless named."""
        return self.rate / 2 if self.highest is None else self.highest


class Mfcc(Encoder):
    """(time, n_mfcc · (1 + deltas)), 100 frames a second."""

    config: Config
    modality = "audio"
    parallel = True

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, dim) float32.

        Raises:
            DataError: the sound cannot be read.
        """
        c = self.config
        sound = sound_of(sample, c.rate)
        if sound is None:
            return None
        power = _spectral.spectrum(sound, c.size, c.size, c.hop) ** 2
        mel = power @ _spectral.mel_filters(c.rate, c.size, c.mels, c.lowest, c.top)
        found = _spectral.decibels(mel) @ _spectral.cosines(c.n_mfcc, c.mels)
        return frames(np.concatenate([found, *(_spectral.slopes(found, n) for n in range(1, c.deltas + 1))], axis=1))


ENCODER = Mfcc
