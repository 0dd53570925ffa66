"""Pairwise cross-attention, fused (MCIM), frames weighed (DFIM), then a classifier: a reconstruction from a sketch.

Paper: blocks after Li et al. 2024, AAAI 38(9), doi 10.1609/aaai.v38i9.28871; this arrangement is from reading notes.
Idea: every modality attends to every other one (attention and norm), what it hears is fused and fed forward.
    The modalities' frames are joined, DFIM enhances those that matter, and their mean is read.
    It is UMDF without the coarse step, without an encoder and without distillation: what those add can be measured.
Needs: nothing aligned; two or more modalities.
Differs: the sketch names blocks, not equations, so those are reconstructed and no scores are quoted. Missing modalities
    are masked and marked by a learned vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.dropout import dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.interaction import Dfim, Frames, Fuse
from demeanor.layers.masked_attention import MaskedAttention

FAMILY = "missing modalities"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(FusionConfig):
    """`frames` is the number to which every modality is pooled."""

    width: int = 64
    frames: int = 50
    heads: int = 4
    dropout: float = 0.1


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"width": 16, "frames": 4, "heads": 2, "dropout": 0.0}}


class CrossAttention(nn.Module):
    """`norm(x + attention(x, source))`: (B, L, D) → (B, L, D)."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.attention = MaskedAttention(dim, heads)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """Source (B, S, D) with its real steps (B, S)."""
        return self.norm(x + dropout(self.attention(x, source, source, mask), self.dropout, self.training))


class McimDfim(Model):
    """Reads any number of sequences (B, T, D), two or more."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        count, width = len(config.dims), config.width
        self.frames = Frames(config.dims, width, config.frames)
        self.pairs = nn.ModuleDict(
            {
                f"{m}_{k}": CrossAttention(width, config.heads, config.dropout)
                for m in config.dims
                for k in config.dims
                if k != m
            }
        )
        self.fuse = nn.ModuleDict({m: Fuse(count - 1, width) for m in config.dims})
        self.join = nn.Linear(count * width, width)
        self.integrate = Dfim(width)
        self.heads = TaskHeads(width, config.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, read off the mean of the integrated frames."""
        names = self.frames.names
        heard = self.frames.hear(*self.frames.read(batch))
        fused = []
        for n, m in enumerate(names):
            x = heard.queries[n]
            parts = [self.pairs[f"{m}_{k}"](x, heard.keys[j], heard.masks[j]) for j, k in enumerate(names) if k != m]
            fused.append(self.fuse[m](x, parts))
        hidden = self.integrate(self.join(torch.cat(fused, 2))).mean(1)
        return Output(self.heads(dropout(hidden, self.config.dropout, self.training)), hidden)


MODEL = McimDfim
