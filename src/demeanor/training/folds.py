"""Parts of the data by group: speakers, videos or duplicates never stand on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def actor_folds(actors: Sequence[int], count: int, seed: int) -> list[list[int]]:
    """RAVDESS actors in `count` folds with as many men (odd numbers) as women (even ones) in each."""
    rng = np.random.default_rng(seed)
    men = rng.permutation(sorted({a for a in actors if a % 2}))
    women = rng.permutation(sorted({a for a in actors if a % 2 == 0}))
    return [[int(a) for a in (*men[i::count], *women[i::count])] for i in range(count)]


def group_folds(groups: Sequence[str], count: int, seed: int) -> NDArray[np.int64]:
    """Fold of each row; rows of one group share a fold."""
    names = sorted(set(groups))
    rng = np.random.default_rng(seed)
    place = dict(zip(names, rng.permutation(len(names)) % count, strict=True))
    return np.array([place[g] for g in groups], np.int64)
