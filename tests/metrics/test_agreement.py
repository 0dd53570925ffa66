"""Krippendorff's α against his own printed examples (2011), a direct count of pairs, and what must hold of it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from demeanor.errors import DataError
from demeanor.metrics.agreement import LEVELS, Level, alpha_interval, krippendorff_alpha

NONE = float("nan")
_ = NONE
FOUR_OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
).T
"""Krippendorff 2011, section C: four observers, twelve units, values missing."""


@pytest.mark.parametrize(("level", "printed"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_four_observers_as_printed(level: Level, printed: float) -> None:
    assert krippendorff_alpha(FOUR_OBSERVERS, level) == pytest.approx(printed, abs=5e-4)


def test_two_observers_binary_as_printed() -> None:
    """Section A: α = .095."""
    meg, owen = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert krippendorff_alpha(np.array([meg, owen]).T) == pytest.approx(0.095, abs=5e-4)


def test_two_observers_nominal_as_printed() -> None:
    """Section B: α = .692."""
    ben, gerry = "aabbdcccedda", "babbbccceddd"
    codes = np.array([[ord(c) for c in ben], [ord(c) for c in gerry]]).T
    assert krippendorff_alpha(codes) == pytest.approx(0.692, abs=5e-4)


def test_worked_by_hand() -> None:
    """Items (1, 1), (1, 2): D_o = 2/4, D_e = 2·3·1/(4·3) = 1/2, so α = 0."""
    assert krippendorff_alpha([[1, 1], [1, 2]]) == pytest.approx(0.0)


def by_pairs(ratings: NDArray[np.float64], level: Level) -> float:
    """The definition, pair by pair: mean δ² within items, weighted by ratings, over mean δ² of all pairs."""
    items = [row[~np.isnan(row)] for row in ratings]
    items = [row for row in items if len(row) > 1]
    flat = np.concatenate(items)

    def delta(a: float, b: float) -> float:
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return float((a - b) ** 2)
        low, high = min(a, b), max(a, b)
        between = np.sum((flat >= low) & (flat <= high)) - (np.sum(flat == low) + np.sum(flat == high)) / 2
        return float(between**2) if low != high else 0.0

    within = sum(sum(delta(a, b) for a, b in itertools.permutations(row, 2)) / (len(row) - 1) for row in items)
    overall = sum(delta(a, b) for a, b in itertools.permutations(flat, 2)) / (len(flat) - 1)
    return 1 - within / overall


cells = st.sampled_from([NONE, 0.0, 1.0, 2.0, 2.5])


@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=7), st.sampled_from(LEVELS))
def test_as_the_definition_counts_pairs(rows: list[tuple[float, float, float]], level: Level) -> None:
    ratings = np.array(rows)
    kept = ratings[(~np.isnan(ratings)).sum(axis=1) > 1]
    found = krippendorff_alpha(ratings, level)
    if len(np.unique(kept[~np.isnan(kept)])) < 2:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(by_pairs(ratings, level))
        assert krippendorff_alpha(ratings[:, ::-1], level) == pytest.approx(found), "raters have no order"
        if level == "interval":
            assert krippendorff_alpha(3 * ratings - 7, level) == pytest.approx(found), "nor has the scale an origin"


def test_an_item_rated_once_changes_nothing() -> None:
    more = np.vstack([FOUR_OBSERVERS, [9, _, _, _]])
    for level in LEVELS:
        assert krippendorff_alpha(more, level) == krippendorff_alpha(FOUR_OBSERVERS, level)


def test_nothing_to_compare() -> None:
    assert np.isnan(krippendorff_alpha([[1, _], [_, 2]]))
    assert np.isnan(krippendorff_alpha([[1, 1], [1, 1]])), "without variation there is nothing to agree about"
    assert np.isnan(krippendorff_alpha(np.full((0, 2), 1.0)))


def test_wrong_input_is_named() -> None:
    with pytest.raises(DataError, match=r"\(items, raters\)"):
        krippendorff_alpha([1, 2, 3])
    with pytest.raises(DataError, match="infinity"):
        krippendorff_alpha([[1, float("inf")]])
    with pytest.raises(DataError, match="nominal, ordinal, interval"):
        krippendorff_alpha([[1, 2], [1, 1]], "ratio")  # type: ignore[arg-type]


def test_the_interval_holds_the_value_and_widens_over_clusters() -> None:
    rng = np.random.default_rng(0)
    films = np.repeat(np.arange(20), 10)
    blurred = rng.random(20) < 0.5  # whole films on which the raters guess
    truth = rng.integers(-3, 4, 200).astype(float)
    guess = rng.integers(-3, 4, (200, 2))
    ratings = np.where(blurred[films][:, None], guess, truth[:, None] + rng.integers(-1, 2, (200, 2)))
    by_film = alpha_interval(ratings, "interval", clusters=films, n=400)
    by_item = alpha_interval(ratings, "interval", n=400)
    assert by_film.value == by_item.value == krippendorff_alpha(ratings, "interval")
    assert by_film.low < by_item.low < by_item.value < by_item.high < by_film.high
    assert by_film == alpha_interval(ratings, "interval", clusters=films, n=400), "the same seed draws the same"
