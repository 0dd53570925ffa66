"""Whisper encoder states of short sound, without filling it up to 30 s: ten times faster for clips of a few seconds.

Paper: Radford et al. 2023, "Robust Speech Recognition via Large-Scale Weak Supervision", ICML. The numbers are not
those that `audio_states` gives and the shipped voice expert reads.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig
from demeanor.encoders._media import sound_of
from demeanor.encoders.audio_states import pooled_states
from demeanor.types import Sample

if TYPE_CHECKING:
    from demeanor.media.speech import Recogniser

_RATE, _WINDOW = 16_000, 30 * 16_000


class Config(EncoderConfig):
    """`weights`, `path` as `audio_states` has them; `silence`: seconds of it after the sound; `together`: of the 50
    states a second as many are averaged into a step.
    """

    weights: str = "whisper-base"
    path: Path | None = None
    silence: float = Field(default=1.0, ge=0)
    together: int = Field(default=2, ge=1)


@lru_cache(maxsize=1)
def _recogniser(weights: str, path: Path | None) -> Recogniser:
    from demeanor.media.speech import load_recogniser

    return load_recogniser(weights, path, threads=1)


class Whisper(Encoder):
    """States (time, dim), by default 25 a second; sound longer than 30 s is heard piece by piece."""

    config: Config
    modality = "audio"

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, dim) float32.

        Raises:
            DataError: the sound cannot be read.
            MissingExtraError: the speech extra is not installed.
            WeightsError: the weights are not on this machine.
        """
        sound = sound_of(sample, _RATE)
        if sound is None:
            return None
        c = self.config
        model = _recogniser(c.weights, c.path)
        pieces = [sound[i : i + _WINDOW] for i in range(0, len(sound), _WINDOW)]
        return np.concatenate([pooled_states(model.states(piece, c.silence), c.together) for piece in pieces])


ENCODER = Whisper
