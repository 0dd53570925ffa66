"""Whisper encoder states of short sound, without filling it up to 30 s: ten times faster for clips of a few seconds.

Paper: Radford et al. 2023, "Robust Speech Recognition via Large-Scale Weak Supervision", ICML. The numbers are not
those that `audio_states` gives and the shipped voice expert reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders import audio_states
from demeanor.encoders.audio_states import States, pooled_states

if TYPE_CHECKING:
    from demeanor.media.speech import Recogniser


class Config(audio_states.Config):
    """`weights`, `path` as `audio_states` has them; `silence`: seconds of it after the sound; `together`: of the 50
    states a second as many are averaged into a step.
    """

    silence: float = Field(default=1.0, ge=0)
    together: int = Field(default=2, ge=1)


class Whisper(States):
    """States (time, dim), by default 25 a second; sound longer than 30 s is heard piece by piece."""

    config: Config
    modality = "audio"
    _threads = 1

    def _pooled(self, model: Recogniser, piece: NDArray[np.float32]) -> NDArray[np.float32]:
        return pooled_states(model.states(piece, self.config.silence), self.config.together)


ENCODER = Whisper
