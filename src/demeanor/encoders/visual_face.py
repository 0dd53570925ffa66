"""Aligned grey face crops → the tensor the face expert takes: 48×48, zero mean and unit spread per crop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIZE = 48


def face_tensor(crops: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey crops (SIZE, SIZE) → (batch, 1, SIZE, SIZE); lighting and contrast are taken out per crop."""
    x = np.stack(list(crops)).astype(np.float32)[:, None]
    mean = x.mean((1, 2, 3), keepdims=True)
    spread = x.std((1, 2, 3), keepdims=True)
    out: NDArray[np.float32] = (x - mean) / np.maximum(spread, 4.0)
    return out
