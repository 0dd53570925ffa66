"""Films and pictures with covered faces: seen again by the face finder, frame by frame; times, turns, tags."""

import io
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from demeanor.errors import ConfigError, DecodeError, InputError
from demeanor.media.audio import decode_audio
from demeanor.media.face_crop import FoundFace, align, mean_landmarks
from demeanor.media.faces import FaceFinder
from demeanor.media.video import open_video
from demeanor.privacy import film as film_module
from demeanor.privacy.film import write_film
from demeanor.privacy.picture import find_faces, write_picture
from demeanor.privacy.veil import HOLD, FacePlan, Sighting, cover

sys.path.append(str(Path(__file__).parents[1] / "media"))
from films import picture
from films import write_film as make_film

DEMO = Path(__file__).parents[2] / "demo" / "clip.mp4"


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder()


def frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def test_a_plan_covers_before_after_and_between() -> None:
    track = [Sighting(2.0, (0.1, 0.1, 0.2, 0.2)), Sighting(4.0, (0.5, 0.1, 0.2, 0.2))]
    plan = FacePlan([track])
    assert plan.at(2.0 - HOLD - 0.01) == []
    for time in (2.0 - HOLD, 1.5, 2.0):
        assert plan.at(time)[0] == pytest.approx((0.1, 0.1, 0.2, 0.2))
    (x, _, width, _) = plan.at(3.0)[0]
    assert x < 0.3 < 0.5 < x + width  # the middle of the way, and wider
    assert any(b == pytest.approx((0.5, 0.1, 0.2, 0.2)) for b in plan.at(4.0 + HOLD))
    assert plan.at(4.0 + HOLD + 0.01) == []


def test_a_face_lost_for_long_is_held_on_both_sides() -> None:
    plan = FacePlan([[Sighting(0.0, (0.1, 0.1, 0.2, 0.2)), Sighting(20.0, (0.6, 0.1, 0.2, 0.2))]])
    assert [len(plan.at(t)) > 0 for t in (0.0, HOLD, HOLD + 0.1, 20 - HOLD - 0.1, 20 - HOLD, 20.0, 20 + HOLD)] == [
        True, True, False, False, True, True, True,
    ]  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(st.lists(st.floats(0, 30), min_size=1, max_size=8, unique=True), max_size=4),
    st.lists(st.floats(0, 32), max_size=20),
)
def test_between_two_sightings_within_reach_no_time_is_bare(tracks: list[list[float]], asked: list[float]) -> None:
    made = [[Sighting(t, (0.1 * k, 0.2, 0.1, 0.1)) for t in sorted(times)] for k, times in enumerate(tracks)]
    plan = FacePlan(made)
    for time in sorted(asked):
        boxes = plan.at(time)
        for track in made:
            times = [s.time for s in track]
            near = any(abs(time - t) <= HOLD for t in times)
            bridged = any(a <= time <= b and b - a <= 3.0 for a, b in pairwise(times))
            if near or bridged:
                assert any(abs(b[0] - track[0].box[0]) < 1e-6 for b in boxes)


@pytest.mark.parametrize("veil", ["blur", "fill"])
def test_a_cover_hides_the_box_and_leaves_the_rest(veil: str) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (200, 300, 3), np.uint8)
    done = image.copy()
    cover([done], [(0.4, 0.3, 0.2, 0.4)], veil)  # type: ignore[arg-type]
    inside = (slice(60, 140), slice(120, 180))
    assert done[inside].std() < 0.15 * image[inside].std()
    np.testing.assert_array_equal(done[:, :90], image[:, :90])
    np.testing.assert_array_equal(done[:, 220:], image[:, 220:])
    outside = image.copy()
    cover([outside], [(-0.5, -0.5, 0.2, 0.2), (1.5, 0.0, 0.1, 0.1), (0.2, 0.2, 0.0, 0.0)], veil)  # type: ignore[arg-type]
    assert outside.shape == image.shape


def test_planes_of_half_the_size_are_covered_in_the_same_place() -> None:
    planes = [np.full(s, 50, np.uint8) for s in ((200, 300), (100, 150), (100, 150))]
    planes[0][60:140, 120:180] = 200
    planes[1][30:70, 60:90] = 200
    for plane in planes:
        plane[::2] += 20
    before = [p.copy() for p in planes]
    cover(planes, [(0.4, 0.3, 0.2, 0.4)])
    for plane, old in zip(planes, before, strict=True):
        rows, columns = plane.shape
        middle = np.s_[rows // 2 - 5 : rows // 2 + 5, columns // 2 - 5 : columns // 2 + 5]
        assert plane[middle].std() < 0.5 * old[middle].std()
        np.testing.assert_array_equal(plane[:, : columns // 5], old[:, : columns // 5])


def test_the_demo_shows_no_face_in_any_frame(tmp_path: Path, finder: FaceFinder) -> None:
    told: list[float] = []
    done = write_film(DEMO, tmp_path / "out.mp4", stretches=[(2.0, 3.0)], finder=finder, progress=told.append)
    assert (done.faces, done.warnings) == (1, ())
    old, new = frames(DEMO), frames(done.path)
    assert [f.time for f in new] == pytest.approx([f.time for f in old], abs=1e-3)
    for a, b in zip(old[::20], new[::20], strict=True):
        before, after = a.to_ndarray(format="rgb24"), b.to_ndarray(format="rgb24")
        face = finder.find(before)[0]
        assert finder.find(after, min_size=24) == []
        # The background is as it was.
        assert np.abs(before[-40:, :60].astype(int) - after[-40:, :60]).mean() < 3
        crops = [align(p, face, 48).astype(float).ravel() for p in (before, after)]
        fine = [c - cv2.GaussianBlur(c.reshape(48, 48), (0, 0), 6).ravel() for c in crops]
        assert fine[1].std() < 0.15 * fine[0].std()
    sound = [decode_audio(p, 16000) for p in (DEMO, done.path)]
    assert len(sound[1]) == pytest.approx(len(sound[0]), abs=1200)
    spectrum = np.abs(np.fft.rfft(sound[1][33000:47000]))
    assert np.argmax(spectrum) * 16000 / 14000 == pytest.approx(1000, abs=3)
    quiet = np.correlate(sound[0][60000:68000], sound[1][60000:68000])[0]
    assert quiet > 0.9 * np.linalg.norm(sound[0][60000:68000]) * np.linalg.norm(sound[1][60000:68000])
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.shared
@pytest.mark.parametrize("name", ["lbax4n.mpg", "pyfeat_single_face.mp4"])
def test_real_people_are_not_found_again(shared: Path, tmp_path: Path, finder: FaceFinder, name: str) -> None:
    source = shared / "data" / "talking_heads" / name
    done = write_film(source, tmp_path / "out.mp4", finder=finder)
    assert done.faces >= 1
    for frame in frames(done.path)[::6]:
        assert finder.find(frame.to_ndarray(format="rgb24"), min_size=24) == []


class OneFace:
    """Finds one face, always in one place: of the upright picture the left upper eighth."""

    def find(self, image: np.ndarray, *, min_size: int = 40) -> list[FoundFace]:
        height, width = image.shape[:2]
        box = (0.05 * width, 0.05 * height, 0.25 * width, 0.25 * height)
        return [FoundFace(box, mean_landmarks(box), 0.99)]


def sharpness(image: np.ndarray) -> float:
    return float(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_films_are_upright_and_covered_where_the_face_is_shown(tmp_path: Path, turn: int) -> None:
    rng = np.random.default_rng(1)
    texture = cv2.resize(rng.integers(0, 256, (40, 60, 3), np.uint8), (240, 160), interpolation=cv2.INTER_NEAREST)
    source = tmp_path / "in.mp4"
    with av.open(str(source), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 240, 160, "yuv420p"
        stream.set_display_rotation(turn)
        for _ in range(5):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(texture, format="rgb24")))
        out.mux(stream.encode(None))
    done = write_film(source, tmp_path / "out.mp4", finder=OneFace())  # type: ignore[arg-type]
    before, after = (next(open_video(p).frames(1)).image for p in (source, done.path))
    assert before.shape == after.shape
    assert frames(done.path)[0].rotation == 0
    height, width = after.shape[:2]
    hidden = np.s_[int(0.08 * height) : int(0.27 * height), int(0.08 * width) : int(0.27 * width)]
    assert sharpness(after[hidden]) < 0.05 * sharpness(before[hidden])
    shown = np.s_[height // 2 :, width // 2 :]
    assert np.abs(before[shown].astype(int) - after[shown]).mean() < 8


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_odd_times_stay(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 0.04, 0.5, 0.517, 1.9, 1.91, 3.333]
    make_film(tmp_path / "in.mkv", times, sound=2.0, sound_shift=0.25)
    done = write_film(tmp_path / "in.mkv", tmp_path / f"out{suffix}", faces=False, stretches=[(1.0, 1.2)])
    assert [f.time for f in frames(done.path)] == pytest.approx(times, abs=0.002)
    assert [round(float(f.to_ndarray(format="gray")[-8:, -8:].mean()) / 9) for f in frames(done.path)] == [
        round(float(f.to_ndarray(format="gray")[-8:, -8:].mean()) / 9) for f in frames(tmp_path / "in.mkv")
    ]
    heard = decode_audio(done.path, 16000)
    assert np.abs(heard[:3000]).max() < 0.02
    assert np.abs(heard[6000:12000]).max() > 0.3


def test_tags_places_captions_and_other_tracks_are_left_behind(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    with av.open(str(source), "w") as out:
        out.metadata.update(
            {"title": "John Smith at home", "location": "+48.8577+002.295/", "comment": "call 555-0134"}
        )
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.metadata["handler_name"] = "Johns telephone"
        other = out.add_stream("libx264", rate=10)
        other.width, other.height, other.pix_fmt = 96, 64, "yuv420p"
        for index in range(5):
            for track in (stream, other):
                out.mux(track.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        out.mux(stream.encode(None))
        out.mux(other.encode(None))
    assert b"John" in source.read_bytes()
    done = write_film(source, tmp_path / "out.mp4", faces=False)
    data = done.path.read_bytes()
    assert not [word for word in (b"John", b"48.85", b"555-0134") if word in data]
    with av.open(str(done.path)) as container:
        assert [s.type for s in container.streams] == ["video"]
        assert set(container.metadata) <= {"major_brand", "minor_version", "compatible_brands", "encoder"}


def test_without_x264_it_is_mpeg4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_module, "picture_encoder", lambda: "mpeg4")
    times = [i / 25 for i in range(10)]
    make_film(tmp_path / "in.mp4", times, ratio=Fraction(4, 3))
    done = write_film(tmp_path / "in.mp4", tmp_path / "out.mp4", faces=False)
    with av.open(str(done.path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "mpeg4"
        assert stream.sample_aspect_ratio == Fraction(4, 3)
    assert len(frames(done.path)) == 10


def test_a_film_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    make_film(tmp_path / "in.mp4", [i / 25 for i in range(20)])
    (tmp_path / "out.mp4").write_bytes(b"as it was")

    def stop(done: float) -> None:
        if done > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_film(tmp_path / "in.mp4", tmp_path / "out.mp4", faces=False, progress=stop)
    with pytest.raises(ConfigError, match="expected a name"):
        write_film(tmp_path / "in.mp4", tmp_path / "out.webm", faces=False)
    with pytest.raises(ConfigError, match="overwritten"):
        write_film(tmp_path / "in.mp4", tmp_path / "in.mp4", faces=False)
    with pytest.raises(DecodeError):
        write_film(io.BytesIO(b"no film " * 99), tmp_path / "x.mp4", faces=False)
    with pytest.raises(InputError):
        write_film(tmp_path / "not-there.mp4", tmp_path / "x.mp4", faces=False)
    assert (tmp_path / "out.mp4").read_bytes() == b"as it was"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def still() -> np.ndarray:
    return frames(DEMO)[40].to_ndarray(format="rgb24")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_picture_loses_its_face_and_its_tags(tmp_path: Path, finder: FaceFinder, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x8825] = "John Smith at home", {1: "N", 2: (48.0, 51.0, 29.0)}
    exif[0x0112] = 6  # turned
    turned = Image.fromarray(still()).transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / "in.jpg", exif=exif, quality=95)
    done = write_picture(tmp_path / "in.jpg", tmp_path / f"out{suffix}", finder=finder)
    assert (done.faces, done.warnings) == (1, ())
    with Image.open(done.path) as picture:
        assert picture.size == still().shape[1::-1]  # upright in the file itself
        assert not picture.getexif()
        after = np.asarray(picture.convert("RGB"))
    assert finder.find(after, min_size=24) == []
    assert b"John" not in done.path.read_bytes()
    assert np.abs(after[-40:, :60].astype(int) - still()[-40:, :60]).mean() < 4


def test_small_faces_of_a_large_picture_are_found(finder: FaceFinder) -> None:
    large = np.full((2600, 3600, 3), 120, np.uint8)
    small = cv2.resize(still(), (160, 120), interpolation=cv2.INTER_AREA)
    large[2000:2120, 3000:3160] = small
    boxes = find_faces(large, finder)
    assert [b for b in boxes if 3000 < (b[0] + b[2] / 2) * 3600 < 3160 and 2000 < (b[1] + b[3] / 2) * 2600 < 2120]


def test_a_picture_of_no_known_format_to_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a name"):
        write_picture(still(), tmp_path / "out.gif", faces=False)
