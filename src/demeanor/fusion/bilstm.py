"""Words read forwards and backwards by an LSTM, with attention over its states.

Paper: Zhou et al. 2016, Attention-Based Bidirectional LSTM Networks for Relation Classification (ACL).
Idea: a state per word knows what came before and what comes after; attention weighs the words that matter, so the
    sentence is their weighted mean; without attention it is the last state of both directions.
Needs: token ids, or word features with `vocabulary = 0`.
Differs: the two directions stand side by side, where the paper adds them; attention as in Yang et al. 2016 (NAACL).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import Kind, Model, ModelConfig, words_of
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.pooling import AttentivePool
from demeanor.layers.recurrent import MaskedLstm
from demeanor.layers.words import Words

FAMILY = "unimodal"
MODALITIES = ["text"]
RECONSTRUCTION = False


class Config(ModelConfig):
    """`vocabulary` 0 takes features of width `dim`; `width` is that of each direction."""

    vocabulary: int = 30000
    dim: int = 300
    width: int = 128
    layers: int = 1
    attention: bool = True
    dropout: float = 0.5
    modality: str = "text"
    tasks: dict[str, int] = Field(default_factory=lambda: {"score": 1})

    def takes(self, modality: str) -> tuple[Kind, ...]:
        """Token ids, or frames."""
        return words_of(self)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "features": {"vocabulary": 0, "dim": 768},
    "tiny": {"vocabulary": 50, "dim": 8, "width": 8, "dropout": 0.0},
}


class BiLstm(Model):
    """Reads one text modality: ids (B, T) or features (B, T, D)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.words = Words(config.vocabulary, config.dim)
        self.lstm = MaskedLstm(config.dim, config.width, config.layers, True, config.dropout)
        self.pool = AttentivePool(2 * config.width, config.width) if config.attention else None
        self.drop = Dropout(config.dropout)
        self.heads = TaskHeads(2 * config.width, config.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks; `extra["attention"]` (B, T) is what each word weighs, 0 on padding."""
        x, mask = self.words(batch, self.config.modality)
        states, hidden = self.lstm(self.drop(x), mask)
        extra = {}
        if self.pool is not None:
            hidden, extra["attention"] = self.pool(states, mask)
        return Output(self.heads(self.drop(hidden)), hidden, extra)


MODEL = BiLstm
