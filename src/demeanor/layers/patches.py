"""Pictures as sequences: rows, or square patches in reading order; both can be put back together exactly."""

from __future__ import annotations

from torch import Tensor


def rows_of(x: Tensor) -> Tensor:
    """Picture (B, C, H, W) → its rows from the top (B, H, W·C)."""
    return x.permute(0, 2, 3, 1).flatten(2)


def picture_of_rows(rows: Tensor, channels: int) -> Tensor:
    """The inverse of `rows_of`: (B, H, W·C) → (B, C, H, W)."""
    return rows.unflatten(2, (-1, channels)).permute(0, 3, 1, 2)


def patches_of(x: Tensor, size: int) -> Tensor:
    """Picture (B, C, H, W) → patches row by row (B, H/size · W/size, C·size·size); what does not fill one is left out.

    A patch is laid out as a convolution's kernel (channel, row, column), so such a kernel serves as a linear layer.
    """
    height, width = x.shape[2] // size, x.shape[3] // size
    x = x[:, :, : height * size, : width * size]
    grid = x.unflatten(3, (width, size)).unflatten(2, (height, size))  # (B, C, h, p, w, p)
    return grid.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def picture_of_patches(patches: Tensor, size: int, width: int) -> Tensor:
    """The inverse of `patches_of` for pictures `width` patches wide: (B, N, C·size²) → (B, C, H, W)."""
    grid = patches.unflatten(1, (-1, width)).unflatten(3, (-1, size, size))  # (B, h, w, C, p, p)
    return grid.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)
