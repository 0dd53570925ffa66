"""Text → token ids of the words expert's tokenizer (SentencePiece unigram, `tokenizer.json`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanor.media.normalise import normalise


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
