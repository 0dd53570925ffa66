"""Scales of features: mean and spread of every column, from training samples alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BOUND = 10.0
"""Standardised values are cut at ± this: one broken frame must not outweigh a clip."""

LEAST_SPREAD = 1e-6
"""A spread up to this is none: of what encoders give (shares, angles, pixels) it is the residue of a computation."""

LEAST_OF_SERIES = 1e-16
"""The same of `series`, whose units are the user's (volts, teslas): what float64 leaves of zeros."""

_ROUNDING = 1e-7
"""A spread up to this share of a column's size is what float32 makes of a constant: half its last digit at most."""

_CANCELS = 1e-4
"""Below this share of the size the mean of squares less the squared mean has lost half its digits and more."""


class Standardiser:
    """Columns to mean 0 and spread 1; what is not finite becomes 0. Token ids and pictures pass unchanged.

    Args:
        mean: (dim,).
        spread: (dim,), > 0.
    """

    def __init__(self, mean: NDArray[np.float32], spread: NDArray[np.float32]) -> None:
        self.mean, self.spread = mean, spread

    @classmethod
    def fit(cls, sequences: Sequence[NDArray[Any] | None], least: float = LEAST_SPREAD) -> Standardiser:
        """From the frames (time, dim) of training samples; constant columns keep their scale.

        Args:
            sequences: of training samples; None where one lacks the modality.
            least: the spread up to which a column is constant; `LEAST_OF_SERIES` for units of the user's own.
        """
        dim = next(s.shape[1] for s in sequences if s is not None)
        count, total, square = np.zeros(dim), np.zeros(dim), np.zeros(dim)
        for sequence in sequences:
            if sequence is not None and len(sequence):
                finite = np.isfinite(sequence)
                x = np.where(finite, sequence, 0).astype(np.float64)
                count, total, square = count + finite.sum(0), total + x.sum(0), square + (x * x).sum(0)
        mean, size = total / np.maximum(count, 1), np.sqrt(square / np.maximum(count, 1))
        spread = np.sqrt(np.maximum(square / np.maximum(count, 1) - mean**2, 0))
        if (spread < _CANCELS * size).any():
            spread = np.where(spread < _CANCELS * size, _spread_about(mean, sequences), spread)
        varies = spread > np.maximum(_ROUNDING * size, least)
        kept = np.where(spread > LEAST_SPREAD, size, 1)  # of 1e8 ± 8, all rounding, nothing is left by its own size
        return cls(mean.astype(np.float32), np.where(varies, spread, kept).astype(np.float32))

    def apply(self, sequence: NDArray[Any]) -> NDArray[np.float32]:
        """(time, dim) → the same, standardised, finite and bounded."""
        x = (np.asarray(sequence, np.float32) - self.mean) / self.spread
        out: NDArray[np.float32] = np.clip(np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0), -BOUND, BOUND)
        return out

    def state(self) -> dict[str, NDArray[np.float32]]:
        """As plain arrays."""
        return {"mean": self.mean, "spread": self.spread}

    @classmethod
    def restore(cls, state: Mapping[str, NDArray[Any]]) -> Standardiser:
        """From what `state` gave."""
        return cls(np.asarray(state["mean"], np.float32), np.asarray(state["spread"], np.float32))


def _spread_about(mean: NDArray[np.float64], sequences: Sequence[NDArray[Any] | None]) -> NDArray[np.float64]:
    """The spread (dim,) of the finite frames about their mean, exact where it is far smaller than that."""
    count, square = np.zeros_like(mean), np.zeros_like(mean)
    for sequence in sequences:
        if sequence is not None and len(sequence):
            finite = np.isfinite(sequence)
            count, square = count + finite.sum(0), square + (np.where(finite, sequence - mean, 0) ** 2).sum(0)
    return np.sqrt(square / np.maximum(count, 1))


LEAST = 8
"""Samples of a speaker from which its own scale is taken; with fewer it would say more of the samples than of them."""


def within_speakers(
    column: Sequence[NDArray[Any] | None], speakers: Sequence[str | None], least: float = LEAST_SPREAD
) -> list[NDArray[np.float32] | None]:
    """Every sample on its own speaker's scale: mean 0 and spread 1 over that speaker's samples, labels unused.

    What is told apart is then how somebody departs from their own manner. It takes all of a speaker's samples, those of
    a test speaker too: results with it are for speakers of whom several clips are at hand, and say so. `least` is that
    of `Standardiser.fit`.
    """
    out = [None if x is None else np.asarray(x, np.float32) for x in column]
    for own in _by_speaker(column, speakers):
        scale = Standardiser.fit([column[row] for row in own], least)
        for row in own:
            out[row] = scale.apply(np.asarray(column[row]))
    return out


def all_within_speakers(column: Sequence[NDArray[Any] | None], speakers: Sequence[str | None]) -> bool:
    """Whether every sample that has the modality is of a speaker with samples enough for a scale of their own."""
    return sum(map(len, _by_speaker(column, speakers))) == sum(x is not None for x in column)


def _by_speaker(column: Sequence[NDArray[Any] | None], speakers: Sequence[str | None]) -> list[list[int]]:
    """The rows of each speaker who has at least `LEAST`."""
    rows: dict[str, list[int]] = {}
    for row, speaker in enumerate(speakers):
        if speaker is not None and column[row] is not None:
            rows.setdefault(speaker, []).append(row)
    return [own for own in rows.values() if len(own) >= LEAST]


def is_frames(value: NDArray[Any]) -> bool:
    """Whether an encoded value is frames (time, dim), and not token ids (time,) or a picture (C, H, W)."""
    return value.ndim == 2 and bool(np.issubdtype(value.dtype, np.floating))
