"""A text Transformer's summary and a ResNet-18's features side by side: the standard model for posts with a picture.

Paper: Devlin et al. 2019 (BERT) and He et al. 2016 (ResNet); their concatenation is the field's textbook baseline.
Idea: [BERT's pooled first token; ResNet's pooled features] → 128, ReLU → logits. Both networks are tuned along, at
    rates far below that of the new layers.
Needs: `dims` of a text modality (0 for token ids, else the width of its words) and a picture modality (its channels).
    Text comes as token ids, or with `vocabulary = 0` as features of a pretrained encoder, whose first step is taken
    (`layers = 0` adds none). `training.init_from` takes the weights of a Hugging Face BERT and of torchvision's ResNet.
Differs: from tutorials: features are the 512 pooled ones, never the 1000 class scores, and the loss sees logits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Kind, Model, words_of
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.operators import Concat
from demeanor.layers.resnet18 import ResNet18, from_torchvision
from demeanor.layers.text_encoder import TextEncoder, from_bert

FAMILY = "classic"
MODALITIES = ["text", "visual"]
RECONSTRUCTION = False


class Config(FusionConfig):
    """`text` and `picture` name the two modalities; `dim` is the width of a word of token ids.

    `own_ids`, which the lab sets, says that ids are no tokenizer's but learned from the run's texts (`text_words`).
    `*_rate` are the backbones' shares of the learning rate, for backbones that start from weights of others: without
    such weights take preset `scratch`.
    """

    text: str = "text"
    picture: str = "visual"
    vocabulary: int = 30522
    own_ids: bool = False
    dim: int = 768
    layers: int = 12
    heads: int = 12
    inner: int = 3072
    positions: int = 512
    width: int = 64
    fused: int = 128
    dropout: float = 0.1
    text_rate: float = 0.02
    picture_rate: float = 0.1

    def takes(self, modality: str) -> tuple[Kind, ...]:
        """Pictures, and text as token ids or frames."""
        return ("picture",) if modality == self.picture else words_of(self)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "features": {"vocabulary": 0, "layers": 0},
    "scratch": {"text_rate": 1.0, "picture_rate": 1.0},
    "tiny": {
        "dims": {"text": 16, "visual": 3}, "vocabulary": 50, "layers": 1, "heads": 2, "inner": 32, "positions": 32,
        "width": 4, "fused": 24, "dropout": 0.0, "text_rate": 1.0, "picture_rate": 1.0,
    },
}  # fmt: skip


class BertResnet(Model):
    """Reads one text modality and one picture modality."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = self.config = config
        if set(c.dims) != {c.text, c.picture}:
            raise ConfigError(f"expected dims of a text, {c.text!r}, and a picture, {c.picture!r}, got {list(c.dims)}")
        dim = c.dims[c.text] or (c.dim if c.vocabulary else 0)
        if not dim:
            raise ConfigError(f"expected features of '{c.text}', got token ids, whose width is 0; set vocabulary")
        self.words = TextEncoder(c.vocabulary, dim, c.layers, c.heads, c.inner, c.positions, c.dropout)
        self.pooler = nn.Sequential(nn.Linear(dim, dim), nn.Tanh())
        self.network = ResNet18(c.dims[c.picture], c.width)
        self.join = Concat([dim, self.network.out])
        self.dense = nn.Sequential(nn.Linear(self.join.out, c.fused), nn.ReLU(), Dropout(c.dropout))
        self.heads = TaskHeads(c.fused, c.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, from the common layer (B, fused)."""
        c = self.config
        states, mask = self.words(batch, c.text)
        here = batch.present[c.picture]
        vectors = [self.pooler(states[:, 0]), self._seen(batch.values[c.picture].float(), here)]
        present = torch.stack([mask.any(1), here], 1)
        hidden = self.dense(self.join(vectors, present))
        return Output(self.heads(hidden), hidden)

    def _seen(self, pictures: Tensor, here: Tensor) -> Tensor:
        """Features (B, 8 · width); those that are missing do not enter the batch's statistics, and are zeros then."""
        if not self.training:
            found: Tensor = self.network(pictures)
            return found
        seen = self.network(pictures[here])
        return seen.new_zeros(len(here), self.network.out).index_put((here,), seen)

    def renamed(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Torchvision's ResNet-18 without its class layer, a Hugging Face BERT with its pooler, or both together.

        Raises:
            ConfigError: a BERT that is not whole, or whose word vectors are of other ids than those that are read.
        """
        found = from_torchvision(state, "network.")
        bert = {k.removeprefix("bert."): v for k, v in state.items()}
        if "embeddings.word_embeddings.weight" in bert:
            self._refuse_other_ids(len(bert["embeddings.word_embeddings.weight"]))
            found |= {f"words.{k}": v for k, v in from_bert(bert, self.config.layers).items()}
            found |= {
                f"pooler.0.{k}": bert[f"pooler.dense.{k}"] for k in ("weight", "bias") if f"pooler.dense.{k}" in bert
            }
        return found

    def _refuse_other_ids(self, known: int) -> None:
        c = self.config
        if c.vocabulary and (c.own_ids or known != c.vocabulary):
            ids = "ids learned from the run's own texts" if c.own_ids else f"{c.vocabulary} ids"
            raise ConfigError(
                f"init_from: expected a BERT whose words are the ids of '{c.text}', got one of {known} words for {ids}"
                "; encode with text_tokens and the tokenizer.json of that BERT (and set model.vocabulary, where it has "
                "more words than that), or start from the ResNet alone"
            )

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Both backbones at their own rates, what is new at the full one."""
        backbones = ((self.words, self.config.text_rate), (self.network, self.config.picture_rate))
        groups = []
        for module, share in (*backbones, (nn.ModuleList([self.pooler, self.dense, self.heads]), 1.0)):
            for wide, decay in ((True, weight_decay), (False, 0.0)):
                params = [p for p in module.parameters() if (p.ndim > 1) == wide]
                groups.append({"params": params, "lr": learning_rate * share, "weight_decay": decay})
        return [g for g in groups if g["params"]]


MODEL = BertResnet
