"""Late fusion by the product of the modalities' probabilities: a product of experts.

Paper: Kittler et al. 1998, On Combining Classifiers (TPAMI), the product rule; Hinton 2002, products of experts.
Idea: one predictor per modality, trained by itself; a class is likely only where all find it so,
    softmax(Σ_m log p_m), so a modality that excludes a class has a veto.
Needs: any number of modalities; those that are missing are left out of the product.
Differs: a reconstruction: numbers are experts of equal precision, Gaussians whose product has its centre at their mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from demeanor.fusion._late import LateConfig, LateFusion, mean_of

FAMILY = "late"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(LateConfig):
    """See `LateConfig`."""


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"hidden": 48, "dropout": 0.0}}


class LateProduct(LateFusion):
    """Product of probabilities, mean of numbers."""

    def join(self, task: str, said: Tensor, present: Tensor) -> Tensor:
        """Σ_m log p_m over those present; its softmax is the normalised product."""
        there = present.to(said.dtype)
        if said.ndim == 2:
            return mean_of(said, there)
        return (said.log_softmax(2) * there[..., None]).sum(1)


MODEL = LateProduct
