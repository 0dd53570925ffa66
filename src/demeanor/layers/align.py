"""Modalities brought onto one time axis, so that early fusion can put their steps side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def resample(x: Tensor, mask: Tensor, length: Tensor, time: Tensor) -> Tensor:
    """Each sample's L' real steps spread evenly over `length` steps, averaging by overlap: (B, T, D) → (B, time, D).

    Step i becomes the mean of the source over [i·L'/L, (i+1)·L'/L): as many steps as before stay exactly as they are,
    a single vector is repeated. Zeros beyond `length` and where no step is real.

    Args:
        x: (B, T, D), real steps first.
        mask: (B, T).
        length: (B,) steps wanted per sample.
        time: (time,) the numbers 0, 1, … of the new steps.
    """
    own = mask.sum(1)[:, None].to(x.dtype)
    wanted = length[:, None].clamp(min=1).to(x.dtype)
    grid = time[None].to(x.dtype)
    start, end = (grid * own / wanted)[..., None], ((grid + 1) * own / wanted)[..., None]
    step = torch.arange(x.shape[1], device=x.device, dtype=x.dtype)
    overlap = (torch.minimum(end, step + 1) - torch.maximum(start, step)).clamp(min=0)
    taken = overlap * (mask[:, None] & (time[None] < length[:, None])[..., None])
    return taken @ x * (wanted / own.clamp(min=1))[..., None]


def side_by_side(parts: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Steps of every modality, joined per step: M times (B, T_m, D_m) and mask (B, T_m) → (B, T, ΣD_m), mask (B, T).

    A sample takes the length of the first modality it has; the others are resampled to it. Where all have the same
    number of steps (aligned features), nothing is resampled. A missing modality gives zeros.
    """
    length = torch.zeros_like(parts[0][1].sum(1))
    for _, mask in reversed(parts):
        own = mask.sum(1)
        length = torch.where(own > 0, own, length)
    # The longest sample decides, as a tensor: the graph exported to ONNX takes any number of steps.
    time = torch.arange(length.max().clamp(min=1), device=length.device)
    joined = torch.cat([resample(x, mask, length, time) for x, mask in parts], 2)
    return joined, time[None] < length[:, None]
