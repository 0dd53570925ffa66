"""Tensor fusion: the outer product of the modalities' vectors, each with a 1 put before.

Paper: Zadeh et al. 2017, Tensor Fusion Network for Multimodal Sentiment Analysis (EMNLP).
Idea: in Z = [1; h_a] ⊗ [1; h_v] ⊗ [1; h_t] every single feature, every pair and every triple of features of different
    modalities has a place of its own (the 1 stands for "whatever the others say"); layers on Z learn which count.
Needs: any number of modalities, but Z grows as their product: for more than three take `lmf`.
Differs: means, batch norm and last states see real steps only; the bound of the score is the label's own range `limit`
    (the reference has ±3 also on SIMS).
Reported (MMSA): MOSI Acc-2 77.99/79.08, Acc-7 34.46, MAE 0.947, correlation 0.673; MOSEI 78.50/81.89, 51.60, 0.573,
    0.714; SIMS Acc-2 78.38, 0.432, 0.591.
Reproduced: not on the paper's own features; what it reached here stands in docs/models.md, out of results/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Modalities, Model, PerModality
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.operators import TensorProduct
from demeanor.layers.pooling import presence, steps
from demeanor.layers.subnets import subnets
from demeanor.losses.tasks import largest

FAMILY = "tensor"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = False
ROUNDING = 1e-3
LARGEST = 4_000_000
"""Numbers in Z; SIMS as published has 1 094 049."""


class Config(FusionConfig):
    """`hidden` width per modality, `width` for those not named; `out` of the recurrent ones, 0 for half of it.

    `limit` bounds regressions to ±limit (3 for MOSI and MOSEI, 1 for SIMS); 0 leaves them free.
    """

    hidden: PerModality[int] = Field(default_factory=dict)
    width: int = 32
    recurrent: Modalities = ("text",)
    out: int = 32
    dropout: float = 0.3
    fused: int = 64
    fused_dropout: float = 0.5
    limit: float = 3.0


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "mosi": {"hidden": {"text": 128, "audio": 32, "visual": 128}},
    "mosei": {
        "hidden": {"text": 128, "audio": 16, "visual": 128}, "out": 128, "fused": 16, "dropout": 0.4,
        "fused_dropout": 0.4,
    },
    "sims": {
        "hidden": {"text": 128, "audio": 32, "visual": 128}, "out": 256, "fused": 32, "dropout": 0.4,
        "fused_dropout": 0.4, "limit": 1.0,
    },
    "tiny": {"width": 8, "out": 8, "fused": 24, "dropout": 0.0, "fused_dropout": 0.0, "limit": 1.0},
}  # fmt: skip


class Tfn(Model):
    """Reads any number of modalities."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = self.config = config
        self.nets = subnets(c.dims, c.recurrent, c.hidden, c.width, c.out, c.dropout)
        self.product = TensorProduct([net.out for net in self.nets.values()])
        if self.product.out > LARGEST:
            raise ConfigError(
                f"the outer product would have {self.product.out} numbers, expected at most {LARGEST}: "
                "lower hidden, width or out, or take lmf"
            )
        self.dense = nn.Sequential(
            Dropout(c.fused_dropout),
            nn.Linear(self.product.out, c.fused),
            nn.ReLU(),
            nn.Linear(c.fused, c.fused),
            nn.ReLU(),
        )
        self.heads = TaskHeads(c.fused, c.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, from the layers on Z (B, fused)."""
        vectors = [net(*steps(batch, name)) for name, net in self.nets.items()]
        hidden = self.dense(self.product(vectors, presence(batch, self.nets)))
        limit, tasks = self.config.limit, self.heads(hidden)
        if limit:  # 2Hσ(y) - H
            tasks = {t: 2 * limit * y.sigmoid() - limit if y.ndim == 1 else y for t, y in tasks.items()}
        return Output(tasks, hidden)

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The task.

        Raises:
            ConfigError: a label lies beyond the limit, where no answer reaches it.
        """
        limit = self.config.limit
        numbers = [t for t, y in output.tasks.items() if y.ndim == 1 and t in batch.labels]
        ends = {task: largest(batch.labels[task]) for task in numbers} if limit else {}
        for task, end in ends.items():
            if end > limit + ROUNDING:
                raise ConfigError(
                    f"limit: expected '{task}' within ±{limit:g}, got {end:.3g}; set model.limit to the end of the "
                    "scale, or to 0 for none"
                )
        return super().loss(output, batch)


MODEL = Tfn
