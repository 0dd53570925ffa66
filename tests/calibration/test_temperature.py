"""Temperature and vector scaling against scipy's optimiser, and in the corners where fitting goes wrong."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax
from scipy.special import softmax as scipy_softmax

from demeanor.calibration import temperature
from demeanor.calibration.temperature import Temperature
from demeanor.errors import BundleError, DataError


def overconfident(seed: int, rows: int = 2000, k: int = 3, t: float = 2.5) -> tuple[np.ndarray, np.ndarray]:
    """Logits t times too large for the labels drawn from them."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 1.5, (rows, k)) + np.linspace(0.5, -0.5, k)
    labels = np.array([rng.choice(k, p=p) for p in scipy_softmax(honest, axis=1)])
    return honest * t, labels


def loss(found: Temperature, z: np.ndarray, y: np.ndarray) -> float:
    return float(-np.log(found.apply(z)[np.arange(len(y)), y]).mean())


@pytest.mark.parametrize("seed", range(3))
def test_finds_the_temperature_that_was_put_in(seed: int) -> None:
    z, y = overconfident(seed)
    found = temperature.fit(z, y)
    assert found.bias is None
    assert found.t == pytest.approx(2.5, rel=0.1)
    assert loss(found, z, y) < loss(Temperature(), z, y) - 0.1


@pytest.mark.parametrize(("k", "t"), [(2, 0.4), (3, 2.5), (7, 1.3)])
def test_against_scipy(k: int, t: float) -> None:
    z, y = overconfident(1, 800, k, t)

    def objective(theta: np.ndarray) -> float:
        scores = theta[0] * z + theta[1:]
        return -log_softmax(scores, axis=1)[np.arange(len(y)), y].sum() + theta[1:] @ theta[1:] / 2

    wanted = minimize(objective, np.r_[1.0, np.zeros(k)], method="BFGS", options={"gtol": 1e-3}).x
    found = temperature.fit(z, y, bias=True)
    assert 1 / found.t == pytest.approx(wanted[0], abs=1e-3)
    assert found.bias == pytest.approx(wanted[1:] - wanted[1:].mean(), abs=1e-3)
    alone = minimize(lambda a: objective(np.r_[a, np.zeros(k)]), [1.0], method="BFGS", options={"gtol": 1e-3}).x
    assert 1 / temperature.fit(z, y).t == pytest.approx(alone[0], abs=1e-3)


def test_bias_undoes_a_shift_of_the_classes() -> None:
    z, y = overconfident(4, 4000, 3, 1.0)
    found = temperature.fit(z + np.array([1.0, -0.5, -0.5]), y, bias=True)
    assert found.bias == pytest.approx([-1.0, 0.5, 0.5], abs=0.15)
    assert sum(found.bias) == pytest.approx(0)
    # A calibrated model's mean probability of each class is that class's share.
    p = found.apply(z + np.array([1.0, -0.5, -0.5]))
    assert p.mean(axis=0) == pytest.approx(np.bincount(y) / len(y), abs=1e-3)


def test_scaling_never_changes_the_winner_without_bias() -> None:
    z, y = overconfident(5)
    p = temperature.fit(z, y).apply(z)
    assert (p.argmax(axis=1) == z.argmax(axis=1)).all()
    assert p.sum(axis=1) == pytest.approx(np.ones(len(z)))


@pytest.mark.parametrize("bias", [False, True])
def test_corners_stay_finite(bias: bool) -> None:
    z, y = overconfident(6, 300)

    def relative(found: Temperature, logits: np.ndarray) -> float:
        return found.t / float(np.sqrt(logits.var(axis=1).mean()))

    for scale in (1e-3, 1.0, 1e4):
        right = np.eye(3)[y] * scale
        separable, misleading = temperature.fit(right, y, bias=bias), temperature.fit(-right, y, bias=bias)
        assert relative(separable, right) + 1e-9 >= temperature.COLDEST
        assert separable.apply(right).max(axis=1).min() > 0.99
        assert relative(misleading, right) == pytest.approx(temperature.HOTTEST)
    useless = temperature.fit(np.zeros((300, 3)), y, bias=bias)
    assert np.isfinite(useless.t)
    for scale in (1e-4, 1e4):  # the scale of the logits changes nothing but the temperature
        scaled, plain = temperature.fit(z * scale, y, bias=bias), temperature.fit(z, y, bias=bias)
        assert scaled.t == pytest.approx(plain.t * scale, rel=1e-4)
    single = temperature.fit([[1.0, 0.0]], [0], bias=bias)
    assert np.isfinite(single.apply([[5.0, -5.0]])).all()
    missing = temperature.fit(z[y != 2], y[y != 2], bias=bias)  # a class without a sample
    assert np.isfinite(missing.apply(z)).all()
    assert (missing.apply(z) > 0).all()


@pytest.mark.parametrize("bias", [False, True])
def test_no_plain_temperature_is_better(bias: bool) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        z = rng.normal(0, rng.uniform(0.01, 30), (50, 4))
        y = np.where(rng.random(50) < 0.5, z.argmax(axis=1), rng.integers(0, 4, 50))
        found = temperature.fit(z, y, bias=bias)
        penalty = 0 if found.bias is None else np.square(found.bias).sum() / 2 / 50
        spread = float(np.sqrt(z.var(axis=1).mean()))
        for t in (temperature.COLDEST, 0.3, 1.0, 3.0, temperature.HOTTEST):
            assert loss(found, z, y) + penalty <= loss(Temperature(t * spread), z, y) + 1e-9


def test_round_trip_and_shapes() -> None:
    z, y = overconfident(7, 200)
    for bias in (False, True):
        found = temperature.fit(z, y, bias=bias)
        again = Temperature.from_dict(json.loads(json.dumps(found.to_dict())))
        assert again == found
        assert again.apply(z[0]).shape == (3,)
        assert again.apply(z.reshape(10, 20, 3)).shape == (10, 20, 3)
    assert Temperature().apply([1e5, 0, -1e5]).tolist() == [1, 0, 0]


def test_bad_input_is_refused() -> None:
    for z, y in (
        ([[1.0, 2.0]], [2]), ([[1.0, 2.0]], [0.5]), ([[np.nan, 2.0]], [0]), ([1.0, 2.0], [0]),
        (np.empty((0, 2)), []),
    ):  # fmt: skip
        with pytest.raises(DataError, match="expected"):
            temperature.fit(z, y)
    with pytest.raises(DataError, match="classes"):
        Temperature(1.0, (0.1, -0.1)).apply([1.0, 2.0, 3.0])
    for data in ({}, {"t": "warm", "bias": None}, {"t": 0, "bias": None}, {"t": 1, "bias": 3}):
        with pytest.raises(BundleError, match="expected"):
            Temperature.from_dict(data)
