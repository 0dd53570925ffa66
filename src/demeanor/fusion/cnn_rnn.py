"""Convolutions find local patterns in each modality, an LSTM their order, and a common layer joins the modalities.

Paper: Donahue et al. 2015, Long-term Recurrent Convolutional Networks (CVPR), for the idea.
Idea: each modality has convolutions that fit it and keep it a sequence (words in time; log-mel bands pooled in
    frequency only; a picture's places in reading order); an LSTM reads it to its last real step; the states side by
    side go through one layer to the heads. All is trained together.
Needs: per modality its kind: `ids` (those of width 0), `steps` (features, unless named), `bands` (log-mel), `picture`
    (dims names its channels).
Differs: a reconstruction of the field's textbook joint model; it has no single published form.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Kind, Model, PerModality
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.operators import Concat
from demeanor.layers.pooling import steps
from demeanor.layers.recurrent import MaskedLstm
from demeanor.layers.words import Words

FAMILY = "classic"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


_TAKES: Mapping[str, tuple[Kind, ...]] = {
    "": ("ids", "frames"), "ids": ("ids",), "steps": ("frames",), "bands": ("frames",), "picture": ("picture",),
}  # fmt: skip


class Config(FusionConfig):
    """`kinds` per modality: unless named, `ids` where the width is 0, else `steps`.

    `dim` is the width of a word of `ids` of width 0; `pool` time steps become one in `ids` and `steps`.
    """

    kinds: PerModality[Literal["ids", "steps", "bands", "picture"]] = Field(default_factory=dict)
    vocabulary: int = 30000
    dim: int = 128
    filters: int = 64
    pool: int = 1
    width: int = 64
    fused: int = 128
    dropout: float = 0.3

    def takes(self, modality: str) -> tuple[Kind, ...]:
        """As `kinds` says: token ids or frames, where it says nothing."""
        return _TAKES[self.kinds.get(modality, "")]


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "clip": {"kinds": {"text": "ids", "audio": "bands", "visual": "picture"}},
    "tiny": {
        "dims": {"text": 6, "audio": 8, "visual": 3, "sensor": 4},
        "kinds": {"text": "ids", "audio": "bands", "visual": "picture"},
        "vocabulary": 50, "filters": 8, "pool": 2, "width": 12, "fused": 24, "dropout": 0.0,
    },
}  # fmt: skip


class StepsFront(nn.Module):
    """Ids or features → convolution over three steps, ReLU → the strongest of every `pool` steps."""

    def __init__(self, dim: int, config: Config, ids: bool) -> None:
        super().__init__()
        self.pool, self.out = config.pool, config.filters
        self.words = Words(config.vocabulary if ids else 0, dim)
        self.conv = nn.Conv1d(dim, config.filters, 3, padding=1)

    def forward(self, batch: FeatureBatch, modality: str) -> tuple[Tensor, Tensor]:
        """(B, ⌈T / pool⌉, filters) and its mask: a step is real where one of those it was made of is."""
        x, mask = self.words(batch, modality)
        real = mask[:, None].to(x.dtype)
        x = F.relu(self.conv(x.transpose(1, 2))) * real
        if self.pool > 1:
            x, real = (F.max_pool1d(y, self.pool, self.pool, ceil_mode=True) for y in (x, real))
        return x.transpose(1, 2), real[:, 0] > 0


class BandsFront(nn.Module):
    """Log-mel frames (B, T, F) → two 3×3 convolutions, each halving the frequencies and keeping the time."""

    def __init__(self, dim: int, config: Config) -> None:
        super().__init__()
        if dim < 4:
            raise ConfigError(f"bands: expected at least 4 frequencies, got {dim}; take kind steps")
        half = max(1, config.filters // 2)
        self.convs = nn.ModuleList([nn.Conv2d(1, half, 3, padding=1), nn.Conv2d(half, config.filters, 3, padding=1)])
        self.out = config.filters * (dim // 4)

    def forward(self, batch: FeatureBatch, modality: str) -> tuple[Tensor, Tensor]:
        """(B, T, filters · ⌊F / 4⌋) and the mask as it came."""
        x, mask = steps(batch, modality)
        real = mask[:, None, :, None].to(x.dtype)
        x = x[:, None]
        for conv in self.convs:
            x = F.max_pool2d(F.relu(conv(x)) * real, (1, 2))
        return x.transpose(1, 2).flatten(2), mask


class PictureFront(nn.Module):
    """Picture (B, C, H, W) → three convolutions, each halving the side → its places, row by row."""

    def __init__(self, channels: int, config: Config) -> None:
        super().__init__()
        sizes = [channels, max(1, config.filters // 2), config.filters, 2 * config.filters]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sizes))
        self.out = sizes[-1]

    def forward(self, batch: FeatureBatch, modality: str) -> tuple[Tensor, Tensor]:
        """(B, H/8 · W/8, 2 · filters) and the mask: all real, or none where the picture is missing."""
        x = batch.values[modality].float()
        for conv in self.convs:
            x = F.max_pool2d(F.relu(conv(x)), 2)
        x = x.flatten(2).transpose(1, 2)
        return x, batch.present[modality][:, None].expand(-1, x.shape[1])


class CnnRnn(Model):
    """Reads any number of modalities, each of its kind."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.fronts = nn.ModuleDict({m: front(config, m, dim) for m, dim in config.dims.items()})
        self.lstms = nn.ModuleDict({m: MaskedLstm(f.out, config.width) for m, f in self.fronts.items()})
        self.join = Concat([config.width] * len(config.dims))
        self.dense = nn.Sequential(nn.Linear(self.join.out, config.fused), nn.ReLU(), Dropout(config.dropout))
        self.heads = TaskHeads(config.fused, config.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, from the common layer (B, fused)."""
        vectors, present = [], []
        for name, extract in self.fronts.items():
            x, mask = extract(batch, name)
            vectors.append(self.lstms[name](x, mask)[1])
            present.append(mask.any(1))
        hidden = self.dense(self.join(vectors, torch.stack(present, 1)))
        return Output(self.heads(hidden), hidden)


def front(config: Config, modality: str, dim: int) -> nn.Module:
    """The convolutions for a modality of its kind."""
    kind = config.kinds.get(modality, "steps" if dim else "ids")
    if not dim and kind != "ids":
        raise ConfigError(f"kinds: expected '{modality}' as ids, for it has no width, got {kind}; leave its kind out")
    if kind == "picture":
        return PictureFront(dim, config)
    return BandsFront(dim, config) if kind == "bands" else StepsFront(dim or config.dim, config, kind == "ids")


MODEL = CnnRnn
