"""Q4_0 storage of word vectors: blocks of 32 weights, one fp16 scale and 16 bytes of two nibbles each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dequantise(packed: NDArray[np.uint8], scales: NDArray[np.float16]) -> NDArray[np.float32]:
    """Packed (rows, blocks, 16) and scales (rows, blocks) → (rows, 32 · blocks).

    Weight j of a block is (low nibble of byte j − 8) · scale, weight j + 16 the same of the high nibble.
    """
    nibbles = np.concatenate([packed & 15, packed >> 4], axis=-1).astype(np.float32) - 8.0
    scaled: NDArray[np.float32] = nibbles * scales[..., None].astype(np.float32)
    return scaled.reshape(len(packed), -1)
