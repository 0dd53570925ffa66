"""Text → token ids of the words expert's tokenizer (SentencePiece unigram, `tokenizer.json`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig
from demeanor.media.normalise import normalise

if TYPE_CHECKING:
    from tokenizers import Tokenizer
from demeanor.types import Sample

SHIPPED = Path(__file__).parents[1] / "assets" / "base" / "tokenizer.json"
"""The shipped bundle's."""


class TextTokens:
    """Encodes normalised text; longer text keeps its beginning and its end, where the verdict mostly stands.

    Args:
        tokenizer: path of a `tokenizer.json`.
        max_tokens: longest sequence, the two marks included.
    """

    def __init__(self, tokenizer: str | Path, max_tokens: int = 128) -> None:
        from tokenizers import Tokenizer

        self.max_tokens = max_tokens
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    @property
    def tokenizer(self) -> Tokenizer:
        """What cuts texts into pieces, of the library `tokenizers`."""
        return self._tokenizer

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Token ids (time,) per text, marks included."""
        encoded = self._tokenizer.encode_batch([normalise(t) for t in texts])
        return [self._fit(np.asarray(e.ids, np.int64)) for e in encoded]

    def _fit(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        if len(ids) <= self.max_tokens:
            return ids
        head = self.max_tokens // 2
        return np.concatenate([ids[:head], ids[len(ids) - (self.max_tokens - head) :]])


def pad(sequences: Sequence[NDArray[np.int64]], value: int = 1) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Ragged ids → ids (batch, time) filled with `value`, and valid (batch, time)."""
    longest = max(len(s) for s in sequences)
    ids = np.full((len(sequences), longest), value, np.int64)
    valid = np.zeros((len(sequences), longest), bool)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        valid[row, : len(sequence)] = True
    return ids, valid


class Config(EncoderConfig):
    """`tokenizer`: a `tokenizer.json`; `max_tokens`: longest sequence, the two marks included."""

    tokenizer: Path = SHIPPED
    max_tokens: int = Field(default=128, ge=2)


class Tokens(Encoder):
    """Token ids (time,), as the words expert reads them."""

    config: Config
    modality = "text"
    gives = "ids"

    def __init__(self, config: EncoderConfig | None = None) -> None:
        super().__init__(config)
        self._tokens: TextTokens | None = None

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time,) int64."""
        if sample.text is None:
            return None
        return self._loaded().encode([sample.text])[0]

    def vocabulary(self) -> int:
        """The tokenizer's."""
        return self._loaded().tokenizer.get_vocab_size()

    def _loaded(self) -> TextTokens:
        if self._tokens is None:
            self._tokens = TextTokens(self.config.tokenizer, self.config.max_tokens)
        return self._tokens


ENCODER = Tokens
