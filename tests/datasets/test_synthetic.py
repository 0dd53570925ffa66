import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demeanor.datasets import synthetic
from demeanor.errors import ConfigError
from demeanor.types import Sample

SMALL = {"text": 4, "audio": 4, "visual": 4}


def means(samples: list[Sample], modality: str) -> np.ndarray[Any, Any]:
    return np.stack([s.series[modality].mean(0) for s in samples])


def explained(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """Squared correlation of y with its best linear reading from x."""
    design = np.column_stack([x, np.ones(len(x))])
    fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return float(1 - ((y - fitted) ** 2).mean() / y.var())


def score(samples: list[Sample]) -> np.ndarray[Any, Any]:
    return np.array([s.labels["score"] for s in samples], float)


def test_the_same_seed_gives_the_same_numbers() -> None:
    one, same, other = (synthetic.read(samples=20, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.series["audio"], b.series["audio"]) for a, b in zip(one, same, strict=True))
    assert [s.text for s in one] == [s.text for s in same]
    assert not np.array_equal(one[0].series["audio"][0], other[0].series["audio"][0])


def test_shapes_parts_and_groups() -> None:
    samples = synthetic.read(samples=640, lengths=(2, 5))
    assert Counter(s.split for s in samples) == {"train": 384, "valid": 128, "test": 128}
    assert len({s.group for s in samples}) == 80
    for s in samples:
        for modality, values in s.series.items():
            assert 2 <= len(values) <= 5
            assert values.shape[1] == synthetic.DIMS[modality]
    lengths = Counter(len(s.series["audio"]) for s in samples)
    assert set(lengths) == {2, 3, 4, 5}
    assert all(len(str(s.text).split()) == len(s.series["text"]) for s in samples)


def test_uniform_intensity() -> None:
    y = score(synthetic.read(samples=4000, dims=SMALL))
    assert abs(y.mean()) < 0.03
    assert y.var() == pytest.approx(1 / 3, rel=0.05)
    assert (y.min(), y.max()) == pytest.approx((-1, 1), abs=0.01)


@pytest.mark.parametrize("snr", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("latent", ["uniform", "gaussian"])
def test_each_modality_shows_its_signal_to_noise_ratio(snr: float, latent: str) -> None:
    """A linear reader explains snr / (1 + snr) of the variance, whatever the lengths."""
    for lengths in ((1, 2), (20, 30)):
        samples = synthetic.read(samples=3000, latent=latent, snr={"audio": snr}, dims=SMALL, lengths=lengths)
        assert explained(means(samples, "audio"), score(samples)) == pytest.approx(snr / (1 + snr), abs=0.035)


def test_information_is_as_stated() -> None:
    """For Gaussian pairs, -½ ln(1 - r²): of s with a modality, and of two modalities with each other."""
    samples = synthetic.read(samples=6000, latent="gaussian", snr={"audio": 2.0, "visual": 0.5}, dims=SMALL)
    y = score(samples)
    for modality, snr in (("audio", 2.0), ("visual", 0.5)):
        measured = -0.5 * math.log(1 - explained(means(samples, modality), y))
        assert measured == pytest.approx(synthetic.information(snr), abs=0.05)
    a, v = means(samples, "audio"), means(samples, "visual")
    centred_a, centred_v = np.linalg.qr(a - a.mean(0))[0], np.linalg.qr(v - v.mean(0))[0]
    largest = np.linalg.svd(centred_a.T @ centred_v)[1][0]  # canonical correlation
    assert -0.5 * math.log(1 - largest**2) == pytest.approx(synthetic.shared_information(2.0, 0.5), abs=0.04)


def test_jitter_says_nothing() -> None:
    samples = synthetic.read(samples=3000, snr={"audio": 1e9}, dims=SMALL)
    within = np.stack([s.series["audio"][0] - s.series["audio"].mean(0) for s in samples])
    assert explained(within, score(samples)) < 0.01
    assert explained(means(samples, "audio"), score(samples)) > 0.999


def test_conflict_turns_one_modality_around() -> None:
    samples = synthetic.read(samples=2000, conflict=0.25, snr={"text": 1e6, "audio": 1e6}, dims=SMALL)
    against = [s for s in samples if s.labels["score_text"] != s.labels["score_audio"]]
    assert len(against) / len(samples) == pytest.approx(0.25, abs=0.03)
    for s in against:
        both = [float(s.labels["score_text"]), float(s.labels["score_audio"])]
        assert sorted(both) == pytest.approx([-abs(float(s.labels["score"])), abs(float(s.labels["score"]))])
    own = np.array([s.labels["score_text"] for s in samples], float)
    assert explained(means(samples, "text"), own) > 0.999
    assert not [s for s in synthetic.read(samples=200) if s.labels["score_text"] != s.labels["score_audio"]]


def test_constant_text_says_the_same_always() -> None:
    samples = synthetic.read(samples=64, constant_text=True)
    assert len({s.text for s in samples}) == 1
    assert len({s.series["text"].tobytes() for s in samples}) == 1
    assert {s.labels["score_text"] for s in samples} == {0.0}
    assert len({s.series["audio"].tobytes() for s in samples}) == 64


def test_some_modalities_are_missing_but_never_all() -> None:
    samples = synthetic.read(samples=2000, missing=0.5)
    assert all(s.series for s in samples)
    share = np.mean(["audio" in s.series for s in samples])
    assert share == pytest.approx(0.5 + 0.5**3 / 3, abs=0.04)
    assert all((s.text is None) == ("text" not in s.series) for s in samples)


def test_redundancy_is_in_each_and_synergy_in_none_alone() -> None:
    samples = synthetic.read(samples=3000, redundancy=True, synergy=True, dims=SMALL)
    redundant = np.array([s.labels["redundant"] for s in samples], float)
    product = np.array([s.labels["synergy"] for s in samples], float)
    assert set(product) == {-1.0, 1.0}
    for modality in SMALL:
        assert explained(means(samples, modality), redundant) > 0.9
        alone = means(samples, modality)
        squares = np.column_stack([alone, *(alone[:, [i]] * alone for i in range(4))])
        assert explained(squares, product) < 0.02
    crossed = (means(samples, "text")[:, :, None] * means(samples, "audio")[:, None, :]).reshape(len(samples), -1)
    assert explained(crossed, product) > 0.7


def test_flicker_is_noise_of_each_step_and_the_mean_over_steps_calms_it() -> None:
    options: dict[str, Any] = {"samples": 400, "snr": {"text": 50.0}, "lengths": (9, 9)}
    still, shaken = (synthetic.read(**options, flicker=f) for f in (0.0, 3.0))
    within = [np.mean([s.series["text"].std(0).sum() for s in found]) for found in (still, shaken)]
    assert within[1] > within[0] + 3
    y = score(shaken)
    one = np.stack([s.series["text"][0] for s in shaken])
    assert explained(means(shaken, "text"), y) > explained(one, y) + 0.2


def test_the_least_error_is_that_of_the_posterior() -> None:
    # Gaussian s with snr 4: the posterior's spread is sqrt(1/5), so its mean absolute error sqrt(2/π) of that.
    found = synthetic.least_error({"text": 4.0}, latent="gaussian", draws=20000)
    assert found == pytest.approx(np.sqrt(2 / np.pi) * np.sqrt(1 / 5) / 3, rel=0.03)
    assert synthetic.least_error({"text": 1e6}, draws=500) < 0.01
    plain = synthetic.least_error(draws=2000)
    blind = synthetic.least_error(draws=2000, frame_loss=1.0)
    assert blind == pytest.approx(0.5, abs=0.02), "the mean distance of U(-1, 1) from 0"
    assert synthetic.least_error(draws=2000, only=["visual"]) == pytest.approx(
        synthetic.least_error({"visual": 0.5}, draws=2000), abs=0.02
    )
    for worse in ({"conflict": 0.3}, {"missing": 0.3}, {"flicker": 3.0}, {"only": ["audio", "visual"]}):
        assert synthetic.least_error(draws=2000, **worse) > plain + 0.01


def test_any_named_modalities() -> None:
    sample = synthetic.read(samples=8, snr={"heart": 1.0}, dims={"heart": 5})[0]
    assert set(sample.series) == {"heart"}
    assert "score_heart" in sample.labels
    assert sample.text is None


@pytest.mark.parametrize(
    "options",
    [
        {"samples": 0}, {"snr": {}}, {"snr": {"audio": 0.0}}, {"dims": {"text": 16}}, {"dims": {**SMALL, "audio": 3}},
        {"lengths": (5, 2)}, {"lengths": (5,)}, {"lengths": (0, 2)}, {"conflict": 1.5}, {"missing": 1.0},
        {"latent": "cauchy"}, {"synergy": True, "constant_text": True}, {"synergy": True, "snr": {"audio": 1.0}},
    ],
)  # fmt: skip
def test_options_out_of_range(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="synthetic: option"):
        synthetic.read(Path(), **options)
