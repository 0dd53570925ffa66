"""Contrastive losses: what belongs together comes close, the rest of the batch moves away."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

NEVER = -1e4
"""Added to a similarity, it leaves nothing of it in a softmax."""


def info_nce(one: Tensor, two: Tensor, temperature: float = 0.07, rows: Tensor | None = None) -> Tensor:
    """Two views (modalities) of the same samples find each other in the batch, both ways (Radford et al. 2021, fig. 3).

    Mean over both directions of the cross-entropy of cos(one_i, two_j) / temperature against j = i: () scalar.

    Args:
        one: (B, D).
        two: (B, D).
        temperature: what the cosines are divided by.
        rows: (B,) bool, samples that have both views; the others are neither asked nor offered.
    """
    count = one.shape[0]
    there = torch.ones(count, dtype=torch.bool, device=one.device) if rows is None else rows
    scores = F.normalize(one.float(), dim=1) @ F.normalize(two.float(), dim=1).T / temperature
    hidden = torch.zeros_like(scores).masked_fill(~there[None, :], NEVER)
    forth = (scores + hidden).logsumexp(1) - scores.diagonal()
    back = (scores.T + hidden).logsumexp(1) - scores.diagonal()
    each = torch.where(there, (forth + back) / 2, torch.zeros_like(forth))
    return each.sum() / there.sum().clamp(min=1)


def supervised_contrastive(vectors: Tensor, classes: Tensor, temperature: float = 0.1) -> Tensor:
    """Samples of a class come close (Khosla et al. 2020, eq. 2, L_out): () scalar.

    Mean over samples i that have a partner of -1/|P(i)| Σ_{p ∈ P(i)} log(exp(z_i·z_p/τ) / Σ_{a ≠ i} exp(z_i·z_a/τ)).

    Args:
        vectors: (B, D), normalised here.
        classes: (B,) whole numbers; -1 for no label: such a sample is only one of those to move away from.
        temperature: τ.
    """
    z = F.normalize(vectors.float(), dim=1)
    itself = torch.eye(z.shape[0], dtype=torch.bool, device=z.device)
    scores = z @ z.T / temperature
    log_share = scores - scores.masked_fill(itself, NEVER).logsumexp(1, keepdim=True)
    partner = (classes[:, None] == classes[None, :]) & ~itself & (classes >= 0)[:, None]
    count = partner.sum(1)
    each = -(log_share * partner).sum(1) / count.clamp(min=1)
    return each.sum() / (count > 0).sum().clamp(min=1)
