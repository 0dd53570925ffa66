"""The multimodal adaptation gate (Rahman et al. 2020): what is heard and seen shifts the word vectors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.layers.dropout import Dropout


class AdaptationGate(nn.Module):
    """Word vectors (B, T, D) displaced by other modalities at the same steps; stands anywhere in a text Transformer.

    In `TextTransformer`, say: `model.encode(gate(model.words(ids), others), valid)`.

    Args:
        dim: D, of the word vectors.
        others: modality → width of its steps.
        shift: β, how long a displacement may be compared with the word vector it shifts.
        dropout: behind the norm.
    """

    def __init__(self, dim: int, others: Mapping[str, int], shift: float = 1.0, dropout: float = 0.5) -> None:
        super().__init__()
        self.shift = shift
        self.gates = nn.ModuleDict({m: nn.Linear(width + dim, dim) for m, width in others.items()})
        # Without a bias, so that a modality that says nothing displaces nothing.
        self.displace = nn.ModuleDict({m: nn.Linear(width, dim, bias=False) for m, width in others.items()})
        self.norm = nn.LayerNorm(dim)
        self.drop = Dropout(dropout)

    def forward(self, words: Tensor, others: Mapping[str, Tensor]) -> Tensor:
        """Words (B, T, D); others: modality → (B, T, width), zero where a step or the modality is missing."""
        return self.drop(self.norm(words + self.displacement(words, others)))

    def displacement(self, words: Tensor, others: Mapping[str, Tensor]) -> Tensor:
        """α h (B, T, D), never longer than β times the word vector."""
        h = torch.zeros_like(words)
        for name, gate in self.gates.items():
            g = F.relu(gate(torch.cat([others[name], words], 2)))  # eq. 1-2
            h = h + g * self.displace[name](others[name])  # eq. 3
        return bounded(words, h, self.shift)


def bounded(words: Tensor, h: Tensor, shift: float) -> Tensor:
    """α h with α = min(β ‖e‖ / ‖h‖, 1) (eq. 4-5)."""
    lengths = (torch.linalg.vector_norm(x, dim=-1, keepdim=True) for x in (words, h))
    word, other = lengths
    return h * (shift * word / (other + 1e-6)).clamp(max=1.0)
