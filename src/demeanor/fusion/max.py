"""Fusion by the elementwise maximum of the modalities' vectors.

Paper: Baltrušaitis et al. 2019, Multimodal Machine Learning: A Survey and Taxonomy (TPAMI), section 5, for its place.
Idea: project every modality to one width; each feature is taken from the modality that shows it most. A missing
    modality is never taken.
Needs: any number of modalities, as vectors (B, D) or steps (B, T, D).
Differs: a reconstruction, not the bare operator: vectors are projected (ReLU) before it, and a hidden layer follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demeanor.fusion._vectors import VectorConfig, VectorFusion
from demeanor.layers.operators import Max

FAMILY = "operator"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(VectorConfig):
    """See `VectorConfig`."""


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"width": 16, "hidden": 32, "dropout": 0.0}}


class MaxFusion(VectorFusion):
    """Elementwise maximum over the present."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, Max([config.width] * len(config.dims)))


MODEL = MaxFusion
