"""Adaptive feature normalisation: while training, a modality takes on a little of another's mean and spread.

Paper: Liu et al. 2024, AdaFN-AG, Intelligent Systems with Applications 23, 200410, section 3.3. It has no weights, and
can stand before (or within) any model of sequences that run side by side, such as audio and visual.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

EPSILON = 1e-5


def moments(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and unbiased variance of (B, T, D) over the real steps (B, T): both (B, 1, D); one step varies by 0."""
    real = mask[..., None].to(x.dtype)
    count = real.sum(1, keepdim=True)
    mean = (x * real).sum(1, keepdim=True) / count.clamp(min=1)
    return mean, ((x - mean).square() * real).sum(1, keepdim=True) / (count - 1).clamp(min=1)


def blend(x: Tensor, own: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor], alpha: Tensor) -> Tensor:
    """X (B, T, D), standardised by its own mean and variance, with a share alpha (B, 1, 1) of the other's instead."""
    mean = (1 - alpha) * own[0] + alpha * other[0]
    variance = (1 - alpha) * own[1] + alpha * other[1]
    return torch.sqrt(variance + EPSILON) * (x - own[0]) / torch.sqrt(own[1] + EPSILON) + mean


class AdaptiveNorm(nn.Module):
    """Modalities (B, T_m, D_m) with a random share of the others' statistics while training; as they are in eval mode.

    The others' statistics are one number each: the average over their features, and over the modalities that are there.
    All are taken before any sequence is changed.

    Args:
        most: the share is drawn uniformly from (0, most), for each sample and modality.
    """

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most = most

    def forward(self, x: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Sequences (B, T_m, D_m) with masks (B, T_m), by modality."""
        if not self.training or len(x) < 2:
            return dict(x)
        own = {m: moments(x[m], masks[m]) for m in x}
        return {m: blend(x[m], own[m], *self._told(m, own, masks)) for m in x}

    def _told(
        self, name: str, own: Mapping[str, tuple[Tensor, Tensor]], masks: Mapping[str, Tensor]
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """What the others tell a modality, mean and variance (B, 1, 1), and how much of it is taken (B, 1, 1)."""
        others = [m for m in own if m != name]
        here = torch.stack([masks[m].any(1)[:, None, None].to(own[m][0].dtype) for m in others])
        count = here.sum(0)
        # Eq. 7 can also be read as the variance of the variances; the reference takes their mean.
        mean, variance = (
            (torch.stack([own[m][k].mean(2, keepdim=True) for m in others]) * here).sum(0) / count.clamp(min=1)
            for k in (0, 1)
        )
        return (mean, variance), torch.rand_like(count) * self.most * (count > 0)
