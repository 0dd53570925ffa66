"""MFN, the memory fusion network: an LSTM per modality, and a memory of what their cells do together.

Paper: Zadeh et al. 2018, Memory Fusion Network for Multi-view Sequential Learning, AAAI (arXiv 1802.00927).
Idea: one LSTM per modality reads its own steps. At each step, attention over the cells of all, before and after it,
    finds which changed together (delta-memory attention), and a gated memory keeps a summary of that; the last states
    and the last memory give the answer.
Needs: any number of modalities with aligned steps; others are averaged evenly onto those of the first one a sample has.
    Single steps leave it no mechanism.
Differs: padding leaves states and memory as they are. The gates see the attended cells, as in the paper; the authors'
    code also shows them the memory (`gates_see_memory`), which no graph of free length can hold.
Reported: MMSA's re-run (aligned) MOSI non-zero Acc-2 78.87, MAE .927, Corr .670; MOSEI 82.86 / .573 / .718;
    SIMS Acc-2 77.90, MAE .435, Corr .582.
Reproduced: not on the paper's own features; what it reached here stands in docs/models.md, out of results/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Model, PerModality
from demeanor.layers.align import side_by_side
from demeanor.layers.cell_lstm import CellLstm, linear_recurrence
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.pooling import steps

FAMILY = "recurrent"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = False


class Config(FusionConfig):
    """Sizes as MMSA found them for MOSEI.

    Attributes:
        widths: modality → width of its LSTM; 128 unless named.
        memory: width of the memory.
        attention: hidden width of the network that attends; `update`, `retain`, `write`, `out` of those that propose
            the memory's update, gate what stays, gate what is added, and answer.
        gates_see_memory: as in the authors' code.
    """

    widths: PerModality[int] = Field(default_factory=lambda: {"audio": 32})
    memory: int = 128
    attention: int = 128
    update: int = 128
    retain: int = 256
    write: int = 256
    out: int = 128
    attention_dropout: float = 0.2
    update_dropout: float = 0.5
    retain_dropout: float = 0.7
    write_dropout: float = 0.0
    out_dropout: float = 0.5
    gates_see_memory: bool = False


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"widths": {"text": 8, "audio": 8, "visual": 8}, "memory": 8, "attention": 8, "update": 8}
    | {"retain": 8, "write": 8, "out": 16, "attention_dropout": 0.0, "update_dropout": 0.0}
    | {"retain_dropout": 0.0, "write_dropout": 0.0, "out_dropout": 0.0},
    "mosi": {"widths": {"text": 256, "audio": 32, "visual": 256}, "memory": 400, "attention": 32, "update": 64}
    | {"retain": 256, "write": 32, "update_dropout": 0.0, "write_dropout": 0.5, "out_dropout": 0.0},
    "mosei": {},
    "sims": {"widths": {"text": 64, "audio": 16, "visual": 64}, "memory": 64, "update_dropout": 0.0}
    | {"retain": 64, "write": 64, "out": 64, "retain_dropout": 0.2, "write_dropout": 0.7, "out_dropout": 0.7},
}


def two_layers(dim: int, hidden: int, out: int, dropout: float) -> nn.Sequential:
    """Linear, ReLU, dropout, linear."""
    return nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), Dropout(dropout), nn.Linear(hidden, out))


class Mfn(Model):
    """Reads any number of sequences (B, T, D) that share their steps."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        widths = {m: config.widths.get(m, 128) for m in config.dims}
        cells, memory = sum(widths.values()), config.memory
        self.lstms = nn.ModuleDict({m: CellLstm(d, widths[m]) for m, d in config.dims.items()})
        self.attend = two_layers(2 * cells, config.attention, 2 * cells, config.attention_dropout)
        self.update = two_layers(2 * cells, config.update, memory, config.update_dropout)
        seen = 2 * cells + memory * config.gates_see_memory
        self.retain = two_layers(seen, config.retain, memory, config.retain_dropout)
        self.write = two_layers(seen, config.write, memory, config.write_dropout)
        self.answer = nn.Linear(cells + memory, config.out)
        self.drop = Dropout(config.out_dropout)
        self.heads = TaskHeads(config.out, config.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks."""
        joined, mask = side_by_side([steps(batch, m) for m in self.config.dims])
        parts = zip(self.lstms.items(), joined.split(list(self.config.dims.values()), 2), strict=True)
        read = [lstm(x, mask & batch.mask(m).any(1)[:, None]) for (m, lstm), x in parts]
        after = torch.cat([cells for cells, _ in read], 2)
        before = F.pad(after, (0, 0, 1, 0))[:, :-1]
        delta = torch.cat([before, after], 2)  # c^[t-1, t]
        attended = self.attend(delta).softmax(2) * delta  # delta-memory attention
        memory = self.remember(attended, mask)
        hidden = F.relu(self.answer(torch.cat([*(last for _, last in read), memory], 1)))
        return Output(self.heads(self.drop(hidden)), hidden)

    def remember(self, attended: Tensor, mask: Tensor) -> Tensor:
        """u_t = γ₁ u_{t-1} + γ₂ tanh(û_t) over attended cells (B, T, 2C): the last memory (B, memory)."""
        proposal = self.update(attended).tanh()
        real = mask[..., None]
        if self.config.gates_see_memory:
            return self._step_by_step(attended, proposal, real)
        keep = torch.where(real, self.retain(attended).sigmoid(), torch.ones_like(proposal))
        add = (self.write(attended).sigmoid() * proposal).masked_fill(~real, 0.0)
        return linear_recurrence(keep, add)[:, -1]

    def _step_by_step(self, attended: Tensor, proposal: Tensor, real: Tensor) -> Tensor:
        if torch.jit.is_tracing():
            raise ConfigError(
                "mfn with gates_see_memory = true runs step by step and cannot be exported for any length; "
                "train it with gates_see_memory = false to export it"
            )
        memory = torch.zeros_like(proposal[:, 0])
        for seen, new, here in zip(attended.unbind(1), proposal.unbind(1), real.unbind(1), strict=True):
            both = torch.cat([seen, memory], 1)
            changed = self.retain(both).sigmoid() * memory + self.write(both).sigmoid() * new
            memory = torch.where(here, changed, memory)
        return memory


MODEL = Mfn
