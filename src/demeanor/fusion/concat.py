"""Early fusion: the modalities' vectors, standardised, side by side, then heads (with a hidden layer or without).

Paper: the field's oldest baseline; see Baltrušaitis et al. 2019, section 5, for its place among the others.
With one modality it is plain logistic regression on that modality's features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import Model, ModelConfig
from demeanor.layers.heads import ReadingHeads
from demeanor.losses.tasks import task_loss


class Config(ModelConfig):
    """`dims` names the modalities and their widths; `width` 0 leaves out the hidden layer.

    `l2` is the penalty on the squared first-layer weights of each modality: wide, weak features bear a heavier one.
    """

    dims: dict[str, int]
    width: int = 0
    dropout: float = 0.5
    smoothing: float = 0.0
    l2: dict[str, float] = Field(default_factory=dict)


PRESETS: Mapping[str, Mapping[str, Any]] = {}


class Concat(Model):
    """Reads any number of vector modalities (B, D). A missing one counts as its training mean."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        for name, dim in config.dims.items():
            self.register_buffer(f"mean_{name}", torch.zeros(dim))
            self.register_buffer(f"spread_{name}", torch.ones(dim))
        total = sum(config.dims.values())
        self.drop = nn.Dropout(config.dropout)
        self.hidden = nn.Sequential(nn.Linear(total, config.width), nn.ReLU()) if config.width else nn.Identity()
        self.heads = ReadingHeads(config.width or total)

    @torch.no_grad()
    def standardise(self, features: Mapping[str, Tensor]) -> None:
        """Take each modality's mean and spread from training rows (N, D) only."""
        for name in self.config.dims:
            self.get_buffer(f"mean_{name}").copy_(features[name].mean(0))
            self.get_buffer(f"spread_{name}").copy_(features[name].std(0).clamp(min=1e-4))

    def forward(self, batch: FeatureBatch) -> Output:
        """Tasks `polarity` (B, 3), `emotions` (B, 7), `score` (B,)."""
        parts = []
        for name in self.config.dims:
            x = (batch.values[name].float() - self.get_buffer(f"mean_{name}")) / self.get_buffer(f"spread_{name}")
            parts.append(x.clamp(-6, 6) * batch.present[name][:, None])
        hidden = self.hidden(self.drop(torch.cat(parts, 1)))
        return Output(self.heads(hidden), hidden)

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The task, with label smoothing, and the penalty on the weights of each modality."""
        task = task_loss(output.tasks, batch.labels, {"score": 0.0}, self.config.smoothing)
        return {"task": task, "l2": self._penalty()}

    def _penalty(self) -> Tensor:
        first = (
            [self.hidden[0].weight] if self.config.width else [self.heads.polarity.weight, self.heads.emotions.weight]
        )
        total, at = first[0].new_zeros(()), 0
        for name, dim in self.config.dims.items():
            for weight in first:
                total = total + self.config.l2.get(name, 0.0) * weight[:, at : at + dim].square().sum()
            at += dim
        return total


MODEL = Concat
