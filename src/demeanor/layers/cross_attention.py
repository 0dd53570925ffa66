"""The cross-modal Transformer block: a target sequence reads a source sequence, with the norms before or after."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.layers.dropout import dropout
from demeanor.layers.masked_attention import MaskedAttention


class CrossBlock(nn.Module):
    """Attention of a target to a source, then feed-forward with ReLU, each with a residual: (B, T, D) → (B, T, D).

    `norm="pre"` normalises what goes into attention and feed-forward (Tsai et al. 2019, eq. 5: target and source share
    the first norm); `norm="post"` normalises each sum (Vaswani et al. 2017). A target that is its own source makes it a
    self-attention block. A sample without a real source step adds nothing to its target's attention.

    Args:
        dim: width of target and source.
        heads: number of heads.
        inner: width of the feed-forward layer; 4 · dim unless given.
        dropout: of both branches before they are added.
        norm: where the norms stand.
    """

    def __init__(
        self, dim: int, heads: int, inner: int = 0, dropout: float = 0.0, norm: Literal["pre", "post"] = "pre"
    ) -> None:
        super().__init__()
        self.pre, self.dropout = norm == "pre", dropout
        self.attention = MaskedAttention(dim, heads)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.up, self.down = nn.Linear(dim, inner or 4 * dim), nn.Linear(inner or 4 * dim, dim)

    def forward(self, target: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """Target (B, T, D), source (B, S, D) with mask (B, S), True where a step is real."""
        if not self.pre:
            x = self.norm1(target + self.drop(self.attention(target, source, source, mask)))
            return self.norm2(x + self.drop(self.feed(x)))
        query = self.norm1(target)
        key = query if source is target else self.norm1(source)
        x = target + self.drop(self.attention(query, key, key, mask))
        return x + self.drop(self.feed(self.norm2(x)))

    def feed(self, x: Tensor) -> Tensor:
        """The feed-forward layer."""
        return self.down(F.relu(self.up(x)))

    def drop(self, x: Tensor) -> Tensor:
        """Dropout, while training."""
        return dropout(x, self.dropout, self.training)
