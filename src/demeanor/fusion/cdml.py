"""CDML: what modalities agree on by adversarial training, what they differ in by a task each: a reconstruction.

Paper: Fang et al. 2024, Learning Modality Consistency and Difference Information with Multitask Learning for Multimodal
    Sentiment Analysis, Future Internet 16(6), 213, doi 10.3390/fi16060213 (abstract and figures known).
Idea: attention weighs the modalities; each pair becomes a joint sequence that must foretell its second member, then
    reads the modality left over. A shared encoder makes vectors whose modality a discriminator cannot tell
    (consistency); a head per modality, on a vector of its own, learns what it alone says (difference).
Needs: two or more modalities, nothing aligned; labels per modality are used where there are any.
Differs: only the abstract and figures are known, the rest is reconstructed, so no scores are quoted. The translation
    error is the mean over features, not the sum, so that its weight does not depend on the width. Without labels of
    their own the modalities' heads learn the common one; generated labels (ULGM) are Self-MM's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Modalities, Model
from demeanor.layers.cross_attention import CrossBlock
from demeanor.layers.dropout import dropout
from demeanor.layers.gradient_reversal import reverse_gradient
from demeanor.layers.heads import TaskHeads
from demeanor.layers.pooling import steps
from demeanor.layers.recurrent import MaskedLstm
from demeanor.layers.transformer import masked_mean
from demeanor.losses.tasks import task_loss
from demeanor.losses.unimodal import own_labels

FAMILY = "shared and private"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(FusionConfig):
    """Sizes and weights of the reconstruction.

    Attributes:
        contextual: modalities whose features have context already: they are projected; the others pass an LSTM.
        layers: of the cross-modal Transformer of each pair.
        own: weight of the modalities' own heads.
        adversary: weight of the discriminator.
        translation: weight of the translation within pairs.
        ramp: epochs over which the reversed gradient grows from 0, in the first, to its full strength.
    """

    contextual: Modalities = ("text",)
    width: int = 64
    layers: int = 2
    heads: int = 4
    dropout: float = 0.1
    own: float = 0.3
    adversary: float = 0.1
    translation: float = 0.1
    ramp: int = Field(default=10, ge=1)


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"width": 16, "layers": 1, "heads": 2, "dropout": 0.0}}


class Attention(nn.Module):
    """Dynamic weights `γ = softmax(wᵀ tanh(W u + b))` over the modalities that are there, the same network for all."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.inner, self.score = nn.Linear(dim, dim), nn.Linear(dim, 1, bias=False)

    def forward(self, means: Tensor, here: Tensor) -> Tensor:
        """Means (B, M, D), here (B, M) → γ (B, M), 0 for what is not there."""
        scores = self.score(torch.tanh(self.inner(means)))[..., 0].float()
        return (scores.masked_fill(~here, -1e4).softmax(1) * here).to(means.dtype)


class Pair(nn.Module):
    """Modalities m and n: joint sequence BI, translation û_n, and BI reading the modalities left over → g."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = config
        self.joint = CrossBlock(c.width, c.heads, dropout=c.dropout, norm="post")
        self.translate = nn.Linear(c.width, c.width)
        self.blocks = nn.ModuleList(
            CrossBlock(c.width, c.heads, dropout=c.dropout, norm="post") for _ in range(c.layers)
        )

    def forward(
        self, first: Tensor, second: Tensor, rest: Tensor, first_mask: Tensor, second_mask: Tensor, rest_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """X̃_m (B, T, D), X̃_n (B, S, D), X̃ of the rest (B, R, D) with their masks → g (B, D) and û_n (B, D)."""
        bi = self.joint(first, second, second_mask)
        guess = self.translate(masked_mean(bi, first_mask))
        for block in self.blocks:  # MI = Block(Q = BI, K = V = UI)
            bi = block(bi, rest, rest_mask)
        return masked_mean(bi, first_mask), guess


def discrimination(discriminator: nn.Module, common: Tensor, here: Tensor, strength: float) -> Tensor:
    """Cross-entropy of telling whose common vectors (B, M, D) are, where here (B, M); reversed for the vectors."""
    logits = discriminator(reverse_gradient(common.float(), strength)).flatten(0, 1)
    truth = torch.arange(common.shape[1], device=common.device).expand(common.shape[:2]).flatten()
    each = F.cross_entropy(logits, truth, reduction="none") * here.flatten()
    return each.sum() / here.sum().clamp(min=1)


def translation(guess: Tensor, truth: Tensor, rows: Tensor) -> Tensor:
    """Mean squared error of û (B, D) against the mean vector it foretells, which it does not move, over the rows."""
    each = (guess - truth.detach()).float().square().mean(1) * rows
    return each.sum() / rows.sum().clamp(min=1)


class Cdml(Model):
    """Reads any number of sequences (B, T, D), two or more."""

    reversal: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = c = config
        self.names = list(c.dims)
        if len(self.names) < 2:
            raise ConfigError(f"cdml compares modalities: expected two or more in dims, got {self.names}; name another")
        self.project = nn.ModuleDict({m: nn.Linear(d, c.width) for m, d in c.dims.items() if m in c.contextual})
        self.lstm = nn.ModuleDict({m: MaskedLstm(d, c.width) for m, d in c.dims.items() if m not in c.contextual})
        self.attention = Attention(c.width)
        self.duos = list(combinations(range(len(self.names)), 2))
        self.pairs = nn.ModuleList(Pair(c) for _ in self.duos)
        self.common = nn.Sequential(nn.Linear(c.width, c.width), nn.Tanh())  # shared by all modalities
        self.discriminator = nn.Sequential(nn.Linear(c.width, c.width), nn.ReLU(), nn.Linear(c.width, len(self.names)))
        self.private = nn.ModuleDict({m: nn.Sequential(nn.Linear(c.width, c.width), nn.ReLU()) for m in self.names})
        self.own_heads = nn.ModuleDict({m: TaskHeads(c.width, c.tasks) for m in self.names})
        self.fuse = nn.Linear((len(self.duos) + 1) * c.width, c.width)
        self.heads = TaskHeads(c.width, c.tasks)
        self.register_buffer("reversal", torch.zeros(()))

    def encode(self, batch: FeatureBatch) -> tuple[list[Tensor], list[Tensor]]:
        """X_m (B, T, D) of each modality, and which steps are real (B, T)."""
        out, masks = [], []
        for m in self.names:
            x, mask = steps(batch, m)
            masks.append(mask)
            out.append(self.project[m](x) if m in self.project else self.lstm[m](x, mask)[0])
        return out, masks

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, read off F = relu(W[g of every pair; Σ c_m])."""
        read, masks = self.encode(batch)
        here = torch.stack([mask.any(1) for mask in masks], 1)
        means = torch.stack([masked_mean(x, mask) for x, mask in zip(read, masks, strict=True)], 1)  # u_m
        scale = here.sum(1, keepdim=True) * self.attention(means, here)  # 1 for each where all weigh alike
        read = [x * scale[:, n, None, None] for n, x in enumerate(read)]  # X̃_m
        joint, guesses = [], []
        for (m, n), pair in zip(self.duos, self.pairs, strict=True):
            # With two modalities none is left over: the pair then reads itself.
            left = [k for k in range(len(read)) if k not in (m, n)] or [m, n]
            rest, rest_mask = torch.cat([read[k] for k in left], 1), torch.cat([masks[k] for k in left], 1)
            g, guess = pair(read[m], read[n], rest, masks[m], masks[n], rest_mask)
            joint.append(g)
            guesses.append((guess, means[:, n], here[:, m] & here[:, n]))
        common = self.common(means)
        hidden = F.relu(self.fuse(torch.cat([*joint, (common * here[..., None]).sum(1)], 1)))
        own = {m: self.own_heads[m](self.private[m](means[:, n])) for n, m in enumerate(self.names)}
        tasks = self.heads(dropout(hidden, self.config.dropout, self.training))
        return Output(tasks, hidden, {"own": own, "common": common, "guesses": guesses, "here": here})

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """Task, the modalities' own tasks, discriminator (reversed for what it reads), translation."""
        c, extra = self.config, output.extra
        own = [
            task_loss(extra["own"][m], own_labels(batch.labels, c.tasks, m, extra["here"][:, n]))
            for n, m in enumerate(self.names)
        ]
        strength = float(self.reversal)
        adversary = discrimination(self.discriminator, extra["common"], extra["here"], strength)
        return {
            "task": task_loss(output.tasks, batch.labels),
            "own": c.own * torch.stack(own).sum(),
            "adversary": c.adversary * adversary,
            "translation": c.translation * torch.stack([translation(*g) for g in extra["guesses"]]).sum(),
        }

    def after_step(self, output: Output, batch: FeatureBatch, epoch: int) -> None:
        """The strength of the reversed gradient rises over the epochs as in Ganin and Lempitsky 2015: 0 at first."""
        done = min(1.0, (epoch - 1) / self.config.ramp)
        self.reversal.fill_(2 / (1 + math.exp(-10 * done)) - 1)


MODEL = Cdml
