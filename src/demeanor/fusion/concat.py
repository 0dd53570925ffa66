"""Early fusion: the modalities' vectors, standardised, side by side, then heads (with a hidden layer or without).

Paper: the field's oldest baseline; see Baltrušaitis et al. 2019, section 5, for its place among the others.
Idea: [h_1; …; h_M], each modality its mean over real steps, minus the training mean, by the training spread; or, with
    `steps`, the modalities' steps side by side, read by convolutions or a recurrent network.
    With one modality it is plain logistic regression on that modality's features.
Needs: any number of modalities, as vectors (B, D) or steps (B, T, D), standardised: the lab's are, by
    `features.normalise`; whoever brings others calls `standardise` once, with training rows.
Differs: a reconstruction of the bare operator, with heads of its own; a missing modality counts as its training mean.
    The reader's heads (`reads`) also cut at 6 spreads and learn no intensity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Model, PerModality
from demeanor.layers.align import side_by_side
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import READING, ReadingHeads, TaskHeads
from demeanor.layers.operators import Concat as SideBySide
from demeanor.layers.pooling import pooled, presence, steps
from demeanor.layers.sequence_heads import sequence_head
from demeanor.losses.tasks import task_loss

FAMILY = "operator"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(FusionConfig):
    """`dims` names the modalities and their widths; `width` 0 leaves out the hidden layer.

    `l2` is the penalty on the squared first-layer weights of each modality: wide, weak features bear a heavier one.
    `steps` other than `mean` reads sequences step by step into `steps_width` numbers. `reads` is the recipe of the
    reader's heads: its three tasks, the score within (-1, 1) and not learned, inputs cut at 6 spreads.
    """

    tasks: dict[str, int] = Field(default_factory=lambda: dict(READING))
    reads: bool = False
    width: int = 0
    dropout: float = 0.5
    smoothing: float = 0.0
    l2: PerModality[float] = Field(default_factory=dict)
    steps: Literal["mean", "cnn", "rnn", "lstm"] = "mean"
    steps_width: int = 64


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "sequence": {"tasks": {"score": 1}, "steps": "lstm", "width": 64},
    "tiny": {"tasks": {"score": 1}, "width": 32, "dropout": 0.0},
}


class Concat(Model):
    """Reads any number of modalities. A missing one counts as its training mean."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        if config.reads and config.tasks != READING:
            raise ConfigError(f"reads: expected the reader's tasks, {READING}, got {config.tasks}; leave reads out")
        for name, dim in config.dims.items():
            self.register_buffer(f"mean_{name}", torch.zeros(dim))
            self.register_buffer(f"spread_{name}", torch.ones(dim))
        self.join = SideBySide(list(config.dims.values()))
        total = self.join.out
        if config.steps != "mean":
            if config.l2:
                raise ConfigError('l2 weighs the modalities\' own columns: expected steps = "mean", or no l2')
            self.read = sequence_head(config.steps, total, config.steps_width)
            total = config.steps_width
        self.drop = Dropout(config.dropout)
        self.hidden = nn.Sequential(nn.Linear(total, config.width), nn.ReLU()) if config.width else nn.Identity()
        width = config.width or total
        self.heads = ReadingHeads(width) if config.reads else TaskHeads(width, config.tasks)

    @torch.no_grad()
    def standardise(self, features: Mapping[str, Tensor]) -> None:
        """Take each modality's mean and spread from training rows (N, D), or real steps of them, only."""
        for name in self.config.dims:
            self.get_buffer(f"mean_{name}").copy_(features[name].mean(0))
            self.get_buffer(f"spread_{name}").copy_(features[name].std(0).clamp(min=1e-4))

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks; with the default ones `polarity` (B, 3), `emotions` (B, 7), `score` (B,)."""
        if self.config.steps == "mean":
            parts = [self._standard(name, pooled(batch, name)) for name in self.config.dims]
            joined = self.join(parts, presence(batch, self.config.dims))
        else:
            found = [(name, *steps(batch, name)) for name in self.config.dims]
            joined = self.read(*side_by_side([(self._standard(name, x), mask) for name, x, mask in found]))
        hidden = self.hidden(self.drop(joined))
        return Output(self.heads(hidden), hidden)

    def _standard(self, name: str, x: Tensor) -> Tensor:
        x = (x - self.get_buffer(f"mean_{name}")) / self.get_buffer(f"spread_{name}")
        return x.clamp(-6, 6) if self.config.reads else x

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The task, with label smoothing, and the penalty on the weights of each modality."""
        weights = {"score": 0.0} if self.config.reads else None
        task = task_loss(output.tasks, batch.labels, weights, self.config.smoothing)
        return {"task": task, "l2": self._penalty()}

    def _penalty(self) -> Tensor:
        trained = [t for t in self.config.tasks if not (self.config.reads and t == "score")]
        heads = [self.heads.get_submodule(task).weight for task in trained]
        first = [self.hidden[0].weight] if self.config.width else heads
        total, at = first[0].new_zeros(()), 0
        for name, dim in self.config.dims.items():
            for weight in first:
                total = total + self.config.l2.get(name, 0.0) * weight[:, at : at + dim].square().sum()
            at += dim
        return total


MODEL = Concat
