"""Late fusion by stacking: a small model learns how to join what the modalities say.

Paper: Wolpert 1992, Stacked Generalization (Neural Networks).
Idea: one predictor per modality, trained by itself; a combiner is fitted on what predictors said about samples they had
    not seen (out of fold), so it learns how far to trust each, not how far each has memorised.
    Numbers by ridge regression, classes by penalised logistic regression on log-probabilities.
Needs: `out_of_fold` then `fit_stack`, on training rows only; before, and against what little data says, it is the mean.
Differs: a reconstruction: a missing modality is filled in with the mean of those present.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from demeanor.batch import FeatureBatch
from demeanor.errors import ConfigError
from demeanor.fusion._late import LateConfig, LateFusion, mean_of
from demeanor.layers.pooling import presence
from demeanor.losses.tasks import masked_cross_entropy

FAMILY = "late"
MODALITIES = ["text", "audio", "visual"]
RECONSTRUCTION = True

Predictions = Mapping[str, Mapping[str, Tensor]]
"""Modality → task → (N,) or (N, K)."""


class Config(LateConfig):
    """`ridge`: penalty, per sample, on how far the combiner is from the plain mean."""

    ridge: float = 0.01


PRESETS: Mapping[str, Mapping[str, Any]] = {"tiny": {"hidden": 48, "dropout": 0.0}}


class LateStack(LateFusion):
    """A linear combiner per task, from all modalities' outputs; the plain mean until it is fitted."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        for task, size in config.tasks.items():
            self.register_buffer(f"weight_{task}", torch.eye(size).repeat(len(config.dims), 1) / len(config.dims))
            self.register_buffer(f"bias_{task}", torch.zeros(size))

    def join(self, task: str, said: Tensor, present: Tensor) -> Tensor:
        """What is said, missing modalities filled in, times the combiner's weights."""
        joined = filled(said, present) @ self.get_buffer(f"weight_{task}") + self.get_buffer(f"bias_{task}")
        return joined[:, 0] if said.ndim == 2 else joined

    def fit_stack(self, predictions: Predictions, labels: Mapping[str, Tensor], present: Tensor | None = None) -> None:
        """Fit the combiner of every labelled task.

        Args:
            predictions: out-of-fold ones of training rows, see `out_of_fold`: never those of predictors that were
                trained on the same rows, and never test rows.
            labels: task → (N,) or (N, K), NaN where a row has none.
            present: (N, M) which modalities each row has, in the order of `dims`; all unless given.

        Raises:
            ConfigError: the predictions name other modalities than `dims`.
        """
        if list(predictions) != list(self.config.dims):
            raise ConfigError(f"expected predictions of {list(self.config.dims)}, got {list(predictions)}")
        for task in self.config.tasks:
            if task not in labels:
                continue
            said = torch.stack([predictions[m][task].detach().float() for m in self.config.dims], 1)
            target = labels[task].float()
            known = ~torch.isnan(target).view(len(target), -1).any(1)
            if not known.any():
                continue
            there = torch.ones(said.shape[:2], dtype=torch.bool) if present is None else present
            x, prior = filled(said[known], there[known]), self._mean_weights(task)
            fit = ridge_regression if target.ndim == 1 else logistic_regression
            weight, bias = fit(x, target[known], prior, self.config.ridge)
            self.get_buffer(f"weight_{task}").copy_(weight)
            self.get_buffer(f"bias_{task}").copy_(bias)

    def _mean_weights(self, task: str) -> Tensor:
        count = len(self.config.dims)
        return torch.eye(self.config.tasks[task]).repeat(count, 1) / count


def filled(said: Tensor, present: Tensor) -> Tensor:
    """(B, M) or logits (B, M, K) → what the combiner reads (B, M · K), classes as log-probabilities.

    A missing modality says what those present say in the mean; with none present all say 0.
    """
    x = said[..., None] if said.ndim == 2 else said.log_softmax(2)
    others = mean_of(x, present.to(x.dtype))[:, None]
    return torch.where(present[..., None], x, others.expand_as(x)).flatten(1)


def ridge_regression(x: Tensor, y: Tensor, prior: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Least squares with an unpenalised intercept, shrunk to `prior`: (N, D), (N,), (D, 1) → weight (D, 1), bias (1,).

    Minimises |y - xw - b|² + N · ridge · |w - prior|², in double precision.
    """
    x, y, prior = x.double(), y.double()[:, None], prior.double()
    rest = y - x @ prior
    centred, middle = x - x.mean(0), rest.mean(0)
    gram = centred.T @ centred + len(x) * ridge * torch.eye(x.shape[1], dtype=torch.float64)
    change = torch.linalg.solve(gram, centred.T @ (rest - middle))
    return (prior + change).float(), (middle - x.mean(0) @ change).float()


def logistic_regression(x: Tensor, y: Tensor, prior: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression shrunk to `prior`: (N, D), distributions (N, K), (D, K) → weight, bias (K,).

    Minimises the mean cross-entropy + ridge · |W - prior|² by L-BFGS.
    """
    weight, bias = prior.clone().requires_grad_(), torch.zeros(y.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        fit = masked_cross_entropy(x @ weight + bias, y).mean() + ridge * F.mse_loss(weight, prior, reduction="sum")
        fit.backward()
        return fit

    with torch.enable_grad():
        optimiser.step(closure)
    return weight.detach(), bias.detach()


def out_of_fold(
    learn: Callable[[FeatureBatch], LateStack], batch: FeatureBatch, folds: Tensor
) -> tuple[dict[str, dict[str, Tensor]], Tensor]:
    """What predictors say of rows they did not learn from, and presence (N, M): what `fit_stack` takes.

    Args:
        learn: trains a fresh model on the rows it is given.
        batch: all training rows.
        folds: (N,) the fold of each row; group rows of one speaker or video in one fold.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for fold in folds.unique():
        held = folds == fold
        model = learn(rows(batch, ~held)).eval()
        with torch.no_grad():
            said = model.predictions(rows(batch, held))
        for modality, tasks in said.items():
            for task, numbers in tasks.items():
                into = found.setdefault(modality, {}).setdefault(
                    task, numbers.new_zeros(len(folds), *numbers.shape[1:])
                )
                into[held] = numbers
    return found, presence(batch, found)


def rows(batch: FeatureBatch, keep: Tensor) -> FeatureBatch:
    """The rows of a batch where `keep` (B,) is True."""
    return FeatureBatch(
        {m: v[keep] for m, v in batch.values.items()},
        {m: None if v is None else v[keep] for m, v in batch.valid.items()},
        {m: v[keep] for m, v in batch.present.items()},
        {t: y[keep] for t, y in batch.labels.items()},
        None if batch.index is None else batch.index[keep],
    )


MODEL = LateStack
