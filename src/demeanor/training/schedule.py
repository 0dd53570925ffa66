"""Learning rates over a run."""

from __future__ import annotations

import math


def rate(step: int, total: int, warmup: float, shape: str = "cosine") -> float:
    """Share of the learning rate at a step: linear up over the first `warmup` share, then by `shape`.

    Args:
        step: from 0.
        total: steps of the whole run.
        warmup: share of them.
        shape: `cosine` and `linear` fall to 0; `constant` and `plateau` stay at 1.
    """
    ramp = int(total * warmup) or int(warmup > 0)
    if step < ramp:
        return (step + 1) / ramp
    done = (step - ramp) / max(1, total - ramp)
    if shape == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1 - done if shape == "linear" else 1.0
