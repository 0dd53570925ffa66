"""Soft orthogonality of two views of the same samples (Bousmalis et al. 2016; MISA, eq. 12)."""

from __future__ import annotations

import torch
from torch import Tensor


def difference_loss(one: Tensor, other: Tensor, eps: float = 1e-6) -> Tensor:
    """`mean((P̂ᵀ Ŝ)²)` of (N, D) and (N, E): () scalar ≥ 0, zero where the columns share no direction.

    Hats: columns centred over the batch, then rows scaled to length 1 by a norm that passes no gradient.
    """
    if not len(one):
        return one.new_zeros(())
    p, s = _unit(one, eps), _unit(other, eps)
    return (p.T @ s).square().mean()


def _unit(x: Tensor, eps: float) -> Tensor:
    x = x - x.mean(0, keepdim=True)
    return x / (torch.linalg.vector_norm(x, dim=1, keepdim=True).detach() + eps)
