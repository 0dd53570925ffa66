"""Attention network for a text and a picture: words and picture regions aligned and correlated: a reconstruction.

Paper: probably Gan et al. 2024, A multimodal fusion network with attention mechanisms for visual-textual sentiment
    analysis, Expert Systems with Applications 242, 122731 (unread: reading notes only).
Idea: words pass a BiLSTM and self-attention; regions get a place; each attends to the other and takes that in.
    A matrix of how well every region goes with every word sends each side what it matches on the other, through tanh.
    Both sides are pooled by attention and read with their product.
Needs: words (B, T, D) and picture patches (B, R, D), exactly these two.
Differs: known from notes alone, the rest is reconstructed, so no scores are quoted. The features come from encoders, so
    that neither word embeddings nor a CNN are part of the model; logits go to cross-entropy, never a softmax of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.dropout import dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.masked_attention import MaskedAttention
from demeanor.layers.pooling import AttentivePool, steps
from demeanor.layers.recurrent import MaskedLstm
from demeanor.layers.transformer import masked_mean

FAMILY = "cross-attention"
MODALITIES = ["text", "visual"]
RECONSTRUCTION = True


class Config(FusionConfig):
    """Sizes and variants of the reconstruction.

    Attributes:
        words: name of the modality of words.
        picture: name of the modality of picture regions.
        width: of words and regions; even.
        rounds: how often the two are correlated.
        align: whether what was attended to is added, or set beside and mapped back.
        pool: by attention, or the mean.
        places: learned positions of the regions (further ones share the last); 0 for none.
    """

    words: str = "text"
    picture: str = "visual"
    width: int = Field(default=256, multiple_of=2)
    heads: int = 4
    rounds: int = 1
    align: Literal["add", "concat"] = "add"
    pool: Literal["attention", "mean"] = "attention"
    places: int = 49
    inner: int = 256
    dropout: float = 0.5


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {
        "dims": {"text": 6, "visual": 4}, "width": 16, "heads": 2, "places": 4, "inner": 16, "dropout": 0.0, "rounds": 2
    },
    "concat": {"align": "concat"},
}  # fmt: skip


class Align(nn.Module):
    """`norm(x + attention(x, source))`, or `norm(W[x; attention(x, source)])`."""

    def __init__(self, dim: int, heads: int, how: Literal["add", "concat"]) -> None:
        super().__init__()
        self.attention = MaskedAttention(dim, heads)
        self.mix = nn.Linear(2 * dim, dim) if how == "concat" else None
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """Target (B, T, D), source (B, S, D) with its real steps (B, S) → (B, T, D)."""
        found = self.attention(x, source, source, mask)
        return self.norm(x + found if self.mix is None else self.mix(torch.cat([x, found], 2)))


class Correlate(nn.Module):
    """`P' = P + tanh(C_P W_a)`, `T' = T + tanh(C_T W_b)`, C the other side as weighted by a region-word matrix."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.regions, self.words = nn.Linear(dim, dim, bias=False), nn.Linear(dim, dim, bias=False)
        self.to_regions, self.to_words = nn.Linear(dim, dim, bias=False), nn.Linear(dim, dim, bias=False)

    def maps(self, p: Tensor, t: Tensor, p_mask: Tensor, t_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Weights of the words for each region (B, R, T), and of the regions for each word (B, T, R).

        Rows sum to 1 over the real steps of the other side, and are zeros where it has none.
        """
        scores = (self.regions(p) @ self.words(t).transpose(1, 2)).float() / math.sqrt(p.shape[2])
        found = []
        for matrix, mask in ((scores, t_mask[:, None]), (scores.transpose(1, 2), p_mask[:, None])):
            found.append((matrix.masked_fill(~mask, -1e4).softmax(2) * mask).to(p.dtype))
        return found[0], found[1]

    def forward(self, p: Tensor, t: Tensor, p_mask: Tensor, t_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Regions (B, R, D) and words (B, T, D) → P', T'."""
        over_words, over_regions = self.maps(p, t, p_mask, t_mask)
        return p + torch.tanh(self.to_regions(over_words @ t)), t + torch.tanh(self.to_words(over_regions @ p))


class VisualTextual(Model):
    """Reads words (B, T, D) and picture regions (B, R, D)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = c = config
        if set(c.dims) != {c.words, c.picture}:
            raise ConfigError(
                f"visual_textual reads words and picture regions: expected dims for {c.words!r} and {c.picture!r}, got "
                f"{list(c.dims)}; set `words` and `picture` to the two names you have"
            )
        self.lstm = MaskedLstm(c.dims[c.words], c.width // 2, bidirectional=True)
        self.attend = Align(c.width, c.heads, "add")
        self.project = nn.Linear(c.dims[c.picture], c.width)
        self.place = nn.Parameter(torch.randn(c.places, c.width) * 0.02) if c.places else None
        self.to_words, self.to_regions = Align(c.width, c.heads, c.align), Align(c.width, c.heads, c.align)
        self.rounds = nn.ModuleList(Correlate(c.width) for _ in range(c.rounds))
        self.pools = nn.ModuleDict({m: AttentivePool(c.width, c.width) for m in c.dims if c.pool == "attention"})
        self.hidden = nn.Linear(3 * c.width, c.inner)
        self.heads = TaskHeads(c.inner, c.tasks)

    def encode(self, words: Tensor, regions: Tensor, t_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Words and regions as they come → T (B, T, D) and R (B, R, D), each by itself."""
        t, r = self.lstm(words, t_mask)[0], self.project(regions)
        if self.place is not None:
            r = r + self.place[torch.arange(r.shape[1], device=r.device).clamp(max=len(self.place) - 1)]
        return self.attend(t, t, t_mask), r

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, read off [p; t; p ⊙ t]."""
        c = self.config
        (words, t_mask), (regions, p_mask) = steps(batch, c.words), steps(batch, c.picture)
        words, regions = self.encode(words, regions, t_mask)
        t, p = self.to_words(words, regions, p_mask), self.to_regions(regions, words, t_mask)
        for correlate in self.rounds:
            p, t = correlate(p, t, p_mask, t_mask)
        one, two = self._pooled(c.picture, p, p_mask), self._pooled(c.words, t, t_mask)
        hidden = F.relu(self.hidden(torch.cat([one, two, one * two], 1)))
        return Output(self.heads(dropout(hidden, c.dropout, self.training)), hidden)

    def _pooled(self, modality: str, x: Tensor, mask: Tensor) -> Tensor:
        if not len(self.pools):
            return masked_mean(x, mask)
        pooled: Tensor = self.pools[modality](x, mask)[0]
        return pooled


MODEL = VisualTextual
