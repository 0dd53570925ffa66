"""Keeping a strong modality from silencing a weak one while both are trained together.

Sources: OGM-GE (Peng et al. 2022, Balanced Multimodal Learning via On-the-fly Gradient Modulation, CVPR);
Gradient-Blending (Wang, Tran & Feiszli 2020, What Makes Training Multi-Modal Classification Networks Hard?, CVPR).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def quality(tasks: Mapping[str, Tensor], labels: Mapping[str, Tensor], rows: Tensor) -> Tensor:
    """How right a modality is by itself, in (0, 1]: the mean over tasks and labelled rows, () scalar; NaN without any.

    A class counts with the probability of the truth (as in OGM-GE, a mean instead of a sum); a number, which the paper
    does not treat, with exp(-|error|).

    Args:
        tasks: raw outputs from that modality alone, (B,) or (B, K).
        labels: as in a batch.
        rows: (B,) bool, samples that have the modality.
    """
    found = []
    for task, said in tasks.items():
        if task not in labels:
            continue
        target = labels[task]
        if target.ndim == 2:
            right = (said.float().softmax(1) * torch.nan_to_num(target).clamp(min=0)).sum(1)
            known = rows & ~torch.isnan(target).any(1)
        else:
            right = (-(said.float() - torch.nan_to_num(target)).abs()).exp()
            known = rows & ~torch.isnan(target)
        found.append((right * known).sum() / known.sum())
    return torch.stack(found).nanmean() if found else torch.full((), torch.nan, device=rows.device)


def modulation(qualities: Tensor, strength: float) -> Tensor:
    """What each modality's gradient is multiplied with: 1 - tanh(strength · ρ) where ρ > 1, else 1.

    Args:
        qualities: (M,); ρ is a modality's over the mean of the others' (there of two). One of NaN was not to be judged:
            it is no other's, and its own factor is 1.
        strength: α; 0 leaves all as it is.
    """
    known = ~qualities.isnan()
    others = (qualities.nansum() - qualities) / (known.sum() - 1).clamp(min=1)
    # Without others there is nothing to be ahead of.
    ratio = qualities / others.clamp(min=1e-8) * (known.sum() > 1)
    return torch.where(ratio > 1, 1 - torch.tanh(strength * ratio), torch.ones_like(ratio))


class _Scale(torch.autograd.Function):
    """The same numbers forwards; backwards the gradient times a factor, and noise of the gradient's own spread."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: Tensor, noisy: bool) -> Tensor:
        ctx.save_for_backward(factor)
        ctx.noisy = noisy
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (factor,) = ctx.saved_tensors
        scaled = gradient * factor
        if ctx.noisy and gradient.numel() > 1:
            scaled = scaled + torch.randn_like(gradient) * gradient.std()
        return scaled, None, None


def scale_gradient(x: Tensor, factor: Tensor, noisy: bool = False) -> Tensor:
    """`x`; whatever learns below it gets `factor` times its gradient.

    Args:
        x: what a modality's network gives.
        factor: () scalar.
        noisy: add Gaussian noise with the gradient's own spread (the "GE"; there per weight, here where the
            gradient enters the modality's network).
    """
    scaled: Tensor = _Scale.apply(x, factor, noisy)
    return scaled


Losses = Mapping[str, tuple[float, float]]
"""Modality → (training loss, validation loss)."""


def blend_weights(before: Losses, after: Losses) -> dict[str, float]:
    """Gradient-Blending's loss weights, w ∝ G / O²: modalities that generalise weigh more than those that overfit.

    G is how much the validation loss fell between two checkpoints, O how much the gap between validation and training
    loss grew. A modality whose validation loss did not fall weighs 0; where none's fell, all weigh the same.

    Args:
        before: modality → (training loss, validation loss) at the first checkpoint, each modality trained alone.
        after: the same at the second.
    """
    raw = {}
    for name, (train, valid) in before.items():
        gain = valid - after[name][1]
        overfit = (after[name][1] - after[name][0]) - (valid - train)
        raw[name] = max(gain, 0.0) / max(overfit * overfit, 1e-6)
    total = sum(raw.values())
    return {name: w / total if total else 1 / len(raw) for name, w in raw.items()}
