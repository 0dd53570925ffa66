"""An LSTM in both directions over audio frames such as MFCC and chroma.

Paper: Graves & Schmidhuber 2005, Framewise Phoneme Classification with Bidirectional LSTM, for the network.
Idea: with MFCC and chroma the field's classic recipe for speech emotion. Normalise each utterance's frames by its own
    mean and spread, which takes out speaker and microphone; two stacked LSTM layers read them both ways; attention
    (or the mean) over real frames goes to the heads.
Needs: frames (B, T, D), real ones first.
Differs: a reconstruction: the recipe has no single published form. The paper names a phoneme for every frame; here
    the states of all frames are pooled for one answer. A single frame is not normalised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import Model, ModelConfig
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.pooling import AttentivePool, steps
from demeanor.layers.recurrent import MaskedLstm
from demeanor.layers.transformer import masked_mean

FAMILY = "unimodal"
MODALITIES = ["audio"]
RECONSTRUCTION = True


class Config(ModelConfig):
    """`dim` of a frame; `normalise` by the utterance's own statistics, or `none` where frames come normalised."""

    dim: int = 33
    width: int = 128
    layers: int = 2
    pool: Literal["attention", "mean"] = "attention"
    normalise: Literal["utterance", "none"] = "utterance"
    dropout: float = 0.3
    modality: str = "audio"
    tasks: dict[str, int] = Field(default_factory=lambda: {"score": 1})


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "sims": {"dim": 33},
    "tiny": {"dim": 6, "width": 8, "normalise": "none", "dropout": 0.0},
}


def by_utterance(x: Tensor, mask: Tensor) -> Tensor:
    """Each feature minus its mean, by its spread over the utterance's real frames: (B, T, D), (B, T) → (B, T, D).

    A single real frame stays as it is: it has no spread, and minus its mean nothing would be left of it.
    """
    centred = x - masked_mean(x, mask)[:, None]
    spread = (masked_mean(centred.square(), mask) + 1e-5).sqrt()
    several = mask.sum(1)[:, None, None] > 1
    return torch.where(mask[..., None], torch.where(several, centred / spread[:, None], x), torch.zeros_like(x))


class AudioLstm(Model):
    """Reads one modality of frames (B, T, D)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.lstm = MaskedLstm(config.dim, config.width, config.layers, True, config.dropout)
        self.pool = AttentivePool(2 * config.width, config.width) if config.pool == "attention" else None
        self.drop = Dropout(config.dropout)
        self.heads = TaskHeads(2 * config.width, config.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, from the pooled states (B, 2 · width)."""
        x, mask = steps(batch, self.config.modality)
        if self.config.normalise == "utterance":
            x = by_utterance(x, mask)
        states, _ = self.lstm(x, mask)
        hidden = masked_mean(states, mask) if self.pool is None else self.pool(states, mask)[0]
        return Output(self.heads(self.drop(hidden)), hidden)


MODEL = AudioLstm
