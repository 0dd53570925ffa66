"""Word vectors, one a word: from a local file, or learned from the training texts.

With `path`, vectors of a text file as word2vec, fastText and GloVe write them. Without, positive pointwise mutual
information of words within a window (context counts to the power 0.75), reduced by a truncated singular value
decomposition, each word at U √Σ: Levy, Goldberg and Dagan 2015, "Improving Distributional Similarity with Lessons
Learned from Word Embeddings", TACL 3.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._counts import indexed, learn_terms
from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._words import LearnedWordsConfig, folded, require_parter, words
from demeanor.errors import ConfigError
from demeanor.plugins import require
from demeanor.types import Sample

_SMOOTH = 0.75  # power of context counts: rare contexts count for less


class Config(LearnedWordsConfig):
    """`path`: a text file of vectors (.gz too), of which the first `most` lines are taken; else learned, `dim` wide."""

    path: Path | None = None
    dim: int = Field(default=100, ge=1)
    window: int = Field(default=5, ge=1)
    longest: int = Field(default=256, ge=1)
    """Words beyond are cut."""


class Vectors(Encoder):
    """(words, dim) of the words that have a vector; a text without any is one row of zeros."""

    config: Config
    modality = "text"
    version = 3
    learns = True

    def __init__(self, config: EncoderConfig | None = None) -> None:
        super().__init__(config)
        self.learns = self.config.path is None
        self._index: dict[str, int] = {}
        self._vectors = np.zeros((0, self.config.dim), np.float32)

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Learn vectors from texts.

        Raises:
            ConfigError: no word is frequent enough.
            MissingExtraError: scipy is not installed.
        """
        c = self.config
        if c.path is None:
            texts = [words(s.text, c) for s in samples if s.text is not None]
            found, _, _ = learn_terms(texts, c.min_count, c.most)
            self._index = indexed(found)
            ids = [np.array([self._index[w] for w in t if w in self._index], np.int64) for t in texts]
            self._vectors = decompose(mutual_information(ids, len(found), c.window), c.dim)
        return self

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(words, dim) float32.

        Raises:
            ConfigError: the file of vectors is not there, or is none.
        """
        if sample.text is None:
            return None
        if self.config.path is not None and not self._index:
            self._index, self._vectors = read_vectors(self.config.path, self.config.most)
        rows = [self._index[w] for w in words(sample.text, self.config) if w in self._index]
        return frames(self._vectors[rows[: self.config.longest]] if rows else np.zeros(self._vectors.shape[1]))

    def state(self) -> Mapping[str, NDArray[Any]]:
        """`words` and their `vectors`, where they were learned."""
        return {"words": np.array(list(self._index), str), "vectors": self._vectors} if self.learns else {}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        if not self.learns:
            return super().restore(state)
        require_parter(state["words"], self.config)
        self._index = indexed(state["words"])
        self._vectors = np.asarray(state["vectors"], np.float32)
        return self


def mutual_information(texts: Sequence[NDArray[np.int64]], count: int, window: int) -> Any:
    """Positive pointwise mutual information of words at most `window` apart: a scipy sparse array (count, count).

    Raises:
        MissingExtraError: scipy is not installed.
    """
    sparse = require("scipy.sparse", "lab", "learning word vectors")
    ids = np.concatenate([*texts, np.zeros(0, np.int64)])
    text = np.repeat(np.arange(len(texts)), [len(t) for t in texts])
    counts = sparse.csr_array((count, count))
    for apart in range(1, window + 1):
        same = text[:-apart] == text[apart:]
        one, other = ids[:-apart][same], ids[apart:][same]
        pairs = sparse.coo_array((np.ones(len(one)), (one, other)), (count, count)).tocsr()
        counts = counts + pairs + pairs.T
    counts = counts.tocoo()
    word, context = counts.sum(1), counts.sum(0) ** _SMOOTH
    row, column = counts.coords
    information = np.log(counts.data * context.sum() / np.maximum(word[row] * context[column], 1e-12))
    keep = information > 0
    return sparse.csr_array((information[keep], (row[keep], column[keep])), (count, count))


def decompose(matrix: Any, dim: int) -> NDArray[np.float32]:
    """Rows of U √Σ (count, dim), signs settled; dims beyond the rank are zero."""
    svds = require("scipy.sparse.linalg", "lab", "learning word vectors").svds
    count = matrix.shape[0]
    rank = min(dim, count - 1)
    out = np.zeros((count, dim), np.float32)
    if rank < 1 or not matrix.nnz:
        return out
    start = np.random.default_rng(0).standard_normal(count)
    u, s, _ = svds(matrix.astype(np.float64), k=rank, v0=start)
    order = np.argsort(-s)
    u, s = u[:, order], np.maximum(s[order], 0)
    u = u * np.sign(u[np.abs(u).argmax(0), np.arange(rank)])
    out[:, :rank] = u * np.sqrt(s)
    return out


def read_vectors(path: Path, most: int) -> tuple[dict[str, int], NDArray[np.float32]]:
    """Words and vectors (words, dim) of the first `most` lines; a first line of two numbers is a header.

    Words are lower-cased, as texts are; of "Good" and "good" the first counts, in such files the more frequent.

    Raises:
        ConfigError: no such file, or no vectors in it.
    """
    if not path.is_file():
        raise ConfigError(f"expected a file of word vectors at {path}, found nothing there; give its path, or none")
    found: dict[str, int] = {}
    rows: list[NDArray[np.float32]] = []
    for number, line in enumerate(_lines(path), 1):
        cells = line.rstrip().split(" ")
        if number == 1 and len(cells) == 2:
            continue
        if len(found) == most:
            break
        dim = len(rows[0]) if rows else len(cells) - 1
        try:
            vector = np.array(cells[-dim:], np.float32)
        except ValueError:
            raise ConfigError(f"{path}, line {number}: expected a word and {dim} numbers, got {line[:60]!r}") from None
        word = folded(" ".join(cells[:-dim]))
        if len(vector) == dim and word and word not in found:
            found[word] = len(rows)
            rows.append(vector)
    if not rows or not len(rows[0]):
        raise ConfigError(f"{path}: expected lines of a word and its numbers, found none")
    return found, np.stack(rows)


def _lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for line in file:
            yield line.decode("utf-8", "replace")


ENCODER = Vectors
