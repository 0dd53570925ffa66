"""The base of every model: one training loop, five overrides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.losses.tasks import task_loss


class ModelConfig(BaseModel):
    """Base of every model's `Config`: frozen, unknown keys fail."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(nn.Module):
    """A model of the lab. Override `forward`; the other four have defaults that fit most models."""

    Config: ClassVar[type[ModelConfig]]
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def forward(self, batch: FeatureBatch) -> Output:
        raise TypeError(f"{type(self).__name__} must override forward(batch)")

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """Named loss terms, already weighted; `task` is the one every model has."""
        return {"task": task_loss(output.tasks, batch.labels)}

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Optimiser groups: weights decay, biases and norms (one dimension) do not."""
        decay = [p for p in self.parameters() if p.requires_grad and p.ndim > 1]
        rest = [p for p in self.parameters() if p.requires_grad and p.ndim <= 1]
        groups = [
            {"params": decay, "lr": learning_rate, "weight_decay": weight_decay},
            {"params": rest, "lr": learning_rate, "weight_decay": 0.0},
        ]
        return [g for g in groups if g["params"]]

    def phases(self) -> Iterator[str]:
        """Names of the passes over each batch; most models have one."""
        yield "all"

    def after_step(self, output: Output, batch: FeatureBatch, epoch: int) -> None:
        """Hook after each optimiser step (memories, generated labels)."""
