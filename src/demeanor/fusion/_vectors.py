"""What the operators of FEATURES D1 have in common as models: one vector per modality, an operator, heads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.pooling import pooled, presence
from demeanor.losses.balance import modulation, quality, scale_gradient


class VectorConfig(FusionConfig):
    """Settings every operator has.

    Attributes:
        width: each modality is projected to it.
        hidden: width of the layer after the operator.
        dropout: before and after that layer.
        balance: strength with which the gradient of a modality that is ahead is held back (OGM-GE, losses/balance.py);
            0 leaves it off.
    """

    width: int = 64
    hidden: int = 64
    dropout: float = 0.3
    balance: float = 0.0


class VectorFusion(Model):
    """Mean over real steps → linear → `squash` → operator → hidden layer → heads; any number of modalities.

    Args:
        config: the model's.
        operator: M vectors of `config.width`, presence (B, M) → (B, operator.out).
        squash: after each projection.
    """

    def __init__(self, config: VectorConfig, operator: nn.Module, squash: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.config = config
        self.project = nn.ModuleDict(
            {m: nn.Sequential(nn.Linear(dim, config.width), squash()) for m, dim in config.dims.items()}
        )
        self.operator = operator
        self.dense = nn.Sequential(
            Dropout(config.dropout), nn.Linear(operator.out, config.hidden), nn.ReLU(), Dropout(config.dropout)
        )
        self.heads = TaskHeads(config.hidden, config.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, from the hidden layer (B, hidden)."""
        present = presence(batch, self.config.dims)
        vectors = [self.project[m](pooled(batch, m)) for m in self.config.dims]
        if self.training and self.config.balance:
            vectors = self._balanced(vectors, present, batch)
        hidden = self.dense(self.operator(vectors, present))
        return Output(self.heads(hidden), hidden)

    def _balanced(self, vectors: Sequence[Tensor], present: Tensor, batch: FeatureBatch) -> list[Tensor]:
        """The same vectors; each modality's gradient shrinks as far as it is ahead, judged with only it present."""
        found = []
        with torch.no_grad():
            for number in range(len(vectors)):
                alone = torch.zeros_like(present)
                alone[:, number] = present[:, number]
                tasks = self.heads(self.dense(self.operator(vectors, alone)))
                found.append(quality(tasks, batch.labels, present[:, number]))
            factors = modulation(torch.stack(found), self.config.balance)
        return [scale_gradient(v, factor) for v, factor in zip(vectors, factors, strict=True)]
