"""Transformer text encoder with three heads: polarity, emotions, intensity.

Paper: Devlin et al. 2019 (BERT); starts from multilingual-e5-small (Wang et al. 2024).
Idea: token ids → frozen word vectors + positions → post-norm encoder → mean over real tokens → one linear head a task.
    The word vectors stay as they are so that languages without labels keep their place beside those with.
Needs: token ids of the tokenizer that the word vectors belong to; the first `positions` of them are read.
Differs: the mean over tokens is read, not the first token; there are no vectors of segments. What is labelled with a
    polarity only still teaches the score its side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import Kind, Model, ModelConfig
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import READING, ReadingHeads
from demeanor.layers.transformer import EncoderLayer, additive_mask, masked_mean
from demeanor.losses.tasks import sign_hinge, task_loss

FAMILY = "unimodal"
MODALITIES = ["text"]
RECONSTRUCTION = False
TASKS = READING
"""What it predicts, and nothing else."""


class Config(ModelConfig):
    """Sizes are those of the start weights; `layer_decay` lowers the rate of deep-down layers."""

    modality: str = "text"
    vocabulary: int = 1000
    dim: int = 384
    heads: int = 12
    inner: int = 1536
    layers: int = 12
    positions: int = 512
    dropout: float = 0.1
    layer_decay: float = 0.9
    head_rate: float = 5.0
    score_weight: float = 3.0
    smoothing: float = 0.03
    train_words: bool = False

    def takes(self, modality: str) -> tuple[Kind, ...]:
        """Token ids."""
        return ("ids",)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"vocabulary": 50, "dim": 32, "heads": 4, "inner": 64, "layers": 2, "positions": 32, "dropout": 0.0}
}


class TextTransformer(Model):
    """Reads one text modality: token ids (B, T) with valid (B, T)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocabulary, config.dim)
        self.words.weight.requires_grad_(config.train_words)
        self.positions = nn.Parameter(torch.zeros(config.positions, config.dim))
        self.norm = nn.LayerNorm(config.dim, eps=1e-12)
        self.layers = nn.ModuleList(
            EncoderLayer(config.dim, config.heads, config.inner, config.dropout) for _ in range(config.layers)
        )
        self.drop = Dropout(config.dropout)
        self.heads = ReadingHeads(config.dim)

    def encode(self, vectors: Tensor, valid: Tensor) -> Tensor:
        """Word vectors (B, T, D) → hidden vector (B, D); what goes beyond `positions` is cut."""
        vectors, valid = (x[:, : self.config.positions] for x in (vectors, valid))
        x = self.drop(self.norm(vectors + self.positions[: vectors.shape[1]]))
        mask = additive_mask(valid)
        for layer in self.layers:
            x = layer(x, mask)
        return masked_mean(x, valid)

    def forward(self, batch: FeatureBatch) -> Output:
        """Tasks `polarity` (B, 3), `emotions` (B, 7), `score` (B,)."""
        modality = self.config.modality
        valid = batch.valid[modality]
        assert valid is not None
        hidden = self.encode(self.words(batch.values[modality]), valid)
        return Output(self.heads(self.drop(hidden)), hidden)

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The three tasks, and the side of the score where only a polarity is labelled."""
        weights = {"score": self.config.score_weight}
        terms = {"task": task_loss(output.tasks, batch.labels, weights, self.config.smoothing)}
        if {"polarity", "score"} <= batch.labels.keys():
            sided = sign_hinge(output.tasks["score"], batch.labels["polarity"], batch.labels["score"])
            terms["side"] = 0.5 * sided
        return terms

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Rates fall by `layer_decay` per layer towards the words; new heads learn `head_rate` times faster."""
        depth = len(self.layers)
        parts: list[tuple[nn.Module, float]] = [(self.heads, self.config.head_rate), (self.norm, 1.0)]
        parts += [(layer, self.config.layer_decay ** (depth - 1 - i)) for i, layer in enumerate(self.layers)]
        groups = []
        for module, factor in parts:
            for wide, decay in ((True, weight_decay), (False, 0.0)):
                params = [p for p in module.parameters() if (p.ndim > 1) == wide]
                groups.append({"params": params, "lr": learning_rate * factor, "weight_decay": decay})
        lowest = self.config.layer_decay**depth
        rest = [p for p in (self.positions, self.words.weight) if p.requires_grad]
        groups.append({"params": rest, "lr": learning_rate * lowest, "weight_decay": 0.0})
        return [g for g in groups if g["params"]]


MODEL = TextTransformer
