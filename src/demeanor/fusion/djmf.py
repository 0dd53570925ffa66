"""DJMF: a dual bidirectional encoder and a feature pyramid per task, all tasks in one model: a reconstruction.

Paper: Zheng et al. 2024, DJMF: A discriminative joint multi-task framework for multimodal sentiment analysis based on
    intra- and inter-task dynamics, Expert Systems with Applications 242, 122728 (abstract and figures known).
Idea: layers of paired cross-attention let the anchor (text) and each other modality read one another, both ways.
    Each task gathers the layers through a pyramid of its own, from the last layer down, so fusion differs by task.
    Mutual information ties the layers to what they read; an orthogonality loss keeps the tasks' vectors apart.
Needs: two or more modalities, nothing aligned; its point is several tasks (e.g. `score` and `emotions`), one works.
Differs: only the abstract and figures are known, the rest is reconstructed, so no scores are quoted. What one task
    lends another carries no gradient back, so that a task of weight 0 leaves its pyramid alone. Emotions are a
    distribution under cross-entropy, as everywhere here, not independent yes/no labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from demeanor.batch import FeatureBatch, Output
from demeanor.errors import ConfigError
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.cross_attention import CrossBlock
from demeanor.layers.dropout import dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.joint_sequence import sinusoids
from demeanor.layers.operators import refuse_weights
from demeanor.layers.pooling import steps
from demeanor.layers.transformer import EncoderLayer, additive_mask, masked_mean
from demeanor.losses.contrastive import info_nce
from demeanor.losses.difference import difference_loss
from demeanor.losses.tasks import task_loss

FAMILY = "multi-task"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True

Streams = dict[str, tuple[Tensor, Tensor]]
"""Modality → the anchor's steps as they stand towards it, and its own steps."""


class Config(FusionConfig):
    """Sizes and weights of the reconstruction.

    Attributes:
        anchor: the modality paired with every other one; unless named, `text` where there is one, else the first.
        layers: of the dual encoder, which are the levels of the pyramids.
        schedule: `joint`, one step for all tasks; `alternate`, the tasks take turns, a pass over the data each, and
            none moves another's pyramid.
        weights: task → weight of its loss; the first weighs 1 and the others 0.5 unless named.
        learned_weights: on top of those `Σ e^(-s) L + s`, s learned per task (Kendall et al. 2018).
        mutual: weight of the mutual-information loss.
        distinct: weight of the orthogonality of the tasks' vectors.
    """

    anchor: str = ""
    width: int = 64
    layers: int = Field(3, ge=1)
    heads: int = 4
    dropout: float = 0.1
    schedule: Literal["joint", "alternate"] = "joint"
    weights: dict[str, float] = Field(default_factory=dict)
    learned_weights: bool = False
    mutual: float = 0.1
    distinct: float = 0.1


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"width": 16, "layers": 2, "heads": 2, "dropout": 0.0, "tasks": {"score": 1, "polarity": 3}},
    "alternate": {"schedule": "alternate"},
}


def masked_max(x: Tensor, mask: Tensor) -> Tensor:
    """Maximum over real steps: (B, T, D), (B, T) → (B, D); zeros where no step is real."""
    best = x.masked_fill(~mask[..., None], -1e4).max(1).values
    return torch.where(mask.any(1)[:, None], best, torch.zeros_like(best))


class DualEncoderLayer(nn.Module):
    """For each other modality m: anchor ← m (TA, TV) and m ← anchor (AT, VT), all from the layer below."""

    def __init__(self, others: list[str], width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.ahead, self.back = (
            nn.ModuleDict({m: CrossBlock(width, heads, dropout=dropout, norm="post") for m in others}) for _ in "ab"
        )

    def forward(self, below: Streams, anchor: Tensor, masks: Mapping[str, Tensor]) -> Streams:
        """Streams (B, T, D) with the masks of the anchor (B, T) and of each modality → streams as long."""
        return {m: (self.ahead[m](t, x, masks[m]), self.back[m](x, t, anchor)) for m, (t, x) in below.items()}


class Pyramid(nn.Module):
    """One task's way through the layers: `M_L = C_L`, `M_l = C_l + U_l M_(l+1)`, `C_l = W_l P_l`; `r = relu(W[M])`."""

    def __init__(self, levels: int, dim: int, width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Linear(dim, width) for _ in range(levels))
        self.down = nn.ModuleList(nn.Linear(width, width) for _ in range(levels - 1))
        self.out = nn.Linear(levels * width, width)

    def maps(self, levels: list[Tensor]) -> list[Tensor]:
        """Pooled layers (B, dim), first to last → M_1 … M_L, each (B, width)."""
        merged = [self.lateral[-1](levels[-1])]
        for level in range(len(levels) - 2, -1, -1):
            merged.insert(0, self.lateral[level](levels[level]) + self.down[level](merged[0]))
        return merged

    def forward(self, levels: list[Tensor]) -> Tensor:
        """→ the task's vector (B, width)."""
        return F.relu(self.out(torch.cat(self.maps(levels), 1)))


class Encoders(nn.Module):
    """Each modality to one width with positions; all but the anchor, whose features have context, by a Transformer."""

    def __init__(self, dims: Mapping[str, int], anchor: str, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.project = nn.ModuleDict({m: nn.Linear(dim, width) for m, dim in dims.items()})
        self.layer = nn.ModuleDict({m: EncoderLayer(width, heads, 4 * width, dropout) for m in dims if m != anchor})

    def forward(self, batch: FeatureBatch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """→ per modality steps (B, T, width) and which are real (B, T)."""
        out, masks = {}, {}
        for m, project in self.project.items():
            x, masks[m] = steps(batch, m)
            x = project(x)
            x = x + sinusoids(torch.arange(x.shape[1], device=x.device), x.shape[2]).to(x.dtype)
            out[m] = self.layer[m](x, additive_mask(masks[m])) if m in self.layer else x
        return out, masks


class Djmf(Model):
    """Reads any number of sequences (B, T, D), two or more, for any number of tasks."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        c, names = config, list(config.dims)
        self.anchor = c.anchor or ("text" if "text" in names else names[0])
        self.others = [m for m in names if m != self.anchor]
        if self.anchor not in names or not self.others:
            raise ConfigError(
                f"djmf pairs an anchor with others: expected dims of {self.anchor!r} and one more, got {names}; "
                "name another modality, or another anchor"
            )
        refuse_weights(c.weights, c.tasks)
        self.encoders = Encoders(c.dims, self.anchor, c.width, c.heads, c.dropout)
        self.layers = nn.ModuleList(DualEncoderLayer(self.others, c.width, c.heads, c.dropout) for _ in range(c.layers))
        blocks = 2 * len(self.others)
        self.estimators = nn.ModuleList(nn.Linear(c.width, c.width) for _ in range(blocks * c.layers))
        self.pyramids = nn.ModuleDict({k: Pyramid(c.layers, blocks * c.width, c.width) for k in c.tasks})
        self.gates = nn.ModuleDict({k: nn.Linear(c.width, c.width) for k in c.tasks if len(c.tasks) > 1})
        self.heads = nn.ModuleDict({k: TaskHeads(len(c.tasks) * c.width, {k: n}) for k, n in c.tasks.items()})
        if c.learned_weights:
            # A parameter per task: what an optimiser remembers of one task must not move another's out of its turn.
            self.spread = nn.ParameterDict({k: nn.Parameter(torch.zeros(())) for k in c.tasks})

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # Runs were saved with the tasks' weights in one vector once.
        if (spread := state_dict.pop(f"{prefix}spread", None)) is not None:
            state_dict |= {f"{prefix}spread.{k}": s for k, s in zip(self.config.tasks, spread, strict=True)}
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def forward(self, batch: FeatureBatch) -> Output:
        """The tasks, each from its own vector and a gated share of the others'.

        Where tasks take turns, only that whose turn it is has a gradient: no loss, that of distillation neither, moves
        another's pyramid.
        """
        levels, pairs = self._encode(batch)
        turn = self._turn()
        vectors = {k: pyramid(levels) for k, pyramid in self.pyramids.items()}
        vectors = {k: r if k in turn else r.detach() for k, r in vectors.items()}
        tasks: dict[str, Tensor] = {}
        for k in self.config.tasks:
            # Inter-task exchange: [r_k ; σ(W r_j) ⊙ r_j for the others], without a gradient to the lender.
            lent = [vectors[j].detach() for j in vectors if j != k]
            gates = [self.gates[j] for j in vectors if j != k]
            shared = torch.cat([vectors[k], *(gate(r).sigmoid() * r for gate, r in zip(gates, lent, strict=True))], 1)
            found = self.heads[k](dropout(shared, self.config.dropout, self.training))[k]
            tasks[k] = found if k in turn else found.detach()
        return Output(tasks, torch.cat(list(vectors.values()), 1), {"vectors": vectors, "pairs": pairs})

    def _encode(self, batch: FeatureBatch) -> tuple[list[Tensor], list[tuple[Tensor, Tensor, Tensor]]]:
        """The pooled layers P_1 … P_L (B, 2nD), and per block the mean of what it gives, of what it read, and rows."""
        read, masks = self.encoders(batch)
        own = masks[self.anchor]
        streams: Streams = {m: (read[self.anchor], read[m]) for m in self.others}
        levels, pairs = [], []
        for layer in self.layers:
            below, streams = streams, layer(streams, own, masks)
            pooled = []
            for m, (t, x) in streams.items():
                pooled += [masked_max(t, own), masked_max(x, masks[m])]
                rows = own.any(1) & masks[m].any(1)
                pairs.append((masked_mean(t, own), masked_mean(below[m][1], masks[m]), rows))
                pairs.append((masked_mean(x, masks[m]), masked_mean(below[m][0], own), rows))
            levels.append(torch.cat(pooled, 1))
        return levels, pairs

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """Tasks, mutual information of every block with its source, distinctness of the tasks' vectors.

        Where tasks take turns, only the one whose turn it is, and only its own vector moves.
        """
        c = self.config
        turn, vectors = self._turn(), output.extra["vectors"]
        task = torch.stack([self._task(k, output.tasks[k], batch.labels) for k in turn]).sum()
        blocks = zip(self.estimators, output.extra["pairs"], strict=True)
        mutual = [info_nce(guess(out.float()), source, 1.0, rows) for guess, (out, source, rows) in blocks]
        terms = {"task": task, "mutual": c.mutual * torch.stack(mutual).mean()}
        if len(vectors) > 1:
            apart = [difference_loss(vectors[a].float(), vectors[b].float()) for a, b in combinations(vectors, 2)]
            terms["distinct"] = c.distinct * torch.stack(apart).sum()
        return terms

    def _turn(self) -> list[str]:
        return [self.phase] if self.phase in self.config.tasks else list(self.config.tasks)

    def _task(self, task: str, found: Tensor, labels: Mapping[str, Tensor]) -> Tensor:
        weight = self.config.weights.get(task, 1.0 if task == next(iter(self.config.tasks)) else 0.5)
        loss = weight * task_loss({task: found}, labels)
        # Without a loss to weigh, s alone would be left to fall without end.
        if not self.config.learned_weights or not weight or task not in labels or labels[task].isnan().all():
            return loss
        s = self.spread[task]
        return (-s).exp() * loss + s

    def phases(self) -> Iterator[str]:
        """One pass, or one per task."""
        yield from self.config.tasks if self.config.schedule == "alternate" else ["all"]


MODEL = Djmf
