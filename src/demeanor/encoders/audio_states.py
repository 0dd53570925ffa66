"""Whisper encoder states as the voice expert takes them: 25 frames a second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pooled_states(states: NDArray[np.floating]) -> NDArray[np.float32]:
    """States (frames at 50 Hz, dim) → means of pairs (frames / 2 rounded up, dim); a last single frame stays."""
    x = np.asarray(states, np.float32)
    even = x[: len(x) // 2 * 2].reshape(-1, 2, x.shape[1]).mean(1)
    return np.concatenate([even, x[len(even) * 2 :]])
