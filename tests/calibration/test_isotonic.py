"""Pooling adjacent violators against scikit-learn."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression, isotonic_regression

from demeanor.calibration import isotonic
from demeanor.calibration.isotonic import Isotonic
from demeanor.errors import BundleError, DataError

small = st.floats(0, 1, allow_nan=False).map(lambda x: round(x, 2))


@given(st.lists(st.tuples(small, st.integers(1, 5)), min_size=1, max_size=60))
def test_pav_against_scikit_learn(points: list[tuple[float, int]]) -> None:
    values, weights = (np.array(v, dtype=float) for v in zip(*points, strict=True))
    wanted = isotonic_regression(values, sample_weight=weights)
    assert isotonic.pool_adjacent_violators(values, weights) == pytest.approx(wanted, abs=1e-9)


@given(st.lists(st.tuples(small, st.booleans()), min_size=1, max_size=80))
def test_map_against_scikit_learn(points: list[tuple[float, bool]]) -> None:
    confidence, correct = (np.array(v, dtype=float) for v in zip(*points, strict=True))
    found = isotonic.fit(confidence, correct)
    n = len(points)
    wanted = IsotonicRegression(out_of_bounds="clip").fit(confidence, correct)
    asked = np.unique(confidence)
    bounded = np.clip(wanted.predict(asked), 1 / (n + 2), (n + 1) / (n + 2))
    assert found.apply(asked) == pytest.approx(bounded, abs=1e-9)


def test_monotone_between_and_constant_beyond_the_knots() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1, 3000)
    correct = rng.random(3000) < confidence**2  # over-confident
    found = isotonic.fit(confidence, correct)
    grid = np.linspace(0, 1, 500)
    got = found.apply(grid)
    assert (np.diff(got) >= 0).all()
    assert got[0] == found.y[0]
    assert got[-1] == found.y[-1]
    assert got[0] > 0
    assert got[-1] < 1
    inside = (grid > 0.4) & (grid < 0.95)
    assert np.abs(got - grid**2)[inside].max() < 0.1
    assert found.apply(confidence.reshape(30, 100)).shape == (30, 100)
    assert len(found.x) < 200  # runs of equal values keep their two ends only


def test_all_right_is_not_certain() -> None:
    assert isotonic.fit([0.5, 0.9, 0.7], [1, 1, 1]).apply(1.0) == pytest.approx(4 / 5)
    assert isotonic.fit([0.5], [0]).apply([0.1, 0.9]) == pytest.approx([1 / 3, 1 / 3])


def test_order_does_not_matter_with_ties() -> None:
    rng = np.random.default_rng(1)
    confidence, correct = rng.choice([0.2, 0.5, 0.8], 90), rng.random(90) < 0.5
    mixed = rng.permutation(90)
    a, b = isotonic.fit(confidence, correct), isotonic.fit(confidence[mixed], correct[mixed])
    assert a.x == b.x
    assert a.y == pytest.approx(b.y)


def test_round_trip_and_refusals() -> None:
    found = isotonic.fit([0.2, 0.4, 0.9], [0, 1, 1])
    assert Isotonic.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    for data in (
        {},
        {"x": [0, 1], "y": [1, 0]},
        {"x": [1, 1], "y": [0, 1]},
        {"x": [0], "y": [0, 1]},
        {"x": 1, "y": 2},
    ):
        with pytest.raises(BundleError, match="expected"):
            Isotonic.from_dict(data)
    for c, hit in (([0.5], [0.5]), ([np.nan], [1]), ([], []), ([0.5, 0.6], [1])):
        with pytest.raises(DataError, match="expected"):
            isotonic.fit(c, hit)
