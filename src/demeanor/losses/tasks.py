"""Losses of the three tasks, each over the rows that carry a label for it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

SPREAD = "spread:"
"""Labels under SPREAD + TASK, () scalars, are the learned log-variances of the tasks: see `task_loss`."""


def masked_cross_entropy(logits: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy (B,) against distributions (B, K).

    A class with target -1 is unknown for that row (a corpus that has no such class): it is left out of the softmax, so
    the row neither raises nor lowers it. Rows of NaN carry no label and give 0.

    Args:
        logits: (B, K), never softmaxed before.
        target: (B, K), sums to 1 over the known classes.
        smoothing: share of each row's mass spread evenly over its known classes.
    """
    labelled = ~torch.isnan(target).any(1)
    known = target >= 0
    safe = torch.where(known & labelled[:, None], target, torch.zeros_like(target))
    if smoothing:
        count = known.sum(1, keepdim=True).clamp(min=1)
        safe = torch.where(known, safe * (1 - smoothing) + smoothing / count, safe)
    scores = logits.float().masked_fill(~known & labelled[:, None], -1e4)
    losses = -(safe * F.log_softmax(scores, 1)).sum(1)
    return torch.where(labelled, losses, torch.zeros_like(losses))


def task_loss(
    outputs: Mapping[str, Tensor],
    labels: Mapping[str, Tensor],
    weights: Mapping[str, float] | None = None,
    smoothing: float = 0.0,
    squared: bool = False,
) -> Tensor:
    """Sum over tasks of the weighted mean loss over labelled rows: () scalar.

    Classes (labels (B, K)) use masked cross-entropy, intensities (labels (B,)) the L1 distance (the field's MAE), or
    the squared one.
    `labels['weight']` (B,), where given, weighs the rows. A task with a spread s among the labels counts as
    `e^(-s) L + s` (Kendall et al. 2018, Multi-Task Learning Using Uncertainty), as far as it has labelled rows.
    """
    rows = labels.get("weight")
    total = next(iter(outputs.values())).new_zeros(())
    for task, predicted in outputs.items():
        if task not in labels:
            continue
        target = labels[task]
        if target.ndim == 2:
            each = masked_cross_entropy(predicted, target, smoothing)
            has = ~torch.isnan(target).any(1)
        else:
            has = ~torch.isnan(target)
            off = torch.where(has, predicted.float() - torch.nan_to_num(target), torch.zeros_like(target))
            each = off.square() if squared else off.abs()
        weight = has.float() if rows is None else has.float() * rows
        factor = 1.0 if weights is None else weights.get(task, 1.0)
        loss = (each * weight).sum() / weight.sum().clamp(min=1e-6)
        if (spread := labels.get(SPREAD + task)) is not None:
            # Without a loss to weigh, the spread alone would be left to fall without end.
            loss = (-spread).exp() * loss + spread * (weight.sum() > 0)
        total = total + factor * loss
    return total


def largest(labels: Tensor) -> float:
    """In size, of labels of which some may be NaN; 0 of none."""
    return float(torch.nan_to_num(labels).abs().max()) if labels.numel() else 0.0


def sign_hinge(score: Tensor, polarity: Tensor, labelled_score: Tensor, margin: float = 0.2) -> Tensor:
    """Mean hinge that puts a score (B,) on the side its polarity (B, 3) names, where no intensity is labelled.

    Positive rows are pushed above `margin`, negative ones below -margin, neutral ones within ±margin; how far beyond is
    left to the rows that carry an intensity.
    """
    hard = torch.nan_to_num(polarity).max(1).values > 0.99
    rows = hard & torch.isnan(labelled_score)
    side = torch.nan_to_num(polarity).argmax(1) - 1
    s = score.float()
    polar = (margin - side * s).clamp(min=0)
    neutral = (s.abs() - margin).clamp(min=0)
    each = torch.where(side == 0, neutral, polar)
    return (each * rows).sum() / rows.sum().clamp(min=1)
