"""Fusion by gates that decide per feature which modality to believe.

Paper: Arevalo et al. 2017, Gated Multimodal Units for Information Fusion (ICLR workshop).
Idea: project every modality to one width with tanh; gates that see all modalities mix them feature by feature,
    g ⊙ h_1 + (1 - g) ⊙ h_2. A modality alone passes unchanged.
Needs: any number of modalities, as vectors (B, D) or steps (B, T, D).
Differs: a reconstruction: for more than two modalities the gates are a softmax over those present, which for two is the
    paper's sigmoid; the paper's own extension has independent sigmoids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from demeanor.fusion._vectors import VectorConfig, VectorFusion
from demeanor.layers.operators import Gated

FAMILY = "operator"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(VectorConfig):
    """See `VectorConfig`."""


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"width": 16, "hidden": 32, "dropout": 0.0}}


class GatedFusion(VectorFusion):
    """Softmax gates per feature over the present."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, Gated([config.width] * len(config.dims)), nn.Tanh)


MODEL = GatedFusion
