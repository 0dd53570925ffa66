"""An LSTM that shows its cell states, not only what it lets out of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.layers.recurrent import recur

ROUNDS = 14
"""Doublings in a traced graph: sequences of up to 2¹⁴ steps."""


def linear_recurrence(keep: Tensor, add: Tensor) -> Tensor:
    """`x_t = keep_t · x_{t-1} + add_t` with `x_0 = 0`, elementwise: (B, T, D), (B, T, D) → (B, T, D).

    A traced graph serves any length, so it holds no loop over time: there, steps are joined by doubling
    (Hillis and Steele 1986), each round joining every stretch with the one before it.
    """
    if torch.jit.is_tracing():
        for reach in (1 << r for r in range(ROUNDS)):
            before = F.pad(add, (0, 0, reach, 0))[:, : add.shape[1]]
            kept = F.pad(keep, (0, 0, reach, 0), value=1.0)[:, : keep.shape[1]]
            add, keep = add + keep * before, keep * kept
        return add
    x, states = torch.zeros_like(add[:, 0]), []
    for kept, added in zip(keep.unbind(1), add.unbind(1), strict=True):
        x = torch.addcmul(added, kept, x)
        states.append(x)
    return torch.stack(states, 1)


class CellLstm(nn.Module):
    """One LSTM layer over (B, T, D) → cell states (B, T, W) and its last output (B, W).

    The fused LSTM gives the outputs; from them all gates of all steps follow in one product, and the cells by
    c_t = f_t c_{t-1} + i_t g_t. Behind a sample's last real step the cell stays as it is.
    """

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.lstm = nn.LSTM(dim, width, batch_first=True)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Mask (B, T) bool, real steps first; zeros where none is real."""
        states = recur(self.lstm, x)
        before = F.pad(states, (0, 0, 1, 0))[:, :-1]
        rows = 3 * self.width  # input, forget, cell; the output gate is in the states already
        gates = F.linear(x, self.lstm.weight_ih_l0[:rows], self.lstm.bias_ih_l0[:rows])
        gates = gates + F.linear(before, self.lstm.weight_hh_l0[:rows], self.lstm.bias_hh_l0[:rows])
        i, f, g = gates.chunk(3, 2)
        real = mask[..., None]
        keep = torch.where(real, f.sigmoid(), torch.ones_like(f))
        cells = linear_recurrence(keep, (i.sigmoid() * g.tanh()).masked_fill(~real, 0.0))
        at = (mask.sum(1) - 1).clamp(min=0)[:, None, None]
        last = states.gather(1, at.expand(-1, 1, self.width))[:, 0]
        return cells, last.masked_fill(~mask.any(1, keepdim=True), 0.0)
