"""Fusion by the mean of the modalities' vectors.

Paper: Baltrušaitis et al. 2019, Multimodal Machine Learning: A Survey and Taxonomy (TPAMI), section 5, for its place.
Idea: project every modality to one width and average those that are present, so the scale does not depend on
    how many there are.
Needs: any number of modalities, as vectors (B, D) or steps (B, T, D).
Differs: a reconstruction, not the bare operator: vectors are projected (ReLU) before it, and a hidden layer follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demeanor.fusion._vectors import VectorConfig, VectorFusion
from demeanor.layers.operators import Mean

FAMILY = "operator"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(VectorConfig):
    """See `VectorConfig`."""


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"width": 16, "hidden": 32, "dropout": 0.0}}


class MeanFusion(VectorFusion):
    """Σ p_m h_m / Σ p_m."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, Mean([config.width] * len(config.dims)))


MODEL = MeanFusion
