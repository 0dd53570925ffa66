"""What holds nothing to read must not be read: walls, the dark, tones and noise; with the shipped bundle."""

from pathlib import Path

import numpy as np
import pytest

import demeanor
from demeanor.bundle import shipped
from demeanor.reader.cues._evidence import NOTHING, evidence
from demeanor.reader.cues.scene import LEAST_RELIEF, relief
from demeanor.reader.reader import Reader
from demeanor.types import Reading
from reader_fakes import RATE, write_video

RNG = np.random.default_rng(4)


@pytest.fixture(scope="module")
def reader() -> Reader:
    if "base" not in shipped():
        pytest.fail("the shipped bundle is missing from the package")
    return demeanor.load("base", threads=1)


def wall(light: float = 0.0) -> np.ndarray:
    """A painted wall: one colour, light falling off to a side, grain."""
    slope = np.linspace(-light, light, 320)[None, :, None]
    return np.clip(np.array([187, 170, 153]) + slope + RNG.normal(0, 4, (240, 320, 3)), 0, 255).astype(np.uint8)


def unsure(reading: Reading) -> None:
    assert reading.abstain
    assert reading.confidence == pytest.approx(max(NOTHING))
    assert reading.emotions is None


@pytest.mark.parametrize("light", [0.0, 40.0])
def test_a_wall(reader: Reader, light: float) -> None:
    a = reader.analyze(image=wall(light))
    assert a.overall.abstain
    unsure(a.cues["scene"])


def test_a_black_film(reader: Reader, tmp_path: Path) -> None:
    a = reader.analyze(write_video(tmp_path / "black.mp4", [np.zeros((96, 128, 3), np.uint8)] * 40))
    unsure(a.overall)
    assert all(s.reading.abstain for s in a.segments)


def sounds() -> dict[str, np.ndarray]:
    t = np.arange(6 * RATE) / RATE
    notes = np.concatenate(
        [np.sin(2 * np.pi * f * t[: RATE // 2]) * np.exp(-4 * t[: RATE // 2]) for f in (262, 330, 392) * 4]
    )
    return {
        "a tone": 0.3 * np.sin(2 * np.pi * 440 * t),
        "hiss": 0.2 * RNG.standard_normal(len(t)),
        "a chord": 0.1 * sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.2, 329.6)),
        "a tune": 0.5 * notes,
        "nothing": np.zeros(len(t)),
    }


@pytest.mark.parametrize("name", sounds())
def test_sound_that_is_no_speech(reader: Reader, name: str) -> None:
    a = reader.analyze(audio=sounds()[name].astype(np.float32), cues="voice")
    assert a.overall.abstain
    assert a.overall.confidence is None or a.overall.confidence <= max(NOTHING)


def test_the_wall_says_nothing_against_the_words(reader: Reader) -> None:
    alone, post = reader.analyze("I love it"), reader.analyze(text="I love it", image=wall(20))
    assert post.cues["scene"].weight == 0
    assert post.overall.confidence == pytest.approx(alone.overall.confidence)


def test_relief() -> None:
    assert relief(np.full((50, 50, 3), 77, np.uint8)) == pytest.approx(0, abs=1e-6)
    assert relief(wall(60)) < LEAST_RELIEF
    half = wall()
    half[:, 160:] = 20
    assert relief(half) > 30


def test_nothing_is_left_of_what_an_expert_abstains_from() -> None:
    outputs = {
        "polarity": np.array([[0.0, 0.0, 9.0]] * 2),
        "emotions": np.eye(7)[[3, 3]] * 9,
        "hidden": np.ones((2, 4)),
    }
    plain = {"t": 1.0, "bias": None}
    said, nothing = evidence(
        outputs, {"polarity": plain, "emotions": plain}, [1.0, 0.0], scored=False, abstain=[False, True]
    )
    assert (said.abstain, nothing.abstain) == (False, True)
    assert said.score > 0.9
    assert nothing.score == 0
    np.testing.assert_allclose(nothing.polarity, NOTHING)
    np.testing.assert_allclose(nothing.emotions, 1 / 7)
