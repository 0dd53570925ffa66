"""A pretrained text Transformer, tuned along, and the other modalities' vectors beside it: a linear head over all.

Paper: Devlin et al. 2019 (BERT), tuned as usual; the sum of linear heads is concatenation followed by one.
Idea: token ids → encoder → mean over real tokens; every other modality its mean over real steps → hidden layer.
    Each vector has linear heads of its own and their numbers add up, so weights tuned on text alone are a start for the
    whole, and what another modality adds begins near nothing.
Needs: text as token ids with the tokenizer of the start weights (`training.init_from`, see recipes/minilm.py); any
    other modalities as vectors or frames, or none.
Differs: the mean over tokens is read, not the first token; word vectors stay as they are, and layers further down learn
    more slowly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Kind, Model
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.pooling import pooled, presence
from demeanor.layers.text_encoder import TextEncoder
from demeanor.layers.transformer import masked_mean

FAMILY = "classic"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = False


class Config(FusionConfig):
    """Sizes of the encoder are those of the start weights.

    Attributes:
        text: the modality of token ids.
        dim: width of a token.
        width: hidden layer of each other modality.
        dropout: in the encoder and before the heads; `others_dropout` before and after the hidden layers.
        layer_decay: the rate falls by this per layer towards the words, which stay as they are.
        new_rate: factor on the rate of all that is new.
    """

    text: str = "text"
    vocabulary: int = 30522
    dim: int = 384
    layers: int = 6
    heads: int = 12
    inner: int = 1536
    positions: int = 512
    width: int = 32
    dropout: float = 0.1
    others_dropout: float = 0.3
    layer_decay: float = 0.9
    new_rate: float = 10.0

    def takes(self, modality: str) -> tuple[Kind, ...]:
        """Text as token ids, all others as frames."""
        return ("ids",) if modality == self.text else ("frames",)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {
        "dims": {"text": 16, "audio": 5}, "vocabulary": 50, "dim": 16, "layers": 1, "heads": 2, "inner": 32,
        "positions": 32, "width": 8, "dropout": 0.0, "others_dropout": 0.0, "new_rate": 1.0,
    },
}  # fmt: skip


class TunedConcat(Model):
    """Reads token ids and any number of other modalities."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = self.config = config
        if c.text not in c.dims:
            raise ConfigError(
                f"tuned_concat tunes a text encoder: expected '{c.text}' in dims, got {', '.join(c.dims)}"
            )
        self.words = TextEncoder(c.vocabulary, c.dim, c.layers, c.heads, c.inner, c.positions, c.dropout)
        self.words.words.requires_grad_(False)
        self.drop = Dropout(c.dropout)
        self.read = nn.ModuleDict(
            {
                m: nn.Sequential(
                    Dropout(c.others_dropout), nn.Linear(dim, c.width), nn.ReLU(), Dropout(c.others_dropout)
                )
                for m, dim in c.dims.items()
                if m != c.text
            }
        )
        self.each = nn.ModuleDict({m: TaskHeads(c.dim if m == c.text else c.width, c.tasks) for m in c.dims})
        for m in self.read:
            for head in self.each[m].children():
                nn.init.normal_(head.weight, 0.0, 0.01)
                nn.init.zeros_(head.bias)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks; hidden is all vectors side by side."""
        states, mask = self.words(batch, self.config.text)
        vectors = {self.config.text: self.drop(masked_mean(states, mask))}
        vectors |= {m: net(pooled(batch, m)) for m, net in self.read.items()}
        present = dict(zip(self.read, presence(batch, self.read).unbind(1), strict=True)) if len(self.read) else {}
        present[self.config.text] = mask.any(1)
        said = {m: self.each[m](x) for m, x in vectors.items()}
        tasks = {t: self._sum(t, said, present) for t in self.config.tasks}
        return Output(tasks, torch.cat(list(vectors.values()), 1))

    @staticmethod
    def _sum(task: str, said: Mapping[str, Mapping[str, Tensor]], present: Mapping[str, Tensor]) -> Tensor:
        parts = []
        for m, numbers in said.items():
            x = numbers[task]
            parts.append(x * present[m].to(x.dtype).view(-1, *[1] * (x.ndim - 1)))
        return torch.stack(parts).sum(0)

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Rates fall by `layer_decay` per layer towards the words; what is new learns `new_rate` times faster."""
        c, depth = self.config, self.config.layers
        parts: list[tuple[list[nn.Parameter], float]] = [
            ([*self.read.parameters(), *self.each.parameters()], c.new_rate)
        ]
        parts += [
            (list(layer.parameters()), c.layer_decay ** (depth - 1 - i)) for i, layer in enumerate(self.words.layers)
        ]
        if depth:
            parts.append(([self.words.positions, *self.words.norm.parameters()], c.layer_decay**depth))
        groups = []
        for params, factor in parts:
            for wide, decay in ((True, weight_decay), (False, 0.0)):
                chosen = [p for p in params if (p.ndim > 1) == wide]
                groups.append({"params": chosen, "lr": learning_rate * factor, "weight_decay": decay})
        return [g for g in groups if g["params"]]


MODEL = TunedConcat
