import gc
import io
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import picture, tone, write_film, write_sound
from PIL import Image

from demeanor.errors import DecodeError, InputError
from demeanor.media import video as module
from demeanor.media.audio import open_audio
from demeanor.media.upright import Upright
from demeanor.media.video import open_video

STEADY = [i / 25 for i in range(100)]


def shade(image: np.ndarray) -> float:
    """Grey of the lower right part, which tells which `picture` it is."""
    height, width = image.shape[:2]
    return float(image[height // 2 + 4 :, width // 2 + 4 :].mean())


def shown_at(times: list[float], tick: float) -> int:
    """The index of the picture on screen at a time, by the definition."""
    return max(i for i, t in enumerate(times) if t <= tick + 0.002)


FORMATS = [
    ("a.mp4", "libx264", {"g": "12", "bf": "3"}),
    ("a.mkv", "libx264", {"g": "20", "bf": "3", "x264-params": "open-gop=1:keyint=20"}),
    ("a.mp4", "libx264", {"g": "250", "bf": "0"}),
    ("a.webm", "libvpx-vp9", {"g": "15", "deadline": "realtime", "cpu-used": "8"}),
    (
        "a.mp4",
        "libx265",
        {"preset": "ultrafast", "x265-params": "keyint=16:bframes=4:open-gop=1:log-level=none"},
    ),
    ("a.avi", "mpeg4", {"g": "10"}),
    ("a.ts", "mpeg2video", {"g": "10", "bf": "2"}),
    ("фильм 影片.mov", "mjpeg", {}),
]


@pytest.mark.parametrize(("name", "codec", "options"), FORMATS)
@pytest.mark.parametrize("fps", [0.5, 2.0, 7.0, 25.0])
def test_pictures_at_ticks(tmp_path: Path, name: str, codec: str, options: dict[str, str], fps: float) -> None:
    write_film(tmp_path / name, STEADY, codec=codec, options=options)
    reader = open_video(tmp_path / name)
    frames = list(reader.frames(fps=fps))
    assert [f.time for f in frames] == pytest.approx([k / fps for k in range(round(4 * fps))])
    for frame in frames:
        assert frame.image.shape == (64, 96, 3)
        assert frame.image.dtype == np.uint8
        expected = picture(shown_at(STEADY, frame.time))
        assert shade(frame.image) == pytest.approx(shade(expected), abs=4), frame.time
    assert reader.size == (96, 64)
    assert reader.fps == pytest.approx(25, abs=0.5)
    assert reader.duration == pytest.approx(4.0, abs=0.1)
    assert not reader.has_audio
    assert reader.warnings == []


@pytest.mark.parametrize(("name", "codec", "options"), FORMATS)
def test_leaving_out_packets_changes_nothing(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_film(tmp_path / name, STEADY, codec=codec, options=options)
    decoded: list[object] = []

    def counted(packet: object, damage: object) -> list[object]:
        decoded.append(packet)
        return real(packet, damage)

    real = module.decode_packet
    monkeypatch.setattr(module, "decode_packet", counted)
    reader = open_video(tmp_path / name)
    decoded.clear()
    sparse = list(reader.frames(fps=0.5))
    few = len(decoded)
    monkeypatch.setattr(module, "_wanted", lambda packets, clock, fps: ((p, True) for p in packets))
    decoded.clear()
    full = list(reader.frames(fps=0.5))
    assert [f.time for f in sparse] == [f.time for f in full]
    for a, b in zip(sparse, full, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
    if options.get("g") != "250" and codec != "libvpx-vp9":
        assert few < 0.8 * len(decoded)


def test_pictures_before_the_start_are_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_film(tmp_path / "a.mp4", [i / 25 for i in range(100)])
    film = open_video(tmp_path / "a.mp4")
    whole = {f.time: shade(f.image) for f in film.frames(4.0)}
    made = []
    plain = Upright.__call__
    monkeypatch.setattr(Upright, "__call__", lambda self, frame: made.append(frame) or plain(self, frame))
    late = {f.time: shade(f.image) for f in film.frames(4.0, start=3.1)}
    assert late == {t: s for t, s in whole.items() if t >= 3.0}
    assert len(made) == len(late) == 4
    assert not list(film.frames(4.0, start=9.0))


def test_variable_frame_rate(tmp_path: Path) -> None:
    times = [0.0, 0.03, 0.05, 0.4, 0.41, 1.9, 2.0, 2.02, 3.7]
    for name in ("a.mp4", "a.mkv"):
        write_film(tmp_path / name, times)
        for fps in (1.0, 4.0, 20.0):
            for frame in open_video(tmp_path / name).frames(fps=fps):
                expected = picture(shown_at(times, frame.time))
                assert shade(frame.image) == pytest.approx(shade(expected), abs=4), (name, fps, frame.time)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_pictures_that_end_long_before_the_sound_say_so(tmp_path: Path, name: str) -> None:
    write_film(tmp_path / name, [0.0, 1.0, 2.0, 3.0], sound=20.0)
    reader = open_video(tmp_path / name)
    assert [f.time for f in reader.frames(fps=1)] == [0.0, 1.0, 2.0, 3.0]
    (warning,) = reader.warnings
    assert re.search(r"the pictures end at [34]\.0 s of 20\.0 s; after it nothing was seen", warning)
    write_film(tmp_path / name, STEADY, sound=STEADY[-1] + 1.5)
    reader = open_video(tmp_path / name)
    assert list(reader.frames(fps=1))
    assert reader.warnings == []


def test_pictures_that_start_after_the_sound(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mkv", [1.2 + t for t in STEADY[:50]], sound=3.0, sound_codec="flac")
    reader = open_video(tmp_path / "a.mkv")
    frames = list(reader.frames(fps=2))
    assert reader.has_audio
    assert [f.time for f in frames] == [1.5, 2.0, 2.5, 3.0]
    assert shade(frames[0].image) == pytest.approx(shade(picture(7)), abs=4)


def test_at_least_one_picture(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", [0.0])
    assert [f.time for f in open_video(tmp_path / "a.mp4").frames()] == [0.0]
    write_film(tmp_path / "a.mkv", [1.1, 1.14, 1.18], sound=3.0, sound_codec="flac")
    assert len(list(open_video(tmp_path / "a.mkv").frames(fps=1))) == 1


@pytest.mark.parametrize("turn", [0, 90, 180, -90])
def test_display_matrix(tmp_path: Path, turn: int) -> None:
    write_film(tmp_path / "a.mp4", STEADY[:5], turn=turn)
    reader = open_video(tmp_path / "a.mp4")
    image = next(reader.frames()).image
    expected = np.rot90(picture(0), turn // 90)
    assert reader.size == (expected.shape[1], expected.shape[0])
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 6


def test_mirrored_display_matrix(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", STEADY[:5], turn=0)
    data = (tmp_path / "a.mp4").read_bytes()
    one = (1 << 16).to_bytes(4, "big")
    plain = one + bytes(12) + one + bytes(12) + (1 << 30).to_bytes(4, "big")
    at = data.index(plain, data.index(b"tkhd"))
    mirror = (-(1 << 16)).to_bytes(4, "big", signed=True) + plain[4:]
    image = next(open_video(data[:at] + mirror + data[at + 36 :]).frames()).image
    assert np.abs(image.astype(int) - picture(0)[:, ::-1]).mean() < 6


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", STEADY[:5], ratio=Fraction(2, 1))
    reader = open_video(tmp_path / "a.mp4")
    assert reader.size == (192, 64)
    assert next(reader.frames()).image.shape == (64, 192, 3)
    assert next(reader.frames(longest=96)).image.shape == (32, 96, 3)


def test_scaling_never_enlarges(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", STEADY[:5], size=(640, 360))
    reader = open_video(tmp_path / "a.mp4")
    assert next(reader.frames(longest=320)).image.shape == (180, 320, 3)
    assert next(reader.frames(longest=4000)).image.shape == (360, 640, 3)


@pytest.mark.parametrize(("label", "weights"), [("bt709", (0.2126, 0.0722)), ("smpte170m", (0.299, 0.114))])
def test_colours_follow_the_labelled_matrix(tmp_path: Path, label: str, weights: tuple[float, float]) -> None:
    """A flat red coded by hand with the weights of each standard comes back as that red."""
    red_weight, blue_weight = weights
    red, green, blue = 0.8, 0.2, 0.1
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    planes = [
        16 + 219 * luma,
        128 + 224 * (blue - luma) / (2 * (1 - blue_weight)),
        128 + 224 * (red - luma) / (2 * (1 - red_weight)),
    ]
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.colorspace = {"bt709": 1, "smpte170m": 6}[label]
        stream.codec_context.color_range = 1
        yuv = np.concatenate([np.full(n, round(v)) for n, v in zip((4096, 1024, 1024), planes, strict=True)])
        frame = av.VideoFrame.from_ndarray(yuv.astype(np.uint8).reshape(96, 64), format="yuv420p")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    pixel = next(open_video(tmp_path / "a.mp4").frames()).image[32, 32] / 255
    np.testing.assert_allclose(pixel, (red, green, blue), atol=0.02)


@pytest.mark.parametrize(("name", "codec", "options"), FORMATS)
def test_frame_at_any_time(tmp_path: Path, name: str, codec: str, options: dict[str, str]) -> None:
    write_film(tmp_path / name, STEADY, codec=codec, options=options)
    reader = open_video(tmp_path / name)
    for time in (0.0, 0.5, 1.93, 3.2, 3.97, 99.0):
        frame = reader.frame_at(time)
        assert shade(frame.image) == pytest.approx(shade(picture(shown_at(STEADY, time))), abs=4), time
        assert frame.time == time
    assert shade(reader.frame_at(-1.0).image) == pytest.approx(shade(picture(0)), abs=4)


def test_sources(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    write_film(buffer, STEADY[:30], container="mp4", sound=1.0)
    position = buffer.tell()
    for source in (buffer, buffer.getvalue()):
        reader = open_video(source, threads=1)
        assert reader.has_audio
        assert len(list(reader.frames(fps=5))) == 6
    assert buffer.tell() == position
    (tmp_path / "电影 é.bin").write_bytes(buffer.getvalue())
    assert open_video(str(tmp_path / "电影 é.bin")).size == (96, 64)


def test_cover_art_is_no_film(tmp_path: Path) -> None:
    for name, codec in (("a.mp3", "libmp3lame"), ("a.m4a", "aac"), ("a.flac", "flac")):
        form = "mp4" if name.endswith("m4a") else None
        write_sound(tmp_path / name, tone(1.0, 44100)[None], codec=codec, rate=44100, cover=True, container=form)
        with pytest.raises(InputError, match="cover art"):
            open_video(tmp_path / name)


def test_a_film_cut_short_gives_its_beginning_and_a_warning(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", STEADY, options={"g": "12"}, codec="libx264")
    with av.open(str(tmp_path / "a.mp4")) as source, av.open(str(tmp_path / "b.mp4"), "w") as out:
        copy = out.add_stream_from_template(source.streams.video[0])
        out.container_options["movflags"] = "faststart"
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                out.mux(packet)
    write_film(tmp_path / "c.mkv", STEADY)
    data = (tmp_path / "c.mkv").read_bytes()
    (tmp_path / "c.mkv").write_bytes(data[: len(data) * 6 // 10])
    reader = open_video(tmp_path / "c.mkv")
    frames = list(reader.frames(fps=5))
    assert 3 < len(frames) < 18
    assert any("c.mkv" in w and "decode pictures" in w and "cut short" in w for w in reader.warnings)


def test_a_matroska_with_sound_cut_short_says_so_of_both(tmp_path: Path) -> None:
    """Its streams have no lengths of their own but in a tag."""
    write_film(tmp_path / "c.mkv", STEADY, sound=4.0)
    data = (tmp_path / "c.mkv").read_bytes()
    (tmp_path / "d.mkv").write_bytes(data[: len(data) * 6 // 10])
    for name, short in (("c.mkv", False), ("d.mkv", True)):
        film, sound = open_video(tmp_path / name), open_audio(tmp_path / name)
        assert list(film.frames(fps=5))
        assert list(sound.mono())
        for reader in (film, sound):
            assert any("cut short" in w for w in reader.warnings) is short, reader.warnings


def test_decoded_frames_are_let_go(tmp_path: Path) -> None:
    """Without the cycle collector: a frame that refers to itself would pile up in a long film."""
    write_film(tmp_path / "a.mp4", STEADY, turn=90)
    gc.collect()
    gc.disable()
    try:
        for _ in open_video(tmp_path / "a.mp4").frames(fps=25):
            # By type, not isinstance: that asks weak proxies of other tests for their class, and dead ones raise.
            alive = sum(issubclass(type(thing), av.VideoFrame) for thing in gc.get_objects())
            assert alive < 12
    finally:
        gc.enable()


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("I love this movie, it is great. " * 30)
    with pytest.raises(DecodeError, match=r"empty\.mp4.*empty file"):
        open_video(tmp_path / "empty.mp4")
    with pytest.raises(DecodeError, match=r"text\.mp4.*decode pictures"):
        open_video(tmp_path / "text.mp4")
    with pytest.raises(InputError, match="URL"):
        open_video("http://example.com/a.mp4")
    with pytest.raises(InputError, match="no such file"):
        open_video(tmp_path / "none.mp4")
    write_film(tmp_path / "a.mp4", STEADY[:3])
    with pytest.raises(InputError, match="fps"):
        next(open_video(tmp_path / "a.mp4").frames(fps=0))
    secret = tmp_path / "a.mp4"
    (tmp_path / "b.mp4").write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    with pytest.raises(DecodeError):
        open_video(tmp_path / "b.mp4")


def test_real_films(shared: Path) -> None:
    films = sorted((shared / "data/talking_heads").glob("*.m*p*"))[::4]
    assert films
    for file in films:
        reader = open_video(file)
        frames = list(reader.frames(fps=2, longest=320))
        assert abs(len(frames) - 2 * reader.duration) <= 2
        assert reader.warnings == []
        assert all(max(f.image.shape) == 320 and f.image.std() > 10 for f in frames)


@pytest.mark.parametrize("form", ["GIF", "PNG"])
def test_an_animation_given_as_a_film_is_read_whole(tmp_path: Path, form: str) -> None:
    """What the warning about an animated picture advises."""
    shades = [Image.new("RGB", (64, 48), (light, light, light)) for light in (20, 120, 220)]
    file = tmp_path / f"a.{form.lower()}"
    shades[0].save(file, form, save_all=True, append_images=shades[1:], duration=400)
    seen = [float(frame.image.mean()) for frame in open_video(file).frames(fps=5)]
    assert seen[0] < 60 < 180 < max(seen)
