"""The first layer of a text model: word vectors of its own, or features that come with the batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.layers.pooling import steps


class Words(nn.Module):
    """Token ids (B, T) → vectors (B, T, D), row 0 being the padding, zero for good; with no vocabulary the batch
    brings vectors (B, T, D).

    Args:
        vocabulary: number of tokens; 0 for a batch that brings vectors.
        dim: width of a vector.
    """

    def __init__(self, vocabulary: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, dim, padding_idx=0) if vocabulary else None

    def forward(self, batch: FeatureBatch, modality: str) -> tuple[Tensor, Tensor]:
        """Vectors (B, T, D), zeros where padded, and the mask (B, T)."""
        if self.table is None:
            return steps(batch, modality)
        mask, vectors = batch.mask(modality), self.table(batch.values[modality])
        return torch.where(mask[..., None], vectors, torch.zeros_like(vectors)), mask
