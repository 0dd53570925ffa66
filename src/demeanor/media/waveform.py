"""Sound that lies in memory: an array, with the rate it was sampled at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import InputError

Samples = NDArray[np.float32]

SoundPair = tuple[NDArray[Any], int] | tuple[int, NDArray[Any]]
"""Sound in memory as a caller gives it: an array and its rate, in either order."""

RATES = range(1000, 1_000_000)
"""Samples per second that are believed."""

_EXPECTED = "expected sound as (array, rate) or (rate, array)"
_MOST_CHANNELS = 64
_LOUDEST = 32.0  # of floats: a few samples beyond 1 are clipped, but these are integers written as floats


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """An array of sound and its rate.

    Attributes:
        samples: (time,), (time, channels) or (channels, time); floats in [-1, 1] or integers of full range, of 8, 16 or
            32 bits.
        rate: samples per second.
    """

    samples: NDArray[Any] = field(repr=False)
    rate: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self.samples.shape

    @property
    def rows(self) -> NDArray[Any]:
        """(channels, time), a view.

        Raises:
            InputError: no array of sound.
        """
        return rows_of(self.samples)


def is_pair(source: object) -> TypeGuard[tuple[Any, Any]]:
    """Whether this is meant as sound with its rate: two things, at least one of them an array."""
    return isinstance(source, tuple | list) and len(source) == 2 and any(hasattr(part, "__array__") for part in source)


def from_pair(pair: tuple[Any, Any]) -> Waveform:
    """`(array, rate)`, as soundfile and librosa give it, or `(rate, array)`, as scipy does.

    Raises:
        InputError: there is not one array and one rate in it.
    """
    arrays = [part for part in pair if np.ndim(part) > 0]
    rates = [part for part in pair if np.ndim(part) == 0]
    if len(arrays) != 1 or len(rates) != 1 or isinstance(rates[0], str | bytes):
        got = " and ".join(_told(part) for part in pair)
        raise InputError(f"{_EXPECTED}, got {got}; give one array and one number")
    rate = float(rates[0])
    if round(rate) not in RATES or rate != round(rate):
        raise InputError(f"{_EXPECTED}, got the rate {rates[0]}; give samples per second, such as 16000")
    return Waveform(np.asarray(arrays[0]), round(rate))


def rows_of(array: NDArray[Any]) -> NDArray[Any]:
    """(channels, time) view of an array (time,), (time, channels) or (channels, time).

    Integers of 64 bits are numpy's default and tell no range: 16-bit values in them would be taken for silence. They
    are refused, since guessing the range from a piece of a stream would give each piece another loudness.

    Raises:
        InputError: another shape or type, floats far outside of [-1, 1], or integers of 64 bits.
    """
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiu" or not array.size:
        raise InputError(
            "cannot decode sound: expected an array (time,), (time, channels) or (channels, time) of floats or "
            f"integers, got {array.shape} {array.dtype}; convert it"
        )
    rows = array[None] if array.ndim == 1 else array if len(array) < array.shape[1] else array.T
    if len(rows) > _MOST_CHANNELS:
        raise InputError(
            f"cannot decode sound: expected at most {_MOST_CHANNELS} channels, got an array {array.shape}; "
            "give one channel, (time,)"
        )
    if array.dtype.kind == "f" and (loudest := _loudest(array)) > _LOUDEST:
        raise InputError(
            f"cannot decode sound: expected floats in [-1, 1], got up to {loudest:.6g}; divide 16-bit samples by "
            "32768, or pass them as int16"
        )
    if array.dtype.kind in "iu" and array.dtype.itemsize > 4:
        raise InputError(
            f"cannot decode sound: expected floats in [-1, 1] or integers of 8, 16 or 32 bits, got {array.dtype}; "
            "divide 16-bit samples by 32768, or pass them as int16"
        )
    return rows


def _loudest(array: NDArray[Any]) -> float:
    good = np.isfinite(array)
    return float(max(np.max(array, where=good, initial=0), -np.min(array, where=good, initial=0)))


def scaled(rows: NDArray[Any]) -> Samples:
    """Samples of any type as float32 in [-1, 1]; more than two channels become one."""
    if rows.dtype.kind == "f":
        out = rows.astype(np.float32)
    else:
        half = float(2 ** (8 * rows.dtype.itemsize - 1))
        out = ((rows.astype(np.float64) - (half if rows.dtype.kind == "u" else 0.0)) / half).astype(np.float32)
    return out if len(out) <= 2 else out.mean(axis=0, keepdims=True)


def _told(part: object) -> str:
    shape = np.asarray(part).shape
    return f"an array {shape}" if shape else repr(part)[:40]
