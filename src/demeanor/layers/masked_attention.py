"""Attention that sees real steps only, and says nothing where there are none."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.errors import ConfigError
from demeanor.layers.transformer import additive_mask


class MaskedAttention(nn.Module):
    """Multi-head scaled dot-product attention (Vaswani et al. 2017, eq. 1) of a target to the real steps of a source.

    A sample whose source has no real step (its modality is missing) gets zeros.

    Args:
        dim: width of target and source.
        heads: number of heads.
        head_dim: width of a head; dim / heads unless given.
        dropout: of the attention weights.
        bias: whether the projections of query, key and value have one (that of the output always has).
    """

    def __init__(self, dim: int, heads: int, head_dim: int = 0, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        if not head_dim and dim % heads:
            raise ConfigError(f"attention of width {dim} cannot be cut into {heads} heads; take a divisor of {dim}")
        self.heads, self.dropout = heads, dropout
        inner = heads * (head_dim or dim // heads)
        self.query = nn.Linear(dim, inner, bias=bias)
        self.key = nn.Linear(dim, inner, bias=bias)
        self.value = nn.Linear(dim, inner, bias=bias)
        self.out = nn.Linear(inner, dim)

    def forward(self, target: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Target (B, T, D); key and value (B, S, D) with mask (B, S) → (B, T, D)."""
        q, k, v = self.split(self.query(target)), self.split(self.key(key)), self.split(self.value(value))
        drop = self.dropout if self.training else 0.0
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=additive_mask(mask).to(q.dtype), dropout_p=drop)
        out = self.out(a.transpose(1, 2).flatten(2))
        return torch.where(mask.any(1)[:, None, None], out, torch.zeros_like(out))

    def split(self, x: Tensor) -> Tensor:
        """(B, T, H·W) → (B, H, T, W)."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)
