"""Central moment discrepancy (Zellinger et al. 2017): how far two samples are apart in their first moments."""

from __future__ import annotations

import torch
from torch import Tensor


def central_moment_discrepancy(x: Tensor, y: Tensor, moments: int = 5) -> Tensor:
    """`‖E x - E y‖ + Σ_k ‖c_k(x) - c_k(y)‖`, k = 2…moments, c_k the central moments per column: () scalar ≥ 0.

    The moments weigh alike because the columns are taken to lie in an interval of length 1 (behind a sigmoid).

    Args:
        x: (N, D).
        y: (M, D).
        moments: the highest one compared.
    """
    if not len(x) or not len(y):
        return x.new_zeros(())
    means = x.mean(0), y.mean(0)
    x, y = x - means[0], y - means[1]
    gaps = [means[0] - means[1]] + [x.pow(k).mean(0) - y.pow(k).mean(0) for k in range(2, moments + 1)]
    return torch.linalg.vector_norm(torch.stack(gaps), dim=1).sum()
