"""A bag of visual words: how often each kind of local detail (SIFT) stands in a picture.

Paper: Csurka et al. 2004, "Visual categorization with bags of keypoints", ECCV workshop; Lowe 2004, "Distinctive Image
Features from Scale-Invariant Keypoints", IJCV 60 (OpenCV's); descriptors as RootSIFT, Arandjelović and Zisserman 2012.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from demeanor.encoders._encoder import Encoder, EncoderConfig, frames
from demeanor.encoders._media import Picture, PictureConfig, pictures_of
from demeanor.errors import ConfigError, DataError
from demeanor.types import Sample

_ROUNDS = 25


class Config(PictureConfig):
    """`words`: kinds of detail; `details`: the strongest of a picture; `learned_from`: descriptors for learning."""

    words: int = Field(default=200, ge=2)
    details: int = Field(default=400, ge=1)
    learned_from: int = Field(default=60_000, ge=2)
    longest: int = 480
    most: int = 16


class VisualWords(Encoder):
    """(pictures, words), each row a share of the picture's details; zeros where it has none."""

    config: Config
    modality = "visual"
    learns = True
    parallel = True

    def __init__(self, config: EncoderConfig | None = None) -> None:
        super().__init__(config)
        self._centres = np.zeros((0, 128), np.float32)

    def fit(self, samples: Sequence[Sample]) -> Self:
        """Learn the kinds of detail; samples that cannot be read are passed over.

        Raises:
            ConfigError: there are fewer details than words.
        """
        c = self.config
        share = max(1, c.learned_from // max(1, len(samples)))
        random = np.random.default_rng(0)
        found = [d if len(d) <= share else d[random.permutation(len(d))[:share]] for d in self._details(samples)]
        details = np.concatenate([*found, np.zeros((0, 128), np.float32)])
        if len(details) < c.words:
            raise ConfigError(
                f"expected at least {c.words} local details in the training pictures, found {len(details)}; lower words"
            )
        self._centres = k_means(details, c.words)
        return self

    def _details(self, samples: Sequence[Sample]) -> Iterator[NDArray[np.float32]]:
        for sample in samples:
            try:
                pictures = pictures_of(sample, self.config) or []
            except DataError:
                continue
            if pictures:
                yield np.concatenate([descriptors(p, self.config.details) for p in pictures])

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(pictures, words) float32.

        Raises:
            DataError: the picture or film cannot be read.
        """
        pictures = pictures_of(sample, self.config)
        if pictures is None:
            return None
        return frames([self._histogram(descriptors(p, self.config.details)) for p in pictures])

    def _histogram(self, found: NDArray[np.float32]) -> NDArray[np.float64]:
        counts = np.bincount(nearest(found, self._centres), minlength=len(self._centres))
        share: NDArray[np.float64] = counts / max(len(found), 1)
        return share

    def state(self) -> Mapping[str, NDArray[Any]]:
        """`centres` (words, 128)."""
        return {"centres": self._centres}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave."""
        self._centres = np.asarray(state["centres"], np.float32)
        return self


def descriptors(picture: Picture, most: int) -> NDArray[np.float32]:
    """RootSIFT of the strongest details (details, 128)."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    sift = cv2.SIFT_create(nfeatures=most)  # type: ignore[attr-defined]
    _, found = sift.detectAndCompute(grey, None)
    if found is None:
        return np.zeros((0, 128), np.float32)
    root: NDArray[np.float32] = np.sqrt(found / np.maximum(found.sum(1, keepdims=True), 1e-9)).astype(np.float32)
    return root[:most]


def nearest(rows: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.intp]:
    """Which centre is nearest to each row."""
    squares = (centres**2).sum(1)
    parts = [(squares - 2 * rows[i : i + 4096] @ centres.T).argmin(1) for i in range(0, len(rows), 4096)]
    return np.concatenate([*parts, np.zeros(0, np.intp)])


def k_means(rows: NDArray[np.float32], count: int, seed: int = 0) -> NDArray[np.float32]:
    """Centres (count, dim): k-means++ beginnings, then Lloyd's rounds until nothing moves."""
    random = np.random.default_rng(seed)
    chosen = [int(random.integers(len(rows)))]
    apart = ((rows - rows[chosen[0]]) ** 2).sum(1)
    while len(chosen) < count:
        total = float(apart.sum())
        odds = apart.astype(np.float64) / total if total > 0 else None
        chosen.append(int(random.choice(len(rows), p=None if odds is None else odds / odds.sum())))
        apart = np.minimum(apart, ((rows - rows[chosen[-1]]) ** 2).sum(1))
    centres = rows[chosen].astype(np.float64)
    before: NDArray[np.intp] | None = None
    for _ in range(_ROUNDS):
        own = nearest(rows, centres.astype(np.float32))
        if before is not None and bool((own == before).all()):
            break
        before = own
        sums = np.zeros_like(centres)
        np.add.at(sums, own, rows)
        counts = np.bincount(own, minlength=count)[:, None]
        centres = np.where(counts > 0, sums / np.maximum(counts, 1), centres)
    return centres.astype(np.float32)


ENCODER = VisualWords
