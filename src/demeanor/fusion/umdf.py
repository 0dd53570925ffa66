"""UMDF: one network sees a sample under two missing patterns, and each sight teaches the other: a reconstruction.

Paper: Li et al. 2024, A Unified Self-Distillation Framework for Multimodal Sentiment Analysis with Uncertain Missing
    Modalities, AAAI 38(9), doi 10.1609/aaai.v38i9.28871 (abstract and summaries read; no code is public).
Idea: two branches with the same weights get the same sample with different modalities left out, drawn anew each step.
    MCIM lets every modality hear the others, all at once and then one by one; DFIM weighs the frames of the result.
    The branches' features and outputs are pulled towards each other, so that few modalities do nearly as well as all.
Needs: nothing aligned; two or more modalities; labels need not say what may be missing.
Differs: only the framework is published, the equations of MCIM, DFIM and the losses are reconstructed, so no scores are
    quoted. Missing modalities are masked and marked by a learned vector instead of being zeros that pass through a
    biased layer. Regression is distilled by the distance of the outputs. In evaluation there is one branch.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.dropout import dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.interaction import Dfim, Frames, Mcim
from demeanor.layers.transformer import EncoderLayer, additive_mask
from demeanor.losses.distillation import divergence
from demeanor.losses.tasks import task_loss

FAMILY = "missing modalities"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True


class Config(FusionConfig):
    """Sizes of the reconstruction.

    Attributes:
        frames: to how many frames every modality is pooled.
        layers: of the encoder over the modalities' joined frames.
        complete: branch a sees all that is there, only branch b loses modalities.
        features: weight of the distillation of pooled features.
        logits: weight of the distillation of outputs.
        feature_temperature: of the features' softmax.
        temperature: of the outputs' softmax.
    """

    width: int = 64
    frames: int = 50
    heads: int = 4
    layers: int = 1
    dropout: float = 0.1
    complete: bool = False
    features: float = 0.1
    logits: float = 0.1
    feature_temperature: float = 4.0
    temperature: float = 2.0


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"width": 16, "frames": 4, "heads": 2, "dropout": 0.0, "complete": True},
    "teacher": {"complete": True},
}


def draw_patterns(here: Tensor, complete: bool) -> tuple[Tensor, Tensor]:
    """Two presence patterns (B, M) for samples that have `here` (B, M): never empty, and different where they can be.

    All non-empty subsets of what a sample has are equally likely; with `complete` the first is all of it.
    """
    count = here.shape[1]
    every = torch.tensor(list(product([False, True], repeat=count))[1:], device=here.device)
    allowed = (~every[None] | here[:, None]).all(2)
    chance = torch.rand(allowed.shape, device=here.device).masked_fill(~allowed, -1.0)
    if complete:
        chance = chance.masked_fill((every[None] == here[:, None]).all(2), 2.0)
    best, chosen = chance.topk(2, 1)
    second = torch.where(best[:, 1] < 0, chosen[:, 0], chosen[:, 1])  # only one pattern is possible
    return every[chosen[:, 0]] & here, every[second] & here


def mutual_divergence(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """½[KL(p_a ‖ p_b) + KL(p_b ‖ p_a)] of the softmaxes of two (B, K), each the other's fixed teacher: (B,)."""
    return (divergence(a, b, temperature) + divergence(b, a, temperature)) / 2


def mutual_distance(a: Tensor, b: Tensor) -> Tensor:
    """|a − b| of two regressions (B,), each the other's fixed teacher: (B,)."""
    return ((a - b.detach()).abs() + (b - a.detach()).abs()).float() / 2


class Umdf(Model):
    """Reads any number of sequences (B, T, D), two or more; which are there may differ from sample to sample."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        count, width = len(config.dims), config.width
        self.frames = Frames(config.dims, width, config.frames)
        self.interact = Mcim(count, width, config.heads, config.dropout)
        self.join = nn.Linear(count * width, width)
        self.encode = nn.ModuleList(
            EncoderLayer(width, config.heads, 4 * width, config.dropout) for _ in range(config.layers)
        )
        self.integrate = Dfim(width)
        self.heads = TaskHeads(width, config.tasks)

    def branch(self, frames: list[Tensor], here: Tensor) -> Tensor:
        """Frames (B, L, D) per modality, of which `here` (B, M) may be heard → pooled Ĥ (B, D)."""
        h = self.join(torch.cat(self.interact(self.frames.hear(frames, here)), 2))
        real = additive_mask(torch.ones(h.shape[:2], dtype=torch.bool, device=h.device))
        for layer in self.encode:
            h = layer(h, real)
        return self.integrate(h).mean(1)

    def read(self, pooled: Tensor) -> dict[str, Tensor]:
        """The tasks of pooled features (B, D)."""
        found: dict[str, Tensor] = self.heads(dropout(pooled, self.config.dropout, self.training))
        return found

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks; in training those of branch a, with both branches in `extra`."""
        frames, here = self.frames.read(batch)
        if not self.training:
            hidden = self.branch(frames, here)
            return Output(self.read(hidden), hidden)
        # Both branches are one batch of twice the rows: they share weights, never a dropout mask.
        patterns = torch.cat(draw_patterns(here, self.config.complete))
        hidden = self.branch([torch.cat([x, x]) for x in frames], patterns)
        tasks = self.read(hidden)
        count = len(here)
        a, b = ({t: y[part] for t, y in tasks.items()} for part in (slice(count), slice(count, None)))
        some = here.any(1)
        return Output(a, hidden[:count], {"a": a, "b": b, "pooled": (hidden[:count], hidden[count:]), "some": some})

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The task in both branches, and what they teach each other (in evaluation, where one branch is, the task)."""
        if "b" not in output.extra:
            return super().loss(output, batch)
        a, b, some = output.extra["a"], output.extra["b"], output.extra["some"]
        c, (one, two) = self.config, output.extra["pooled"]

        def mean(each: Tensor) -> Tensor:
            return (each * some).sum() / some.sum().clamp(min=1)

        logits = a[next(iter(a))].new_zeros(())
        for task in a:
            if a[task].ndim == 2:
                each = mutual_divergence(a[task], b[task], c.temperature) * c.temperature**2
            else:
                each = mutual_distance(a[task], b[task])
            logits = logits + mean(each)
        return {
            "task": task_loss(a, batch.labels) + task_loss(b, batch.labels),
            "features": c.features * mean(mutual_divergence(one, two, c.feature_temperature)),
            "logits": c.logits * logits,
        }


MODEL = Umdf
