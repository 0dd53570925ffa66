"""CMKA with LSTMs: modalities fetch from each other what they lack, are aligned, and read in order: a reconstruction.

Paper: none found: only the name "CMKA with an LSTM" is known, read here as cross-modal knowledge alignment.
Idea: an LSTM per modality gives states; each modality's states attend to those of all the others (their knowledge)
    and let it in through a gate, and a second LSTM reads the enriched states.
    A contrastive loss aligns the modalities of a sample, so that what is fetched fits where it is put.
Needs: two or more modalities, nothing aligned.
Differs: there is no published text, figure or code to differ from; no scores are quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

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
from demeanor.layers.pooling import steps
from demeanor.layers.recurrent import MaskedLstm
from demeanor.losses.contrastive import info_nce

FAMILY = "cross-attention"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(FusionConfig):
    """`width` is that of the states, even; `alignment` weighs the contrastive loss."""

    width: int = Field(default=64, multiple_of=2)
    heads: int = 4
    dropout: float = 0.1
    alignment: float = 0.1


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"width": 16, "heads": 2, "dropout": 0.0}}


class Fetch(nn.Module):
    """`norm(h + g ⊙ k)`, k what h finds in a source, `g = σ(W[h; k])`."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.attention = MaskedAttention(dim, heads)
        self.gate = nn.Linear(2 * dim, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, h: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """States (B, T, D), source (B, S, D) with its real steps (B, S) → (B, T, D)."""
        k = self.attention(h, source, source, mask)
        return self.norm(h + self.gate(torch.cat([h, k], 2)).sigmoid() * k)


class CmkaLstm(Model):
    """Reads any number of sequences (B, T, D), two or more."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = c = config
        self.names = list(c.dims)
        if len(self.names) < 2:
            raise ConfigError(f"cmka_lstm aligns modalities: expected two or more, got dims {self.names}; name another")
        self.first = nn.ModuleDict({m: MaskedLstm(d, c.width // 2, bidirectional=True) for m, d in c.dims.items()})
        self.fetch = nn.ModuleDict({m: Fetch(c.width, c.heads) for m in self.names})
        self.second = nn.ModuleDict({m: MaskedLstm(c.width, c.width) for m in self.names})
        self.fuse = nn.Linear(len(self.names) * c.width, c.width)
        self.heads = TaskHeads(c.width, c.tasks)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, read off the last states of every modality's second LSTM."""
        masks, states, ends, finals = {}, {}, {}, []
        for m in self.names:
            x, masks[m] = steps(batch, m)
            states[m], ends[m] = self.first[m](x, masks[m])
        for m, mask in masks.items():
            others = [k for k in self.names if k != m]
            source = torch.cat([states[k] for k in others], 1)
            enriched = self.fetch[m](states[m], source, torch.cat([masks[k] for k in others], 1))
            finals.append(self.second[m](enriched, mask)[1])
        hidden = F.relu(self.fuse(torch.cat(finals, 1)))
        tasks = self.heads(dropout(hidden, self.config.dropout, self.training))
        return Output(tasks, hidden, {"ends": ends, "here": {m: mask.any(1) for m, mask in masks.items()}})

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The task, and the alignment of every pair of modalities, both ways."""
        ends, here = output.extra["ends"], output.extra["here"]
        each = []
        for m, k in combinations(self.names, 2):
            each.append(info_nce(ends[m], ends[k], 1.0, here[m] & here[k]))
        terms = super().loss(output, batch)
        return terms | {"alignment": self.config.alignment * torch.stack(each).mean()}


MODEL = CmkaLstm
