"""Whether the two channels of a recording carry two people, as in a recorded call."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from demeanor.media.vad import RATE, Samples

_FRAME = RATE // 50
_ENOUGH = 600  # seconds that are listened to
_ACTIVE = 25.0  # dB below a channel's loud frames: above it somebody speaks there
_QUIETEST = -60.0  # dB of full scale
_ALIKE = 8.0  # dB: frames whose levels differ by less are heard on both channels
_LEAST = 25  # active frames of each channel: half a second


def carry_two_people(blocks: Iterable[Samples]) -> bool:
    """Whether both channels speak, in turns rather than together, and say different things.

    Stereo music and rooms are heard on both channels at the same time; the two ends of a call are not.

    Args:
        blocks: (2, time) each, 16 kHz; the first ten minutes are listened to.
    """
    parts, products = [], np.zeros(3)
    seconds = 0.0
    for block in blocks:
        left, right = block.astype(np.float64)
        products += left @ right, left @ left, right @ right
        parts.append(_levels(block))
        seconds += block.shape[1] / RATE
        if seconds >= _ENOUGH:
            break
    levels = np.concatenate(parts, axis=1) if parts else np.zeros((2, 0))
    if levels.shape[1] < 4 * _LEAST or min(products[1:]) <= 0:
        return False
    correlation = abs(products[0]) / np.sqrt(products[1] * products[2])
    loud = np.percentile(levels, 95, axis=1)
    relative = levels - loud[:, None]
    active = (relative > -_ACTIVE) & (levels > _QUIETEST)
    either = active.any(axis=0)
    alike = np.abs(relative[0] - relative[1])[either] < _ALIKE
    return bool(
        active.sum(axis=1).min() >= _LEAST
        and correlation < 0.35
        and abs(loud[0] - loud[1]) < 40
        and alike.mean() < 0.35
        and _mostly_alone(active)
    )


def _mostly_alone(active: NDArray[np.bool_]) -> bool:
    """Whether each channel is often heard while the other is not."""
    alone = active & ~active[::-1]
    return bool((alone.sum(axis=1) > 0.5 * active.sum(axis=1)).all())


def _levels(block: Samples) -> NDArray[np.float64]:
    """Level in dB of frames of 20 ms, (2, frames)."""
    frames = block[:, : block.shape[1] // _FRAME * _FRAME].astype(np.float64).reshape(2, -1, _FRAME)
    return np.asarray(10 * np.log10(np.square(frames).mean(axis=2) + 1e-10))
