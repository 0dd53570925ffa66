"""The post-norm Transformer encoder (Vaswani et al. 2017, as in BERT, Devlin et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.errors import ConfigError
from demeanor.layers.dropout import dropout


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each followed by residual and LayerNorm: (B, T, D) → (B, T, D)."""

    def __init__(self, dim: int, heads: int, inner: int, dropout: float, eps: float = 1e-12) -> None:
        super().__init__()
        if dim % heads:
            raise ConfigError(f"attention of width {dim} cannot be cut into {heads} heads; take a divisor of {dim}")
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.up = nn.Linear(dim, inner)
        self.down = nn.Linear(inner, dim)
        self.norm2 = nn.LayerNorm(dim, eps=eps)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """X (B, T, D); mask (B, 1, 1, T) additive, 0 for real steps and -inf-like for padding."""
        batch, time, dim = x.shape
        q, k, v = self.qkv(x).view(batch, time, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        # No dropout on the attention weights: it forces the unfused kernel, a fifth of a CPU step, for no gain seen.
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype))
        a = self.out(a.transpose(1, 2).reshape(batch, time, dim))
        x = self.norm1(x + dropout(a, self.dropout, self.training))
        h = self.down(F.gelu(self.up(x)))
        return self.norm2(x + dropout(h, self.dropout, self.training))


def additive_mask(valid: Tensor) -> Tensor:
    """(B, T) bool → (B, 1, 1, T) float: 0 where real, a large negative number where padded."""
    mask = torch.zeros(valid.shape, dtype=torch.float32, device=valid.device)
    return mask.masked_fill(~valid, -1e4)[:, None, None, :]


def masked_mean(x: Tensor, valid: Tensor) -> Tensor:
    """Mean over real steps only: (B, T, D), (B, T) → (B, D); zeros where no step is real."""
    weight = valid.unsqueeze(-1).to(x.dtype)
    return (x * weight).sum(1) / weight.sum(1).clamp(min=1.0)
