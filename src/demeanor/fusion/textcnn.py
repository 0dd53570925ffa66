"""Convolutions over word vectors, the strongest answer of each filter.

Paper: Kim 2014, Convolutional Neural Networks for Sentence Classification (EMNLP).
Idea: filters of several widths slide over the words as detectors of phrases; each reports its strongest answer,
    wherever in the sentence it was; the answers side by side, with dropout, go to the heads.
Needs: token ids, or word features with `vocabulary = 0`.
Differs: windows reach only over real words, so padding changes nothing; the max-norm on the last layer is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import Kind, Model, ModelConfig, words_of
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.words import Words

FAMILY = "unimodal"
MODALITIES = ["text"]
RECONSTRUCTION = False


class Config(ModelConfig):
    """`vocabulary` 0 takes features of width `dim`; `filters` of each of the `widths`."""

    vocabulary: int = 30000
    dim: int = 300
    filters: int = 100
    widths: tuple[int, ...] = (3, 4, 5)
    dropout: float = 0.5
    modality: str = "text"
    tasks: dict[str, int] = Field(default_factory=lambda: {"score": 1})

    def takes(self, modality: str) -> tuple[Kind, ...]:
        """Token ids, or frames."""
        return words_of(self)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "features": {"vocabulary": 0, "dim": 768},
    "tiny": {"vocabulary": 50, "dim": 8, "filters": 12, "dropout": 0.0},
}


class TextCnn(Model):
    """Reads one text modality: ids (B, T) or features (B, T, D)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.words = Words(config.vocabulary, config.dim)
        self.convs = nn.ModuleList(nn.Conv1d(config.dim, config.filters, width) for width in config.widths)
        self.drop = Dropout(config.dropout)
        self.heads = TaskHeads(config.filters * len(config.widths), config.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, from the pooled answers (B, filters · widths)."""
        x, mask = self.words(batch, self.config.modality)
        hidden = torch.cat([strongest(conv, x, mask) for conv in self.convs], 1)
        return Output(self.heads(self.drop(hidden)), hidden)


def strongest(conv: nn.Module, x: Tensor, mask: Tensor) -> Tensor:
    """Max over the windows that lie within the sentence: x (B, T, D), mask (B, T) → (B, filters).

    A sentence shorter than the filter has one window, from its first word over zeros.
    """
    width = conv.kernel_size[0]
    answers = F.relu(conv(F.pad(x, (0, 0, 0, width - 1)).transpose(1, 2)))  # (B, filters, T)
    last = (mask.sum(1, keepdim=True) - width).clamp(min=0)
    within = torch.arange(x.shape[1], device=x.device)[None] <= last
    # After ReLU nothing is below zero, so a window outside may count as zero.
    return (answers * within[:, None].to(answers.dtype)).amax(2)


MODEL = TextCnn
