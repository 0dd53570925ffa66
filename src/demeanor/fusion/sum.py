"""Fusion by the sum of the modalities' vectors.

Paper: Baltrušaitis et al. 2019, Multimodal Machine Learning: A Survey and Taxonomy (TPAMI), section 5, for its place.
Idea: project every modality to one width and add; what two modalities agree on adds up, what they contradict cancels.
    A missing modality adds nothing.
Needs: any number of modalities, as vectors (B, D) or steps (B, T, D).
Differs: a reconstruction, not the bare operator: vectors are projected (ReLU) before it, and a hidden layer follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demeanor.fusion._vectors import VectorConfig, VectorFusion
from demeanor.layers.operators import Sum

FAMILY = "operator"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(VectorConfig):
    """See `VectorConfig`."""


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"width": 16, "hidden": 32, "dropout": 0.0}}


class SumFusion(VectorFusion):
    """Σ p_m h_m."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, Sum([config.width] * len(config.dims)))


MODEL = SumFusion
