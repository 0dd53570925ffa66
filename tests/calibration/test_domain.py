"""How much of a reading is trusted beyond what its expert knows."""

import numpy as np
import pytest

from demeanor.calibration.domain import Domain, distance


def test_distance_is_one_on_average_over_the_training_data() -> None:
    rows = np.random.default_rng(0).standard_normal((500, 400))
    assert distance(rows).mean() == pytest.approx(1, abs=0.01)
    assert distance(np.full((2, 3), -2.0)).tolist() == [2.0, 2.0]


def test_trust_falls_evenly_between_the_usual_and_the_foreign() -> None:
    domain = Domain(1.0, 2.0, 0.4)
    assert [domain.trust(away) for away in (0.2, 1.0, 1.5, 2.0, 9.0)] == pytest.approx([1, 1, 0.7, 0.4, 0.4])
    assert Domain.from_dict(domain.to_dict()) == domain
