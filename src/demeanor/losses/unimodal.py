"""What the heads of single modalities are taught."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from demeanor.losses.tasks import SPREAD


def own_labels(labels: Mapping[str, Tensor], tasks: Iterable[str], modality: str, here: Tensor) -> dict[str, Tensor]:
    """The labels of one modality, for `task_loss`.

    Args:
        labels: `TASK_MODALITY` where a data set has labels of its own for a modality (CH-SIMS), and `TASK`, the common
            one, which serves where it has none; `weight` and spreads are kept.
        tasks: which tasks.
        modality: whose labels.
        here: (B,) bool: rows where the modality is absent get NaN, that is none.
    """
    found = {k: y for k, y in labels.items() if k == "weight" or k.startswith(SPREAD)}
    for task in tasks:
        y = labels.get(f"{task}_{modality}", labels.get(task))
        if y is not None:
            found[task] = torch.where(here if y.ndim == 1 else here[:, None], y, torch.full_like(y, math.nan))
    return found
