"""Hidden states of any Hugging Face speech model (wav2vec 2.0, HuBERT, WavLM, Whisper …), from a folder or the hub."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._media import sound_of
from demeanor.encoders._pretrained import PretrainedConfig, heard_at_once, load, load_model, pooled, states
from demeanor.types import Sample


class Config(PretrainedConfig):
    """`longest`: seconds the model hears at once; longer sound is heard piece by piece."""

    longest: float = Field(default=30.0, ge=1)


class Speech(Encoder):
    """(time, dim) at the model's own rate (50 a second for most), or (1, dim) pooled."""

    config: Config
    modality = "audio"
    portable = False

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self._loaded: tuple[Any, Any] | None = None

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time or 1, dim) float32.

        Raises:
            MissingExtraError: transformers or torch is not installed.
            ConfigError: there is no such model, or no such layer.
            DataError: the sound cannot be read.
        """
        c = self.config
        if self._loaded is None:
            self._loaded = load(c, "AutoFeatureExtractor"), load_model(c)
        extractor, _ = self._loaded
        sound = sound_of(sample, extractor.sampling_rate)
        if sound is None:
            return None
        pieces = heard_at_once(sound, extractor.sampling_rate, c.longest)
        found = np.concatenate([self._states(piece) for piece in pieces])
        return frames(pooled(found, c.pooling))

    def _states(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """States of one piece; of an extractor that always fills its window (Whisper), those of the sound alone."""
        assert self._loaded is not None
        extractor, model = self._loaded
        least = extractor.sampling_rate // 10  # the shortest that the models' strides leave a step of
        padded = np.pad(sound, (0, max(0, least - len(sound))))
        inputs = extractor(padded, sampling_rate=extractor.sampling_rate, return_tensors="pt")
        name = "input_values" if "input_values" in inputs else "input_features"
        found = states(model, self.config.layer, {name: inputs[name]}, self.config.device)
        filled = getattr(extractor, "n_samples", None)
        return found[: max(1, -(-len(padded) * len(found) // filled))] if filled else found


ENCODER = Speech
