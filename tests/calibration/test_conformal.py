"""The finite-sample promise of split-conformal prediction, counted exactly."""

import json

import numpy as np
import pytest

from demeanor.calibration import conformal
from demeanor.calibration.conformal import Conformal
from demeanor.errors import BundleError, DataError


def test_the_quantile_is_an_order_statistic() -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1, 20) / 20)  # 19 scores
    assert conformal.quantile(scores, 0.9) == 18 / 20  # ⌈20 · 0.9⌉ = 18th
    assert conformal.quantile(scores, 0.95) == 19 / 20
    assert conformal.quantile(scores, 0.951) == np.inf
    assert conformal.quantile(np.arange(1, 100), 0.07) == 7  # not the 8th through rounding


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_exact_coverage_of_exchangeable_scores(coverage: float) -> None:
    """Of n + 1 distinct exchangeable scores each is the new one in turn: the count is the probability."""
    for n in (9, 10, 24, 57):
        scores = np.random.default_rng(n).random(n + 1)
        kept = [scores[i] <= conformal.quantile(np.delete(scores, i), coverage) for i in range(n + 1)]
        assert coverage <= np.mean(kept) < coverage + 1 / (n + 1) + 1e-12


def test_sets_hold_the_truth_as_often_as_stated() -> None:
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(300):
        p = rng.dirichlet([0.6, 0.6, 0.6], 160)
        p = p**3 / (p**3).sum(axis=1, keepdims=True)  # a badly over-confident model
        truth = np.array([rng.choice(3, p=row ** (1 / 3) / (row ** (1 / 3)).sum()) for row in p])
        found = conformal.fit(p[:80], truth[:80], 0.8)
        hits.append(found.sets(p[80:])[np.arange(80), truth[80:]].mean())
    assert np.mean(hits) == pytest.approx(0.8, abs=0.02)


def test_abstains_where_several_or_none_fit() -> None:
    found = Conformal(threshold=0.4, coverage=0.9, samples=100)
    p = [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.34, 0.33, 0.33]]
    assert found.abstain(p).tolist() == [False, True, True]
    wide = Conformal(threshold=0.7, coverage=0.9, samples=100)
    assert wide.sets(p).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert wide.abstain(p).tolist() == [False, True, True]


def test_too_few_samples_admit_everything() -> None:
    found = conformal.fit([[0.9, 0.1]], [0], 0.9)
    assert found.threshold == 1.0
    assert found.sets([[1.0, 0.0]]).all()


def test_round_trip_and_refusals() -> None:
    found = conformal.fit([[0.9, 0.1], [0.2, 0.8]], [0, 1], 0.5)
    assert Conformal.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    with pytest.raises(BundleError, match="expected"):
        Conformal.from_dict({"threshold": 1})
    for p, y, coverage in (([[0.5, 0.5]], [2], 0.9), ([[0.5, 0.5]], [0], 1.0), ([[np.nan, 0.5]], [0], 0.9)):
        with pytest.raises(DataError, match="expected"):
            conformal.fit(p, y, coverage)
    with pytest.raises(DataError, match="expected"):
        conformal.fit(np.empty((0, 2)), np.empty(0, dtype=int))
