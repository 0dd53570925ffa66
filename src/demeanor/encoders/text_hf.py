"""Hidden states of any Hugging Face text model, from a local folder or the hub."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._pretrained import PretrainedConfig, load, load_model, pooled, states
from demeanor.types import Sample


class Config(PretrainedConfig):
    """`longest`: tokens beyond are cut, the marks included; `prefix`: put before every text (e5 wants `query: `)."""

    longest: int = Field(default=256, ge=2)
    prefix: str = ""


class Text(Encoder):
    """(tokens, dim), or (1, dim) pooled. Special tokens count as tokens."""

    config: Config
    modality = "text"
    portable = False

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self._loaded: tuple[Any, Any] | None = None

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(tokens or 1, dim) float32.

        Raises:
            MissingExtraError: transformers or torch is not installed.
            ConfigError: there is no such model, or no such layer.
        """
        if sample.text is None:
            return None
        c = self.config
        if self._loaded is None:
            self._loaded = load(c, "AutoTokenizer"), load_model(c, "text")
        tokenizer, model = self._loaded
        inputs = tokenizer(c.prefix + sample.text, truncation=True, max_length=c.longest, return_tensors="pt")
        if not inputs["input_ids"].numel():
            return np.zeros((1, model.config.hidden_size), np.float32)
        takes = ("input_ids", "attention_mask", "token_type_ids")
        found = states(model, c.layer, {k: v for k, v in inputs.items() if k in takes}, c.device)
        return frames(pooled(found, c.pooling))


ENCODER = Text
