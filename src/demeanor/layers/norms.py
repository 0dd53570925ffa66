"""Batch normalisation that counts real steps only, and one that takes a single row."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MaskedBatchNorm(nn.Module):
    """Per feature: minus the mean, by the spread, of what is real in the batch (Ioffe & Szegedy 2015).

    Padding and missing modalities neither enter the statistics nor come out as anything but zero. A batch with fewer
    than two real rows is normalised by the running statistics, so a batch of one sample trains too.

    Args:
        dim: number of features.
        momentum: of the running statistics, which evaluation uses.
    """

    def __init__(self, dim: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("var", torch.ones(dim))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(…, D), mask (…) → (…, D)."""
        real = mask[..., None].to(x.dtype)
        mean, var = self._observed(x, real) if self.training else (self.mean, self.var)
        return ((x - mean) * torch.rsqrt(var + 1e-5) * self.weight + self.bias) * real

    def _observed(self, x: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        over = tuple(range(x.ndim - 1))
        count = real.sum()
        mean = (x * real).sum(over) / count.clamp(min=1)
        var = ((x - mean).square() * real).sum(over) / count.clamp(min=1)
        enough = count >= 2
        with torch.no_grad():
            share = self.momentum * enough.to(x.dtype)
            self.mean.lerp_(mean.to(self.mean.dtype), share)
            self.var.lerp_(var.to(self.var.dtype), share)
        return torch.where(enough, mean, self.mean.clone()), torch.where(enough, var, self.var.clone())


class PictureBatchNorm(nn.BatchNorm2d):
    """torch's, but that one number per channel, or none, has no spread: it is normalised by the running statistics.

    So it is with a last batch of one picture, of which strides left a single pixel.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        if self.training and x.numel() <= x.shape[1]:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)
