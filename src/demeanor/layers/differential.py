"""Differential attention: two softmax maps, one taken from the other, so that what both attend to cancels.

Paper: Ye et al., Differential Transformer, ICLR 2025 (arXiv 2410.05258); version 2 is the authors' revision of 2026.
Here it is bidirectional, and what masks or weighs keys is added to the scores of both maps.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.errors import ConfigError
from demeanor.layers.dropout import dropout

Kind = Literal["differential", "differential_v2", "plain"]


def lambda_init(depth: int) -> float:
    """Where λ starts in layer (or step) `depth` = 1, 2, …: 0.2 at first, towards 0.8 (section 2.1)."""
    return 0.8 - 0.6 * math.exp(-0.3 * (depth - 1))


class RmsNorm(nn.Module):
    """x / rms(x) · gain over the last dimension; spelled out because the ONNX exporter does not know torch's own."""

    def __init__(self, dim: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.gain = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D)."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.gain


class DifferentialAttention(nn.Module):
    """`(A₁ − λA₂) V` per head, with `λ = exp(λq₁·λk₁) − exp(λq₂·λk₂) + λ_init` (eqs. 1–2).

    A head has two queries and two keys of width dim / 2·heads and a value of twice that, so that there are as many
    weights as in a plain layer of 2·heads heads. Each head is normed by itself and scaled by 1 − λ_init (eq. 3).

    Args:
        dim: width of the steps.
        heads: number of heads, half of a plain layer's.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        if dim % (2 * heads):
            raise ConfigError(f"{heads} differential heads need a width that 2 · {heads} divides, not {dim}")
        self.heads, width = heads, dim // (2 * heads)
        self.query, self.key, self.value, self.out = (nn.Linear(dim, dim, bias=False) for _ in range(4))
        self.q1, self.k1, self.q2, self.k2 = (nn.Parameter(torch.randn(width) * 0.1) for _ in range(4))
        self.norm = RmsNorm(2 * width)

    def strength(self, x: Tensor, depth: int) -> Tensor:
        """λ, the share of the second map that is taken away: here the same () for all heads and steps."""
        return torch.exp((self.q1 * self.k1).sum()) - torch.exp((self.q2 * self.k2).sum()) + lambda_init(depth)

    def pairs(self, x: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        """Each head's two queries (B, H, 2, T, W) and keys (B, H, 2, S, W)."""
        q = self.query(x).unflatten(2, (self.heads, 2, -1)).permute(0, 2, 3, 1, 4)
        k = self.key(source).unflatten(2, (self.heads, -1, q.shape[-1])).permute(0, 2, 3, 1, 4)
        return q, k.expand(-1, -1, 2, -1, -1)

    def maps(self, x: Tensor, source: Tensor, bias: Tensor) -> Tensor:
        """To look at: both softmax maps A₁, A₂, (B, H, 2, T, S); bias (B, S) is added to the scores of both."""
        q, k = self.pairs(x, source)
        scores = (q @ k.transpose(3, 4)).float() / math.sqrt(q.shape[-1]) + bias[:, None, None, None, :]
        return scores.softmax(-1)

    def finish(self, heads: Tensor, depth: int) -> Tensor:
        """Each head (B, H, T, W) normed and scaled back to what it would be without the difference."""
        return self.norm(heads) * (1 - lambda_init(depth))

    def forward(self, x: Tensor, bias: Tensor, depth: int = 1, source: Tensor | None = None) -> Tensor:
        """Target x (B, T, D) attends to source (B, S, D), itself unless given → (B, T, D).

        Args:
            x: the target's steps.
            bias: (B, S) added to the scores: 0 for a real key, hugely negative for padding, the log of a weight.
            depth: number of the layer or step from 1; sets λ_init.
            source: keys and values.
        """
        source = x if source is None else source
        q, k = self.pairs(x, source)
        v = self.value(source).unflatten(2, (self.heads, -1)).transpose(1, 2)[:, :, None].expand(-1, -1, 2, -1, -1)
        # Zeros make queries and keys as wide as values: one call of the fused kernel is four times faster than maps.
        wider, scale = (0, v.shape[-1] - q.shape[-1]), 1 / math.sqrt(q.shape[-1])
        q, k, v = (y.flatten(1, 2) for y in (F.pad(q, wider), F.pad(k, wider), v))
        both = F.scaled_dot_product_attention(q, k, v, attn_mask=bias[:, None, None, :].to(q.dtype), scale=scale)
        first, second = both.unflatten(1, (self.heads, 2)).unbind(2)
        heads = self.finish((first - self.strength(x, depth) * second).to(x.dtype), depth)
        return self.out(heads.transpose(1, 2).flatten(2))


class DifferentialAttentionV2(DifferentialAttention):
    """Version 2: whole-width heads with two queries on one key and value, `λ = σ(x W_λ)` per step and head, no norm."""

    def __init__(self, dim: int, heads: int) -> None:
        nn.Module.__init__(self)
        if dim % heads:
            raise ConfigError(f"{heads} heads need a width that {heads} divides, not {dim}")
        self.heads = heads
        self.query = nn.Linear(dim, 2 * dim, bias=False)
        self.key, self.value, self.out = (nn.Linear(dim, dim, bias=False) for _ in range(3))
        self.mix = nn.Linear(dim, heads, bias=False)

    def strength(self, x: Tensor, depth: int) -> Tensor:
        """λ in (0, 1) of each head and step: (B, H, T, 1)."""
        return self.mix(x).float().sigmoid().transpose(1, 2)[..., None]

    def finish(self, heads: Tensor, depth: int) -> Tensor:
        """The heads as they are."""
        return heads


class PlainAttention(nn.Module):
    """Ordinary attention with 2·heads heads and as many weights, to compare with."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        if dim % (2 * heads):
            raise ConfigError(f"2 · {heads} plain heads need a width that {2 * heads} divides, not {dim}")
        self.heads = 2 * heads
        self.query, self.key, self.value, self.out = (nn.Linear(dim, dim, bias=False) for _ in range(4))

    def forward(self, x: Tensor, bias: Tensor, depth: int = 1, source: Tensor | None = None) -> Tensor:
        """As `DifferentialAttention.forward`; depth changes nothing."""
        source = x if source is None else source
        parts = (self.query(x), self.key(source), self.value(source))
        q, k, v = (p.unflatten(2, (self.heads, -1)).transpose(1, 2) for p in parts)
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=bias[:, None, None, :].to(q.dtype))
        return self.out(a.transpose(1, 2).flatten(2))


ATTENTION: dict[str, type[nn.Module]] = {
    "differential": DifferentialAttention,
    "differential_v2": DifferentialAttentionV2,
    "plain": PlainAttention,
}


class DifferentialBlock(nn.Module):
    """`y = x + Attention(norm x)`, then `y + SwiGLU(norm y)` (eqs. 4–5): (B, T, D) → (B, T, D).

    Args:
        dim: width of the steps.
        heads: of the attention.
        dropout: after each half.
        kind: which attention.
    """

    def __init__(self, dim: int, heads: int, dropout: float, kind: Kind = "differential") -> None:
        super().__init__()
        self.dropout = dropout
        inner = 8 * dim // 3
        self.norm1, self.norm2 = RmsNorm(dim), RmsNorm(dim)
        self.attention = ATTENTION[kind](dim, heads)
        self.gate, self.up = nn.Linear(dim, inner, bias=False), nn.Linear(dim, inner, bias=False)
        self.down = nn.Linear(inner, dim, bias=False)

    def forward(self, x: Tensor, bias: Tensor, depth: int) -> Tensor:
        """Steps x (B, T, D) with the bias (B, T) of their keys, in layer or step `depth` from 1."""
        x = x + dropout(self.attention(self.norm1(x), bias, depth), self.dropout, self.training)
        h = self.norm2(x)
        return x + dropout(self.down(F.silu(self.gate(h)) * self.up(h)), self.dropout, self.training)
