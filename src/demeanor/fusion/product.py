"""Fusion by the elementwise product of the modalities' vectors.

Paper: Baltrušaitis et al. 2019, Multimodal Machine Learning: A Survey and Taxonomy (TPAMI), section 5, for its place.
Idea: project every modality to one width and multiply: a feature speaks only where all modalities show it. With
    `soften` they multiply 1 + h, so a modality near zero has no say instead of silencing the others.
Needs: any number of modalities, as vectors (B, D) or steps (B, T, D).
Differs: a reconstruction, not the bare operator: vectors are projected (tanh) before it, and a hidden layer follows it.
    A missing modality is the factor 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from demeanor.fusion._vectors import VectorConfig, VectorFusion
from demeanor.layers.operators import Product

FAMILY = "operator"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(VectorConfig):
    """`soften` multiplies 1 + h instead of h."""

    soften: bool = True


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"width": 16, "hidden": 32, "dropout": 0.0}}


class ProductFusion(VectorFusion):
    """⊙ h_m, each between -1 and 1; a missing modality is the factor 1."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, Product([config.width] * len(config.dims), soften=config.soften), nn.Tanh)


MODEL = ProductFusion
