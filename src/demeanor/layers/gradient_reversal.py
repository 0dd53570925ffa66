"""Gradient reversal (Ganin and Lempitsky 2015): identity forwards, minus the gradient backwards."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.weight * gradient, None


def reverse_gradient(x: Tensor, weight: float = 1.0) -> Tensor:
    """`x`, whose gradient arrives times -weight: what lies before it learns to defeat what lies behind it."""
    reversed_: Tensor = _Reverse.apply(x, weight)
    return reversed_
