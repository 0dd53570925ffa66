"""Fusion by a weighted mean of the modalities' vectors: fixed, learned or dynamic weights.

Paper: Baltrušaitis et al. 2019, Multimodal Machine Learning: A Survey and Taxonomy (TPAMI), section 5, for its place.
Idea: project every modality to one width and average with weights that sum to 1 over those present: given ones,
    learned ones that hold for the whole corpus, or ones that a small network finds for each sample.
Needs: any number of modalities, as vectors (B, D) or steps (B, T, D).
Differs: a reconstruction, not the bare operator: vectors are projected (ReLU) before it, and a hidden layer follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from demeanor.fusion._vectors import VectorConfig, VectorFusion
from demeanor.layers.operators import Weighted, Weighting, refuse_weights

FAMILY = "operator"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(VectorConfig):
    """`mode` of weighting; `weights` per modality, for `fixed` (1 unless named)."""

    mode: Weighting = "dynamic"
    weights: dict[str, float] = Field(default_factory=dict)


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"width": 16, "hidden": 32, "dropout": 0.0}}


class WeightedFusion(VectorFusion):
    """Σ w_m h_m; a weight says how far its modality is believed."""

    def __init__(self, config: Config) -> None:
        refuse_weights(config.weights, config.dims, config.mode)
        given = [config.weights.get(m, 1.0) for m in config.dims]
        super().__init__(config, Weighted([config.width] * len(config.dims), config.mode, given))


MODEL = WeightedFusion
