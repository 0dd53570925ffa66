"""What the late-fusion models share: independent predictors, one per modality, and a rule that joins what they say."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch, Output
from demeanor.fusion._model import FusionConfig, Model
from demeanor.layers.dropout import Dropout
from demeanor.layers.heads import TaskHeads
from demeanor.layers.pooling import pooled, presence
from demeanor.losses.tasks import SPREAD, task_loss

LEAST = 1e-9
"""The smallest probability whose logarithm is taken."""


class LateConfig(FusionConfig):
    """`hidden` width and number of `layers` of each modality's predictor."""

    hidden: int = 64
    layers: int = 2
    dropout: float = 0.3


class Predictor(nn.Module):
    """Mean over real steps → hidden layers → the tasks, from one modality alone."""

    def __init__(self, dim: int, config: LateConfig) -> None:
        super().__init__()
        sizes = [dim, *[config.hidden] * config.layers]
        parts: list[nn.Module] = []
        for number in range(config.layers):
            parts += [nn.Linear(sizes[number], sizes[number + 1]), nn.ReLU(), Dropout(config.dropout)]
        self.dense = nn.Sequential(*parts)
        self.heads = TaskHeads(sizes[-1], config.tasks)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(B, D) → task → (B,) or (B, K)."""
        found: dict[str, Tensor] = self.heads(self.dense(x))
        return found


class LateFusion(Model):
    """Any number of modalities, each with a predictor that learns as if alone; `join` makes one answer of theirs."""

    def __init__(self, config: LateConfig) -> None:
        super().__init__()
        self.config = config
        self.predictors = nn.ModuleDict({m: Predictor(dim, config) for m, dim in config.dims.items()})

    def predictions(self, batch: FeatureBatch) -> dict[str, dict[str, Tensor]]:
        """Modality → task → raw numbers (B,) or logits (B, K) of its predictor; meaningless where it is missing."""
        return {m: predictor(pooled(batch, m)) for m, predictor in self.predictors.items()}

    def forward(self, batch: FeatureBatch) -> Output:
        """The joined tasks; `extra["each"]` holds the predictors' own."""
        each, present = self.predictions(batch), presence(batch, self.predictors)
        tasks = {}
        for task in self.config.tasks:
            tasks[task] = self.join(task, torch.stack([said[task].float() for said in each.values()], 1), present)
        return Output(tasks, None, {"each": each})

    def join(self, task: str, said: Tensor, present: Tensor) -> Tensor:
        """What the modalities say (B, M) or logits (B, M, K), presence (B, M) → one number (B,) or logits (B, K)."""
        raise TypeError(f"{type(self).__name__} must override join(task, said, present)")

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The sum of the predictors' own losses, each over the samples that have its modality."""
        present = presence(batch, self.predictors)
        each = output.extra["each"].values()
        terms = [task_loss(said, where(batch.labels, present[:, i])) for i, said in enumerate(each)]
        return {"task": torch.stack(terms).sum()}


def where(labels: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    """The labels of those rows; the others carry none."""

    def masked(y: Tensor) -> Tensor:
        return y.masked_fill(~rows.view(-1, *[1] * (y.ndim - 1)), float("nan"))

    return {task: y if task == "weight" or task.startswith(SPREAD) else masked(y) for task, y in labels.items()}


def mean_of(said: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over the modalities: (B, M) or (B, M, K), weights (B, M) → (B,) or (B, K); zeros without any."""
    share = weights / weights.sum(1, keepdim=True).clamp(min=1e-12)
    return (said * (share if said.ndim == 2 else share[..., None])).sum(1)


def log_of(probabilities: Tensor) -> Tensor:
    """Probabilities as logits: their softmax gives them back."""
    return probabilities.clamp(min=LEAST).log()
