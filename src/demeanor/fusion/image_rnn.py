"""An LSTM that reads a picture row by row, or patch by patch.

Paper: Visin et al. 2015, ReNet: A Recurrent Neural Network Based Alternative to Convolutional Networks, for the idea.
Idea: a picture is a sequence of its rows from the top (or of square patches in reading order), losslessly reshaped;
    each step is narrowed and read by an LSTM in both directions; the maximum of its states stands for the picture.
Needs: pictures of any size, scaled to `side`.
Differs: a reconstruction: one sweep and a maximum over steps instead of ReNet's stacked sweeps in four directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import Kind, Model, ModelConfig
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.patches import patches_of, rows_of
from demeanor.layers.recurrent import MaskedLstm

FAMILY = "unimodal"
MODALITIES = ["visual"]
RECONSTRUCTION = True


class Config(ModelConfig):
    """`order` of reading; pictures are scaled to `side` × `side`; `patch` pixels a side, for patches."""

    channels: int = 3
    side: int = 64
    order: Literal["rows", "patches"] = "rows"
    patch: int = 8
    width: int = 128
    bidirectional: bool = True
    dropout: float = 0.3
    modality: str = "visual"
    tasks: dict[str, int] = Field(default_factory=lambda: {"score": 1})

    def takes(self, modality: str) -> tuple[Kind, ...]:
        """Pictures."""
        return ("picture",)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "patches": {"order": "patches"},
    "tiny": {"side": 16, "width": 16, "dropout": 0.0},
}


class ImageRnn(Model):
    """Reads one picture modality (B, C, H, W)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        if config.order == "patches" and config.side % config.patch:
            raise ConfigError(f"expected a side that patches of {config.patch} divide, got {config.side}")
        step = config.channels * (config.side if config.order == "rows" else config.patch**2)
        self.narrow = nn.Linear(step, config.width)
        self.lstm = MaskedLstm(config.width, config.width, 1, config.bidirectional)
        self.drop = Dropout(config.dropout)
        self.heads = TaskHeads(config.width * (1 + config.bidirectional), config.tasks)

    def sequence(self, pictures: Tensor) -> Tensor:
        """Pictures (B, C, H, W), scaled to `side` → steps (B, T, D); nothing is lost once they have that size."""
        c = self.config
        scaled = F.interpolate(pictures.float(), size=(c.side, c.side), mode="bilinear", align_corners=False)
        return rows_of(scaled) if c.order == "rows" else patches_of(scaled, c.patch)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, from the maximum of the states over the steps."""
        x = F.relu(self.narrow(self.sequence(batch.values[self.config.modality])))
        states, _ = self.lstm(x, torch.ones(x.shape[:2], dtype=torch.bool, device=x.device))
        hidden = states.amax(1)
        return Output(self.heads(self.drop(hidden)), hidden)


MODEL = ImageRnn
