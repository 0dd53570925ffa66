"""Bag of words: how often each word of the training texts stands in a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._counts import counted, indexed, learn_terms, n_grams
from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._words import LearnedWordsConfig, require_parter, words
from demeanor.types import Sample


class Config(LearnedWordsConfig):
    """`n_grams`: runs of up to that many words count as terms too; `binary`: whether, not how often."""

    n_grams: int = Field(default=1, ge=1, le=5)
    most: int = Field(default=5_000, ge=1)
    max_share: float = Field(default=1.0, gt=0, le=1)
    """Terms in more than this share of the training texts are left out."""
    binary: bool = False


class Bag(Encoder):
    """Counts (1, terms)."""

    config: Config
    modality = "text"
    version = 3
    learns = True

    def __init__(self, config: EncoderConfig | None = None) -> None:
        super().__init__(config)
        self._index: dict[str, int] = {}

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Learn which terms there are.

        Raises:
            ConfigError: none is frequent enough.
        """
        c = self.config
        terms, _, _ = learn_terms(
            (self._terms(s.text) for s in samples if s.text is not None), c.min_count, c.most, c.max_share
        )
        self._index = indexed(terms)
        return self

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(1, terms) float32."""
        if sample.text is None:
            return None
        counts = counted(self._terms(sample.text), self._index)
        return frames(counts > 0 if self.config.binary else counts)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """`terms`, in the order of the columns."""
        return {"terms": np.array(list(self._index), str)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        require_parter(state["terms"], self.config)
        self._index = indexed(state["terms"])
        return self

    def _terms(self, text: str) -> list[str]:
        return n_grams(words(text, self.config), 1, self.config.n_grams)


ENCODER = Bag
