"""Derived dimensions: the published corners, and that a mixture stays between them."""

import numpy as np
import pytest

from demeanor.calibration import dimensions
from demeanor.errors import DataError
from demeanor.types import EMOTIONS


@pytest.mark.parametrize("name", EMOTIONS)
def test_corners_are_the_table(name: str) -> None:
    assert dimensions.from_emotions(np.eye(7)[EMOTIONS.index(name)]) == dimensions.COORDINATES[name]


def test_signs_that_everyone_agrees_on() -> None:
    v, a, d = (dict(zip(EMOTIONS, column, strict=True)) for column in zip(*(
        dimensions.COORDINATES[name] for name in EMOTIONS), strict=True))  # fmt: skip
    assert max(v, key=v.get) == "joy"
    assert all(v[name] < 0 for name in ("anger", "disgust", "fear", "sadness"))
    assert min(a, key=a.get) == "sadness"
    assert d["anger"] > 0 > d["fear"]  # what tells anger from fear


def test_mixtures_are_means() -> None:
    p = np.zeros(7)
    p[EMOTIONS.index("joy")] = p[EMOTIONS.index("neutral")] = 0.5
    assert dimensions.from_emotions(p) == pytest.approx((0.38, 0.24, 0.175))
    rng = np.random.default_rng(0)
    for row in rng.dirichlet(np.ones(7), 50):
        assert max(map(abs, dimensions.from_emotions(row))) <= 1


@pytest.mark.parametrize("p", [[1, 0], np.ones(7), np.full(7, np.nan), [2, -1, 0, 0, 0, 0, 0]])
def test_refuses_what_is_no_distribution(p: list) -> None:
    with pytest.raises(DataError, match="sum to 1"):
        dimensions.from_emotions(p)
