"""TF-IDF of words and of characters: frequent in the text, rare among the training texts.

Term frequency is 1 + ln(count) (or the count), inverse document frequency ln((1 + texts) / (1 + texts with it)) + 1,
and each of the two blocks has length 1: as in scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from demeanor.encoders._counts import character_n_grams, counted, indexed, learn_terms, n_grams
from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._words import LearnedWordsConfig, require_parter, words
from demeanor.types import Sample


def _ordered(lengths: tuple[int, int] | tuple[()]) -> tuple[int, int] | tuple[()]:
    if lengths and not 1 <= lengths[0] <= lengths[1]:
        raise ValueError("expected the shortest run and the longest, 1 <= shortest <= longest, or []")
    return lengths


Lengths = Annotated[tuple[int, int] | tuple[()], AfterValidator(_ordered)]


class Config(LearnedWordsConfig):
    """`n_grams` and `characters`: shortest and longest run; none with []. `most` holds for each of the two."""

    n_grams: Lengths = (1, 2)
    characters: Lengths = ()
    most: int = Field(default=10_000, ge=1)
    max_share: float = Field(default=1.0, gt=0, le=1)
    """Terms in more than this share of the training texts are left out."""
    sublinear: bool = True

    @model_validator(mode="after")
    def _counts(self) -> Config:
        if not self.n_grams and not self.characters:
            raise ValueError("expected n_grams or characters, got [] for both; name the shortest and longest of one")
        return self


class TfIdf(Encoder):
    """(1, terms): a block of words, a block of characters, or both."""

    config: Config
    modality = "text"
    version = 3
    learns = True

    def __init__(self, config: EncoderConfig | None = None) -> None:
        super().__init__(config)
        self._blocks: dict[str, tuple[dict[str, int], NDArray[np.float32]]] = {}

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Learn which terms there are and how rare each is.

        Raises:
            ConfigError: none is frequent enough.
        """
        c = self.config
        texts = [s.text for s in samples if s.text is not None]
        for name, terms_of in self._readers().items():
            terms, within, count = learn_terms(map(terms_of, texts), c.min_count, c.most, c.max_share)
            rarity = np.log((1 + count) / (1 + within)) + 1
            self._blocks[name] = (indexed(terms), rarity.astype(np.float32))
        return self

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(1, terms) float32."""
        if sample.text is None:
            return None
        blocks = []
        for name, terms_of in self._readers().items():
            index, rarity = self._blocks[name]
            counts = counted(terms_of(sample.text), index)
            if self.config.sublinear:
                counts = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0)
            weights = counts * rarity
            blocks.append(weights / max(float(np.linalg.norm(weights)), 1e-12))
        return frames(np.concatenate(blocks))

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Terms and rarity of each block."""
        out: dict[str, NDArray[Any]] = {}
        for name, (index, rarity) in self._blocks.items():
            out |= {f"{name}_terms": np.array(list(index), str), f"{name}_rarity": rarity}
        return out

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        require_parter(state.get("words_terms", ()), self.config)
        self._blocks = {
            name: (indexed(state[f"{name}_terms"]), np.asarray(state[f"{name}_rarity"], np.float32))
            for name in self._readers()
        }
        return self

    def _readers(self) -> dict[str, Callable[[str], list[str]]]:
        """Per block how its terms are read off a text."""
        c = self.config
        out: dict[str, Callable[[str], list[str]]] = {}
        if c.n_grams:
            low, high = c.n_grams
            out["words"] = lambda text: n_grams(words(text, c), low, high)
        if c.characters:
            shortest, longest = c.characters
            out["characters"] = lambda text: character_n_grams(text, shortest, longest)
        return out


ENCODER = TfIdf
