"""The detector without a network: voices over noise are found, noise, clicks and hiss are not."""

import numpy as np
import pytest

from demeanor.media.vad import RATE, Interval, Samples, noise_floor, snr_db, speech_intervals


def voice(seconds: float, pitch: float = 140.0, level: float = 0.1) -> Samples:
    """A buzz with formants that rises and falls four times a second, as syllables do."""
    t = np.arange(round(seconds * RATE)) / RATE
    formants = ((500, 1.0), (1500, 0.5), (2500, 0.25))
    harmonics = range(1, int(4000 / pitch))
    gains = [sum(g / (1 + ((k * pitch - f) / 200) ** 2) for f, g in formants) for k in harmonics]
    buzz = sum(g * np.sin(2 * np.pi * k * pitch * t) for k, g in zip(harmonics, gains, strict=True))
    shaped = np.asarray(buzz) * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * t))
    scaled: Samples = (level * shaped / np.sqrt(np.mean(shaped**2))).astype(np.float32)
    return scaled


def noise(seconds: float, level: float, seed: int = 0) -> Samples:
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def mixture(level: float) -> tuple[Samples, list[Interval]]:
    """Ten seconds with voices at 1–3 s, 4–4.5 s and 7–9 s over noise of a level."""
    audio = noise(10, level)
    truth = [(RATE, 3 * RATE), (4 * RATE, 9 * RATE // 2), (7 * RATE, 9 * RATE)]
    for start, end in truth:
        audio[start:end] += voice((end - start) / RATE)
    return audio, truth


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.005, 0.02])
def test_voices_are_found_where_they_are(level: float) -> None:
    audio, truth = mixture(level)
    found = speech_intervals(audio)
    assert len(found) == len(truth)
    for (a, b), (start, end) in zip(found, truth, strict=True):
        assert abs(a - start) < 0.15 * RATE
        assert abs(b - end) < 0.15 * RATE


def test_gain_does_not_matter() -> None:
    audio, _ = mixture(0.005)
    assert speech_intervals(audio) == speech_intervals(audio * np.float32(0.05))


@pytest.mark.parametrize("seconds", [0.0, 0.05, 10.0])
@pytest.mark.parametrize("level", [0.0, 1e-5, 0.003, 0.3])
def test_silence_and_steady_noise_are_not_speech(seconds: float, level: float) -> None:
    assert speech_intervals(noise(seconds, level)) == []


def test_clicks_hiss_hum_and_offset_are_not_speech() -> None:
    audio = noise(10, 1e-3) + np.float32(0.2)
    audio[RATE :: 2 * RATE] += 0.8
    hiss = np.diff(noise(1, 0.1, seed=1), prepend=np.float32(0))
    audio[5 * RATE : 6 * RATE] += hiss
    audio += (0.1 * np.sin(2 * np.pi * 50 * np.arange(len(audio)) / RATE)).astype(np.float32)
    assert speech_intervals(audio) == []


@pytest.mark.parametrize("snr", [-10.0, 0.0, 10.0, 30.0])
def test_snr_of_a_known_mixture(snr: float) -> None:
    level = 0.1 / 10 ** (snr / 20)
    audio, truth = mixture(level)
    assert noise_floor(audio, truth) == pytest.approx(level**2, rel=0.1)
    assert snr_db(audio[truth[0][0] : truth[0][1]], level**2) == pytest.approx(snr, abs=1.0)


def test_floor_without_pauses_comes_from_the_dips() -> None:
    audio = voice(4) + noise(4, 0.01)
    assert noise_floor(audio, [(0, len(audio))]) == pytest.approx(1e-4, rel=5.0)


def test_snr_keeps_its_bounds() -> None:
    assert snr_db(voice(1), 0.0) == 60.0
    assert snr_db(np.zeros(RATE, np.float32), 0.01) == -20.0
    assert snr_db(np.empty(0, np.float32), 0.01) == -20.0
    assert noise_floor(np.empty(0, np.float32), []) == 1e-10
