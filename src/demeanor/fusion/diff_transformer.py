"""Differential Transformer over all modalities as one sequence, each with a weight: a reconstruction.

Paper: Ye et al. 2025, Differential Transformer, ICLR (arXiv 2410.05258); its use for sentiment is this project's.
Idea: a summary token and the steps of every modality form one sequence; blocks of differential attention read it.
    Each attention is the difference of two softmax maps, so what both look at (noise) cancels.
    A weight per modality, its log added to the scores of its keys, says how much it may be heard: 0 removes it.
Needs: nothing aligned; any modalities, any lengths.
Differs: the paper's is a causal language model with rotary positions; this one is bidirectional with key masks and
    sinusoidal positions. No scores exist for sentiment; `kind = "plain"` is the same model with ordinary attention of
    twice the heads and as many weights, to compare with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from torch import nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.differential import DifferentialBlock, Kind, RmsNorm
from demeanor.layers.dropout import dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.joint_sequence import JointSequence
from demeanor.layers.operators import Weighting

FAMILY = "transformer"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(FusionConfig):
    """Sizes and weighting.

    Attributes:
        heads: differential heads, each as wide as two plain ones.
        kind: `differential`, `differential_v2`, or `plain`.
        weighting: `fixed` weights (`weights`), `learned` ones, or `dynamic` ones that each sample chooses.
        weights: modality → weight for `fixed`; 1 unless named, 0 removes the modality exactly.
    """

    width: int = 128
    layers: int = 4
    heads: int = 4
    dropout: float = 0.1
    kind: Kind = "differential"
    weighting: Weighting = "fixed"
    weights: dict[str, float] = Field(default_factory=dict)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"width": 16, "layers": 2, "heads": 2, "dropout": 0.0, "weighting": "dynamic"},
    "v2": {"kind": "differential_v2"},
    "plain": {"kind": "plain"},
}


class DiffTransformer(Model):
    """Reads any number of sequences (B, T, D)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.sequence = JointSequence(config.dims, config.width, config.dropout, config.weighting, config.weights)
        self.blocks = nn.ModuleList(
            DifferentialBlock(config.width, config.heads, config.dropout, config.kind) for _ in range(config.layers)
        )
        self.norm = RmsNorm(config.width)
        self.hidden = nn.Linear(config.width, config.width)
        self.heads = TaskHeads(config.width, config.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, read off the summary token."""
        x, bias = self.sequence(batch)
        for depth, block in enumerate(self.blocks, 1):
            x = block(x, bias, depth)
        hidden = F.gelu(self.hidden(self.norm(x[:, 0])))
        return Output(self.heads(dropout(hidden, self.config.dropout, self.training)), hidden)


MODEL = DiffTransformer
