"""Histograms of oriented gradients: which way edges run, cell by cell.

Paper: Dalal and Triggs 2005, "Histograms of Oriented Gradients for Human Detection", CVPR; votes go to one cell and one
orientation, as scikit-image has it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from demeanor.encoders._encoder import Encoder, frames
from demeanor.encoders._media import PictureConfig, pictures_of
from demeanor.types import Sample


class Config(PictureConfig):
    """Pictures are squeezed to `size` × `size` grey pixels; a cell is `cell` pixels wide, a block `block` cells."""

    size: int = Field(default=128, ge=16)
    cell: int = Field(default=16, ge=2)
    block: int = Field(default=2, ge=1)
    orientations: int = Field(default=9, ge=2)

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.size < self.cell * self.block:
            raise ValueError(f"expected size >= cell · block, got {self.size} < {self.cell} · {self.block}")
        return self


class Hog(Encoder):
    """(pictures, blocks² · block² · orientations)."""

    config: Config
    modality = "visual"
    parallel = True

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(pictures, dim) float32; one row for a still.

        Raises:
            DataError: the picture or film cannot be read.
        """
        import cv2

        pictures = pictures_of(sample, self.config)
        if pictures is None:
            return None
        c = self.config
        grey = [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in pictures]
        small = [cv2.resize(g, (c.size, c.size), interpolation=cv2.INTER_AREA) for g in grey]
        return frames([hog(s, c.cell, c.block, c.orientations) for s in small])


def hog(grey: NDArray[np.uint8], cell: int, block: int, orientations: int) -> NDArray[np.float64]:
    """Histograms (blocks, blocks, block, block, orientations) of a grey picture, flat; each block L2-Hys normalised.

    Unsigned gradients by central differences, none at the rim; pixels beyond the last whole cell are left out.
    """
    x = grey.astype(np.float64)
    across, down = np.zeros_like(x), np.zeros_like(x)
    across[:, 1:-1] = x[:, 2:] - x[:, :-2]
    down[1:-1] = x[2:] - x[:-2]
    strength = np.hypot(across, down)
    angle = np.rad2deg(np.arctan2(down, across)) % 180
    bins = np.minimum((angle * orientations / 180).astype(int), orientations - 1)
    rows, columns = x.shape[0] // cell, x.shape[1] // cell
    votes = np.where(bins[..., None] == np.arange(orientations), strength[..., None], 0)
    cells = votes[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell, orientations).mean((1, 3))
    blocks = np.lib.stride_tricks.sliding_window_view(cells, (block, block), axis=(0, 1)).transpose(0, 1, 3, 4, 2)
    for bound in (0.2, np.inf):
        length = np.sqrt((blocks**2).sum((2, 3, 4), keepdims=True) + 1e-10)
        blocks = np.minimum(blocks / length, bound)
    return blocks.ravel()


ENCODER = Hog
