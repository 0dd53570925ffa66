"""A BERT-like encoder (Devlin et al. 2019): words and positions, normalised, then post-norm Transformer layers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.errors import ConfigError
from demeanor.layers.dropout import Dropout
from demeanor.layers.transformer import EncoderLayer, additive_mask
from demeanor.layers.words import Words


class TextEncoder(nn.Module):
    """Token ids (B, T), or features (B, T, D) with no vocabulary, → states (B, T, D). No layers leave them as they are.

    Args:
        vocabulary: number of tokens; 0 for features.
        dim: width of a word.
        layers: number of Transformer layers.
        heads: of their attention.
        inner: width of their feed-forward layer.
        positions: longest text; what goes beyond is cut.
        dropout: in the layers.
    """

    def __init__(
        self, vocabulary: int, dim: int, layers: int, heads: int, inner: int, positions: int, dropout: float
    ) -> None:
        super().__init__()
        self.longest = positions
        self.words = Words(vocabulary, dim)
        if layers:
            self.positions = nn.Parameter(torch.randn(positions, dim) * 0.02)
            self.norm = nn.LayerNorm(dim, eps=1e-12)
            self.drop = Dropout(dropout)
        self.layers = nn.ModuleList(EncoderLayer(dim, heads, inner, dropout) for _ in range(layers))

    def forward(self, batch: FeatureBatch, modality: str) -> tuple[Tensor, Tensor]:
        """States (B, T, D), T at most `positions`, and the mask (B, T)."""
        x, mask = self.words(batch, modality)
        x, mask = x[:, : self.longest], mask[:, : self.longest]
        if len(self.layers):
            x = self.drop(self.norm(x + self.positions[: x.shape[1]]))
        seen = additive_mask(mask)
        for layer in self.layers:
            x = layer(x, seen)
        return x, mask


def from_bert(state: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """Weights of a Hugging Face BERT by the names of `TextEncoder`; its pooler is left out.

    Args:
        state: of a `BertModel`, names without a prefix; norms may have their old names, `gamma` and `beta`.
        layers: how many are taken, those next to the words; all it has where it has fewer.

    The first token type, which plain text has throughout, is added to the positions.

    Raises:
        ConfigError: a weight of a BERT is not there.
    """
    state = {_renamed_norm(name): weight for name, weight in state.items()}
    try:
        return _from_bert(state, layers)
    except KeyError as lacks:
        raise ConfigError(
            f"expected the weights of a whole BERT, got none named {lacks.args[0]}; "
            "save them by `BertModel.from_pretrained(…).state_dict()`"
        ) from None


def _renamed_norm(name: str) -> str:
    """TensorFlow's names of a norm's weights, which BERT's first checkpoints have."""
    for old, new in (("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias")):
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def _from_bert(state: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    out = {
        "words.table.weight": state["embeddings.word_embeddings.weight"],
        "positions": state["embeddings.position_embeddings.weight"]
        + state["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": state["embeddings.LayerNorm.weight"],
        "norm.bias": state["embeddings.LayerNorm.bias"],
    }
    same = {
        "attention.output.dense": "out", "attention.output.LayerNorm": "norm1", "intermediate.dense": "up",
        "output.dense": "down", "output.LayerNorm": "norm2",
    }  # fmt: skip
    for n in range(layers):
        if f"encoder.layer.{n}.attention.output.dense.weight" not in state:
            break
        theirs, own = f"encoder.layer.{n}", f"layers.{n}"
        for kind in ("weight", "bias"):
            parts = [state[f"{theirs}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            out[f"{own}.qkv.{kind}"] = torch.cat(parts)
            out |= {f"{own}.{o}.{kind}": state[f"{theirs}.{t}.{kind}"] for t, o in same.items()}
    return out
