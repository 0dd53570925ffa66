"""All modalities as one sequence behind a summary token, each with a weight of its own in attention."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.layers.dropout import dropout
from demeanor.layers.operators import Weighting, refuse_weights
from demeanor.layers.transformer import masked_mean

NEVER = -1e4
"""Added to a score, it leaves nothing of the key."""


def sinusoids(at: Tensor, dim: int) -> Tensor:
    """Places (T,) → sines and cosines (T, dim) of wavelengths from 2π to 10 000 · 2π (Vaswani et al. 2017, 3.5)."""
    rates = torch.exp(torch.arange(0, dim, 2, device=at.device) * (-math.log(10000.0) / dim))
    angles = at.float()[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :dim]


class ModalityWeights(nn.Module):
    """The log of a weight per modality, (B, M): 0 is neutral, `NEVER` removes it.

    Args:
        names: the modalities.
        width: of their steps.
        mode: `fixed` weights as given; `learned`, a softmax of free logits times M; `dynamic`, a softmax of a small
            network on the modalities' means, over those that are present, times their number.
        weights: for `fixed`: 1 unless named.
    """

    def __init__(self, names: list[str], width: int, mode: Weighting, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.names, self.mode = names, mode
        refuse_weights(weights, names, mode)
        logs = [math.log(w) if (w := weights.get(m, 1.0)) else NEVER for m in names]
        self.register_buffer("fixed", torch.tensor(logs), persistent=False)
        if mode == "learned":
            self.logits = nn.Parameter(torch.zeros(len(names)))
        elif mode == "dynamic":
            self.network = nn.Sequential(nn.Linear(width * len(names), width), nn.ReLU(), nn.Linear(width, len(names)))

    def forward(self, steps: list[Tensor], masks: list[Tensor]) -> Tensor:
        """Steps (B, T_m, D) with masks (B, T_m), in the order of the names → (B, M)."""
        if self.mode == "dynamic":
            here = torch.stack([mask.any(1) for mask in masks], 1)
            logits = self.network(torch.cat([masked_mean(x, mask) for x, mask in zip(steps, masks, strict=True)], 1))
            logits = logits.float().masked_fill(~here, NEVER)
            return logits.log_softmax(1) + here.sum(1, keepdim=True).clamp(min=1).float().log()
        logs = self.fixed if self.mode == "fixed" else self.logits.log_softmax(0) + math.log(len(self.names))
        return logs.expand(masks[0].shape[0], -1)


class JointSequence(nn.Module):
    """`[CLS; m₁; m₂; …]`: every modality projected, with its own embedding and sinusoidal positions.

    Args:
        dims: modality → width of its steps.
        width: of the joint steps.
        dropout: on them.
        mode: see `ModalityWeights`.
        weights: see `ModalityWeights`.
    """

    def __init__(
        self, dims: Mapping[str, int], width: int, dropout: float, mode: Weighting, weights: Mapping[str, float]
    ) -> None:
        super().__init__()
        self.names, self.dropout = list(dims), dropout
        self.project = nn.ModuleDict({m: nn.Linear(dim, width) for m, dim in dims.items()})
        self.kind = nn.ParameterDict({m: nn.Parameter(torch.randn(width) * 0.02) for m in dims})
        self.summary = nn.Parameter(torch.randn(width) * 0.02)
        self.weigh = ModalityWeights(self.names, width, mode, weights)

    def forward(self, batch: FeatureBatch) -> tuple[Tensor, Tensor]:
        """→ steps (B, 1 + ΣT, D) and what to add to the scores of each as a key, (B, 1 + ΣT)."""
        steps, masks = [], [batch.mask(m) for m in self.names]
        for name, mask in zip(self.names, masks, strict=True):
            x = self.project[name](batch.values[name].masked_fill(~mask[..., None], 0.0))
            places = torch.arange(x.shape[1], device=x.device)
            steps.append(x + self.kind[name] + sinusoids(places, x.shape[2]).to(x.dtype))
        logs = self.weigh(steps, masks)
        first = self.summary.expand(steps[0].shape[0], 1, -1)
        bias = [logs.new_zeros(logs.shape[0], 1)]
        bias += [torch.where(mask, logs[:, n : n + 1], NEVER) for n, mask in enumerate(masks)]
        return dropout(torch.cat([first, *steps], 1), self.dropout, self.training), torch.cat(bias, 1)
