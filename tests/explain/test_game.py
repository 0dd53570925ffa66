"""Shares, flips and curves of games whose answers are known."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demeanor.errors import DataError
from demeanor.explain.counterfactual import flip
from demeanor.explain.deletion import area, by_shares, curve, gain
from demeanor.explain.game import Game, Masks, Said
from demeanor.explain.shapley import arrivals, shares


def label_of(score: float) -> str:
    return "neutral" if abs(score) < 0.2 else "positive" if score > 0 else "negative"


def additive(weights: list[float], base: float = 0.0) -> Game:
    def read(masks: Masks) -> list[Said]:
        scores = base + masks @ np.array(weights)
        return [(float(s), label_of(float(s))) for s in scores]

    return Game(len(weights), read)


def any_game(size: int, seed: int) -> Game:
    """A different number for every choice."""
    worth = np.random.default_rng(seed).uniform(-1, 1, 2**size)

    def read(masks: Masks) -> list[Said]:
        codes = masks @ (1 << np.arange(size))
        return [(float(worth[c]), label_of(float(worth[c]))) for c in codes]

    return Game(size, read)


def test_the_glove_game_by_hand() -> None:
    """Two left gloves and a right one: a pair is worth 1. Shapley: 1/6, 1/6, 2/3."""
    game = Game(3, lambda masks: [(float(bool(m[2] and (m[0] or m[1]))), None) for m in masks])
    found = shares(game)
    assert found.exact
    assert found.values == pytest.approx([1 / 6, 1 / 6, 2 / 3])


@given(size=st.integers(1, 6), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_exact_values_are_means_over_all_orders(size: int, seed: int) -> None:
    game = any_game(size, seed)
    by_order = np.zeros(size)
    for order in itertools.permutations(range(size)):
        by_order[list(order)] += np.diff(game.scores(arrivals(np.array(order))))
    assert shares(game).values == pytest.approx(by_order / math.factorial(size))


@given(size=st.integers(1, 14), seed=st.integers(0, 99), budget=st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_shares_are_complete_exact_or_sampled(size: int, seed: int, budget: int) -> None:
    found = shares(any_game(size, seed), budget, seed)
    assert found.values.sum() == pytest.approx(found.score - found.base, abs=1e-9)
    assert found.exact == (2**size <= budget)


def test_sampled_shares_of_an_additive_game_are_its_weights() -> None:
    weights = [0.1 * k - 0.7 for k in range(20)]
    found = shares(additive(weights), budget=40)
    assert not found.exact
    assert found.values == pytest.approx(weights)


def test_sampled_shares_come_near_the_exact_ones_and_keep_to_their_seed() -> None:
    exact = shares(any_game(8, 3), budget=256).values
    sampled = [shares(any_game(8, 3), budget=255, seed=1).values for _ in range(2)]
    assert np.array_equal(*sampled)
    many = np.mean([shares(any_game(8, 3), budget=255, seed=s).values for s in range(60)], axis=0)
    assert np.abs(many - exact).max() < 0.08


def test_each_choice_is_read_once() -> None:
    asked: list[bytes] = []

    def read(masks: Masks) -> list[Said]:
        asked.extend(m.tobytes() for m in masks)
        return [(0.0, None)] * len(masks)

    game = Game(6, read)
    shares(game)
    flip(game, [0.0] * 6)
    assert len(asked) == len(set(asked)) == game.readings


def test_a_game_without_parts_is_refused() -> None:
    with pytest.raises(DataError, match="one part or more"):
        Game(0, lambda masks: [])


def test_the_smallest_flip_is_found_and_known_to_be_smallest() -> None:
    found = flip(additive([0.5, 0.05, 0.1]), [0.5, 0.05, 0.1])
    assert found is not None
    assert (found.parts, found.label, found.smallest) == ((0,), "neutral", True)
    pair = flip(additive([0.3, 0.3, 0.05, 0.0, 0.05]), [0.3, 0.3, 0.05, 0.0, 0.05])
    assert pair is not None
    assert (pair.parts, pair.smallest) == ((0, 1), True)


def test_of_several_flips_that_of_most_weight_is_told() -> None:
    found = flip(additive([0.3, 0.6, 0.1, -0.3]), [0.3, 0.6, 0.1, -0.3])
    assert found is not None
    assert found.parts == (1,)


def test_a_flip_of_many_parts_is_not_called_the_smallest_unless_it_is() -> None:
    weights = [0.06] * 20
    found = flip(additive(weights), weights)  # 17 must go, which is more than half
    assert found is None
    many = [0.1] * 4 + [0.0] * 16
    third = flip(additive(many), many)
    assert third is not None
    assert len(third.parts) == 3
    assert third.parts == (0, 1, 2)
    assert not third.smallest  # pairs of twenty parts were not all tried


@pytest.mark.parametrize(
    ("size", "needed", "found"), [(3, 2, True), (4, 2, True), (4, 3, False), (5, 3, True), (5, 4, False)]
)
def test_half_of_the_parts_may_go_and_of_an_odd_number_one_more(size: int, needed: int, found: bool) -> None:
    def read(masks: Masks) -> list[Said]:
        return [(0.5, "positive") if size - m.sum() < needed else (0.0, "neutral") for m in masks]

    change = flip(Game(size, read), [0.1] * size)
    assert (change is not None) == found
    assert change is None or len(change.parts) == needed


def test_needless_losses_are_put_back() -> None:
    """Shares that mislead: part 0 seems to matter and does not."""
    misled = [0.9, *[0.3] * 3, *[0.0] * 16]
    found = flip(additive([0.0, *[0.12] * 3, *[0.0] * 16]), misled)
    assert found is not None
    assert 0 not in found.parts


def test_nothing_flips_where_nothing_decides() -> None:
    assert flip(additive([0.4, 0.4, 0.4, 0.4]), [0.4] * 4) is None
    assert flip(additive([0.9]), [0.9]) is None


def test_curves_of_an_additive_game_by_hand() -> None:
    game = additive([0.1, 0.4, -0.2])
    order = by_shares([0.1, 0.4, -0.2], 0.3)
    assert order.tolist() == [1, 0, 2]
    assert curve(game, order) == pytest.approx([0.3, -0.1, -0.2, 0.0])
    assert area(np.array([0.3, -0.1, -0.2, 0.0])) == pytest.approx((0.1 - 0.15 - 0.1) / 3)
    negative = additive([-0.1, -0.4, 0.2])
    assert curve(negative, by_shares([-0.1, -0.4, 0.2], -0.3)) == pytest.approx([0.3, -0.1, -0.2, 0.0])


def test_true_shares_gain_and_reversed_ones_lose() -> None:
    weights = np.array([0.3, 0.2, 0.05, 0.01, 0.0, -0.1])
    assert gain(additive(weights.tolist()), weights) > 0.05
    assert gain(additive(weights.tolist()), -weights) < -0.05
