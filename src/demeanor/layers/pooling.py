"""From a modality as it lies in a batch to what a model computes with: steps, one vector, and whether it is there."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.layers.transformer import masked_mean


def steps(batch: FeatureBatch, modality: str) -> tuple[Tensor, Tensor]:
    """Steps (B, T, D), zeros wherever nothing real lies, and their mask (B, T); a vector (B, D) is one step."""
    values = batch.values[modality].float()
    if values.ndim == 2:
        values, mask = values[:, None], batch.present[modality][:, None]
    else:
        mask = batch.mask(modality)
    return torch.where(mask[..., None], values, torch.zeros_like(values)), mask


def pooled(batch: FeatureBatch, modality: str) -> Tensor:
    """Mean over the real steps (B, D), or the vector itself; zeros where the modality is missing."""
    return masked_mean(*steps(batch, modality))


def presence(batch: FeatureBatch, modalities: Iterable[str]) -> Tensor:
    """(B, M) bool: which modalities a sample has at least one real step of."""
    return torch.stack([steps(batch, m)[1].any(1) for m in modalities], 1)


class AttentivePool(nn.Module):
    """Weighted mean over real steps, weights softmax(vᵀ tanh(W h)) (Yang et al. 2016, eq. 5-7): (B, T, D) → (B, D).

    Args:
        dim: width of a step.
        inner: rows of W.
    """

    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.look = nn.Linear(dim, inner)
        self.ask = nn.Linear(inner, 1, bias=False)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D), mask (B, T) → (B, D) and the weights (B, T): 0 on padding, all 0 where no step is real."""
        scores = self.ask(torch.tanh(self.look(x)))[..., 0].float().masked_fill(~mask, -1e4)
        weights = scores.softmax(1) * mask.to(scores.dtype)
        return (x * weights[..., None]).sum(1), weights
