"""Convolutions over audio frames with attentive statistics pooling.

Paper: Okabe et al. 2018 (attentive statistics pooling); the frames are log-mel bands or a speech encoder's states.
Idea: normalise frames → narrow → two residual convolutions in time → weighted mean and spread over real frames → heads.
    A linear member beside them reads plain mean and spread of the frames: members that differ help more than twins do.
Needs: frames (B, T, D), and which of them are real. It predicts the reader's three tasks.
Differs: the paper pools a time-delay network to recognise speakers, with one weight per frame; here each feature has
    weights of its own. The intensity is not learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import Model, ModelConfig
from demeanor.layers.dropout import Dropout, dropout
from demeanor.layers.heads import ReadingHeads
from demeanor.layers.transformer import masked_mean
from demeanor.losses.tasks import task_loss

FAMILY = "unimodal"
MODALITIES = ["audio"]
RECONSTRUCTION = False
TASKS = {"polarity": 3, "emotions": 7}
"""What it predicts, and nothing else; of the score it learns nothing."""

MOMENTUM = 0.02
"""Of the running mean and spread that the linear member is standardised by."""


class Config(ModelConfig):
    """`dim` is the width of a frame; `kernel` is odd.

    `members` networks, and `linear` ones, are trained side by side and averaged.
    """

    dim: int = 512
    width: int = 128
    kernel: int = 5
    blocks: int = 2
    dropout: float = 0.4
    input_dropout: float = 0.2
    smoothing: float = 0.1
    members: int = 1
    linear: int = 0
    linear_dropout: float = 0.5
    modality: str = "audio"


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "logmel": {"dim": 40, "blocks": 4, "width": 96, "input_dropout": 0.0},
    "tiny": {"dim": 12, "width": 16, "dropout": 0.0, "input_dropout": 0.0, "members": 2, "linear": 1},
}


class Member(nn.Module):
    """One network: frames (B, T, D), valid (B, T) → hidden (B, 2 · width)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        if config.kernel % 2 == 0:
            raise ConfigError(f"kernel: expected an odd number of frames, got {config.kernel}; take one more or less")
        self.norm = nn.LayerNorm(config.dim)
        self.narrow = nn.Linear(config.dim, config.width)
        pad = config.kernel // 2
        self.convs = nn.ModuleList(
            nn.Conv1d(config.width, config.width, config.kernel, padding=pad) for _ in range(config.blocks)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(config.blocks))
        self.attend = nn.Sequential(nn.Linear(config.width, 64), nn.Tanh(), nn.Linear(64, config.width))
        self.heads = ReadingHeads(2 * config.width)

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Hidden vector and the three tasks."""
        c = self.config
        x = dropout(self.norm(x), c.input_dropout, self.training)
        x = F.gelu(self.narrow(x))
        real = valid[..., None].to(x.dtype)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            y = conv((x * real).transpose(1, 2)).transpose(1, 2)
            x = x + dropout(F.gelu(norm(y)), c.dropout / 2, self.training)
        weight = self.attend(x).float().masked_fill(~valid[..., None], -1e4).softmax(1)
        mean = (weight * x).sum(1)
        spread = ((weight * (x - mean[:, None]) ** 2).sum(1) + 1e-5).sqrt()
        hidden = torch.cat([mean, spread], 1)
        return hidden, self.heads(dropout(hidden, c.dropout, self.training))


class Linear(nn.Module):
    """Mean and spread of the frames, standardised, and nothing but heads on them; hidden (B, 2 · dim)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2 * config.dim, affine=False, momentum=MOMENTUM)
        self.drop = Dropout(config.linear_dropout)
        self.heads = ReadingHeads(2 * config.dim)

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Hidden vector and the three tasks."""
        mean = masked_mean(x, valid)
        spread = (masked_mean((x - mean[:, None]) ** 2, valid) + 1e-5).sqrt()
        both = torch.cat([mean, spread], 1).float()
        # One row has no spread to be standardised by: it is seen as in use.
        learning = self.training and len(both) > 1
        hidden = F.batch_norm(both, self.norm.running_mean, self.norm.running_var, None, None, learning, MOMENTUM)
        return hidden, self.heads(self.drop(hidden))


class AudioCnn(Model):
    """Reads modality `audio`: frames (B, T, D) with valid (B, T); raw numbers are the mean over the members."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        members: list[nn.Module] = [Member(config) for _ in range(config.members)]
        self.members = nn.ModuleList(members + [Linear(config) for _ in range(config.linear)])

    def forward(self, batch: FeatureBatch) -> Output:
        """Tasks `polarity` (B, 3), `emotions` (B, 7), `score` (B,); `extra["each"]` holds the members' own."""
        valid = batch.valid[self.config.modality]
        assert valid is not None
        found = [member(batch.values[self.config.modality].float(), valid) for member in self.members]
        tasks = {t: torch.stack([tasks[t] for _, tasks in found]).mean(0) for t in found[0][1]}
        return Output(tasks, torch.cat([hidden for hidden, _ in found], 1), {"each": [tasks for _, tasks in found]})

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """Each member learns by itself; emotions lead, polarity (derived from them) counts a third."""
        weights = {"polarity": 1 / 3, "score": 0.0}
        each = [task_loss(tasks, batch.labels, weights, self.config.smoothing) for tasks in output.extra["each"]]
        return {"task": torch.stack(each).sum()}


MODEL = AudioCnn
