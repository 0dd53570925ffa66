"""Residual convolutional network over small grey pictures (faces of 48×48).

Paper: He et al. 2016 (residual learning), with the small stem usual for small pictures.
Idea: two-convolution stem → residual stages that halve the side and double the width → mean over the map → three heads.
Needs: small pictures (B, C, H, W). It predicts the reader's three tasks.
Differs: two 3×3 convolutions in place of the 7×7 one and the max-pool, for pictures this small; fewer blocks. The
    intensity is not learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import Kind, Model, ModelConfig
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import ReadingHeads
from demeanor.layers.norms import PictureBatchNorm
from demeanor.losses.tasks import task_loss

FAMILY = "unimodal"
MODALITIES = ["visual"]
RECONSTRUCTION = False
TASKS = {"polarity": 3, "emotions": 7}
"""What it predicts, and nothing else; of the score it learns nothing."""


class Config(ModelConfig):
    """`width` of the first stage; `depths` residual blocks per stage."""

    channels: int = 1
    width: int = 64
    depths: tuple[int, ...] = (0, 2, 2, 1)
    dropout: float = 0.3
    smoothing: float = 0.1
    modality: str = "visual"

    def takes(self, modality: str) -> tuple[Kind, ...]:
        """Pictures."""
        return ("picture",)


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"width": 8, "depths": (1, 1), "dropout": 0.0}}


class Residual(nn.Module):
    """Two 3×3 convolutions and a shortcut: (B, C, H, W) → (B, C', H/s, W/s)."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.norm1 = PictureBatchNorm(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = PictureBatchNorm(out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != out:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), PictureBatchNorm(out))

    def forward(self, x: Tensor) -> Tensor:
        """One block."""
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ImageCnn(Model):
    """Reads one picture modality (B, C, H, W)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        width = config.width
        layers: list[nn.Module] = [
            nn.Conv2d(config.channels, width // 2, 3, 1, 1, bias=False),
            PictureBatchNorm(width // 2),
            nn.ReLU(),
            nn.Conv2d(width // 2, width, 3, 2, 1, bias=False),
            PictureBatchNorm(width),
            nn.ReLU(),
        ]
        for stage, depth in enumerate(config.depths):
            out = config.width * 2**stage
            for block in range(depth):
                layers.append(Residual(width, out, 2 if block == 0 and stage else 1))
                width = out
        self.features = nn.Sequential(*layers)
        self.drop = Dropout(config.dropout)
        self.heads = ReadingHeads(width)

    def forward(self, batch: FeatureBatch) -> Output:
        """Tasks `polarity` (B, 3), `emotions` (B, 7), `score` (B,)."""
        hidden = self.features(batch.values[self.config.modality]).mean((2, 3))
        return Output(self.heads(self.drop(hidden)), hidden)

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """Emotions lead; polarity, derived from them, counts a third."""
        weights = {"polarity": 1 / 3, "score": 0.0}
        return {"task": task_loss(output.tasks, batch.labels, weights, self.config.smoothing)}


MODEL = ImageCnn
