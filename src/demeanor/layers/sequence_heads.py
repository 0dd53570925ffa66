"""What reads a fused sequence into one vector: convolutions, a plain recurrent network, or an LSTM."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.layers.dropout import dropout
from demeanor.layers.recurrent import MaskedLstm, recur

SequenceHead = Literal["cnn", "rnn", "lstm"]


class CnnHead(nn.Module):
    """Convolutions in time, then the maximum over real steps: (B, T, D) → (B, W).

    Args:
        dim: width of a step.
        width: number of filters.
        layers: convolutions, each followed by ReLU.
        dropout: between them.
        kernel: odd; the sequence keeps its length.
    """

    def __init__(self, dim: int, width: int, layers: int = 1, dropout: float = 0.0, kernel: int = 3) -> None:
        super().__init__()
        self.dropout = dropout
        sizes = [dim] + [width] * (layers - 1)
        self.convs = nn.ModuleList(nn.Conv1d(size, width, kernel, padding=kernel // 2) for size in sizes)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D), mask (B, T) → (B, W), zeros where no step is real."""
        real = mask[..., None].to(x.dtype)
        for number, conv in enumerate(self.convs):
            if number:
                x = dropout(x, self.dropout, self.training)
            x = F.relu(conv((x * real).transpose(1, 2)).transpose(1, 2))
        return (x * real).amax(1)  # after ReLU nothing is below the zeros of padding


class RnnHead(nn.Module):
    """A plain (Elman) recurrent network, its state after the last real step: (B, T, D) → (B, W)."""

    def __init__(self, dim: int, width: int, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.rnn = nn.RNN(dim, width, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D), mask (B, T), real steps first → (B, W), zeros where no step is real."""
        states = recur(self.rnn, x)
        length = mask.sum(1)
        last = (length - 1).clamp(min=0)[:, None, None].expand(-1, 1, states.shape[2])
        return states.gather(1, last)[:, 0] * (length > 0)[:, None].to(states.dtype)


class LstmHead(nn.Module):
    """An LSTM, its state after the last real step: (B, T, D) → (B, W)."""

    def __init__(self, dim: int, width: int, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.lstm = MaskedLstm(dim, width, layers, dropout=dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D), mask (B, T), real steps first → (B, W), zeros where no step is real."""
        found: Tensor = self.lstm(x, mask)[1]
        return found


def sequence_head(kind: SequenceHead, dim: int, width: int, layers: int = 1, dropout: float = 0.0) -> nn.Module:
    """The head of that name, (B, T, dim) and mask (B, T) → (B, width)."""
    made = {"cnn": CnnHead, "rnn": RnnHead, "lstm": LstmHead}[kind]
    return made(dim, width, layers, dropout)
