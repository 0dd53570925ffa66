import io
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from films import RATE, tone, write_film, write_sound

from demeanor.errors import DecodeError, InputError, LimitError
from demeanor.media import audio as module
from demeanor.media.audio import decode_audio, has_audio, open_audio
from demeanor.media.waveform import Waveform, from_pair


def pitch_of(samples: np.ndarray, rate: int = RATE) -> float:
    """The strongest frequency in hertz."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(power) * rate / len(samples))


@pytest.mark.parametrize(
    ("name", "codec", "rate", "form"),
    [
        ("a.wav", "pcm_u8", 8000, "u8"),
        ("a.wav", "pcm_s16le", 11025, "s16"),
        ("a.wav", "pcm_s24le", 44100, "s32"),
        ("a.wav", "pcm_s32le", 96000, "s32"),
        ("a.wav", "pcm_f32le", 192000, "flt"),
        ("a.wav", "pcm_f64le", 48000, "dbl"),
        ("a.wav", "pcm_mulaw", 8000, "s16"),
        ("a.flac", "flac", 44100, "s16"),
        ("a.mp3", "libmp3lame", 44100, "fltp"),
        ("a.m4a", "aac", 48000, "fltp"),
        ("a.opus", "libopus", 48000, "flt"),
        ("ä 声音.ac3", "ac3", 48000, "fltp"),
        ("a.aiff", "pcm_s16be", 22050, "s16"),
        ("a.mka", "flac", 16000, "s16"),
    ],
)
def test_formats_and_rates(tmp_path: Path, name: str, codec: str, rate: int, form: str) -> None:
    file = tmp_path / name
    write_sound(file, tone(1.5, rate)[None], codec=codec, rate=rate, form=form)
    reader = open_audio(file)
    assert reader.channels == 1
    assert reader.duration == pytest.approx(1.5, abs=0.12)
    samples = decode_audio(file)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert len(samples) / RATE == pytest.approx(1.5, abs=0.08)
    assert pitch_of(samples[4000:20000]) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(samples[4000:20000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    assert reader.warnings == []


def test_resampling_agrees_with_soxr(tmp_path: Path) -> None:
    soxr = pytest.importorskip("soxr")
    random = np.random.default_rng(3)
    rows = np.cumsum(random.normal(size=44100 * 2)) / 3000  # speech-like: mostly low frequencies
    rows = np.clip(rows - rows.mean(), -0.99, 0.99).astype(np.float32)
    write_sound(tmp_path / "a.wav", rows[None], codec="pcm_f32le", rate=44100, form="flt")
    ours, theirs = decode_audio(tmp_path / "a.wav"), soxr.resample(rows, 44100, RATE)
    assert abs(len(ours) - len(theirs)) <= 2
    n = min(len(ours), len(theirs)) - 500
    assert np.sqrt(np.mean((ours[500:n] - theirs[500:n]) ** 2)) < 1e-3 * np.sqrt(np.mean(theirs**2))


@pytest.mark.parametrize(("layout", "count"), [("5.1", 6), ("7.1", 8), ("stereo", 2), ("quad", 4)])
def test_surround_is_folded_to_stereo(tmp_path: Path, layout: str, count: int) -> None:
    for channel in range(count):
        rows = np.zeros((count, 48000), np.float32)
        rows[channel] = tone(1.0, 48000)
        write_sound(tmp_path / "a.wav", rows, codec="pcm_s16le", rate=48000, layout=layout)
        reader = open_audio(tmp_path / "a.wav")
        block = np.concatenate(list(reader.blocks()), axis=1)
        left, right = np.abs(block).max(axis=1)
        assert reader.channels == len(block) == 2
        if channel == 0:
            assert left > 0.3
            assert right == 0
        elif channel == 1:
            assert right > 0.3
            assert left == 0
        elif channel == 2 and count > 4:
            assert left == pytest.approx(right)
            assert left > 0.2
        elif channel == 3 and count > 4:
            assert left == right == 0  # the subwoofer says nothing
        else:  # at the side or behind
            side, other = (left, right) if channel % 2 == 0 else (right, left)
            assert side > 0.2
            assert other == 0


def test_wave_without_a_layout_and_with_many_microphones(tmp_path: Path) -> None:
    for channels in (6, 11):
        with wave.open(str(tmp_path / "a.wav"), "wb") as out:
            out.setnchannels(channels)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes((np.repeat(tone(1.0)[:, None], channels, 1) * 32767).astype("<i2").tobytes())
        samples = decode_audio(tmp_path / "a.wav")
        assert len(samples) == RATE
        assert pitch_of(samples) == pytest.approx(440, abs=2)


def test_blocks_are_regular_and_can_be_read_again(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.flac", np.stack([tone(3.3), tone(3.3, pitch=880)]), codec="flac", layout="stereo")
    reader = open_audio(tmp_path / "a.flac")
    sizes = [b.shape for b in reader.blocks(1.0)]
    assert sizes == [(2, RATE)] * 3 + [(2, round(0.3 * RATE))]
    assert [b.shape for b in reader.blocks(1.0)] == sizes
    whole = np.concatenate(list(reader.mono(0.7)))
    np.testing.assert_allclose(whole, decode_audio(tmp_path / "a.flac"), atol=1e-6)
    left, right = next(iter(reader.blocks(3.0)))
    assert pitch_of(left) == pytest.approx(440, abs=2)
    assert pitch_of(right) == pytest.approx(880, abs=2)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "flac"), ("a.mkv", "libopus"), ("a.ts", "aac")]
)
def test_sound_that_starts_late_keeps_time_with_the_picture(tmp_path: Path, name: str, codec: str) -> None:
    write_film(tmp_path / name, [i / 25 for i in range(75)], sound=1.0, sound_shift=1.5, sound_codec=codec)
    samples = decode_audio(tmp_path / name)
    assert has_audio(tmp_path / name)
    onset = np.argmax(np.abs(samples) > 0.1) / RATE
    assert onset == pytest.approx(1.5, abs=0.06)


def test_a_pause_in_the_stream_is_silence(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for second in (0, 3):
            frame = av.AudioFrame.from_ndarray((tone(1.0)[None] * 32767).astype(np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, second * RATE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    samples = decode_audio(tmp_path / "a.mkv")
    assert len(samples) == pytest.approx(4 * RATE, abs=20)
    loud = [np.abs(samples[round(t * RATE) : round((t + 0.5) * RATE)]).max() > 0.3 for t in (0.2, 1.2, 2.2, 3.2)]
    assert loud == [True, False, False, True]


def test_a_stream_that_changes_midway(tmp_path: Path) -> None:
    """Two transport streams, one after the other: mono 48 kHz, then stereo 44.1 kHz."""
    parts = []
    for rate, layout, count in ((48000, "mono", 1), (44100, "stereo", 2)):
        piece = io.BytesIO()
        write_sound(
            piece,
            np.repeat(tone(1.0, rate)[None], count, 0),
            codec="mp2",
            rate=rate,
            layout=layout,
            container="mp2",
        )
        parts.append(piece.getvalue())
    samples = decode_audio(parts[0] + parts[1])
    assert len(samples) / RATE == pytest.approx(2.0, abs=0.1)
    for start in (0.3, 1.4):
        assert pitch_of(samples[round(start * RATE) :][:6400]) == pytest.approx(440, abs=4)


def test_the_default_stream_is_read_and_a_commentary_is_not(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        streams = [out.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in range(3)]
        streams[0].disposition = av.stream.Disposition.comment.value
        streams[1].disposition = 0
        streams[2].disposition = av.stream.Disposition.default.value
        for stream, pitch in zip(streams, (300, 500, 700), strict=True):
            frame = av.AudioFrame.from_ndarray(
                (tone(1.0, pitch=pitch)[None] * 32767).astype(np.int16), format="s16", layout="mono"
            )
            frame.sample_rate = RATE
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    assert pitch_of(decode_audio(tmp_path / "a.mkv")) == pytest.approx(700, abs=2)


def test_silence_and_cover_art(tmp_path: Path) -> None:
    write_sound(tmp_path / "still.wav", np.zeros((1, RATE), np.float32), codec="pcm_s16le")
    assert len(decode_audio(tmp_path / "still.wav")) == RATE
    assert not decode_audio(tmp_path / "still.wav").any()
    write_sound(tmp_path / "a.mp3", tone(1.0, 44100)[None], codec="libmp3lame", rate=44100, cover=True)
    with av.open(str(tmp_path / "a.mp3")) as container:
        assert len(container.streams.video) == 1
    assert has_audio(tmp_path / "a.mp3")
    assert open_audio(tmp_path / "a.mp3").channels == 1


def test_film_without_sound(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", [0.0, 0.04, 0.08])
    assert not has_audio(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=r"a\.mp4.*expected a sound track, got none") as caught:
        open_audio(tmp_path / "a.mp4")
    assert not isinstance(caught.value, DecodeError)


def test_arrays() -> None:
    wide = np.stack([tone(1.0), tone(1.0, pitch=880)], axis=1)
    reader = open_audio(wide)
    assert (reader.channels, reader.duration) == (2, 1.0)
    np.testing.assert_array_equal(np.concatenate(list(reader.blocks()), axis=1), wide.T)
    np.testing.assert_allclose(decode_audio((tone(1.0) * 32767).astype(np.int16)), tone(1.0), atol=1e-4)
    slow = open_audio(Waveform(tone(1.0, 8000), 8000))
    samples = np.concatenate(list(slow.mono()))
    assert len(samples) == pytest.approx(RATE, abs=4)
    assert pitch_of(samples) == pytest.approx(440, abs=2)
    assert open_audio(np.zeros((100, 6), np.float32)).channels == 1
    assert not np.isnan(decode_audio(np.array([np.nan, np.inf, -np.inf, 0.5], np.float32))).any()
    for wrong in (np.zeros((2, 2, 2)), np.zeros(0), np.array(["a"])):
        with pytest.raises(InputError, match="expected an array"):
            open_audio(wrong)


def test_arrays_lie_either_way_and_floats_must_be_floats() -> None:
    assert open_audio(np.zeros((2, 16000), np.float32)).channels == 2
    assert open_audio(np.zeros((1, 16000), np.float32)).duration == 1.0
    with pytest.raises(InputError, match="at most 64 channels"):
        open_audio(np.zeros((300, 200)))
    with pytest.raises(InputError, match="divide 16-bit samples by 32768"):
        open_audio(32767 * tone(1.0))
    with pytest.raises(InputError, match="got int64; divide 16-bit samples by 32768, or pass them as int16"):
        open_audio((32767 * tone(1.0)).astype(np.int64))


@pytest.mark.parametrize("swapped", [False, True])
def test_an_array_with_its_rate_either_way_round(swapped: bool) -> None:
    pair = (tone(1.0, 8000), np.int64(8000))
    wave = from_pair(pair[::-1] if swapped else pair)
    samples = decode_audio(wave)
    assert len(samples) == pytest.approx(RATE, abs=4)
    assert pitch_of(samples) == pytest.approx(440, abs=2)


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ((tone(1.0), tone(1.0)), "give one array and one number"),
        ((tone(1.0), "16000"), "give one array and one number"),
        ((tone(1.0), 0.5), "samples per second, such as 16000"),
        ((tone(1.0), -8000), "samples per second, such as 16000"),
    ],
)
def test_a_pair_that_is_no_sound(pair: tuple[object, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        from_pair(pair)


def test_bytes_and_open_files_are_left_as_they_were(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.flac", tone(1.0)[None], codec="flac")
    data = (tmp_path / "a.flac").read_bytes()
    with (tmp_path / "a.flac").open("rb") as file:
        file.seek(7)
        first, second = open_audio(file).mono(0.2), open_audio(file).mono(0.2)
        for a, b in zip(first, second, strict=True):  # two readers share one file
            np.testing.assert_array_equal(a, b)
        assert file.tell() == 7
        assert not file.closed
    np.testing.assert_array_equal(decode_audio(data), decode_audio(io.BytesIO(data)))


def test_a_file_cut_short_gives_its_beginning_and_a_warning(tmp_path: Path) -> None:
    write_sound(tmp_path / "whole.flac", tone(8.0)[None], codec="flac")
    data = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "断.flac").write_bytes(data[: len(data) // 2])
    reader = open_audio(tmp_path / "断.flac")
    length = sum(len(b) for b in reader.mono())
    assert 2 * RATE < length < 6 * RATE
    assert any("断.flac" in w and "decode sound" in w for w in reader.warnings)


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_f32le", "pcm_mulaw"])
def test_a_wave_file_says_how_long_it_should_be(tmp_path: Path, codec: str) -> None:
    form = "flt" if codec == "pcm_f32le" else "s16"
    write_sound(tmp_path / "whole.wav", tone(4.0)[None], codec=codec, form=form)
    data = (tmp_path / "whole.wav").read_bytes()
    at = data.index(b"data") + 4
    unknown = data[:at] + b"\xff" * 4 + data[at + 4 :]  # as a recorder writes into a pipe
    told = b"fact" in data  # the number of samples, once more
    for bytes_, short in ((data, False), (data[: len(data) // 2], True), (unknown, False), (unknown[:9000], told)):
        reader = open_audio(bytes_)
        assert list(reader.mono())
        assert any("of 4.0 s; the file seems to be cut short" in w for w in reader.warnings) is short, reader.warnings


def without_count(mp3: bytes) -> bytes:
    """An MP3 file without its tag and its first frame, which counts the others."""
    at = mp3.index(b"\xff", 10 + mp3[8] * 128 + mp3[9])
    return mp3[mp3.index(mp3[at : at + 2], at + 4) :]


@pytest.mark.parametrize("codec", ["aac", "mp3"])
def test_a_guessed_length_is_no_declared_one(tmp_path: Path, codec: str) -> None:
    noise = 0.5 * np.random.default_rng(0).standard_normal(4 * RATE, np.float32).clip(-1, 1)
    path = tmp_path / f"a.{codec}"
    write_sound(path, np.concatenate([np.zeros(12 * RATE, np.float32), noise])[None], codec=codec)
    assert open_audio(path).is_guess is (codec == "aac")
    if codec == "mp3":
        path.write_bytes(without_count(path.read_bytes()))
    reader = open_audio(path)
    assert sum(map(len, reader.mono())) / RATE == pytest.approx(16.0, abs=0.3)
    assert reader.is_guess
    assert reader.warnings == []


def test_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "noise.wav").write_bytes(bytes(np.random.default_rng(0).integers(0, 256, 4000, np.uint8)))
    with pytest.raises(DecodeError, match=r"empty\.wav.*empty file"):
        open_audio(tmp_path / "empty.wav")
    with pytest.raises(DecodeError, match=r"noise\.wav.*decode sound"):
        decode_audio(tmp_path / "noise.wav")
    with pytest.raises(InputError, match="no such file"):
        open_audio(tmp_path / "none.wav")
    for url in (
        "https://example.com/a.wav",
        "rtsp://example.com/a",
        "file:/etc/passwd",
        "concat:a.wav|b.wav",
    ):
        with pytest.raises(InputError, match="URL"):
            open_audio(url)
    with pytest.raises(InputError, match="expected a file, got a folder"):
        open_audio(tmp_path)
    monkeypatch.setattr(module, "MAX_SECONDS", 0.5)
    with pytest.raises(LimitError, match="in blocks"):
        decode_audio(tone(1.0))


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"),
        ("a.wav", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"),
        ("a.ffconcat", "ffconcat version 1.0\nfile '{}'\n"),
        ("a.wav", "ffconcat version 1.0\nfile '{}'\n"),
        ("a.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"),
    ],
)
def test_playlists_cannot_reach_other_files(tmp_path: Path, name: str, script: str) -> None:
    write_sound(tmp_path / "secret.wav", tone(1.0)[None], codec="pcm_s16le")
    for target in ("secret.wav", str(tmp_path / "secret.wav"), (tmp_path / "secret.wav").as_uri()):
        (tmp_path / "list").mkdir(exist_ok=True)
        for file in (tmp_path / name, tmp_path / "list" / name):
            file.write_text(script.format(target))
            with pytest.raises(DecodeError):
                decode_audio(file)


def test_memory_stays_bounded_over_long_sound(tmp_path: Path) -> None:
    import tracemalloc

    with wave.open(str(tmp_path / "long.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(8000)
        for _ in range(10):
            out.writeframesraw(b"\x80" * 8000 * 60)
    tracemalloc.start()
    length = sum(len(block) for block in open_audio(tmp_path / "long.wav").mono(5.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert length == pytest.approx(600 * RATE, abs=100)
    assert peak < 5e6  # the whole is 38 MB


def test_real_speech(shared: Path) -> None:
    file = sorted((shared / "data/ravdess/audio").glob("Actor_01/*.flac"))[0]
    with av.open(str(file)) as container:
        theirs = np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], axis=1)[0] / 32768
    np.testing.assert_allclose(decode_audio(file), theirs, atol=1e-4)
    film = decode_audio(shared / "data/talking_heads/bbaf2n.mpg")
    assert len(film) / RATE == pytest.approx(3.0, abs=0.1)
    assert np.abs(film).max() > 0.05


def test_channels_that_cancel_each_other_are_heard() -> None:
    said = tone(1.0)
    np.testing.assert_allclose(decode_audio(np.stack([said, -said])), said, atol=1e-3)
    np.testing.assert_allclose(decode_audio(np.stack([said, np.zeros_like(said)])), said / 2, atol=1e-3)
