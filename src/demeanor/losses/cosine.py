"""Losses on the angle between vectors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def cosine_loss(one: Tensor, two: Tensor, same: Tensor | None = None, margin: float = 0.0) -> Tensor:
    """Mean over rows of 1 - cos where two vectors belong together, of max(0, cos - margin) where they do not: ().

    Args:
        one: (B, D).
        two: (B, D).
        same: (B,), 1 for together, -1 for apart, 0 for rows that do not count (a missing modality); all together
            unless given.
        margin: cosine up to which vectors apart are left alone.
    """
    cosine = F.cosine_similarity(one.float(), two.float(), dim=1, eps=1e-8)
    if same is None:
        return (1 - cosine).mean()
    each = torch.where(same > 0, 1 - cosine, (cosine - margin).clamp(min=0))
    counts = (same != 0).to(each.dtype)
    return torch.where(same != 0, each, torch.zeros_like(each)).sum() / counts.sum().clamp(min=1)
