"""88 measures of a voice after the extended Geneva set (eGeMAPS v02): pitch, loudness, voice quality, formants, timing.

Paper: Eyben et al. 2016, "The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and Affective
Computing", IEEE Transactions on Affective Computing 7(2). Our own code from the published description; docs/encoders.md
says what differs. With `engine = "opensmile"` the authors' program measures instead, where it is installed (its licence
forbids commercial use).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._functionals import FUNCTIONALS, functionals
from demeanor.encoders._lowlevel import low_level
from demeanor.encoders._media import sound_of
from demeanor.encoders._pitch import RATE
from demeanor.plugins import require
from demeanor.types import Sample

__all__ = ["ENCODER", "NAMES", "Config", "Egemaps"]

NAMES = FUNCTIONALS
"""Of the 88 columns."""


class Config(EncoderConfig):
    """`window`: seconds per row of measures, half overlapping; by default one row for the whole sound."""

    engine: Literal["own", "opensmile"] = "own"
    window: float | None = Field(default=None, ge=0.5)


class Egemaps(Encoder):
    """(1, 88), or (windows, 88). What cannot be measured (pitch of a whisper) is 0."""

    config: Config
    modality = "audio"
    parallel = True

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(1 or windows, 88) float32.

        Raises:
            DataError: the sound cannot be read.
            MissingExtraError: opensmile is asked for and not installed.
        """
        sound = sound_of(sample, RATE)
        if sound is None:
            return None
        measure = self._smile if self.config.engine == "opensmile" else lambda x: functionals(low_level(x))
        return frames([measure(piece) for piece in self._pieces(sound)])

    def _pieces(self, sound: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        if self.config.window is None:
            return [sound]
        size = round(self.config.window * RATE)
        return [sound[i : i + size] for i in range(0, max(1, len(sound) - size // 2), max(1, size // 2))]

    def _smile(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        smile = require("opensmile", "opensmile", "eGeMAPS by its authors' program")
        program = smile.Smile(feature_set=smile.FeatureSet.eGeMAPSv02, feature_level=smile.FeatureLevel.Functionals)
        found: NDArray[np.float32] = program.process_signal(sound, RATE).to_numpy(np.float32)[0]
        return np.nan_to_num(found)


ENCODER = Egemaps
