"""Contextual LSTM: an utterance is read in the light of the others of its video or dialogue.

Paper: Poria et al. 2017, Context-Dependent Sentiment Analysis in User-Generated Videos (ACL), the hierarchical bc-LSTM.
Idea: per modality an LSTM in both directions runs over a video's utterances, so each one's features know its
    neighbours (level 1); these features side by side go through a second such LSTM (level 2), read at the utterance
    that is asked for.
Needs: (B, utterances, D), the last number of each being 1 for the utterance asked for and 0 for the others.
Differs: both levels are trained together, with each modality's own loss at `own` weight, where the paper trains them
    one after the other; one utterance is read per sample, so that any loader and metric of the lab fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._late import where
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.align import side_by_side
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.pooling import presence, steps
from demeanor.layers.recurrent import MaskedLstm
from demeanor.losses.tasks import task_loss

FAMILY = "classic"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = False
NEEDS_CONTEXT = True
"""The last number of a step is the mark that `features.context` puts there."""


class Config(FusionConfig):
    """`dims` count the mark; `width` of a direction and of the layer after; `own` weighs each modality's own loss."""

    width: int = 100
    bidirectional: bool = True
    dropout: float = 0.5
    own: float = 0.3


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "mosi": {"width": 300},
    "tiny": {"width": 12, "dropout": 0.0},
}


class Level(nn.Module):
    """LSTM over utterances → dropout → linear, tanh: (B, T, D) → (B, T, W)."""

    def __init__(self, dim: int, config: Config) -> None:
        super().__init__()
        self.lstm = MaskedLstm(dim, config.width, 1, config.bidirectional)
        wide = config.width * (1 + config.bidirectional)
        self.dense = nn.Sequential(Dropout(config.dropout), nn.Linear(wide, config.width), nn.Tanh())

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D), mask (B, T) → (B, T, W), zeros where padded."""
        found: Tensor = self.dense(self.lstm(x, mask)[0]) * mask[..., None].to(x.dtype)
        return found


def at_mark(states: Tensor, mark: Tensor, mask: Tensor) -> Tensor:
    """The state of the real step with the highest mark: (B, T, W), (B, T), (B, T) → (B, W)."""
    step = mark.masked_fill(~mask, -1e4).argmax(1)
    return states.gather(1, step[:, None, None].expand(-1, 1, states.shape[2]))[:, 0]


class ContextLstm(Model):
    """Reads any number of modalities of utterances, the last number of each step being the mark."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        narrow = {m: dim for m, dim in config.dims.items() if dim < 2}
        if narrow:
            raise ConfigError(f"expected features and, as the last number, the mark: at least 2 numbers, got {narrow}")
        self.drop = Dropout(config.dropout)
        self.levels = nn.ModuleDict({m: Level(dim - 1, config) for m, dim in config.dims.items()})
        self.own = nn.ModuleDict({m: TaskHeads(config.width, config.tasks) for m in config.dims if config.own})
        self.top = Level(config.width * len(config.dims), config)
        self.heads = TaskHeads(config.width, config.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks of the marked utterance; `extra["each"]` holds each modality's own."""
        parts, each = [], {}
        for name, level in self.levels.items():
            x, mask = steps(batch, name)
            mark, states = x[..., -1], level(x[..., :-1], mask)
            parts.append((torch.cat([states, mark[..., None]], 2), mask))
            if name in self.own:
                each[name] = self.own[name](at_mark(states, mark, mask))
        joined, mask = side_by_side(parts)
        each_again = joined.split(self.config.width + 1, 2)
        states = self.top(self.drop(torch.cat([x[..., :-1] for x in each_again], 2)), mask)
        hidden = at_mark(states, torch.stack([x[..., -1] for x in each_again]).sum(0), mask)
        return Output(self.heads(hidden), hidden, {"each": each})

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The task, and each modality's own reading of it where the sample has that modality."""
        terms = super().loss(output, batch)
        if self.config.own:
            each, present = output.extra["each"], presence(batch, self.levels)
            own = [task_loss(said, where(batch.labels, present[:, i])) for i, said in enumerate(each.values())]
            terms["own"] = self.config.own * torch.stack(own).mean()
        return terms


MODEL = ContextLstm
