"""Parts of a picture and of a stretch of sound that can be covered: cells of a grid, stretches of time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from demeanor.explain.game import Masks

CELLS = 16
"""About as many cells a picture is parted into."""

STRETCH = 0.5
"""Seconds of a stretch of sound, about."""

_FEWEST, _MOST = 2, 24

Picture = NDArray[np.uint8]


def grid(width: int, height: int, cells: int = CELLS) -> tuple[int, int]:
    """Rows and columns of about `cells` cells that are nearly square; two to eight of each."""
    columns = round((cells * width / max(1, height)) ** 0.5)
    columns = min(8, max(2, columns))
    return min(8, max(2, round(cells / columns))), columns


def covered(
    picture: Picture, shape: tuple[int, int], masks: Masks, box: tuple[int, int, int, int] | None = None
) -> list[Picture]:
    """The picture with the cells that are not left in blurred beyond recognition, edges softened.

    Args:
        picture: RGB (height, width, 3).
        shape: rows and columns of the grid.
        masks: (variants, rows · columns), row by row: which cells stay.
        box: left, top, right, bottom of the part that the grid lies over, in pixels; None takes all of it.
    """
    import cv2

    left, top, right, bottom = box or (0, 0, picture.shape[1], picture.shape[0])
    inner = picture[top:bottom, left:right].astype(np.float32)
    side = max(2, min(bottom - top, right - left))
    veil = cv2.GaussianBlur(inner, (0, 0), side / 8, borderType=cv2.BORDER_REPLICATE)
    out = []
    for mask in masks:
        cells = np.asarray(mask, np.float32).reshape(shape)
        seen = cv2.resize(cells, (inner.shape[1], inner.shape[0]), interpolation=cv2.INTER_NEAREST)
        seen = cv2.GaussianBlur(seen, (0, 0), max(0.5, side / (12 * max(shape))))[..., None]
        copy = picture.copy()
        copy[top:bottom, left:right] = np.clip(seen * inner + (1 - seen) * veil + 0.5, 0, 255).astype(np.uint8)
        out.append(copy)
    return out


def stretches(seconds: float, frames: int, stretch: float = STRETCH) -> list[tuple[int, int]]:
    """Frames [from, to) of equal stretches of a sound, two to 24 of them, fewer where there are fewer frames."""
    count = min(max(_FEWEST, round(seconds / stretch)), _MOST, max(1, frames))
    edges = [round(frames * i / count) for i in range(count + 1)]
    return list(pairwise(edges))


def remaining(
    values: NDArray[np.float32], spans: Sequence[tuple[int, int]], kept: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Frames (time, dim) of the stretches that are kept, one after another."""
    parts = [values[a:b] for (a, b), stays in zip(spans, kept, strict=True) if stays]
    return np.concatenate(parts) if parts else values[:0]
