"""What a model of the lab gets and gives: tensors per named modality.

Importing this module imports torch; only the lab does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

CONTEXT = "_context"
"""NAME + CONTEXT is a modality that holds what came before a sample in NAME (`features.before`)."""


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
        return len(next(iter(self.values.values())))

    def mask(self, modality: str) -> Tensor:
        """(B, T) bool: the steps that are real; none of a sample that lacks the modality."""
        values, valid = self.values[modality], self.valid[modality]
        steps = values.new_ones(values.shape[:2], dtype=torch.bool) if valid is None else valid
        return steps & self.present[modality][:, None]

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
