"""Late fusion by the mean of what the modalities say, plain or weighted.

Paper: Kittler et al. 1998, On Combining Classifiers (TPAMI), the sum rule.
Idea: one predictor per modality, trained by itself; numbers are averaged, classes by averaging probabilities (not
    logits). Weights let the better modality count more: those of `weights`; a program may set the inverse of each one's
    validation error (`weigh_by_error`), which no command does.
Needs: any number of modalities; those that are missing are left out of the mean.
Differs: a reconstruction: the rule for equal priors (the paper's has a term of them); numbers are averaged too, not
    classes alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from demeanor.fusion._late import LateConfig, LateFusion, log_of, mean_of
from demeanor.layers.operators import refuse_weights

FAMILY = "late"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(LateConfig):
    """`weights` per modality, 1 unless named; they count in proportion."""

    weights: dict[str, float] = Field(default_factory=dict)


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"hidden": 48, "dropout": 0.0}}


class LateMean(LateFusion):
    """(Weighted) mean of numbers and of probabilities."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        refuse_weights(config.weights, config.dims)
        given = [config.weights.get(m, 1.0) for m in config.dims]
        self.register_buffer("weights", torch.tensor(given, dtype=torch.float32))

    def weigh_by_error(self, errors: Mapping[str, float]) -> None:
        """Set the weights to 1 / error.

        Args:
            errors: modality → its predictor's mean squared error (or other loss) on validation, never on training data.
        """
        self.weights.copy_(torch.tensor([1 / max(errors[m], 1e-12) for m in self.config.dims]))

    def join(self, task: str, said: Tensor, present: Tensor) -> Tensor:
        """Σ w p / Σ w over those present."""
        weights = self.weights * present.to(said.dtype)
        return mean_of(said, weights) if said.ndim == 2 else log_of(mean_of(said.softmax(2), weights))


MODEL = LateMean
