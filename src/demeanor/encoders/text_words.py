"""Words as numbers of a vocabulary: what models with word vectors of their own read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._counts import indexed, learn_terms
from demeanor.encoders._encoder import Encoder, EncoderConfig
from demeanor.encoders._words import LearnedWordsConfig, require_parter, words
from demeanor.types import Sample

PADDING, UNKNOWN = 0, 1
"""Ids that are no word; the first word is 2."""


class Config(LearnedWordsConfig):
    """`longest`: words beyond are cut. A model's vocabulary is `most` + 2 at the most."""

    longest: int = Field(default=256, ge=1)


class WordIds(Encoder):
    """Ids (time,) of the words of the training texts; `UNKNOWN` for others."""

    config: Config
    modality = "text"
    gives = "ids"
    version = 3
    learns = True

    def __init__(self, config: EncoderConfig | None = None) -> None:
        super().__init__(config)
        self._index: dict[str, int] = {}

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Learn which words there are.

        Raises:
            ConfigError: none is frequent enough.
        """
        c = self.config
        found, _, _ = learn_terms((words(s.text, c) for s in samples if s.text is not None), c.min_count, c.most)
        self._index = indexed(found)
        return self

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time,) int64; a text without words is one `UNKNOWN`."""
        if sample.text is None:
            return None
        c = self.config
        ids = [self._index.get(w, -1) + 2 for w in words(sample.text, c)[: c.longest]]
        return np.array(ids or [UNKNOWN], np.int64)

    def vocabulary(self) -> int:
        """The words, and the two ids that are none."""
        return len(self._index) + 2

    def state(self) -> Mapping[str, NDArray[Any]]:
        """`words`, the first with id 2."""
        return {"words": np.array(list(self._index), str)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        require_parter(state["words"], self.config)
        self._index = indexed(state["words"])
        return self


ENCODER = WordIds
