"""A small network per modality, their outputs side by side in a common one.

Paper: the late-fusion baseline of the MMSA benchmark (Mao et al. 2022).
Idea: audio and picture frames are averaged and go through three layers, text through an LSTM; only then the vectors
    meet, and three more layers read them together.
Needs: any number of modalities; those in `recurrent` are read step by step, the others by their mean.
Differs: means, batch norm and last states see real steps only.
Reported (MMSA): MOSI Acc-2 non0 78.63, MAE 0.955, correlation 0.658; MOSEI 82.74, 0.580, 0.709;
    SIMS Acc-2 77.02, 0.446, 0.555.
Reproduced: not on the paper's own features; what it reached here stands in docs/models.md, out of results/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from torch import nn

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import FusionConfig, Modalities, Model, PerModality
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.operators import Concat
from demeanor.layers.pooling import presence, steps
from demeanor.layers.subnets import subnets

FAMILY = "classic"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = False


class Config(FusionConfig):
    """`hidden` width per modality, `width` for those not named; `out` of the recurrent ones, 0 for half of it."""

    hidden: PerModality[int] = Field(default_factory=lambda: {"text": 128})
    width: int = 32
    recurrent: Modalities = ("text",)
    out: int = 32
    fused: int = 128
    dropout: float = 0.2


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "mosi": {"hidden": {"text": 128, "audio": 16, "visual": 128}, "out": 256},
    "mosei": {"hidden": {"text": 128, "audio": 32, "visual": 128}, "out": 128},
    "sims": {"hidden": {"text": 128, "audio": 32, "visual": 128}, "out": 256, "fused": 32, "dropout": 0.3},
    "tiny": {"hidden": {"text": 16}, "width": 16, "out": 8, "fused": 16, "dropout": 0.0},
}


class LfDnn(Model):
    """Reads any number of modalities."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = self.config = config
        self.nets = subnets(c.dims, c.recurrent, c.hidden, c.width, c.out, c.dropout)
        self.join = Concat([net.out for net in self.nets.values()])
        self.dense = nn.Sequential(
            Dropout(c.dropout), nn.Linear(self.join.out, c.fused), nn.ReLU(), nn.Linear(c.fused, c.fused), nn.ReLU()
        )
        self.heads = TaskHeads(c.fused, c.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, from the common layers (B, fused)."""
        vectors = [net(*steps(batch, name)) for name, net in self.nets.items()]
        hidden = self.dense(self.join(vectors, presence(batch, self.nets)))
        return Output(self.heads(hidden), hidden)


MODEL = LfDnn
