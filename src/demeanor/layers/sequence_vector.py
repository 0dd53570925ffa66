"""A sequence as one vector: pooled over its real steps, or the state an LSTM ends in."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from demeanor.layers.dropout import Dropout
from demeanor.layers.recurrent import MaskedLstm
from demeanor.layers.transformer import masked_mean

Pool = Literal["mean", "first"]
"""`first` suits features whose first step was trained to stand for all ([CLS] of a tuned BERT)."""


def pooled(x: Tensor, mask: Tensor, how: Pool) -> Tensor:
    """(B, T, D), mask (B, T) → (B, D), zeros where no step is real."""
    if how == "first":
        return x[:, 0].masked_fill(~mask[:, :1], 0.0)
    return masked_mean(x.masked_fill(~mask[..., None], 0.0), mask)


class FinalState(nn.Module):
    """One LSTM layer, its last state (both directions side by side), dropout, a linear map: (B, T, D) → (B, out).

    Args:
        dim: of the steps.
        width: of a state.
        out: of the vector.
        dropout: on the last state.
        bidirectional: whether a second LSTM reads backwards.
    """

    def __init__(self, dim: int, width: int, out: int, dropout: float = 0.0, bidirectional: bool = False) -> None:
        super().__init__()
        self.lstm = MaskedLstm(dim, width, bidirectional=bidirectional)
        self.drop = Dropout(dropout)
        self.project = nn.Linear(width * (1 + bidirectional), out)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Mask (B, T) bool; zeros where no step is real."""
        _, last = self.lstm(x.masked_fill(~mask[..., None], 0.0), mask)
        return self.project(self.drop(last)).masked_fill(~mask.any(1, keepdim=True), 0.0)
