"""Low-rank fusion: what a linear layer on TFN's outer product computes, without ever building that product.

Paper: Liu et al. 2018, Efficient Low-rank Multimodal Fusion with Modality-Specific Factors (ACL).
Idea: the weight tensor of TFN is a sum of r outer products of one factor per modality, so each modality is multiplied
    with its own factor and the results with each other, z = Σ_k ω_k Π_m [1; h_m] W_m^k + b. Cost grows with the sum of
    the widths, not their product.
Needs: any number of modalities; those in `recurrent` are read by an LSTM, the others by their mean.
Differs: means, batch norm and last states see real steps only.
Reported (MMSA): MOSI Acc-2 77.90/79.18, Acc-7 33.82, MAE 0.950, correlation 0.651; MOSEI 80.54/83.48, 51.59, 0.576,
    0.717; SIMS Acc-2 77.77, 0.441, 0.576.
Reproduced: not on the paper's own features; what it reached here stands in docs/models.md, out of results/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import FusionConfig, Modalities, Model, PerModality
from demeanor.layers.operators import LowRank, kept
from demeanor.layers.pooling import presence, steps
from demeanor.layers.subnets import subnets

FAMILY = "tensor"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = False


class Config(FusionConfig):
    """`hidden` width per modality, `width` for those not named; `out` of the recurrent ones, 0 for half of it.

    `factor_rate` is the factors' share of the learning rate.
    """

    hidden: PerModality[int] = Field(default_factory=dict)
    width: int = 32
    recurrent: Modalities = ("text",)
    out: int = 0
    dropout: float = 0.3
    rank: int = 4
    factor_rate: float = 1.0


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "mosi": {"hidden": {"text": 128, "audio": 16, "visual": 128}, "rank": 3},
    "mosei": {"hidden": {"text": 128, "audio": 16, "visual": 128}, "dropout": 0.2},
    "sims": {"hidden": {"text": 64, "audio": 16, "visual": 64}, "factor_rate": 0.25},
    "tiny": {"width": 16, "dropout": 0.0},
}


class Lmf(Model):
    """Reads any number of modalities; the fused vector is the output itself."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = self.config = config
        self.nets = subnets(c.dims, c.recurrent, c.hidden, c.width, c.out, c.dropout)
        self.fuse = LowRank([net.out for net in self.nets.values()], sum(c.tasks.values()), c.rank)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks; hidden is the modalities' vectors side by side."""
        vectors = [net(*steps(batch, name)) for name, net in self.nets.items()]
        present = presence(batch, self.nets)
        parts = self.fuse(vectors, present).split(list(self.config.tasks.values()), 1)
        tasks = {t: y[:, 0] if y.shape[1] == 1 else y for t, y in zip(self.config.tasks, parts, strict=True)}
        return Output(tasks, torch.cat(kept(vectors, present), 1))

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """The factors at their own rate, the rest at the common one, all with the same decay, as the reference."""
        factors = list(self.fuse.factors.parameters())
        rest = [p for p in self.parameters() if not any(p is f for f in factors)]
        rate = learning_rate * self.config.factor_rate
        return [
            {"params": factors, "lr": rate, "weight_decay": weight_decay},
            {"params": rest, "lr": learning_rate, "weight_decay": weight_decay},
        ]


MODEL = Lmf
