"""Differential Transformer of one block applied again and again: depth without weights, a reconstruction.

Paper: Ye et al. 2025, Differential Transformer (arXiv 2410.05258); Dehghani et al. 2019, Universal Transformers.
Idea: the sequence of all modalities passes R times through one block of differential attention.
    λ_init follows the step as it would follow the layer; the vectors behind λ are shared by all steps.
    A learned gain on sinusoids of the step's number tells the block how far it is.
Needs: nothing aligned; any modalities, any lengths.
Differs: joining the two is this project's; there are no scores. A program may change R after training, by the
    attribute `steps`, and choose it on the validation part; no command does. With deep supervision every step's reading
    is trained, so that each R makes sense.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.differential import DifferentialAttention, DifferentialBlock, Kind, RmsNorm
from demeanor.layers.dropout import dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.joint_sequence import JointSequence, sinusoids
from demeanor.layers.operators import Weighting
from demeanor.losses.tasks import task_loss

FAMILY = "transformer"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(FusionConfig):
    """As `diff_transformer`, with steps in place of layers.

    Attributes:
        steps: R, how often the block is applied.
        share: `block`, one set of weights for all steps; `lambda`, a block per step that share λ's vectors alone.
        deep_supervision: the loss is the mean over the readings of all steps.
    """

    width: int = 128
    steps: int = Field(default=4, ge=1)
    heads: int = 4
    dropout: float = 0.1
    kind: Kind = "differential"
    share: Literal["block", "lambda"] = "block"
    deep_supervision: bool = False
    weighting: Weighting = "fixed"
    weights: dict[str, float] = Field(default_factory=dict)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"width": 16, "steps": 3, "heads": 2, "dropout": 0.0, "deep_supervision": True},
    "supervised": {"steps": 6, "deep_supervision": True},
}


class RecurrentDiffTransformer(Model):
    """Reads any number of sequences (B, T, D)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.steps = config, config.steps
        self.sequence = JointSequence(config.dims, config.width, config.dropout, config.weighting, config.weights)
        many = 1 if config.share == "block" else config.steps
        self.blocks = nn.ModuleList(
            DifferentialBlock(config.width, config.heads, config.dropout, config.kind) for _ in range(many)
        )
        if many > 1:
            self._share_lambda()
        self.gain = nn.Parameter(torch.zeros(config.width))
        self.norm = RmsNorm(config.width)
        self.hidden = nn.Linear(config.width, config.width)
        self.heads = TaskHeads(config.width, config.tasks)

    def _share_lambda(self) -> None:
        first = self.blocks[0].attention
        if not isinstance(first, DifferentialAttention) or self.config.kind != "differential":
            raise ConfigError(
                f"share = 'lambda' needs kind = 'differential', not '{self.config.kind}', which has no λ vectors to "
                "share; take share = 'block'"
            )
        for block in self.blocks[1:]:
            for name in ("q1", "k1", "q2", "k2"):
                setattr(block.attention, name, getattr(first, name))

    def states(self, batch: FeatureBatch) -> Iterator[Tensor]:
        """The summary token (B, D) after each step."""
        x, bias = self.sequence(batch)
        told = self.gain * sinusoids(torch.arange(1, self.steps + 1, device=x.device), x.shape[2])
        for step in range(self.steps):
            x = self.blocks[step % len(self.blocks)](x + told[step].to(x.dtype), bias, step + 1)
            yield x[:, 0]

    def read(self, state: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """A summary (B, D) → the tasks, and the hidden vector (B, D)."""
        hidden = F.gelu(self.hidden(self.norm(state)))
        return self.heads(dropout(hidden, self.config.dropout, self.training)), hidden

    def forward(self, batch: FeatureBatch) -> Output:
        """The last step's reading; with deep supervision, while training, `extra["steps"]` holds every step's tasks."""
        states = list(self.states(batch))
        early = []
        if self.training and self.config.deep_supervision:
            early = [self.read(state)[0] for state in states[:-1]]
        tasks, hidden = self.read(states[-1])
        return Output(tasks, hidden, {"steps": [*early, tasks]})

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The task's loss, the mean over the steps that were read."""
        return {"task": torch.stack([task_loss(tasks, batch.labels) for tasks in output.extra["steps"]]).mean()}


MODEL = RecurrentDiffTransformer
