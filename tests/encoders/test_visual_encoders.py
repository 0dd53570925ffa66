"""Pictures to numbers, checked against scikit-image and OpenCV, and on faces whose geometry is known."""

import io
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import skimage.feature

from demeanor.encoders import visual_face, visual_faces, visual_geometry, visual_hog, visual_picture, visual_sift
from demeanor.encoders._faces import Seen, faces_of
from demeanor.encoders._media import PictureConfig, middle_picture, pictures_of, timed_pictures_of
from demeanor.encoders.visual_face import face_tensor
from demeanor.encoders.visual_picture import picture_tensor
from demeanor.errors import ConfigError, DataError
from demeanor.media import video
from demeanor.media.face_crop import FoundFace, mean_landmarks
from demeanor.media.video import open_video
from demeanor.types import Sample
from encoder_samples import face_sample, picture, write_film


@pytest.mark.parametrize(("cell", "block", "orientations"), [(8, 2, 9), (16, 3, 8), (7, 1, 12)])
def test_hog_as_scikit_image(cell: int, block: int, orientations: int) -> None:
    grey = cv2.cvtColor(picture(3, 96, 96), cv2.COLOR_RGB2GRAY)
    theirs = skimage.feature.hog(
        grey.astype(np.float64), orientations, (cell, cell), (block, block), block_norm="L2-Hys"
    )
    # theirs is partly float32
    np.testing.assert_allclose(visual_hog.hog(grey, cell, block, orientations), theirs, atol=1e-6)


def test_hog_sees_which_way_edges_run() -> None:
    stripes = np.tile(np.where(np.arange(128) % 16 < 8, 30, 220).astype(np.uint8), (128, 1))
    upright, level = (
        visual_hog.ENCODER().encode(Sample("x", image=np.repeat(s[..., None], 3, 2))).reshape(-1, 9).sum(0)
        for s in (stripes, stripes.T)
    )
    assert upright.argmax() == 0
    assert level.argmax() == 4
    with pytest.raises(ValueError, match="cell · block"):
        visual_hog.Config(size=16, cell=16)


def test_visual_words_as_opencv_matches_them() -> None:
    samples = [Sample(str(i), image=picture(i)) for i in range(4)]
    config = visual_sift.Config(words=6, details=80)
    encoder = visual_sift.ENCODER(config).fit(samples)
    centres = encoder.state()["centres"]
    for sample in samples:
        grey = cv2.cvtColor(sample.image, cv2.COLOR_RGB2GRAY)
        _, found = cv2.SIFT_create(nfeatures=80).detectAndCompute(grey, None)
        root = np.sqrt(found / found.sum(1, keepdims=True)).astype(np.float32)[:80]
        matches = cv2.BFMatcher(cv2.NORM_L2).match(root, centres)
        expected = np.bincount([m.trainIdx for m in matches], minlength=6) / len(root)
        np.testing.assert_allclose(encoder.encode(sample)[0], expected, atol=1e-6)


def test_k_means_finds_the_clusters() -> None:
    random = np.random.default_rng(0)
    truth = np.array([[0, 0], [10, 0], [0, 10]], np.float32)
    rows = (truth.repeat(50, 0) + 0.3 * random.standard_normal((150, 2))).astype(np.float32)
    found = visual_sift.k_means(rows, 3)
    order = [int(np.linalg.norm(found - t, axis=1).argmin()) for t in truth]
    np.testing.assert_allclose(found[order], rows.reshape(3, 50, 2).mean(1), atol=1e-4)
    assert visual_sift.k_means(np.ones((5, 2), np.float32), 3).shape == (3, 2)


def test_too_few_details_to_learn_from() -> None:
    with pytest.raises(ConfigError, match="lower words"):
        visual_sift.ENCODER().fit([Sample("1", image=np.zeros((50, 50, 3), np.uint8))])


def test_pictures_of_a_film_on_its_clock(tmp_path: Path) -> None:
    shots = [np.full((40, 60, 3), 20 * i, np.uint8) for i in range(10)]
    film = write_film(tmp_path / "f.mkv", shots, fps=5)  # two seconds

    def levels(**settings: float) -> list[int]:
        clip = {k: settings.pop(k) for k in ("start", "end") if k in settings}
        found = pictures_of(Sample("x", video=film, **clip), PictureConfig(**settings))
        return [round(float(p.mean()) / 20) for p in found]

    assert levels(fps=5) == list(range(10))
    assert levels(fps=2.5) == [0, 2, 4, 6, 8]
    assert levels(fps=5, start=1.0) == [5, 6, 7, 8, 9]
    assert levels(fps=5, start=0.4, end=1.0) == [2, 3, 4]
    assert levels(fps=5, start=0.5, end=0.9) == [2, 3]  # what is shown then
    assert levels(fps=100, most=4) == [0, 2, 5, 7]
    assert levels(fps=1, start=1.9, end=1.95) == [9]
    timed = timed_pictures_of(Sample("x", video=film, start=1.0), PictureConfig(fps=5))
    assert [t for t, _ in timed] == pytest.approx([1.0, 1.2, 1.4, 1.6, 1.8])
    with pytest.raises(DataError, match="sample '7'"):
        pictures_of(Sample("7", image=tmp_path / "none.jpg"), PictureConfig())


@pytest.fixture
def live_film(tmp_path: Path) -> Path:
    """Two seconds in a file that does not say how long they are, as browsers record."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with av.open(pipe, "w", format="matroska") as out:
        stream = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for i in range(20):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture(i, 64, 64), format="rgb24")))
        out.mux(stream.encode())
    (tmp_path / "live.mkv").write_bytes(pipe.data)
    assert open_video(tmp_path / "live.mkv").duration is None
    return tmp_path / "live.mkv"


@pytest.mark.parametrize(("start", "end"), [(2.5, None), (2.3, 2.9), (30.0, None), (1.5, 0.5), (7.3, 1.1)])
def test_a_clip_that_is_not_in_its_film_is_told(
    tmp_path: Path, live_film: Path, start: float, end: float | None
) -> None:
    film = write_film(tmp_path / "f.mkv", [picture(i, 64, 64) for i in range(10)], fps=5)  # two seconds
    for path, length in ((film, r"of 2\.00 s"), (live_film, "")):
        sample = Sample("7", video=path, start=start, end=end)
        says = rf"sample '7': expected pictures from {start:.2f} to .* s, got a film {length}.*check start and end"
        for reads in (lambda s: pictures_of(s, PictureConfig()), middle_picture):
            with pytest.raises(DataError, match=says):
                reads(sample)


def test_a_clip_after_the_pictures_of_a_film_whose_sound_goes_on_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shots = [picture(i, 64, 64) for i in range(10)]
    film = write_film(tmp_path / "f.mkv", shots, fps=5, sound=np.zeros(16_000 * 6, np.float32))  # two of six seconds
    assert open_video(film).duration == pytest.approx(6, abs=0.1)
    for start, end in ((2.5, 3.5), (4.0, None)):
        for reads in (lambda s: pictures_of(s, PictureConfig()), middle_picture):
            with pytest.raises(DataError, match=r"got a film whose pictures end at 2\.00 s; check start and end"):
                reads(Sample("7", video=film, start=start, end=end))
    assert pictures_of(Sample("7", video=film, start=1.9, end=1.99), PictureConfig())
    monkeypatch.setattr(video, "end_of", lambda *_: 1.7)  # short of the last picture
    np.testing.assert_array_equal(pictures_of(Sample("7", video=film, start=1.9), PictureConfig())[0], shots[-1])
    monkeypatch.setattr(video, "end_of", lambda *_: None)  # not declared: the last picture goes on
    assert pictures_of(Sample("7", video=film, start=4.0), PictureConfig())


def test_a_clip_at_the_end_of_a_film_of_unknown_length_is_read(live_film: Path) -> None:
    for start, end in ((1.9, None), (1.93, 5.0), (0.0, None), (1.0, 1.1)):
        assert pictures_of(Sample("x", video=live_film, start=start, end=end), PictureConfig())
        assert middle_picture(Sample("x", video=live_film, start=start, end=end)) is not None


def test_a_still_is_one_row_and_a_film_many(tmp_path: Path) -> None:
    shots = [picture(i, 64, 64) for i in range(5)]
    film = write_film(tmp_path / "f.mkv", shots, fps=5)
    encoder = visual_hog.ENCODER(visual_hog.Config(fps=5))
    rows = encoder.encode(Sample("x", video=film, image=shots[0]))
    np.testing.assert_array_equal(rows, [encoder.encode(Sample("y", image=s))[0] for s in shots])


def test_the_picture_is_the_scene_experts(tmp_path: Path) -> None:
    still = picture(1)
    encoder = visual_picture.ENCODER()
    np.testing.assert_array_equal(encoder.encode(Sample("x", image=still)), picture_tensor([still])[0])
    film = write_film(tmp_path / "f.mkv", [picture(i, 64, 64) for i in range(5)], fps=5)
    middle = encoder.encode(Sample("x", video=film))
    np.testing.assert_array_equal(middle, picture_tensor([picture(2, 64, 64)])[0])


def test_faces_of_a_film_are_followed() -> None:
    config = visual_faces.Config(fps=2.0, most=6, size=32)
    seen = faces_of(face_sample(), config)
    rows = visual_faces.ENCODER(config).encode(face_sample())
    assert rows.shape == (len(seen), 32 * 32)
    assert [s.time for s in seen] == sorted(s.time for s in seen)
    np.testing.assert_allclose(rows.mean(1), 0, atol=1e-5)
    np.testing.assert_allclose(rows.std(1), 1, atol=1e-3)
    crop = visual_face.ENCODER(visual_face.Config(most=2)).encode(face_sample())
    from demeanor.media.faces import align

    found = faces_of(face_sample(), visual_face.Config(most=2))
    crops = [face_tensor([align(s.image, s.face, 48)])[0] for s in found]
    assert any((crop == c).all() for c in crops)


def face_at(points: np.ndarray, box: tuple[float, float, float, float] = (60, 40, 100, 100)) -> Seen:
    face = FoundFace(box, points.astype(np.float32), 0.99)
    return Seen(0.0, face, np.full((200, 220, 3), 128, np.uint8))


def test_geometry_in_the_frame_of_the_eyes() -> None:
    points = mean_landmarks((60, 40, 100, 100))
    level = dict(zip(visual_geometry.NAMES, visual_geometry.measures(face_at(points)), strict=True))
    assert level["roll"] == pytest.approx(0, abs=1e-6)
    assert level["turn"] == pytest.approx(0, abs=1e-3)
    assert level["nose_y"] == pytest.approx((0.592 - 0.382) / (0.682 - 0.318), abs=1e-3)
    assert level["mouth_width"] == pytest.approx((0.654 - 0.346) / (0.682 - 0.318), abs=1e-3)
    assert (level["size"], level["x"], level["y"]) == pytest.approx(((1e4 / 44e3) ** 0.5, 0.0, -0.05), abs=1e-6)
    assert level["asymmetry"] == 0
    angle = 0.3
    turned = (points - 100) @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * 1.7 + 90
    rolled = dict(zip(visual_geometry.NAMES, visual_geometry.measures(face_at(turned)), strict=True))
    assert rolled["roll"] == pytest.approx(angle, abs=1e-4)
    for name in ("nose_x", "nose_y", "mouth_width", "mouth_slant", "mouth_below_nose", "turn"):
        assert rolled[name] == pytest.approx(level[name], abs=1e-4)
    smile = points.copy()
    smile[3, 0] -= 8
    smile[4, 0] += 8
    wider = dict(zip(visual_geometry.NAMES, visual_geometry.measures(face_at(smile)), strict=True))
    assert wider["mouth_width"] > level["mouth_width"] + 0.3


def test_action_units_from_a_table(tmp_path: Path) -> None:
    table = tmp_path / "au.csv"
    table.write_text("AU01_r, AU12_r, other, name\n0.5, 1.5, 9, a\n0.7, , 9, a\n2, 3, 9, b\n")

    def encoder(**settings: object) -> visual_geometry.Geometry:
        return visual_geometry.ENCODER(visual_geometry.Config(table=table, id="name", **settings))

    found = encoder().encode(Sample("a"))
    np.testing.assert_allclose(found, [[0.5, 1.5], [0.7, np.nan]])
    assert encoder(columns=("AU12_r",)).encode(Sample("b")).tolist() == [[3]]
    assert encoder().encode(Sample("c")) is None
    table.write_bytes("AU12_r, name\n0.5, Zoë\n0.7\n".encode("cp1252"))
    assert np.allclose(encoder().encode(Sample("Zoë")), [[0.5]])
    table.write_text("AU01_r, name\n2, b\n")
    with pytest.raises(ConfigError, match="expected columns AU99; found AU01_r"):
        encoder(columns=("AU99",)).encode(Sample("a"))
    with pytest.raises(ConfigError, match="nothing there"):
        visual_geometry.ENCODER(visual_geometry.Config(table=tmp_path / "no.csv")).encode(Sample("a"))


def test_a_picture_without_a_face_has_none() -> None:
    for module in (visual_face, visual_faces, visual_geometry):
        assert module.ENCODER().encode(Sample("x", image=np.zeros((300, 300, 3), np.uint8))) is None


def test_action_units_of_ravdess(shared: Path) -> None:
    table = shared / "data/ravdess/face_action_units.csv"
    encoder = visual_geometry.ENCODER(visual_geometry.Config(table=table, id="name"))
    assert encoder.encode(Sample("01-01-01-01-01-02-08")).shape == (1, 35)
