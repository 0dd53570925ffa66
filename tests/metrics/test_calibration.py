"""Calibration scores by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sk_log_loss

from demeanor.errors import DataError
from demeanor.metrics import calibration as m


def test_by_hand() -> None:
    p = [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]
    assert m.brier(p, [0, 1]) == pytest.approx((0.09 + 0.04 + 0.01 + 0.01 + 0.49 + 0.36) / 2)
    assert m.log_loss(p, [0, 1]) == pytest.approx(-(np.log(0.7) + np.log(0.3)) / 2)
    confidence, correct = m.top_label(p, [0, 1])
    assert confidence.tolist() == [0.7, 0.6]
    assert correct.tolist() == [True, False]
    assert m.expected_calibration_error(confidence, correct, bins=2) == pytest.approx((0.3 + 0.6) / 2)
    assert m.expected_calibration_error(confidence, correct, bins=1) == pytest.approx(0.65 - 0.5)


def test_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 450)
    y = np.array([rng.choice(3, p=row) for row in p])
    assert m.log_loss(p, y) == pytest.approx(sk_log_loss(y, p))
    assert m.brier(p, y) == pytest.approx(brier_score_loss(y, p, scale_by_half=False, labels=[0, 1, 2]))
    confidence, correct = m.top_label(p, y)
    for scheme, strategy in (("mass", "quantile"), ("width", "uniform")):
        table = m.reliability(confidence, correct, 15, scheme)
        share, mean = calibration_curve(correct, confidence, n_bins=15, strategy=strategy)
        assert table.accuracy == pytest.approx(share)
        assert table.confidence == pytest.approx(mean)
        assert table.count.sum() == 450
        assert table.error == pytest.approx(np.sum(table.count * np.abs(share - mean)) / 450)
        assert m.expected_calibration_error(confidence, correct, 15, scheme) == table.error
    assert set(m.reliability(confidence, correct).count) == {30}


def test_binary_brier_is_twice_the_one_column_form() -> None:
    p, y = np.array([0.1, 0.4, 0.8]), np.array([0, 1, 1])
    assert m.brier(np.c_[1 - p, p], y) == pytest.approx(2 * brier_score_loss(y, p))


def test_perfectly_calibrated_and_hopeless() -> None:
    assert m.expected_calibration_error(np.ones(40), np.ones(40)) == 0
    assert m.expected_calibration_error(np.ones(40), np.zeros(40)) == 1
    honest = np.repeat([0.25, 0.75], 100)
    correct = np.r_[np.arange(100) < 25, np.arange(100) < 75]
    assert m.expected_calibration_error(honest, correct) == pytest.approx(0, abs=1e-12)


def test_order_does_not_matter_even_with_ties() -> None:
    rng = np.random.default_rng(2)
    confidence, correct = rng.choice([0.4, 0.5, 0.9], 200), rng.random(200) < 0.6
    value = m.expected_calibration_error(confidence, correct)
    for _ in range(5):
        mixed = rng.permutation(200)
        assert m.expected_calibration_error(confidence[mixed], correct[mixed]) == pytest.approx(value, abs=1e-12)


def test_fewer_samples_than_bins_and_none() -> None:
    table = m.reliability([0.2, 0.9], [0, 1])
    assert table.count.tolist() == [1, 1]
    assert table.to_dict()["accuracy"] == [0.0, 1.0]
    assert np.isnan(m.expected_calibration_error([], []))
    assert np.isnan(m.expected_calibration_error([], [], scheme="width"))


def test_certain_and_wrong_stays_finite() -> None:
    assert m.log_loss([[1.0, 0.0]], [1]) == pytest.approx(-np.log(np.finfo(float).eps))


def test_bad_input_is_refused() -> None:
    with pytest.raises(DataError, match="softmax"):
        m.brier([[2.0, -1.0]], [0])
    with pytest.raises(DataError, match="0…1"):
        m.log_loss([[0.5, 0.5]], [2])
    with pytest.raises(DataError, match="one-hot"):
        m.brier([[0.5, 0.5]], [[1, 0]])
    with pytest.raises(DataError, match="scheme"):
        m.reliability([0.5], [1], scheme="other")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="correct of 0 and 1"):
        m.reliability([0.5], [2])
    with pytest.raises(DataError, match="bin"):
        m.reliability([0.5], [1], bins=0)
