"""What would have to be left out for the label to be another one: the smallest such set that is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from demeanor.explain.game import Game, Masks, Said

_PAIRS, _ALL = 10, 1 << 14  # parts up to which all pairs are tried, and choices looked through that are known already


@dataclass(frozen=True, slots=True)
class Flip:
    """Parts whose absence changes the label.

    Attributes:
        parts: their indices, in order.
        score: of the rest.
        label: of the rest.
        smallest: whether no smaller set changes the label: all of them were tried.
    """

    parts: tuple[int, ...]
    score: float
    label: str
    smallest: bool


def flip(game: Game, shares: Sequence[float]) -> Flip | None:
    """The smallest set of parts found, at most half of them, rounded up, without which the label is another.

    Single parts are all tried, pairs where there are few parts, and every choice that was read already. Beyond that
    parts are left out by their shares until the label changes, and those that need not have gone are put back.

    Args:
        game: the parts; that with none is never looked at.
        shares: (parts,), how much each adds to the score.
    """
    most, tried = (game.size + 1) // 2, 0
    if game.size == 1 or game.whole()[1] is None:
        return None
    for size in range(1, most + 1):
        known = game.knows_all() and comb(game.size, size) <= _ALL
        if not (size == 1 or known or (size == 2 and game.size <= _PAIRS)):
            break
        if found := _among(game, list(combinations(range(game.size), size)), shares):
            return Flip(*found, smallest=True)
        tried = size
    gone = _greedy(game, shares, most) if tried < most else None
    if gone is None:
        return None
    score, label = _left(game, [gone])[0]
    return Flip(gone, score, str(label), smallest=len(gone) == tried + 1)


def _among(
    game: Game, choices: Sequence[tuple[int, ...]], shares: Sequence[float]
) -> tuple[tuple[int, ...], float, str] | None:
    """Of the choices that change the label that with the greatest shares."""
    whole = game.whole()[1]
    left = _left(game, choices)
    changed = [(c, s, str(label)) for c, (s, label) in zip(choices, left, strict=True) if label not in (None, whole)]
    return max(changed, key=lambda found: abs(sum(shares[i] for i in found[0])), default=None)


def _greedy(game: Game, shares: Sequence[float], most: int) -> tuple[int, ...] | None:
    score, label = game.whole()
    towards = np.sign(score) or 1.0
    order = sorted(range(game.size), key=lambda i: -towards * shares[i])
    steps = [tuple(order[:k]) for k in range(1, most + 1)]
    changed = [s for s, (_, now) in zip(steps, _left(game, steps), strict=True) if now not in (None, label)]
    if not changed:
        return None
    gone = list(changed[0])
    for part in list(gone[:-1]):
        fewer = [i for i in gone if i != part]
        if _left(game, [tuple(fewer)])[0][1] not in (None, label):
            gone = fewer
    return tuple(sorted(gone))


def _left(game: Game, choices: Sequence[tuple[int, ...]]) -> list[Said]:
    masks: Masks = np.ones((len(choices), game.size), bool)
    for row, gone in enumerate(choices):
        masks[row, list(gone)] = False
    return game.play(masks)
