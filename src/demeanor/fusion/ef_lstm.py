"""Early fusion of sequences: the modalities' steps side by side, read by one LSTM.

Paper: the early-fusion baseline of the MMSA benchmark (Mao et al. 2022).
Idea: at every step put what is said, heard and seen into one vector; one LSTM reads it; its last state goes through a
    hidden layer to the heads; `head` takes convolutions or a plain recurrent network instead.
Needs: aligned steps (B, T, D). Modalities with another number of steps are resampled to those of the first one present.
Differs: batch norm is per feature over real steps, where the reference norms over the time axis; states of padding are
    never read.
Reported (MMSA): MOSI Acc-2 non0 78.48, MAE 0.949, correlation 0.669; MOSEI 80.79, 0.601, 0.683. On SIMS, unaligned, the
    reference falls to the majority class (Acc-2 69.37, correlation 0.055).
Reproduced: not on the paper's own features; what it reached here stands in docs/models.md, out of results/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.align import side_by_side
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.norms import MaskedBatchNorm
from demeanor.layers.pooling import steps
from demeanor.layers.sequence_heads import SequenceHead, sequence_head

FAMILY = "classic"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = False


class Config(FusionConfig):
    """`head` reads the fused steps: an LSTM as the name says, `rnn` or `cnn`."""

    head: SequenceHead = "lstm"
    hidden: int = 128
    layers: int = 2
    dropout: float = 0.4


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "mosi": {"hidden": 128, "layers": 4, "dropout": 0.5},
    "mosei": {"hidden": 256, "layers": 2, "dropout": 0.4},
    "sims": {"hidden": 32, "layers": 3, "dropout": 0.5},
    "tiny": {"hidden": 24, "layers": 2, "dropout": 0.0},
}


class EfLstm(Model):
    """Reads any number of modalities of steps."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.norms = nn.ModuleDict({m: MaskedBatchNorm(dim) for m, dim in config.dims.items()})
        self.head = sequence_head(config.head, sum(config.dims.values()), config.hidden, config.layers, config.dropout)
        self.dense = nn.Sequential(Dropout(config.dropout), nn.Linear(config.hidden, config.hidden), nn.ReLU())
        self.heads = TaskHeads(config.hidden, config.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, from the hidden layer (B, hidden)."""
        parts = []
        for name, norm in self.norms.items():
            x, mask = steps(batch, name)
            parts.append((norm(x, mask), mask))
        hidden = self.dense(self.head(*side_by_side(parts)))
        return Output(self.heads(hidden), hidden)


MODEL = EfLstm
