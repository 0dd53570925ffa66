"""MISA: every modality says what all share and what only it has, kept apart by losses.

Paper: Hazarika et al. 2020, MISA: Modality-Invariant and -Specific Representations, ACM MM (arXiv 2005.03545).
Idea: each modality is projected twice, by an encoder of its own (private) and by one that all share.
    Shared vectors are pulled together (central moments, or an adversary), private ones pushed away from them and from
    each other, and both together must restore the modality; attention over all of them gives the answer.
Needs: any two or more modalities, any lengths; single steps keep all but its LSTMs' reason.
Differs: each modality is read by its own lengths (MMSA cuts audio and video at the text's: `lengths_of_text`). Rows
    that lack a modality take no part in its losses, and its tokens are masked. The shared/private discriminator, whose
    loss weighs 0 in the reference, is not built. No dropout on attention weights.
Reported (MMSA's re-run; Acc-2 has0/non0, MAE, correlation): MOSI 81.84/83.54, .777, .778, Acc-7 41.37; MOSEI
    80.67/84.67, .558, .752.
Reproduced: not on the paper's own features; what it reached here stands in docs/models.md, out of results/.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Model, PerModality
from demeanor.layers.cross_attention import CrossBlock
from demeanor.layers.dropout import Dropout, dropout
from demeanor.layers.gradient_reversal import reverse_gradient
from demeanor.layers.heads import TaskHeads
from demeanor.layers.recurrent import MaskedLstm
from demeanor.layers.sequence_vector import pooled
from demeanor.losses.cmd import central_moment_discrepancy
from demeanor.losses.difference import difference_loss
from demeanor.losses.tasks import task_loss

FAMILY = "shared and private"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = False


class Config(FusionConfig):
    """Sizes and weights as in the official code.

    Attributes:
        text: the modality that is averaged over its steps; the others pass two LSTMs.
        width: of every projected vector.
        recurrent: modality → width of its LSTMs; that of its steps unless named.
        dropout: before the heads; `encoder_dropout` inside the Transformer layer.
        difference: weight of the loss that keeps vectors apart; `similarity` that pulls shared ones together;
            `reconstruction` of restoring the modality.
        alike: what pulls: `cmd`, five central moments; `adversarial`, a discriminator behind reversed gradients.
        reversal: how strong the reversed gradients are.
        squared: whether an intensity costs its squared distance, as published, or the plain one.
    """

    text: str = "text"
    width: int = 128
    heads: int = 2
    inner: int = 2048
    recurrent: PerModality[int] = Field(default_factory=dict)
    dropout: float = 0.5
    encoder_dropout: float = 0.1
    difference: float = 0.3
    similarity: float = 1.0
    reconstruction: float = 1.0
    alike: Literal["cmd", "adversarial"] = "cmd"
    reversal: float = 1.0
    squared: bool = True
    lengths_of_text: bool = False


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"width": 32, "inner": 32, "dropout": 0.0, "encoder_dropout": 0.0, "difference": 0.1, "similarity": 0.1}
    | {"reconstruction": 0.1},
    "mosi": {"dropout": 0.2, "difference": 0.1, "similarity": 0.3},
    "mosei": {"dropout": 0.5, "difference": 0.3, "similarity": 0.8},
    "sims": {"dropout": 0.0, "difference": 0.3, "similarity": 1.0, "reconstruction": 0.8},
}


class TwoLstms(nn.Module):
    """Two bidirectional LSTMs with a norm between, their final states side by side: (B, T, D) → (B, 4W)."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.first = MaskedLstm(dim, width, bidirectional=True)
        self.norm = nn.LayerNorm(2 * width)
        self.second = MaskedLstm(2 * width, width, bidirectional=True)
        for name, weight in self.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(weight)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Mask (B, T) bool, real steps first."""
        states, one = self.first(x.masked_fill(~mask[..., None], 0.0), mask)
        _, two = self.second(self.norm(states).masked_fill(~mask[..., None], 0.0), mask)
        return torch.cat([one, two], 1)


class Misa(Model):
    """Reads two or more sequences (B, T, D)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        if len(config.dims) < 2:
            raise ConfigError(f"misa needs two modalities or more; got {', '.join(config.dims) or 'none'}")
        self.config, self.names = config, list(config.dims)
        width, count = config.width, len(self.names)
        own = {m: config.recurrent.get(m, d) for m, d in config.dims.items()}
        self.read = nn.ModuleDict({m: TwoLstms(config.dims[m], own[m]) for m in self.names if m != config.text})
        inputs = {m: config.dims[m] if m == config.text else 4 * own[m] for m in self.names}
        self.project = nn.ModuleDict(
            {m: nn.Sequential(nn.Linear(d, width), nn.ReLU(), nn.LayerNorm(width)) for m, d in inputs.items()}
        )
        self.private = nn.ModuleDict({m: nn.Linear(width, width) for m in self.names})
        self.shared = nn.Linear(width, width)
        self.restore = nn.ModuleDict({m: nn.Linear(width, width) for m in self.names})
        self.attend = CrossBlock(width, config.heads, config.inner, config.encoder_dropout, norm="post")
        self.fuse = nn.Linear(2 * count * width, count * width)
        self.heads = TaskHeads(count * width, config.tasks)
        if config.alike == "adversarial":
            self.discriminate = nn.Sequential(
                nn.Linear(width, width), nn.ReLU(), Dropout(config.dropout), nn.Linear(width, count)
            )

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks; `extra` holds what the losses compare: projected, private, shared (M, B, width), there (M, B)."""
        there = torch.stack([batch.mask(m).any(1) for m in self.names])
        projected = torch.stack([self.project[m](self.vector(m, batch)) for m in self.names])
        # Sigmoids keep the vectors in [0, 1], the range that comparing central moments presumes.
        private = torch.stack([self.private[m](projected[n]).sigmoid() for n, m in enumerate(self.names)])
        shared = self.shared(projected).sigmoid()
        tokens = torch.cat([private, shared]).transpose(0, 1)  # p_1 … p_M, s_1 … s_M
        mask = torch.cat([there, there]).transpose(0, 1)
        seen = self.attend(tokens, tokens, mask).masked_fill(~mask[..., None], 0.0)
        hidden = F.relu(dropout(self.fuse(seen.flatten(1)), self.config.dropout, self.training))
        compared = {"projected": projected, "private": private, "shared": shared, "there": there}
        return Output(self.heads(hidden), hidden, compared)

    def vector(self, name: str, batch: FeatureBatch) -> Tensor:
        """A modality as one vector: (B, D) for text, (B, 4W) for the others."""
        values, mask = batch.values[name], batch.mask(name)
        if name == self.config.text:
            return pooled(values, mask, "mean")
        if self.config.lengths_of_text and self.config.text in self.names:
            words = batch.mask(self.config.text).sum(1)
            mask = mask & (torch.arange(mask.shape[1], device=mask.device) < words[:, None])
        found: Tensor = self.read[name](values, mask)
        return found

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """L = L_task + α L_diff + β L_sim + γ L_recon (eq. 8)."""
        c, there = self.config, output.extra["there"]
        # In full precision, whatever the forward pass ran in.
        x = {k: output.extra[k].float() for k in ("projected", "private", "shared")}
        return {
            "task": task_loss(output.tasks, batch.labels, squared=c.squared),
            "difference": c.difference * self.apart(x["private"], x["shared"], there),
            "similarity": c.similarity * self.together(x["shared"], there),
            "reconstruction": c.reconstruction * self.restored(**x, there=there),
        }

    def apart(self, private: Tensor, shared: Tensor, there: Tensor) -> Tensor:
        """L_diff (eq. 12): each private vector against its shared one, and against the other private ones."""
        names = range(len(self.names))
        own = [difference_loss(private[m][there[m]], shared[m][there[m]]) for m in names]
        both = [(m, n, there[m] & there[n]) for m, n in combinations(names, 2)]
        return torch.stack([*own, *(difference_loss(private[m][r], private[n][r]) for m, n, r in both)]).sum()

    def together(self, shared: Tensor, there: Tensor) -> Tensor:
        """L_sim: mean discrepancy of the pairs of shared vectors (eq. 10), or the discriminator's error."""
        if self.config.alike == "adversarial":
            found = self.discriminate(reverse_gradient(shared, self.config.reversal))[there]
            owner = torch.arange(len(self.names), device=shared.device)[:, None].expand_as(there)[there]
            return F.cross_entropy(found, owner, reduction="sum") / max(1, len(owner))
        pairs = combinations(range(len(self.names)), 2)
        return torch.stack(
            [central_moment_discrepancy(shared[m][there[m]], shared[n][there[n]]) for m, n in pairs]
        ).mean()

    def restored(self, projected: Tensor, private: Tensor, shared: Tensor, there: Tensor) -> Tensor:
        """L_recon (eq. 13): mean squared error of a modality restored from its two vectors."""
        errors = []
        for n, name in enumerate(self.names):
            off = (self.restore[name](private[n] + shared[n]) - projected[n]).square().mean(1)
            errors.append((off * there[n]).sum() / there[n].sum().clamp(min=1))
        return torch.stack(errors).mean()


MODEL = Misa
