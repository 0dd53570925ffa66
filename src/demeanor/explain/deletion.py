"""Deletion curves: whether the parts said to matter most are those whose loss costs a reading most.

Source: Samek et al., Evaluating the visualization of what a deep neural network has learned, IEEE TNNLS 28 (2017).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from demeanor.explain.game import Game
from demeanor.explain.shapley import arrivals

Order = NDArray[np.int64]


def curve(game: Game, order: Order) -> NDArray[np.float64]:
    """Scores (parts + 1,) while parts are left out one after another in `order`, times the sign of the first score."""
    scores = game.scores(~arrivals(order))
    return scores * (np.sign(scores[0]) or 1.0)


def area(values: NDArray[np.float64]) -> float:
    """Area under a curve (parts + 1,) over [0, 1], by trapezoids: low where the first losses cost most."""
    return float(((values[1:] + values[:-1]) / 2).mean())


def by_shares(shares: Sequence[float] | NDArray[np.float64], score: float) -> Order:
    """Indices from the part that speaks most for the reading to that which speaks most against it."""
    return np.argsort(-np.asarray(shares) * (np.sign(score) or 1.0), kind="stable")


def gain(game: Game, shares: NDArray[np.float64], seed: int = 0, orders: int = 8) -> float:
    """Mean area under the curves of random orders, minus that in the order of the shares; above 0 is better."""
    rng = np.random.default_rng(seed)
    score, _ = game.whole()
    drawn = [area(curve(game, rng.permutation(game.size))) for _ in range(orders)]
    return float(np.mean(drawn)) - area(curve(game, by_shares(shares, score)))
