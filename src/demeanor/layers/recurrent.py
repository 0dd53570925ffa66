"""Recurrent layers that see real steps only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from demeanor.layers.dropout import dropout


class MaskedLstm(nn.Module):
    """LSTM over (B, T, D) whose states never depend on padding; real steps must come first.

    Backwards, each sample's real steps are turned round by index: no packing, so it exports to ONNX as it stands.

    Args:
        dim: input width.
        width: state width (per direction).
        layers: stacked layers.
        bidirectional: both directions, side by side in the output.
        dropout: between stacked layers.
    """

    cell: type[nn.Module] = nn.LSTM

    def __init__(
        self, dim: int, width: int, layers: int = 1, bidirectional: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.dropout = dropout
        sizes = [dim] + [width * (1 + bidirectional)] * (layers - 1)
        self.ahead = nn.ModuleList(self.cell(size, width, batch_first=True) for size in sizes)
        self.back = nn.ModuleList(self.cell(size, width, batch_first=True) for size in sizes if bidirectional)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D), mask (B, T) → states (B, T, W·directions), zero where padded, and the last layer's final state.

        A sample without a real step (its modality is missing) gives zeros.
        """
        real = mask[..., None].to(x.dtype)
        length = mask.sum(1)
        last = (length - 1).clamp(min=0)[:, None, None]
        steps = torch.arange(x.shape[1], device=x.device)
        turned = torch.where(mask, length[:, None] - 1 - steps, steps)[..., None]
        finals = x
        for number, ahead in enumerate(self.ahead):
            if number:
                x = dropout(x, self.dropout, self.training)
            states = recur(ahead, x)
            ends = [states.gather(1, last.expand(-1, 1, states.shape[2]))[:, 0]]
            if len(self.back):
                back = recur(self.back[number], x.gather(1, turned.expand(-1, -1, x.shape[2])))
                ends.append(back.gather(1, last.expand(-1, 1, back.shape[2]))[:, 0])
                states = torch.cat([states, back.gather(1, turned.expand(-1, -1, back.shape[2]))], 2)
            x = states * real
            finals = torch.cat(ends, 1)
        return x, finals * (length > 0)[:, None].to(finals.dtype)


def recur(cell: nn.Module, x: Tensor) -> Tensor:
    """States (B, T, W). On a CPU in the weights' precision: many cannot do recurrence in 16 bits, none is faster so."""
    if x.device.type != "cpu":
        states: Tensor = cell(x)[0]
        return states
    with torch.autocast("cpu", enabled=False):
        full: Tensor = cell(x.to(next(cell.parameters()).dtype))[0]
    return full


class MaskedGru(MaskedLstm):
    """The same with gated recurrent units (Cho et al. 2014)."""

    cell = nn.GRU
