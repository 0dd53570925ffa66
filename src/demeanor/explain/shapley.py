"""Shapley values of the parts of a game: exact where there are few parts, else from sampled orders of arrival.

Either way the values are complete: they sum to the score of everything minus the score of nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demeanor.calibration.pool import shapley
from demeanor.explain.game import Game, Masks

BUDGET = 256
"""Readings that the shares of one set of parts may take: exact for 8 parts and fewer."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How a score is made of parts.

    Attributes:
        values: (parts,), summing to `score - base`.
        score: of everything.
        base: of nothing.
        exact: whether every choice of parts was read; else orders of arrival were sampled.
    """

    values: NDArray[np.float64]
    score: float
    base: float
    exact: bool


def shares(game: Game, budget: int = BUDGET, seed: int = 0) -> Shares:
    """Shapley values of a game.

    Args:
        game: the parts and what is read of them.
        budget: readings that may be spent; with 2^parts within it the values are exact. Else pairs of a random order
            and its reverse are sampled, one pair at least, which takes 2 · parts readings each.
        seed: of the orders; the same seed gives the same values.

    Source: sampling by Castro, Gómez and Tejada, Computers & Operations Research 36 (2009); reversed pairs by
    Mitchell, Cooper, Frank and Holmes, JMLR 23 (2022).
    """
    n = game.size
    exact = n <= 16 and 2**n <= budget
    values = _exact(game) if exact else _sampled(game, max(1, budget // (2 * n)), seed)
    base, score = game.scores(np.array([[False] * n, [True] * n]))
    return Shares(values, float(score), float(base), exact)


def _exact(game: Game) -> NDArray[np.float64]:
    names = [str(i) for i in range(game.size)]
    rows = np.array([[bool(code >> i & 1) for i in range(game.size)] for code in range(2**game.size)])
    worth = game.scores(rows)  # all in one go, so that they can be read in batches
    found = shapley(lambda inside: float(worth[sum(1 << int(name) for name in inside)]), names)
    return np.array([found[name] for name in names])


def _sampled(game: Game, pairs: int, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(game.size) for _ in range(pairs)]
    orders = [order for one in drawn for order in (one, one[::-1])]
    worth = game.scores(np.concatenate([arrivals(order) for order in orders])).reshape(len(orders), -1)
    values = np.zeros(game.size)
    for order, row in zip(orders, worth, strict=True):
        values[order] += np.diff(row)
    return values / len(orders)


def arrivals(order: NDArray[np.int64]) -> Masks:
    """Who is there after 0, 1, … parts have come in this order: (parts + 1, parts)."""
    place = np.empty(len(order), int)
    place[order] = np.arange(len(order))
    return np.asarray(place[None, :] < np.arange(len(order) + 1)[:, None])
