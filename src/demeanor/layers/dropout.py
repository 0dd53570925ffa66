"""Dropout whose mask costs a byte a number on a CPU.

Source: Srivastava et al. 2014, "Dropout", JMLR 15. torch draws a float per number there, which takes longer than the
matrix product that follows: of a training step of TFN it was a fifth (docs/speed.md). Here 64 random bits serve eight
numbers. The chance is then a multiple of 1/256, and what is kept is scaled by that very chance: the mean stays exact.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_FEW = 4096  # numbers up to which torch's own is as fast
_OFF = 0.05  # share by which a chance may be missed; rarer ones are torch's to draw


class Dropout(nn.Module):
    """Leaves out each number with chance `p` while it trains."""

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout: expected a chance in [0, 1], got {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Of any shape."""
        return dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        """The chance."""
        return f"p={self.p}"


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """`x` with each number 0 by chance `p`, the others larger by 1 / (1 − p); `x` itself where nothing is trained."""
    if not training or p == 0:
        return x
    bytes_of = round(256 * p)
    rare = abs(bytes_of / 256 - p) > _OFF * p or bytes_of > 255
    if rare or x.numel() <= _FEW or x.device.type != "cpu" or torch.compiler.is_compiling():
        return F.dropout(x, p, True)
    out: Tensor = _ByBytes.apply(x, bytes_of)
    return out


class _ByBytes(torch.autograd.Function):
    """Numbers whose random byte is below `bytes_of` become 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bytes_of: int) -> Tensor:
        """A byte per number, eight out of each random integer."""
        most = 2**63 - 1
        drawn = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-most, most).view(torch.uint8)
        keep = drawn[: x.numel()].view(x.shape) >= bytes_of
        ctx.save_for_backward(keep)
        ctx.scale = 256 / (256 - bytes_of)
        return (x * keep).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Of what was kept."""
        (keep,) = ctx.saved_tensors
        return (gradients[0] * keep).mul_(ctx.scale), None
