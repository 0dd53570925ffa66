"""Several pre-norm Transformer blocks of one shape, with weights of their own, run as one.

A model such as MulT has six small Transformers side by side. One batched product over all of them is several times
faster than six small ones, and each norm's scale and shift are folded into the product that follows it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.errors import ConfigError
from demeanor.layers.dropout import dropout
from demeanor.layers.transformer import additive_mask

Keys = tuple[Tensor, Tensor, Tensor]
"""Keys (B, S, D), values (B, S, D), and which steps are real, (B, S) bool."""


class ParallelLinear(nn.Module):
    """N linear maps at once: (N, …, dim) → (N, …, out)."""

    def __init__(self, count: int, dim: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, dim, out))
        self.bias = nn.Parameter(torch.zeros(count, 1, out))
        nn.init.uniform_(self.weight, -1.0, 1.0).data.mul_(math.sqrt(6 / (dim + out)))  # Xavier, of each by itself


class ParallelNorm(nn.Module):
    """Scales and shifts of N LayerNorms."""

    def __init__(self, count: int, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.scale = nn.Parameter(torch.ones(count, 1, dim))
        self.shift = nn.Parameter(torch.zeros(count, 1, dim))

    def forward(self, x: Tensor, part: slice = slice(None)) -> Tensor:
        """The norms of `part` themselves, for (N, B, T, D)."""
        return torch.addcmul(self.shift[part, None], standard(x, self.dim), self.scale[part, None])

    def into(self, linear: ParallelLinear, part: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """Weight (N, D, out) and bias (N, 1, out) of "scale, shift, then `linear`" for already standardised input."""
        weight = linear.weight[part]
        return self.scale[part].transpose(1, 2) * weight, linear.bias[part] + self.shift[part] @ weight


def standard(x: Tensor, dim: int) -> Tensor:
    """LayerNorm over the last axis, of width `dim` (a trace does not know it), without scale and shift."""
    return F.layer_norm(x, (dim,))


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(N, B, T, D) times (N, D, out) plus (N, 1, out) → (N, B, T, out)."""
    return torch.baddbmm(bias, x.flatten(1, 2), weight).view(x.shape[0], x.shape[1], x.shape[2], -1)


class ParallelBlock(nn.Module):
    """N pre-norm blocks of attention and feed-forward (ReLU, inner width 4 · D): (N, B, T, D) → (N, B, T, D).

    Args:
        count: N.
        dim: D.
        heads: of each.
        attention_dropout: of the attention weights; above 0 it forces the unfused kernel.
        inner_dropout: behind the ReLU.
        dropout: of both branches before they are added.
    """

    def __init__(
        self,
        count: int,
        dim: int,
        heads: int,
        attention_dropout: float = 0.0,
        inner_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if dim % heads:
            raise ConfigError(f"attention of width {dim} cannot be cut into {heads} heads; take a divisor of {dim}")
        self.dim, self.heads = dim, heads
        self.attention_dropout, self.inner_dropout, self.dropout = attention_dropout, inner_dropout, dropout
        self.norm1, self.norm2 = ParallelNorm(count, dim), ParallelNorm(count, dim)
        self.query, self.keyvalue = ParallelLinear(count, dim, dim), ParallelLinear(count, dim, 2 * dim)
        self.out = ParallelLinear(count, dim, dim)
        self.up, self.down = ParallelLinear(count, dim, 4 * dim), ParallelLinear(count, 4 * dim, dim)

    def forward(
        self, x: Tensor, keys: list[Keys], part: slice = slice(None), future: list[Tensor] | None = None
    ) -> Tensor:
        """N targets (N, B, T, D) read a source each.

        Args:
            x: the targets.
            keys: per target the projected source, from `project` or `own_keys`.
            part: which of the blocks these targets belong to.
            future: per target, what is added to every score: (B, 1, T, S).
        """
        queries = affine(standard(x, self.dim), *self.norm1.into(self.query, part)).unbind(0)
        bias = future or [None] * len(keys)
        read = torch.stack([self._attend(q, *k, f) for q, k, f in zip(queries, keys, bias, strict=True)])
        read = affine(read, self.out.weight[part], self.out.bias[part])
        heard = torch.stack([mask.any(1) for _, _, mask in keys])[..., None, None].to(x.dtype)
        x = torch.addcmul(x, self._drop(read, self.dropout), heard)
        inner = F.relu_(affine(standard(x, self.dim), *self.norm2.into(self.up, part)))
        fed = affine(self._drop(inner, self.inner_dropout), self.down.weight[part], self.down.bias[part])
        return x + self._drop(fed, self.dropout)

    def own_keys(self, x: Tensor, masks: list[Tensor], part: slice = slice(None)) -> list[Keys]:
        """Keys of targets (N, B, T, D) that read themselves."""
        k, v = affine(standard(x, self.dim), *self.norm1.into(self.keyvalue, part)).chunk(2, 3)
        return list(zip(k.unbind(0), v.unbind(0), masks, strict=True))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, future: Tensor | None) -> Tensor:
        q, k, v = (y.unflatten(2, (self.heads, -1)).transpose(1, 2) for y in (q, k, v))
        scores = additive_mask(mask).to(q.dtype)
        if future is not None:
            scores = scores + future.to(q.dtype)
        drop = self.attention_dropout if self.training else 0.0
        return F.scaled_dot_product_attention(q, k, v, attn_mask=scores, dropout_p=drop).transpose(1, 2).flatten(2)

    def _drop(self, x: Tensor, chance: float) -> Tensor:
        return dropout(x, chance, self.training)


def project(blocks: list[ParallelBlock], source: Tensor, mask: Tensor, which: list[int]) -> list[list[Keys]]:
    """Keys and values of one source for several blocks of several layers, in one product.

    Args:
        blocks: the layers; all read the same source.
        source: (B, S, D).
        mask: (B, S), True where a step is real.
        which: the blocks of each layer that read this source.

    Returns:
        Per layer, the keys of each block in `which`.
    """
    pairs = [block.norm1.into(block.keyvalue) for block in blocks]
    weight = torch.stack([w[which] for w, _ in pairs])  # (layers, blocks, D, 2D)
    bias = torch.stack([b[which] for _, b in pairs]).flatten()
    flat = weight.permute(2, 0, 1, 3).flatten(1)
    dim = blocks[0].dim
    both = F.linear(standard(source, dim), flat.T, bias).unflatten(2, (-1, dim)).unbind(2)
    found = iter(both)
    return [[(next(found), next(found), mask) for _ in which] for _ in blocks]
