"""A Vision Transformer over pictures or spectrograms, heads on its summary token.

Paper: Dosovitskiy et al. 2021, An Image is Worth 16x16 Words (ICLR).
Idea: cut the picture into patches, project each to a token, put a summary token before them and add learned positions;
    pre-norm Transformer blocks let every patch see every other; the summary token, normalised, goes to the heads.
Needs: pictures; other sizes than `side` have the positions interpolated.
Differs: small by default (ViT-Tiny, six layers), to be trained from scratch; `base` has the published sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from torch import nn

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import Kind, Model, ModelConfig
from demeanor.layers.heads import TaskHeads
from demeanor.layers.vision_transformer import VisionTransformer

FAMILY = "unimodal"
MODALITIES = ["visual"]
RECONSTRUCTION = False


class Config(ModelConfig):
    """Pictures of `side` pixels in patches of `patch`; `layer_decay` lowers the rate of blocks further down."""

    channels: int = 3
    side: int = 224
    patch: int = 16
    dim: int = 192
    layers: int = 6
    heads: int = 3
    dropout: float = 0.0
    drop_path: float = Field(default=0.1, ge=0, lt=1)
    layer_decay: float = 1.0
    modality: str = "visual"
    tasks: dict[str, int] = Field(default_factory=lambda: {"score": 1})

    def takes(self, modality: str) -> tuple[Kind, ...]:
        """Pictures."""
        return ("picture",)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "base": {"dim": 768, "layers": 12, "heads": 12, "layer_decay": 0.75},
    "face": {"channels": 1, "side": 48, "patch": 6},
    "tiny": {"side": 16, "patch": 4, "dim": 16, "layers": 2, "heads": 2, "drop_path": 0.0},
}


class Vit(Model):
    """Reads one picture modality (B, C, H, W)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = self.config = config
        self.network = VisionTransformer(c.channels, c.side, c.patch, c.dim, c.layers, c.heads, c.dropout, c.drop_path)
        self.heads = TaskHeads(c.dim, c.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks; `extra["tokens"]` (B, 1 + N, D) serves as a visual sequence."""
        tokens = self.network(batch.values[self.config.modality])
        return Output(self.heads(tokens[:, 0]), tokens[:, 0], {"tokens": tokens})

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Rates fall by `layer_decay` per block towards the patches; biases, norms and positions do not decay."""
        net, depth = self.network, len(self.network.blocks)
        parts: list[tuple[list[nn.Parameter], int]] = [([*self.heads.parameters(), *net.norm.parameters()], 0)]
        parts += [(list(block.parameters()), depth - i) for i, block in enumerate(net.blocks)]
        parts.append(([*net.embed.parameters(), net.summary, net.positions], depth + 1))
        groups = []
        for params, below in parts:
            for wide, decay in ((True, weight_decay), (False, 0.0)):
                some = [p for p in params if (p.ndim == 2) == wide]
                rate = learning_rate * self.config.layer_decay**below
                groups.append({"params": some, "lr": rate, "weight_decay": decay})
        return groups


MODEL = Vit
