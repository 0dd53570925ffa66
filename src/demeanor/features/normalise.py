"""Scales of features: mean and spread of every column, from training samples alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BOUND = 10.0
"""Standardised values are cut at ± this: one broken frame must not outweigh a clip."""

_CONSTANT = 1e-6
"""A spread below this share of a column's size is what float32 makes of a constant."""

_NOTHING = 1e-16
"""And below this what float64 leaves of zeros: signals in small units (volts, teslas) are larger."""


class Standardiser:
    """Columns to mean 0 and spread 1; what is not finite becomes 0. Token ids and pictures pass unchanged.

    Args:
        mean: (dim,).
        spread: (dim,), > 0.
    """

    def __init__(self, mean: NDArray[np.float32], spread: NDArray[np.float32]) -> None:
        self.mean, self.spread = mean, spread

    @classmethod
    def fit(cls, sequences: Sequence[NDArray[Any] | None]) -> Standardiser:
        """From the frames (time, dim) of training samples; constant columns keep their scale."""
        dim = next(s.shape[1] for s in sequences if s is not None)
        count, total, square = np.zeros(dim), np.zeros(dim), np.zeros(dim)
        for sequence in sequences:
            if sequence is not None and len(sequence):
                finite = np.isfinite(sequence)
                x = np.where(finite, sequence, 0).astype(np.float64)
                count, total, square = count + finite.sum(0), total + x.sum(0), square + (x * x).sum(0)
        mean, power = total / np.maximum(count, 1), square / np.maximum(count, 1)
        spread = np.sqrt(np.maximum(power - mean**2, 0))
        varies = spread > np.maximum(_CONSTANT * np.sqrt(power), _NOTHING)
        return cls(mean.astype(np.float32), np.where(varies, spread, 1).astype(np.float32))

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


LEAST = 8
"""Samples of a speaker from which its own scale is taken; with fewer it would say more of the samples than of them."""


def within_speakers(
    column: Sequence[NDArray[Any] | None], speakers: Sequence[str | None]
) -> list[NDArray[np.float32] | None]:
    """Every sample on its own speaker's scale: mean 0 and spread 1 over that speaker's samples, labels unused.

    What is told apart is then how somebody departs from their own manner. It takes all of a speaker's samples, those of
    a test speaker too: results with it are for speakers of whom several clips are at hand, and say so.
    """
    rows: dict[str, list[int]] = {}
    for row, speaker in enumerate(speakers):
        if speaker is not None and column[row] is not None:
            rows.setdefault(speaker, []).append(row)
    out = [None if x is None else np.asarray(x, np.float32) for x in column]
    for own in rows.values():
        if len(own) >= LEAST:
            scale = Standardiser.fit([column[row] for row in own])
            for row in own:
                out[row] = scale.apply(np.asarray(column[row]))
    return out


def is_frames(value: NDArray[Any]) -> bool:
    """Whether an encoded value is frames (time, dim), and not token ids (time,) or a picture (C, H, W)."""
    return value.ndim == 2 and bool(np.issubdtype(value.dtype, np.floating))
