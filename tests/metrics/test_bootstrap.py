"""The cluster bootstrap: against a plain loop, scipy, theory, and the clock."""

import functools

import numpy as np
import pytest
from scipy import stats

from demeanor.errors import DataError
from demeanor.metrics import bootstrap, classification, regression


def test_rows_are_whole_clusters() -> None:
    clusters = np.array(["b", "a", "b", "c", "a", "b"])
    members = {c: sorted(np.flatnonzero(clusters == c)) for c in "abc"}
    seen = 0
    for rows in bootstrap._resamples(clusters, 6, 200, seed=1):
        left = list(rows)
        drawn = 0
        while left:  # every resample is three clusters laid end to end
            own = members[clusters[left[0]]]
            assert left[: len(own)] == own
            left = left[len(own) :]
            drawn += 1
        assert drawn == 3
        seen += 1
    assert seen == 200


def test_against_scipy_on_independent_rows() -> None:
    x = np.random.default_rng(0).normal(1, 2, 300)
    got = bootstrap.interval(lambda a: float(a.mean()), x, clusters=None, n=4000)
    wanted = stats.bootstrap((x,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    assert got.value == x.mean()
    assert got.low == pytest.approx(wanted.low, abs=0.03)
    assert got.high == pytest.approx(wanted.high, abs=0.03)


def test_copies_of_a_cluster_widen_the_interval() -> None:
    """Ten equal rows per cluster hold one row's worth of knowledge: the width must not shrink by √10."""
    x = np.random.default_rng(0).normal(0, 1, 60)
    one = bootstrap.interval(lambda a: float(a.mean()), x, clusters=None)
    ten = bootstrap.interval(lambda a: float(a.mean()), np.repeat(x, 10), clusters=np.repeat(np.arange(60), 10))
    naive = bootstrap.interval(lambda a: float(a.mean()), np.repeat(x, 10), clusters=None)
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.05)
    assert naive.high - naive.low < 0.4 * (ten.high - ten.low)


def test_coverage_is_near_the_level() -> None:
    rng = np.random.default_rng(4)
    inside = 0
    for trial in range(200):
        centres = rng.normal(0, 1, 40)
        rows = np.repeat(centres, 5) + rng.normal(0, 0.3, 200)
        found = bootstrap.interval(
            lambda a: float(a.mean()), rows, clusters=np.repeat(np.arange(40), 5), n=200, seed=trial
        )
        inside += found.low <= 0 <= found.high
    assert 0.88 <= inside / 200 <= 0.99


def test_same_seed_same_numbers() -> None:
    x = np.arange(50.0)
    a, b, c = (bootstrap.interval(lambda v: float(v.mean()), x, clusters=None, n=50, seed=s) for s in (0, 0, 1))
    assert a == b
    assert a != c


def test_paired_difference_is_sharper_than_two_intervals() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 600)
    a = np.where(rng.random(600) < 0.70, labels, (labels + 1) % 3)
    b = np.where(rng.random(600) < 0.06, (labels + 1) % 3, a)  # a with some answers spoilt
    clusters = np.arange(600) // 3
    score = functools.partial(classification.macro_f1, classes=range(3))
    found = bootstrap.paired_difference(score, a, b, labels, clusters)
    assert found.value == pytest.approx(score(labels, a) - score(labels, b))
    assert found.excludes(0)
    assert bootstrap.paired_difference(score, b, a, labels, clusters).high < 0
    alone_a, alone_b = (bootstrap.interval(score, labels, x, clusters=clusters) for x in (a, b))
    assert alone_a.low < alone_b.high  # the separate intervals overlap
    same = bootstrap.paired_difference(score, a, a, labels, clusters)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert not same.excludes(0)


def test_paired_difference_calls_by_name() -> None:
    def non0(predictions: np.ndarray, labels: np.ndarray) -> float:
        return regression.mosi(predictions, labels)["non0_acc2"]

    found = bootstrap.paired_difference(non0, [1, 1, -1, 1], [1, -1, -1, 1], [1, 1, -1, 0], None, n=50)
    assert found.value == pytest.approx(1 / 3)


def test_every_number_of_a_set_on_the_same_resamples() -> None:
    rng = np.random.default_rng(6)
    y = rng.uniform(-3, 3, 120)
    p = y + rng.normal(0, 1, 120)
    clusters = np.arange(120) // 4
    found = bootstrap.intervals(regression.mosi, p, y, clusters=clusters, n=100)
    assert list(found) == list(regression.mosi(p, y))
    alone = bootstrap.interval(lambda a, b: regression.mosi(a, b)["mae"], p, y, clusters=clusters, n=100)
    assert found["mae"] == alone
    assert all(i.low <= i.value <= i.high for i in found.values())


def test_undefined_resamples_are_counted() -> None:
    labels = np.array([0.0, 0.0, 0.0, 1.0])
    found = bootstrap.intervals(regression.mosi, labels, labels, clusters=None, n=300)["non0_acc2"]
    assert found.value == 1
    assert 40 < found.undefined < 150  # (3/4)^4 = 32 % of resamples miss the only label that is not zero
    assert (found.low, found.high) == (1, 1)


def test_one_cluster_says_nothing() -> None:
    found = bootstrap.interval(classification.accuracy, [1, 1], [1, 0], clusters=["v", "v"])
    assert found.value == 0.5
    assert np.isnan([found.low, found.high]).all()
    assert not found.excludes(0)


def test_bad_calls_are_refused() -> None:
    with pytest.raises(DataError, match="one length"):
        bootstrap.interval(classification.accuracy, [1, 1], [1], clusters=None)
    with pytest.raises(DataError, match="cluster"):
        bootstrap.interval(classification.accuracy, [1, 1], [1, 1], clusters=[1])
    with pytest.raises(DataError, match="level"):
        bootstrap.interval(classification.accuracy, [1, 1], [1, 1], clusters=None, level=95)


def test_reads_well() -> None:
    assert str(bootstrap.Interval(0.7134, 0.69, 0.735)) == "0.713 [0.690, 0.735]"
    assert bootstrap.Interval(0.5, 0.4, 0.6).to_dict() == {
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "level": 0.95,
    }
