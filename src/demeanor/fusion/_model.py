"""The base of every model: one training loop, five overrides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.losses.tasks import task_loss


class ModelConfig(BaseModel):
    """Base of every model's `Config`: frozen, unknown keys fail."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FusionConfig(ModelConfig):
    """Base of the `Config` of every model that takes any number of named feature modalities.

    Attributes:
        dims: modality → width of its steps; batches give (B, T, width).
        tasks: task → number of outputs; 1 is a regression, in the labels' own scale.
    """

    dims: dict[str, int]
    tasks: dict[str, int] = {"score": 1}


class Model(nn.Module):
    """A model of the lab. Override `forward`; the other four have defaults that fit most models."""

    phase: str = "all"
    """The pass the loop is in: one of `phases()`."""

    def forward(self, batch: FeatureBatch) -> Output:
        raise TypeError(f"{type(self).__name__} must override forward(batch)")

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """Named loss terms, already weighted; `task` is the one every model has."""
        return {"task": task_loss(output.tasks, batch.labels)}

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Optimiser groups: weights decay, biases and norms (one dimension) do not.

        A group with a key `phase` is stepped in that phase only.
        """
        decay = [p for p in self.parameters() if p.requires_grad and p.ndim > 1]
        rest = [p for p in self.parameters() if p.requires_grad and p.ndim <= 1]
        groups = [
            {"params": decay, "lr": learning_rate, "weight_decay": weight_decay},
            {"params": rest, "lr": learning_rate, "weight_decay": 0.0},
        ]
        return [g for g in groups if g["params"]]

    def phases(self) -> Iterator[str]:
        """Names of the passes over the data that make an epoch; most models have one."""
        yield "all"

    def after_step(self, output: Output, batch: FeatureBatch, epoch: int) -> None:
        """Hook after each optimiser step (memories, generated labels); epochs count from 1."""
