"""The attention gate: per step, how much of what was encoded is kept, and how much of what attention found is added.

Paper: Liu et al. 2024, AdaFN-AG, Intelligent Systems with Applications 23, 200410, eqs. 11–16 and figure 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from demeanor.errors import ConfigError
from demeanor.layers.masked_attention import MaskedAttention
from demeanor.layers.recurrent import MaskedGru


class Gates(nn.Module):
    """A sequence's BiGRU, its self-attention, and its two gates."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.gru = MaskedGru(dim, dim // 2, bidirectional=True)
        self.attention = MaskedAttention(dim, heads, dropout=dropout)
        self.retain, self.compound = nn.Linear(dim, 1), nn.Linear(dim, 1)

    def encode(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D), (B, T) → encoding U and self-attention A, both (B, T, D)."""
        encoded, _ = self.gru(x, mask)
        return encoded, self.attention(encoded, encoded, encoded, mask)

    def open(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """How far each gate is open at each step of U (B, T, D): two of (B, T, 1) in (0, 1) that need not sum to 1."""
        return self.retain(encoded).sigmoid(), self.compound(encoded).sigmoid()

    def mix(self, encoded: Tensor, attended: Tensor) -> Tensor:
        """`g₁ · U + g₂ · A`."""
        retain, compound = self.open(encoded)
        return retain * encoded + compound * attended


class AttentionGate(nn.Module):
    """A guide (text) and a target, sequences of any lengths; the target attends to the guide, never the other way.

    Guide: `F = LN(g₁U + g₂A)`. Target: the same with `C = attention(A_target → A_guide)` in place of A. As in the
    reference, the query is the self-attended target and both sequences share the norm.

    Args:
        dim: width of both sequences; even.
        heads: of every attention.
        guide_dropout: of the guide's attention weights.
        dropout: of the target's.
    """

    def __init__(self, dim: int, heads: int = 2, guide_dropout: float = 0.0, dropout: float = 0.1) -> None:
        super().__init__()
        if dim % 2:
            raise ConfigError(f"the attention gate halves its width between two directions, so {dim} must be even")
        self.guide, self.target = Gates(dim, heads, guide_dropout), Gates(dim, heads, dropout)
        self.cross = MaskedAttention(dim, heads, dropout=dropout)
        self.norm = nn.LayerNorm(dim)

    def forward(self, guide: Tensor, target: Tensor, guide_mask: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Guide (B, S, D) with mask (B, S), target (B, T, D) with mask (B, T) → both, gated; zeros where padded."""
        guide_encoded, guide_attended = self.guide.encode(guide, guide_mask)
        encoded, attended = self.target.encode(target, mask)
        # Eq. 15 asks with the BiGRU's own output; the reference, as here, with the self-attended one.
        crossed = self.cross(attended, guide_attended, guide_attended, guide_mask)
        guide_gated = self.norm(self.guide.mix(guide_encoded, guide_attended))
        gated = self.norm(self.target.mix(encoded, crossed))
        return cleared(guide_gated, guide_mask), cleared(gated, mask)


def cleared(x: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D) with zeros where mask (B, T) says that no step is."""
    return torch.where(mask[..., None], x, torch.zeros_like(x))
