"""Smoothing, lasting changes and steady labels, on signals whose truth is known."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from demeanor.reader.trend import ENTER, LEAVE, changes, smoothed, steady, trend


def place_of(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.cumsum(rng.uniform(1, 4, n))


@pytest.mark.parametrize("n", [4, 6, 10, 30, 120])
def test_constants_with_noise_show_a_change_in_one_of_twenty_at_most(n: int) -> None:
    rng = np.random.default_rng(n)
    runs, false = (400 if n < 100 else 80), 0
    for _ in range(runs):
        weight = rng.uniform(0.3, 3, n)
        score = 0.2 + 0.3 * rng.standard_normal(n) / np.sqrt(weight / weight.mean())
        false += bool(changes(place_of(n, rng), np.clip(score, -1, 1), weight))
    assert false <= 0.05 * runs + 2 * np.sqrt(runs * 0.05 * 0.95)  # two standard errors


@pytest.mark.parametrize("n", [6, 12, 40])
def test_noise_that_knows_nothing_of_lengths_shows_no_more(n: int) -> None:
    rng = np.random.default_rng(n)
    runs, false = 300, 0
    for _ in range(runs):
        length = rng.uniform(0.2, 6, n)
        score = np.clip(0.3 * rng.standard_normal(n), -1, 1)
        false += bool(changes(np.cumsum(length), score, length * rng.uniform(0.05, 1, n)))
    assert false <= 0.05 * runs + 2 * np.sqrt(runs * 0.05 * 0.95)


@pytest.mark.parametrize(("n", "least"), [(6, 0.85), (12, 0.9), (40, 0.9)])
def test_a_step_is_found_where_it_is(n: int, least: float) -> None:
    rng = np.random.default_rng(n)
    hits = 0
    for _ in range(100):
        score = np.where(np.arange(n) < n // 2, -0.5, 0.5) + 0.15 * rng.standard_normal(n)
        found = changes(place_of(n, rng), score, np.ones(n))
        hits += found == [n // 2]
    assert hits >= 100 * least


def test_two_steps_are_two() -> None:
    score = np.array([0.6] * 8 + [-0.7] * 7 + [0.5] * 9)
    assert changes(np.arange(24.0), score, np.ones(24)) == [8, 15]


def test_a_steady_rise_is_no_change_and_stays_as_it_is() -> None:
    rng = np.random.default_rng(0)
    x = place_of(30, rng)
    ramp = np.interp(x, [x[0], x[-1]], [-0.9, 0.9])
    assert changes(x, ramp, np.ones(30)) == []
    assert smoothed(x, ramp, rng.uniform(0.2, 2, 30)) == pytest.approx(ramp, abs=1e-9)
    noisy = sum(bool(changes(x, ramp + 0.1 * rng.standard_normal(30), np.ones(30))) for _ in range(100))
    assert noisy <= 5


def test_a_step_stays_sharp_and_noise_goes() -> None:
    rng = np.random.default_rng(1)
    clean = np.where(np.arange(40) < 20, -0.4, 0.6)
    score = clean + 0.2 * rng.standard_normal(40)
    edges = changes(np.arange(40.0), score, np.ones(40))
    assert edges == [20]
    out = smoothed(np.arange(40.0), score, np.ones(40), edges)
    assert np.abs(out - clean).mean() < 0.6 * np.abs(score - clean).mean()
    assert out[20] - out[19] > 0.7


def test_one_short_unsure_outlier_counts_little() -> None:
    score = np.array([0.5] * 6 + [-0.9] + [0.5] * 6)
    weight = np.array([3.0] * 6 + [0.1] + [3.0] * 6)
    assert changes(np.arange(13.0), score, weight) == []
    assert smoothed(np.arange(13.0), score, weight)[6] > 0.3


def test_turns_that_go_on_all_the_time_are_no_changes() -> None:
    assert changes(np.arange(20.0), np.array([0.8, -0.8] * 10), np.ones(20)) == []


def test_labels_do_not_flicker() -> None:
    waver = np.array([0.3, 0.22, 0.27, 0.2, 0.26, 0.18, 0.24, 0.12, 0.3])
    assert steady(waver) == ["positive"] * 9
    assert steady(waver - 0.3) == ["neutral"] * 9
    crossing = np.array([0.6, 0.3, 0.15, 0.05, 0.08, -0.12, -0.2, -0.3, -0.15, -0.05])
    assert steady(crossing) == ["positive"] * 3 + ["neutral"] * 4 + ["negative"] * 2 + ["neutral"]
    assert steady(np.array([0.5, -0.5, 0.5])) == ["positive", "negative", "positive"]


@pytest.mark.parametrize(("noise", "most", "least"), [(0.15, 1.0, 8.0), (0.3, 2.0, 12.0)])
def test_noise_makes_raw_labels_flicker_and_steady_ones_hardly(noise: float, most: float, least: float) -> None:
    """A sentiment that does not change, at several levels: mean numbers of changes in 30 segments, over 60 draws."""
    rng = np.random.default_rng(5)
    raw, held = [], []
    for level in (-0.5, -0.25, -0.1, 0.0, 0.18, 0.3):
        score = np.clip(level + noise * rng.standard_normal((60, 30)), -1, 1)
        found = [trend([segment(float(s), 2.5 * i) for i, s in enumerate(row)]) for row in score]
        held.append(np.mean([sum(a != b for a, b in pairwise(t["labels"])) for t in found if t]))
        signs = np.sign(score) * (np.abs(score) >= (ENTER + LEAVE) / 2)
        raw.append((np.diff(signs) != 0).sum(1).mean())
    assert max(held) <= most, held
    assert np.mean(raw) >= least, raw
    assert np.mean(held) <= np.mean(raw) / 8


def test_of_very_many_segments_a_noisy_step_is_found_near_its_place() -> None:
    rng = np.random.default_rng(0)
    score = np.where(np.arange(6500) < 3900, 0.5, -0.4) + 0.2 * rng.standard_normal(6500)
    found = changes(np.arange(6500.0), score, np.ones(6500))
    assert len(found) == 1
    assert abs(found[0] - 3900) <= 6


@pytest.mark.parametrize(("n", "at"), [(3001, 1502), (4000, 2001), (6007, 3), (8192, 8189), (9500, 4001)])
def test_of_very_many_segments_a_step_is_one_change_where_it_is(n: int, at: int) -> None:
    score = np.where(np.arange(n) < at, -0.6, 0.6)
    assert changes(np.arange(float(n)), score, np.ones(n)) == [at]


def segment(score: float | None, start: float | None, chars: tuple[int, int] | None = None) -> dict[str, Any]:
    said = None if score is None else {"score": score, "label": "neutral", "probabilities": {}}
    reading = {"sentiment": said, "confidence": 0.8, "abstain": False}
    return {"start": start, "end": None if start is None else start + 2.0, "chars": chars, "reading": reading}


def test_the_trend_of_segments() -> None:
    scores = [0.6, 0.7, None, 0.65, -0.6, -0.7, -0.8]
    found = trend([segment(s, 2.5 * i) for i, s in enumerate(scores)])
    assert found is not None
    assert found["unit"] == "seconds"
    assert found["smoothed"][2] is None
    assert found["labels"] == ["positive", "positive", None, "positive", "negative", "negative", "negative"]
    (change,) = found["changes"]
    assert (change["at"], change["segment"]) == (10.0, 4)
    assert change["from"] > 0.5
    assert change["to"] < -0.4


def test_text_has_a_trend_over_its_characters_and_few_segments_have_none() -> None:
    found = trend([segment(0.5, None, (10 * i, 10 * i + 9)) for i in range(5)])
    assert found is not None
    assert (found["unit"], found["changes"]) == ("characters", [])
    assert trend([segment(0.5, 2.0 * i) for i in range(3)]) is None
    assert trend([]) is None


def test_segments_within_others_have_a_trend() -> None:
    """Two who speak at once: the one that began first may be the last in the middle."""
    scores = [0.5, 0.4, 0.3, 0.2, 0.5, -0.4]
    around, *within = [segment(s, 3.0 * i) for i, s in enumerate(scores)]
    found = trend([{**around, "end": 200.0}, *within])
    assert found is not None
    assert np.isfinite(found["smoothed"]).all()
    assert found["smoothed"][1] == pytest.approx(0.4, abs=0.1)
