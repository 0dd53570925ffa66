"""The small per-modality networks of the tensor-fusion family (Zadeh et al. 2017, section 4.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from demeanor.layers.dropout import Dropout
from demeanor.layers.norms import MaskedBatchNorm
from demeanor.layers.recurrent import MaskedLstm
from demeanor.layers.transformer import masked_mean


class MeanNet(nn.Module):
    """Mean over real steps → batch norm → dropout → three times linear and ReLU: (B, T, D) → (B, W)."""

    def __init__(self, dim: int, width: int, dropout: float) -> None:
        super().__init__()
        self.out = width
        self.norm = MaskedBatchNorm(dim)
        self.layers = nn.Sequential(
            Dropout(dropout),
            *(part for size in (dim, width, width) for part in (nn.Linear(size, width), nn.ReLU())),
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D), mask (B, T) → (B, W)."""
        found: Tensor = self.layers(self.norm(masked_mean(x, mask), mask.any(1)))
        return found


class LastStateNet(nn.Module):
    """LSTM → state after the last real step → dropout → linear: (B, T, D) → (B, out)."""

    def __init__(self, dim: int, width: int, out: int, dropout: float) -> None:
        super().__init__()
        self.out = out
        self.lstm = MaskedLstm(dim, width)
        self.layers = nn.Sequential(Dropout(dropout), nn.Linear(width, out))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D), mask (B, T) → (B, out)."""
        found: Tensor = self.layers(self.lstm(x, mask)[1])
        return found


def subnets(
    dims: Mapping[str, int],
    recurrent: Collection[str],
    hidden: Mapping[str, int],
    width: int,
    recurrent_out: int,
    dropout: float,
) -> nn.ModuleDict:
    """One network per modality, each with its width as `.out`.

    Args:
        dims: modality → width of its steps.
        recurrent: modalities read step by step by a `LastStateNet`; the others by a `MeanNet`.
        hidden: modality → hidden width.
        width: hidden width of those not named.
        recurrent_out: output width of the recurrent ones; 0 is half their hidden width.
        dropout: in every network.
    """
    nets: dict[str, nn.Module] = {}
    for name, dim in dims.items():
        inner = hidden.get(name, width)
        if name in recurrent:
            nets[name] = LastStateNet(dim, inner, recurrent_out or inner // 2, dropout)
        else:
            nets[name] = MeanNet(dim, inner, dropout)
    return nn.ModuleDict(nets)
