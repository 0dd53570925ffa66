"""Sound to numbers, checked against librosa, and on sounds whose pitch, formants and unsteadiness are known."""

from pathlib import Path

import librosa
import numpy as np
import pytest
from pydantic import ValidationError

from demeanor.encoders import (
    _spectral,
    audio_chroma,
    audio_egemaps,
    audio_logmel,
    audio_mfcc,
    audio_states,
    audio_whisper,
)
from demeanor.encoders._formants import formants, levinson
from demeanor.encoders._lowlevel import low_level
from demeanor.encoders._media import sound_of
from demeanor.encoders._pitch import periods, pitch
from demeanor.errors import DataError, MissingExtraError, WeightsError
from demeanor.types import Sample
from encoder_samples import RATE, picture, vowel, write_film


@pytest.fixture
def sound() -> np.ndarray:
    random = np.random.default_rng(0)
    tones = sum(0.1 * np.sin(2 * np.pi * f * np.arange(24_000) / RATE) for f in (225.0, 331.0, 892.0))
    return (tones + 0.3 * vowel(1.5, glide=60) + 0.01 * random.standard_normal(24_000)).astype(np.float32)


def encoded(module, sound, **settings) -> np.ndarray:
    return module.ENCODER(module.Config(**settings)).encode(Sample("x", audio=sound))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"n_mfcc": 13, "mels": 40, "deltas": 1, "lowest": 60.0, "highest": 7600.0},
        {"rate": 22_050, "size": 2048, "hop": 512, "mels": 128, "deltas": 0},
    ],
)
def test_mfcc_as_librosa(sound: np.ndarray, settings: dict) -> None:
    c = audio_mfcc.Config(**settings)
    y = sound_of(Sample("x", audio=sound), c.rate)
    base = librosa.feature.mfcc(
        y=y, sr=c.rate, n_mfcc=c.n_mfcc, n_fft=c.size, hop_length=c.hop, n_mels=c.mels, fmin=c.lowest, fmax=c.highest
    )
    expected = [base, *(librosa.feature.delta(base, order=n) for n in range(1, c.deltas + 1))]
    np.testing.assert_allclose(encoded(audio_mfcc, sound, **settings), np.concatenate(expected).T, atol=2e-3)


@pytest.mark.parametrize("settings", [{"n_mfcc": 41, "mels": 40}, {"lowest": 4000.0, "highest": 60.0}, {"lowest": 8e3}])
def test_mfcc_settings_out_of_bounds(settings: dict) -> None:
    with pytest.raises(ValidationError, match=r"expected (n_mfcc <= mels|lowest < highest)"):
        audio_mfcc.Config(**settings)


def test_mel_filters_and_power_as_librosa(sound: np.ndarray) -> None:
    ours = _spectral.spectrum(sound, 512, 400, 160) ** 2 @ _spectral.mel_filters(RATE, 512, 40, 50.0, 7000.0)
    theirs = librosa.feature.melspectrogram(
        y=sound, sr=RATE, n_fft=512, win_length=400, hop_length=160, n_mels=40, fmin=50.0, fmax=7000.0
    ).T
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6 * theirs.max())


def test_log_mel_filters_as_librosa_on_htk_scale() -> None:
    m = audio_logmel
    theirs = librosa.filters.mel(
        sr=m.RATE, n_fft=m.SIZE, n_mels=m.BANDS, fmin=m.LOWEST, fmax=m.HIGHEST, htk=True, norm=None
    )
    np.testing.assert_allclose(m.mel_filters(), theirs.T, atol=1e-6)


@pytest.mark.parametrize("tuning", [None, 0.0, 0.3])
def test_chroma_as_librosa(sound: np.ndarray, tuning: float | None) -> None:
    theirs = librosa.feature.chroma_stft(y=sound, sr=RATE, n_fft=2048, hop_length=512, tuning=tuning)
    np.testing.assert_allclose(encoded(audio_chroma, sound, tuning=tuning), theirs.T, atol=2e-4)


@pytest.mark.parametrize("cents", [-40, -10, 0, 25])
def test_tuning_as_librosa(cents: int) -> None:
    tone = np.sin(2 * np.pi * 440 * 2 ** (cents / 1200) * np.arange(RATE) / RATE).astype(np.float32)
    power = np.abs(librosa.stft(tone, n_fft=2048, hop_length=512)) ** 2
    ours = _spectral.tuning_of(power.T.astype(np.float64), RATE, 2048)
    assert ours == pytest.approx(librosa.estimate_tuning(S=power, sr=RATE), abs=0.011)
    assert ours == pytest.approx(cents / 100, abs=0.06)


def test_a_tone_has_its_pitch_class() -> None:
    for name, hertz in (("C", 261.63), ("E", 329.63), ("A", 440.0)):
        tone = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)
        found = encoded(audio_chroma, tone, tuning=0.0)[5:-5].mean(0)
        assert found.argmax() == ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A"].index(name)


def test_deltas_of_few_frames() -> None:
    line = np.arange(5.0)[:, None] * 3
    np.testing.assert_allclose(_spectral.slopes(line, 1), 3)
    np.testing.assert_allclose(_spectral.slopes(line**2, 2), 18)
    assert _spectral.slopes(np.ones((1, 2)), 1).tolist() == [[0, 0]]


@pytest.mark.parametrize("hertz", [70.0, 110.0, 210.0, 320.0, 640.0])
def test_pitch_of_a_vowel(hertz: float) -> None:
    found = pitch(vowel(0.8, hertz))
    inner = slice(8, -8)
    assert (found.f0[inner] > 0).all()
    np.testing.assert_allclose(found.f0[inner], hertz, rtol=0.01)
    assert found.strength[inner].min() > 0.9


def test_pitch_follows_a_glide_and_leaves_noise_unvoiced() -> None:
    rising = pitch(vowel(1.0, 100, glide=100))
    time = np.arange(len(rising.f0)) / 100
    np.testing.assert_allclose(rising.f0[8:-8], (100 + 100 * time)[8:-8], rtol=0.02)
    noise = 0.3 * np.random.default_rng(0).standard_normal(RATE)
    assert (pitch(noise).f0 > 0).mean() < 0.05
    assert not pitch(np.zeros(RATE)).f0.any()


@pytest.mark.parametrize(("wobble", "swing"), [(0.0, 0.0), (0.01, 0.0), (0.02, 0.0), (0.0, 0.05), (0.0, 0.1)])
def test_jitter_and_shimmer_of_periods_that_are_known(wobble: float, swing: float) -> None:
    """Pulses whose distances and heights vary at random by known amounts."""
    random = np.random.default_rng(0)
    gaps = 100 * (1 + wobble * random.standard_normal(150))
    heights = 1 + swing * random.uniform(-1, 1, 150)
    at, time = np.cumsum(gaps), np.arange(round(gaps.sum()))
    x = 0.5 * (heights * np.exp(-0.5 * ((time[:, None] - at) / 6) ** 2)).sum(1)
    found = low_level(x).values
    jitter = np.abs(np.diff(gaps)).mean() / gaps.mean()
    shimmer = np.abs(20 * np.log10(heights[1:] / heights[:-1])).mean()
    assert np.nanmean(found["jitter"]) == pytest.approx(jitter, abs=0.002, rel=0.1)
    assert np.nanmean(found["shimmer"]) == pytest.approx(shimmer, abs=0.05, rel=0.1)
    lengths = periods(x, pitch(x)).length * RATE
    assert len(lengths) > 140
    assert np.mean(lengths) == pytest.approx(100, rel=0.01)


def test_formants_of_vowels_that_are_known() -> None:
    for expected in ((700.0, 1220.0, 2600.0), (310.0, 2020.0, 2960.0), (440.0, 1020.0, 2240.0)):
        x = vowel(0.6, 105.0, expected)
        hertz, width = formants(x, np.ones(1 + len(x) // 160, bool))
        np.testing.assert_allclose(np.nanmedian(hertz[8:-8], 0), expected, rtol=0.08, atol=40)
        assert (np.nanmedian(width[8:-8], 0) < 300).all()


def test_linear_prediction_as_scipy() -> None:
    scipy = pytest.importorskip("scipy.linalg")
    random = np.random.default_rng(0)
    r = np.array([np.correlate(x, x, "full")[199:212] for x in random.standard_normal((4, 200))])
    for ours, row in zip(levinson(r), r, strict=True):
        np.testing.assert_allclose(ours[1:], -scipy.solve_toeplitz(row[:-1], row[1:]), atol=1e-9)


def test_egemaps_says_what_the_sound_is() -> None:
    still = np.zeros(RATE // 2, np.float32)
    x = np.concatenate([still, vowel(1.0, 110.0), still, 0.5 * vowel(0.5, 220.0), still])
    found = dict(zip(audio_egemaps.NAMES, encoded(audio_egemaps, x)[0], strict=True))
    assert len(audio_egemaps.NAMES) == len(set(audio_egemaps.NAMES)) == 88
    low, high = (12 * np.log2(f / 27.5) for f in (110.0, 220.0))
    assert found["F0semitone_percentile20"] == pytest.approx(low, abs=0.2)
    assert found["F0semitone_percentile80"] == pytest.approx(high, abs=0.2)
    assert found["F0semitone_mean"] == pytest.approx((2 * low + high) / 3, abs=0.5)
    assert found["voicedSegmentsPerSec"] == pytest.approx(2 / 3, abs=0.01)
    assert found["meanVoicedSegmentSec"] == pytest.approx(0.75, abs=0.04)
    assert found["stddevVoicedSegmentSec"] == pytest.approx(0.25, abs=0.03)
    assert found["meanUnvoicedSegmentSec"] == pytest.approx(0.5, abs=0.04)
    assert found["equivalentSoundLevel_dB"] == pytest.approx(10 * np.log10(np.mean(x**2)), abs=0.1)
    assert found["F1frequency_mean"] == pytest.approx(700, rel=0.1)
    assert found["HNR_mean"] > 12
    assert found["jitter_mean"] < 0.01


def test_egemaps_tells_pressed_from_soft_and_loud_from_quiet() -> None:
    from scipy.signal import lfilter

    x = vowel(1.0)
    dull = lfilter([0.1], [1.0, -0.9], x).astype(np.float32)
    names = audio_egemaps.NAMES
    bright, soft, quiet = (dict(zip(names, encoded(audio_egemaps, s)[0], strict=True)) for s in (x, dull, 0.1 * x))
    assert bright["alphaRatioV_mean"] > soft["alphaRatioV_mean"] + 3
    assert bright["hammarbergIndexV_mean"] < soft["hammarbergIndexV_mean"] - 3
    assert bright["slope500-1500V_mean"] > soft["slope500-1500V_mean"]
    assert quiet["equivalentSoundLevel_dB"] == pytest.approx(bright["equivalentSoundLevel_dB"] - 20, abs=0.01)
    assert quiet["loudness_mean"] == pytest.approx(bright["loudness_mean"] * 10 ** (-2 * 0.33), rel=0.01)
    assert quiet["F0semitone_mean"] == pytest.approx(bright["F0semitone_mean"], abs=0.05)
    assert quiet["mfcc2_mean"] == pytest.approx(bright["mfcc2_mean"], abs=0.5)


def test_egemaps_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.concatenate([vowel(1.0, 110.0), vowel(1.0, 220.0)])
    found = encoded(audio_egemaps, x, window=1.0)
    assert found.shape == (3, 88)
    np.testing.assert_array_equal(found[0], encoded(audio_egemaps, x[:RATE])[0])
    assert found[2, 0] - found[0, 0] == pytest.approx(12, abs=0.5)
    monkeypatch.setitem(__import__("sys").modules, "opensmile", None)
    with pytest.raises(MissingExtraError, match=r"demeanor\[opensmile\]"):
        encoded(audio_egemaps, x, engine="opensmile")


def test_egemaps_on_real_speech(shared: Path) -> None:
    """Women's voices are higher than men's; shouting in anger is louder than calm (RAVDESS)."""
    folder = shared / "data/ravdess/audio"
    names = audio_egemaps.NAMES

    def mean(actors: range, emotion: str, name: str) -> float:
        files = [f for a in actors for f in sorted((folder / f"Actor_{a:02d}").glob(f"03-01-{emotion}-*.flac"))[:2]]
        assert files
        rows = [encoded(audio_egemaps, f)[0] for f in files]
        return float(np.mean([row[names.index(name)] for row in rows]))

    men, women = range(1, 6, 2), range(2, 7, 2)
    assert mean(women, "02", "F0semitone_percentile50") > mean(men, "02", "F0semitone_percentile50") + 5
    assert mean(range(1, 5), "05", "loudness_mean") > 1.5 * mean(range(1, 5), "02", "loudness_mean")


def test_a_clip_of_a_recording(tmp_path: Path) -> None:
    x = np.concatenate([vowel(1.0, 110.0), vowel(1.0, 220.0)])
    film = write_film(tmp_path / "f.mkv", [picture(0, 64, 64)] * 10, sound=x)
    silent = write_film(tmp_path / "s.mkv", [picture(0, 64, 64)] * 10)
    part = sound_of(Sample("1", video=film, start=1.0, end=1.5), RATE)
    np.testing.assert_allclose(part, x[RATE : RATE * 3 // 2], atol=1e-4)
    assert sound_of(Sample("2", video=silent), RATE) is None
    assert audio_mfcc.ENCODER().encode(Sample("2", video=silent)) is None
    with pytest.raises(DataError, match=r"sample '3'.*2\.00 s"):
        sound_of(Sample("3", video=film, start=5.0), RATE)
    with pytest.raises(DataError, match=r"sample '4'.*no such file"):
        sound_of(Sample("4", audio=tmp_path / "none.wav"), RATE)
    # sound given as such wins over the film's
    np.testing.assert_array_equal(sound_of(Sample("5", audio=x[:100], video=film), RATE), x[:100])


def test_whisper_states_are_the_voice_experts() -> None:
    from demeanor.media.speech import load_recogniser

    x = vowel(1.01)
    found = encoded(audio_states, x)
    np.testing.assert_array_equal(found, audio_states.pooled_states(load_recogniser("whisper-base").states(x)))
    assert found.shape == (26, 512)


def test_whisper_states_name_their_weights_and_take_no_other_edition() -> None:
    from demeanor.weights import find

    encoder, own = audio_whisper.ENCODER(), find("whisper-base").sha256
    assert encoder.needs() == {"whisper-base": own}
    encoder.settle({"whisper-base": own})
    with pytest.raises(WeightsError, match="expected whisper-base with sha256 0000"):
        encoder.settle({"whisper-base": "0" * 64})


def test_whisper_states_of_short_sound_are_those_of_the_filled_window_where_the_silence_fills_it() -> None:
    x = vowel(1.01)
    full = encoded(audio_whisper, x, silence=30.0)
    np.testing.assert_allclose(full, encoded(audio_states, x), atol=1e-5)
    brief = encoded(audio_whisper, x)
    assert brief.shape == (26, 512)
    assert np.corrcoef(brief.ravel(), full.ravel())[0, 1] > 0.8, "alike, not the same"
    few = encoded(audio_whisper, x, together=10)  # 51 states of 50 a second: five whole steps and one of what is left
    assert few.shape == (6, 512)
    np.testing.assert_allclose(few[:5], brief[:25].reshape(5, 5, 512).mean(1), atol=1e-5)
    np.testing.assert_allclose(few[5], brief[25], atol=1e-5)
