"""ResNet-18 over pictures, heads on its pooled features.

Paper: He et al. 2016, Deep Residual Learning for Image Recognition (CVPR).
Idea: blocks learn what to add to their input, so depth does no harm; four stages halve the side and double the width;
    the mean over the last map, 512 numbers, is the picture's feature (never the 1000 class scores).
Needs: pictures of at least 32 pixels a side; `training.init_from` takes torchvision's weights.
Differs: heads, behind dropout, in place of the class layer; the network learns at a tenth of their rate
    (`backbone_rate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from torch import Tensor

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import Kind, Model, ModelConfig
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.resnet18 import ResNet18, from_torchvision

FAMILY = "unimodal"
MODALITIES = ["visual"]
RECONSTRUCTION = False


class Config(ModelConfig):
    """`width` of the first stage, 64 as published.

    `backbone_rate` is the network's share of the learning rate, for one that starts from ImageNet's weights
    (`training.init_from`): without them take preset `scratch`.
    """

    channels: int = 3
    width: int = 64
    dropout: float = 0.2
    backbone_rate: float = 0.1
    modality: str = "visual"
    tasks: dict[str, int] = Field(default_factory=lambda: {"score": 1})

    def takes(self, modality: str) -> tuple[Kind, ...]:
        """Pictures."""
        return ("picture",)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "scratch": {"backbone_rate": 1.0},
    "tiny": {"width": 8, "dropout": 0.0, "backbone_rate": 1.0},
}


class ResNetModel(Model):
    """Reads one picture modality (B, C, H, W)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.network = ResNet18(config.channels, config.width)
        self.drop = Dropout(config.dropout)
        self.heads = TaskHeads(self.network.out, config.tasks)

    def renamed(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Torchvision's ResNet-18, without its class layer."""
        return from_torchvision(state, "network.")

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, from the pooled features (B, 512)."""
        hidden = self.network(batch.values[self.config.modality])
        return Output(self.heads(self.drop(hidden)), hidden)

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """The network learns more slowly than the new heads."""
        groups = []
        for module, share in ((self.network, self.config.backbone_rate), (self.heads, 1.0)):
            for wide, decay in ((True, weight_decay), (False, 0.0)):
                params = [p for p in module.parameters() if (p.ndim > 1) == wide]
                groups.append({"params": params, "lr": learning_rate * share, "weight_decay": decay})
        return groups


MODEL = ResNetModel
