"""What a model of the lab gets and gives: tensors per named modality, and the base class with its five overrides.

Importing this module imports torch; only the lab does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn


@dataclass(frozen=True)
class FeatureBatch:
    """B samples, any number of named modalities.

    Attributes:
        values: per modality (B, T, …): token ids (B, T), frames (B, T, D), or pictures (B, C, H, W).
        valid: per modality (B, T) bool, True where a step is real; None for pictures.
        present: per modality (B,) bool; a missing modality is present=False, never zeros that mean something.
        labels: per task (B,) or (B, K); NaN rows (for floats) carry no label.
        index: (B,) row numbers in the training set, for models that remember rows.
    """

    values: Mapping[str, Tensor]
    valid: Mapping[str, Tensor | None]
    present: Mapping[str, Tensor]
    labels: Mapping[str, Tensor] = field(default_factory=dict)
    index: Tensor | None = None

    def __len__(self) -> int:
        return next(iter(self.values.values())).shape[0]

    def to(self, device: torch.device | str) -> FeatureBatch:
        """The same batch on another device."""

        def move(tensors: Mapping[str, Any]) -> dict[str, Any]:
            return {k: v.to(device, non_blocking=True) if v is not None else None for k, v in tensors.items()}

        index = None if self.index is None else self.index.to(device)
        return replace(
            self,
            values=move(self.values),
            valid=move(self.valid),
            present=move(self.present),
            labels=move(self.labels),
            index=index,
        )


@dataclass(frozen=True)
class Output:
    """What a model says: raw numbers per task (logits, never softmax), and its hidden vector (B, D)."""

    tasks: Mapping[str, Tensor]
    hidden: Tensor | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class ModelConfig(BaseModel):
    """Base of every model's `Config`: frozen, unknown keys fail."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(nn.Module):
    """A model of the lab. Override `forward`; the other four have defaults that fit most models."""

    Config: ClassVar[type[ModelConfig]]
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def forward(self, batch: FeatureBatch) -> Output:  # noqa: D102 - described by the class
        raise TypeError(f"{type(self).__name__} must override forward(batch)")

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """Named loss terms, already weighted; `task` is the one every model has."""
        from demeanor.losses.tasks import task_loss

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
