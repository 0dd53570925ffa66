"""Integrated gradients over the feature inputs of a model of the lab: the check on what leaving out says.

Source: Sundararajan, Taly and Yan, Axiomatic attribution for deep networks, ICML 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from demeanor.errors import DataError
from demeanor.plugins import require

if TYPE_CHECKING:
    from torch import Tensor

    from demeanor.batch import FeatureBatch

STEPS = 48
"""Points of the path at which gradients are taken (Gauss-Legendre, so that smooth models need few)."""


def integrated_gradients(
    function: Callable[[Mapping[str, Tensor]], Tensor],
    inputs: Mapping[str, Tensor],
    baselines: Mapping[str, Tensor] | None = None,
    steps: int = STEPS,
) -> dict[str, Tensor]:
    """How much each number of the inputs adds to the output, against a baseline.

    (x - x') · ∫₀¹ ∂f(x' + a (x - x')) / ∂x da. The values of a row sum to f(x) - f(x'), as nearly as the path is
    sampled.

    Args:
        function: inputs by name → one number per row, (B,); rows must not depend on one another.
        inputs: by name, (B, …) floats.
        baselines: what stands for nothing, in shapes that broadcast to those of the inputs; zeros where not named.
        steps: points of the path, at least 1.

    Returns:
        By name, in the shapes of the inputs.

    Raises:
        DataError: an input that is no floating-point tensor (token ids have no gradient: give their vectors), no
            steps, or an output that is not one number per row.
        MissingExtraError: torch is not installed.
    """
    torch: Any = require("torch", "lab", "integrated gradients")
    if steps < 1:
        raise DataError(f"expected one step or more, got {steps}")
    if whole := [name for name, x in inputs.items() if not x.is_floating_point()]:
        raise DataError(f"expected floats, got whole numbers in {', '.join(whole)}; give the vectors they stand for")
    given = baselines or {}
    start = {name: given[name].expand_as(x) if name in given else torch.zeros_like(x) for name, x in inputs.items()}
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    total = {name: torch.zeros_like(x) for name, x in inputs.items()}
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        at = {n: (start[n] + node * (x - start[n])).detach().requires_grad_(True) for n, x in inputs.items()}
        out = function(at)
        if out.shape != (len(next(iter(inputs.values()))),):
            raise DataError(f"expected one number per row, got an output of shape {tuple(out.shape)}; pick a column")
        slopes = torch.autograd.grad(out.sum(), list(at.values()), allow_unused=True)
        for name, slope in zip(at, slopes, strict=True):
            if slope is not None:
                total[name] += weight * slope
    return {name: (x - start[name]).detach() * total[name] for name, x in inputs.items()}


def over_batch(
    model: Callable[[FeatureBatch], Any],
    batch: FeatureBatch,
    choose: Callable[[Any], Tensor],
    baselines: Mapping[str, Tensor] | None = None,
    steps: int = STEPS,
) -> dict[str, Tensor]:
    """Integrated gradients of a fusion model, per modality.

    Args:
        model: a model of `demeanor.fusion`, in evaluation mode.
        batch: its input; modalities with token ids are held as they are.
        choose: the model's output → the number to explain, (B,).
        baselines: as in `integrated_gradients`.
        steps: likewise.

    Returns:
        By modality, (B, T, D); 0 where a step is padding or the modality is absent.

    Raises:
        DataError: no modality with floating-point values.
        MissingExtraError: torch is not installed.
    """
    moving = {name: x for name, x in batch.values.items() if x.is_floating_point()}
    if not moving:
        raise DataError("expected a modality with floating-point values, got token ids only; give their vectors")

    def run(values: Mapping[str, Tensor]) -> Tensor:
        return choose(model(replace(batch, values={**batch.values, **values})))

    found = integrated_gradients(run, moving, baselines, steps)
    for name, value in found.items():
        there = batch.mask(name) if value.ndim == 3 else batch.present[name].reshape(-1, *[1] * (value.ndim - 1))
        found[name] = value * (there[..., None] if value.ndim == 3 else there)
    return found
