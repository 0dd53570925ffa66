"""Beeps: to the sample, in one piece or many, in files of every format; nothing of the original within."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demeanor.errors import ConfigError, InputError
from demeanor.media.audio import decode_audio, open_audio
from demeanor.media.waveform import Waveform
from demeanor.privacy.beep import Beeper, covered
from demeanor.privacy.sound import FORMATS, write_sound

RATE = 16_000


def noise(seconds: float, channels: int = 1, rate: int = RATE) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(-0.8, 0.8, (channels, round(seconds * rate))).astype(np.float32)


def band(samples: np.ndarray, rate: int, low: float, high: float) -> float:
    """Share of the power between two frequencies."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    at = np.fft.rfftfreq(len(samples), 1 / rate)
    return float(power[(at >= low) & (at <= high)].sum() / power.sum())


@pytest.mark.parametrize("cover", ["tone", "silence"])
def test_within_the_margins_nothing_is_left_and_outside_everything(cover: str) -> None:
    sound = noise(3.0, 2)
    done = Beeper([(1.0, 1.5)], RATE, cover=cover, margin=0.1)(sound)  # type: ignore[arg-type]
    first, last, fade = round(0.9 * RATE), round(1.6 * RATE), round(0.005 * RATE)
    np.testing.assert_array_equal(done[:, : first - fade], sound[:, : first - fade])
    np.testing.assert_array_equal(done[:, last + fade :], sound[:, last + fade :])
    inside = done[:, first:last]
    if cover == "silence":
        assert not inside.any()
    else:
        # Both channels hold the very tone, so nothing of two unlike channels is in them.
        np.testing.assert_array_equal(inside[0], inside[1])
        assert band(inside[0], RATE, 980, 1020) > 0.99
    assert np.abs(done).max() <= 0.8


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 0.5)), max_size=5),
    st.lists(st.integers(1, 9000), min_size=1, max_size=20),
)
def test_blocks_of_any_size_give_the_same(spans: list[tuple[float, float]], sizes: list[int]) -> None:
    stretches = [(a, a + b) for a, b in spans]
    sound = noise(2.5)
    whole = Beeper(stretches, RATE)(sound)
    beeper, at, pieces = Beeper(stretches, RATE), 0, []
    for size in sizes:
        pieces.append(beeper(sound[:, at : at + size]))
        at += size
    pieces.append(beeper(sound[:, at:]))
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)


def test_stretches_are_rounded_outwards_and_joined() -> None:
    assert covered([(0.2, 0.3), (0.0, 0.1)], 100, 0.0) == [(0, 10), (20, 30)]
    assert covered([(1.001, 1.009)], 100, 0.0) == [(100, 101)]
    assert covered([(1.0, 2.0), (2.1, 3.0)], 10, 0.1) == [(9, 31)]
    assert covered([(0.0, 0.1)], 10, 1.0) == [(0, 11)]
    for wrong in ((2.0, 1.0), (float("nan"), 1.0), (0.0, float("inf"))):
        with pytest.raises(ConfigError, match="start ≤ end"):
            covered([wrong], 10)
    with pytest.raises(ConfigError, match="silence"):
        Beeper([], 10, cover="quack")  # type: ignore[arg-type]


def test_a_lossless_copy_is_the_original_outside(tmp_path: Path) -> None:
    for suffix in (".wav", ".flac"):
        sound = noise(2.0, 2, 44100)
        path = write_sound(Waveform(sound, 44100), tmp_path / f"copy{suffix}", [(0.5, 0.8)], margin=0.0)
        again = np.concatenate(list(open_audio(path, rate=44100).blocks()), axis=1)
        assert again.shape == sound.shape
        off = np.abs(again - sound).max(axis=0) > 1 / 30000
        assert (off.argmax(), len(off) - off[::-1].argmax()) == pytest.approx((22050 - 220, 35280 + 220), abs=8)


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_every_format_is_written_covered_and_without_tags(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "in.mka"
    with av.open(str(source), "w") as out:
        out.metadata["title"] = "Interview with John Smith"
        out.metadata["location"] = "+48.8577+002.295/"
        stream = out.add_stream("pcm_s16le", rate=44100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(noise(3.0, 2, 44100).T.reshape(1, -1).copy(), format="flt", layout="stereo")
        frame.sample_rate = 44100
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    told: list[float] = []
    path = write_sound(source, tmp_path / f"out{suffix}", [(1.0, 2.0)], progress=told.append)
    heard = decode_audio(path, 16000)
    assert len(heard) / 16000 == pytest.approx(3.0, abs=0.06)
    assert band(heard[16000:32000], 16000, 950, 1050) > 0.95
    assert band(heard[:12000], 16000, 950, 1050) < 0.1
    assert b"John" not in path.read_bytes()
    assert b"48.85" not in path.read_bytes()
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_written_whole_or_not_at_all(tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    write_sound(Waveform(noise(1.0), RATE), source, [])
    with pytest.raises(ConfigError, match="overwritten"):
        write_sound(source, source, [])
    with pytest.raises(ConfigError, match="expected a name"):
        write_sound(source, tmp_path / "out.xyz", [])
    with pytest.raises(ConfigError, match="place to write"):
        write_sound(source, tmp_path / "no" / "out.wav", [])

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    before = (tmp_path / "kept.wav").write_bytes(b"as it was")
    with pytest.raises(KeyboardInterrupt):
        write_sound(source, tmp_path / "kept.wav", [], progress=stop)
    assert before == len((tmp_path / "kept.wav").read_bytes())
    with pytest.raises(InputError):
        write_sound(io.BytesIO(b"no sound at all" * 20), tmp_path / "x.wav", [])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.wav", "kept.wav"]
