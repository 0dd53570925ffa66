"""Part A of the design in numbers, scikit-learn and scipy as references, and the invariants of a score."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import balanced_accuracy_score, f1_score, mean_absolute_error

from demeanor.errors import DataError
from demeanor.metrics import regression

Y = [-2.4, 0.0, 0.6, 1.0, 3.0, -0.2]
P = [-1.6, 0.2, -0.1, 0.5, 3.4, 0.1]


def test_mosi_worked_example() -> None:
    assert regression.mosi(P, Y) == pytest.approx(
        {
            "mae": 0.483333, "corr": 0.946137, "acc7": 4 / 6, "acc5": 4 / 6, "acc3": 4 / 6,
            "has0_acc2": 4 / 6, "has0_f1": 0.666667, "non0_acc2": 3 / 5, "non0_f1": 0.6,
        },
        abs=1e-6,
    )  # fmt: skip


def test_rounding_is_half_to_even() -> None:
    halves = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5]
    assert regression.mosi(halves, [0, 2, 2, 0, -2, -2])["acc7"] == 1.0
    assert regression.mosi(halves, [1, 1, 3, -1, -1, -3])["acc7"] == 0.0


def random_case(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.round(rng.uniform(-3, 3, n) * 5) / 5
    return y + rng.normal(0, 1.2, n), y


@pytest.mark.parametrize("seed", range(3))
def test_mosi_against_references(seed: int) -> None:
    p, y = random_case(seed)
    got = regression.mosi(p, y)
    assert got["mae"] == pytest.approx(mean_absolute_error(y, p))
    assert got["corr"] == pytest.approx(pearsonr(p, y).statistic)
    assert got["has0_f1"] == pytest.approx(f1_score(y >= 0, p >= 0, average="weighted"))
    kept = y != 0
    assert 0 < kept.sum() < len(y)
    assert got["non0_f1"] == pytest.approx(f1_score(y[kept] > 0, p[kept] > 0, average="weighted"))
    assert got["acc5"] == np.mean(
        [round(min(2, max(-2, a))) == round(min(2, max(-2, b))) for a, b in zip(p, y, strict=True)]
    )
    third = regression.mult_acc2(p, y)
    assert third["acc2"] == np.mean((p > 0) == (y > 0))
    assert third["f1"] == pytest.approx(f1_score(y > 0, p > 0, average="weighted"))


def test_the_three_binary_conventions_differ() -> None:
    p, y = [-0.1, 0.0, 0.3, -1.0], [0.0, 0.0, 1.0, -1.0]
    found = regression.mosi(p, y)
    assert (found["has0_acc2"], found["non0_acc2"]) == (0.75, 1.0)
    assert regression.mult_acc2(p, y)["acc2"] == 1.0


def test_mosei_weighted_accuracy_is_the_old_formula() -> None:
    p, y = random_case(7)
    pos, neg = (y > 0).sum(), (y <= 0).sum()
    tp, tn = ((p > 0) & (y > 0)).sum(), ((p <= 0) & (y <= 0)).sum()
    got = regression.mosei_weighted_accuracy(p, y)
    assert got == pytest.approx((tp * neg / pos + tn) / (2 * neg))
    assert got == pytest.approx(balanced_accuracy_score(y > 0, p > 0))
    assert np.isnan(regression.mosei_weighted_accuracy([0.1, -1], [1, 2]))


GRID = [-1, -0.8, -0.6, -0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8, 1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sims_classes_of_every_label(dtype: type) -> None:
    wanted = [0, 0, 1, 1, 1, 2, 3, 3, 3, 4, 4]
    for label, k in zip(GRID, wanted, strict=True):
        for centre, other in zip((-0.9, -0.4, 0.0, 0.4, 0.9), range(5), strict=True):
            got = regression.sims(np.array([centre], dtype), np.array([label], dtype))
            assert got["acc5"] == float(other == k), (label, centre)
    negative = np.array(GRID[:6], dtype)
    assert regression.sims(np.full(6, -0.5, dtype), negative)["acc2"] == 1.0  # neutral counts as negative
    assert regression.sims(np.full(6, -0.5, dtype), negative)["acc3"] == 5 / 6


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sims_edges_are_closed_above_in_either_precision(dtype: type) -> None:
    edges = np.array([-0.7, -0.1, 0.1, 0.7], dtype)
    inside = np.array([-0.8, -0.2, 0.0, 0.6], dtype)
    assert regression.sims(edges, inside)["acc5"] == 1.0
    assert regression.sims(np.nextafter(edges, dtype(2)), inside)["acc5"] == 0.0


def reference_sims(p: np.ndarray, y: np.ndarray, edges: list[float]) -> float:
    """The loop of MMSA: open below, closed above, comparing with the original array."""

    def classes(x: np.ndarray) -> np.ndarray:
        out = np.full(len(x), -1)
        for k in range(len(edges) - 1):
            out[(x > edges[k]) & (x <= edges[k + 1])] = k
        return out

    return float(np.mean(classes(np.clip(p, -1, 1)) == classes(np.clip(y, -1, 1))))


def test_sims_against_the_reference_loop() -> None:
    rng = np.random.default_rng(3)
    y = rng.choice(GRID, 500)
    p = y + rng.normal(0, 0.5, 500)
    got = regression.sims(p, y)
    assert got["mae"] == pytest.approx(np.abs(np.clip(p, -1, 1) - y).mean())
    assert got["corr"] == pytest.approx(pearsonr(np.clip(p, -1, 1), y).statistic)
    assert got["acc2"] == reference_sims(p, y, [-1.01, 0, 1.01])
    assert got["acc3"] == reference_sims(p, y, [-1.01, -0.1, 0.1, 1.01])
    assert got["acc5"] == reference_sims(p, y, [-1.01, -0.7, -0.1, 0.1, 0.7, 1.01])
    assert got["f1"] == pytest.approx(f1_score(y > 0, p > 0, average="weighted"))


numbers = st.floats(-3, 3, allow_nan=False).map(lambda x: round(x, 1))


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=30), st.randoms())
def test_order_does_not_matter(pairs: list[tuple[float, float]], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(pairs, len(pairs))
    for score in (regression.mosi, regression.sims):
        a, b = (score(*np.array(x).T) for x in (pairs, shuffled))
        assert a == pytest.approx(b, nan_ok=True, abs=1e-9)


@given(st.lists(numbers, min_size=2, max_size=30))
def test_perfect_and_mirrored(labels: list[float]) -> None:
    y = np.array(labels)
    perfect, mirrored = regression.mosi(y, y), regression.mosi(-y, y)
    assert perfect["mae"] == 0
    assert perfect["corr"] == pytest.approx(float("nan") if np.ptp(y) == 0 else 1, nan_ok=True)
    assert {perfect[k] for k in ("acc7", "acc5", "acc3", "has0_acc2", "has0_f1")} == {1.0}
    assert mirrored["corr"] == pytest.approx(-perfect["corr"], nan_ok=True)
    if (y != 0).any():
        assert mirrored["non0_acc2"] == 0


def test_non0_drops_exactly_the_zeros() -> None:
    p, y = random_case(5)
    kept = y != 0
    assert regression.mosi(p, y)["non0_acc2"] == regression.mosi(p[kept], y[kept])["non0_acc2"]
    changed = np.where(y == 0, -p, p)
    assert regression.mosi(changed, y)["non0_f1"] == regression.mosi(p, y)["non0_f1"]
    assert regression.mosi(changed, y)["has0_acc2"] != regression.mosi(p, y)["has0_acc2"]


def test_undefined_is_nan() -> None:
    zeros = regression.mosi([0.1, -0.2, 0.0], [0, 0, 0])
    assert np.isnan([zeros["corr"], zeros["non0_acc2"], zeros["non0_f1"]]).all()
    assert zeros["has0_acc2"] == pytest.approx(2 / 3)
    constant = regression.mosi(np.full(9, 0.1), np.linspace(-3, 3, 9))
    assert np.isnan(constant["corr"])
    assert np.isnan(list(regression.mosi([], []).values())).all()


@pytest.mark.parametrize(
    ("p", "y"),
    [([1.0, np.nan], [1, 2]), ([1, 2], [1, np.inf]), ([1, 2], [1]), ([[1, 2]], [[1, 2]]), (["a"], ["b"])],
)
def test_bad_arrays_are_refused(p: list, y: list) -> None:
    with pytest.raises(DataError, match="expected"):
        regression.mosi(p, y)
