"""Faces: the networks against plain numpy, then real pictures, small ones and pictures without a face."""

import shutil
import zipfile
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from demeanor import weights
from demeanor.errors import InputError, WeightsError
from demeanor.media import mtcnn_nets
from demeanor.media.face_crop import CANONICAL, _similarity
from demeanor.media.faces import FaceFinder, FoundFace, align, quality
from demeanor.media.mtcnn import Mtcnn, suppress


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder()


@pytest.fixture(scope="module")
def talking(shared: Path) -> list[np.ndarray]:
    """The first picture of every talking-head clip, RGB."""
    pictures = []
    for path in sorted((shared / "data" / "talking_heads").glob("*.mp*")):
        with av.open(str(path)) as container:
            pictures.append(next(container.decode(video=0)).to_ndarray(format="rgb24"))
    assert pictures
    return pictures


@pytest.fixture(scope="module")
def tight(shared: Path) -> list[np.ndarray]:
    """Every twelfth FER2013 validation picture, grey, 48 px."""
    with zipfile.ZipFile(shared / "data" / "fer2013_train_validation.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.startswith("validation/") and n.endswith(".jpg"))
        read = (np.frombuffer(archive.read(n), np.uint8) for n in names[::12])
        return [cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) for data in read]


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel) + bias


def pool(x: np.ndarray, size: int, padded: bool) -> np.ndarray:
    if padded:
        short = [max(0, (-(-n // 2) - 1) * 2 + size - n) for n in x.shape[1:3]]
        around = [(n // 2, n - n // 2) for n in short]
        x = np.pad(x, ((0, 0), *around, (0, 0)), constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))[:, ::2, ::2].max(axis=(4, 5))


@pytest.mark.parametrize(("name", "side"), [("pnet", 31), ("rnet", 24), ("onet", 48)])
def test_networks_agree_with_plain_numpy(name: str, side: int) -> None:
    path = weights.find("mtcnn").files[f"{name}.lz4"]
    x = np.random.default_rng(0).uniform(-1, 1, (2, side, side, 3)).astype(np.float32)
    got = mtcnn_nets.load(name, path).run(None, {"x": x.transpose(0, 3, 1, 2).copy()})
    arrays = iter(mtcnn_nets.read_arrays(name, path))
    for size, padded in mtcnn_nets._NETS[name].pools:
        x = convolve(x, next(arrays), next(arrays))
        x = np.where(x < 0, x * next(arrays), x)
        x = pool(x, size, padded) if size else x
    if name != "pnet":
        x = x.transpose(0, 2, 1, 3).reshape(2, -1) @ next(arrays) + next(arrays)
        x = np.where(x < 0, x * next(arrays), x)
    for output in got:
        want = x @ next(arrays).reshape(x.shape[-1], -1) + next(arrays)
        np.testing.assert_allclose(output, np.moveaxis(want, -1, 1), atol=1e-4)


def test_altered_weights_are_refused(tmp_path: Path) -> None:
    for path in weights.find("mtcnn").files.values():
        shutil.copy(path, tmp_path / path.name)
    data = bytearray((tmp_path / "rnet.lz4").read_bytes())
    data[1000] ^= 1
    (tmp_path / "rnet.lz4").write_bytes(data)
    with pytest.raises(WeightsError, match=r"rnet\.lz4"):
        Mtcnn(tmp_path)
    (tmp_path / "short.lz4").write_bytes(data[:100])
    with pytest.raises(WeightsError, match="expected the packed weights"):
        mtcnn_nets.read_arrays("rnet", tmp_path / "short.lz4")


def test_suppress_keeps_the_best_of_overlapping_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30], [2, 2, 5, 5]], np.float32)
    scores = np.array([0.5, 0.9, 0.1, 0.3], np.float32)
    assert suppress(boxes, scores, 0.5).tolist() == [1, 3, 2]
    assert suppress(boxes, scores, 0.5, smaller=True).tolist() == [1, 2]


@pytest.mark.shared
def test_every_talking_head_has_its_face_with_ordered_landmarks(finder: FaceFinder, talking: list[np.ndarray]) -> None:
    haar = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")
    agreed = 0
    for picture in talking:
        faces = finder.find(picture)
        assert len(faces) == 1
        left, right, nose, low_left, low_right = faces[0].landmarks
        assert left[0] < nose[0] < right[0]
        assert low_left[0] < low_right[0]
        assert max(left[1], right[1]) < nose[1] < min(low_left[1], low_right[1])
        x, y, width, height = faces[0].box
        assert x >= 0
        assert y >= 0
        assert x + width <= picture.shape[1]
        assert y + height <= picture.shape[0]
        other = haar.detectMultiScale(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 1.1, 5, minSize=(60, 60))
        agreed += any(a < nose[0] < a + c and b < nose[1] < b + d for a, b, c, d in other)
    assert agreed >= len(talking) - 2  # an independent detector sees a face in the same place


@pytest.mark.shared
def test_grey_and_enlarged_pictures_give_the_same_face(finder: FaceFinder, talking: list[np.ndarray]) -> None:
    picture = talking[0]
    face = finder.find(picture)[0]
    grey = finder.find(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    assert len(grey) == 1
    assert np.abs(grey[0].landmarks - face.landmarks).max() < 0.06 * face.box[2]
    large = finder.find(cv2.resize(picture, None, fx=8, fy=8))  # shrunk inside
    assert len(large) == 1
    assert np.abs(large[0].landmarks / 8 - face.landmarks).max() < 0.06 * face.box[2]


@pytest.mark.shared
def test_smaller_faces_than_asked_for_are_left_out(finder: FaceFinder, talking: list[np.ndarray]) -> None:
    canvas = np.full((480, 640, 3), 90, np.uint8)
    canvas[100:244, 100:280] = cv2.resize(talking[3], (180, 144), interpolation=cv2.INTER_AREA)
    assert len(finder.find(canvas, min_size=40)) == 1
    assert finder.find(canvas, min_size=200) == []


@pytest.mark.shared
def test_extreme_close_up(finder: FaceFinder, talking: list[np.ndarray]) -> None:
    for picture in talking:
        x, y, width, height = finder.find(picture)[0].box
        part = picture[int(y + 0.1 * height) : int(y + 0.95 * height), int(x + 0.05 * width) : int(x + 0.95 * width)]
        faces = finder.find(cv2.resize(part, None, fx=4, fy=4))
        assert len(faces) == 1
        assert faces[0].box[2] * faces[0].box[3] > 0.5 * part.shape[0] * part.shape[1] * 16


@pytest.mark.shared
def test_a_tight_small_grey_face_is_a_face(finder: FaceFinder, tight: list[np.ndarray]) -> None:
    found = [finder.find(picture) for picture in tight]
    assert np.mean([len(f) > 0 for f in found]) >= 0.97
    assert np.mean([len(f) == 1 for f in found]) >= 0.96
    assert np.median([f[0].box[2] * f[0].box[3] for f in found if f]) > 0.6 * 48 * 48


def small_pictures() -> dict[str, list[np.ndarray]]:
    """Small pictures without a face, 48 px."""
    rng, out = np.random.default_rng(0), {}
    noise = [cv2.GaussianBlur(rng.normal(size=(48, 48)), (0, 0), s) for s in (0.5, 1, 2, 3, 5, 8) * 10]
    out["noise"] = [cv2.normalize(n, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8) for n in noise]
    out["blank"] = [np.full((48, 48), v, np.uint8) for v in (0, 64, 128, 200, 255)]
    y, x = np.mgrid[-1:1:48j, -1:1:48j]
    angles = rng.uniform(0, np.pi, 40)
    waves = [np.sin((x * np.cos(a) + y * np.sin(a)) * f) for a, f in zip(angles, rng.uniform(0.5, 20, 40), strict=True)]
    out["stripes and slopes"] = [(127 + 100 * w).astype(np.uint8) for w in waves]
    sky = [200 - 60 * y + cv2.GaussianBlur(rng.normal(size=(48, 48)), (0, 0), 5) * 150 for _ in range(20)]
    out["sky"] = [np.clip(s, 0, 255).astype(np.uint8) for s in sky]
    out["text"] = []
    for _ in range(40):
        page = np.full((48, 48), 255, np.uint8)
        for line in range(4):
            word = "".join(map(chr, rng.integers(65, 91, 8)))
            cv2.putText(page, word, (1, 10 + 11 * line), 0, rng.uniform(0.25, 0.5), 0, 1)
        out["text"].append(page)
    return out


@pytest.mark.parametrize("kind", list(small_pictures()))
def test_small_pictures_without_a_face_have_none(finder: FaceFinder, kind: str) -> None:
    pictures = small_pictures()[kind]
    assert sum(bool(finder.find(p)) for p in pictures) == 0
    assert sum(bool(finder.find(cv2.resize(p, (300, 300)))) for p in pictures[:10]) == 0


@pytest.mark.shared
def test_background_around_a_head_has_no_face(finder: FaceFinder, talking: list[np.ndarray]) -> None:
    for picture in talking:
        corner = picture[-70:, :70]
        assert finder.find(corner) == []
        assert finder.find(cv2.cvtColor(cv2.resize(corner, (48, 48)), cv2.COLOR_RGB2GRAY)) == []


@pytest.mark.parametrize("shape", [(1, 1), (5, 400), (12, 12), (400, 13), (48, 48, 3)])
def test_odd_shapes(finder: FaceFinder, shape: tuple[int, ...]) -> None:
    assert finder.find(np.zeros(shape, np.uint8)) == []


@pytest.mark.parametrize(("shape", "kind"), [((48, 48, 4), "uint8"), ((48, 48), "float64"), ((9,), "uint8")])
def test_other_arrays_are_refused(finder: FaceFinder, shape: tuple[int, ...], kind: str) -> None:
    with pytest.raises(InputError, match="expected a picture as uint8"):
        finder.find(np.zeros(shape, kind))


def test_similarity_undoes_a_known_motion() -> None:
    turn, scale, shift = 0.4, 2.5, np.array([7.0, -3.0])
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    got = _similarity(CANONICAL, CANONICAL @ linear.T + shift)
    np.testing.assert_allclose(got, np.column_stack([linear, shift]), atol=1e-5)
    mirrored = _similarity(CANONICAL, CANONICAL * (-1, 1))
    assert np.linalg.det(mirrored[:, :2]) > 0  # never a reflection


def test_align_leaves_a_picture_in_canonical_pose_as_it_is() -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8), (0, 0), 2)
    face = FoundFace((0.0, 0.0, 64.0, 64.0), CANONICAL * 64, 1.0)
    assert np.abs(align(picture, face, 64).astype(int) - picture).max() <= 1
    half = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
    assert np.abs(align(picture, face, 32).astype(int) - half).max() <= 2  # area, not every second pixel


def test_align_turns_a_rolled_face_upright_and_survives_bad_landmarks() -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (96, 96), np.uint8), (0, 0), 3)
    straight = FoundFace((16.0, 16.0, 64.0, 64.0), CANONICAL * 64 + 16, 1.0)
    matrix = cv2.getRotationMatrix2D((48, 48), 25, 1)
    # landmarks count from the corner of the first pixel, warpAffine from its centre
    moved = (CANONICAL * 64 + 16 - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    rolled = FoundFace((16.0, 16.0, 64.0, 64.0), moved.astype(np.float32), 1.0)
    turned = cv2.warpAffine(picture, matrix, (96, 96))
    a, b = align(picture, straight, 64).ravel(), align(turned, rolled, 64).ravel()
    assert np.corrcoef(a, b)[0, 1] > 0.98
    collapsed = FoundFace(straight.box, np.full((5, 2), 40, np.float32), 1.0)
    np.testing.assert_array_equal(align(picture, collapsed, 64), align(picture, straight, 64))


@pytest.mark.shared
def test_aligned_faces_have_their_eyes_where_they_should(finder: FaceFinder, talking: list[np.ndarray]) -> None:
    for picture in talking:
        crop = align(picture, finder.find(picture)[0], 192, 0.3)
        again = finder.find(crop)[0].landmarks / 192
        assert np.abs(again - (CANONICAL + 0.3) / 1.6).max() < 0.07


@pytest.mark.shared
def test_quality_falls_with_blur_darkness_and_size(finder: FaceFinder, talking: list[np.ndarray]) -> None:
    for picture in talking:
        face = finder.find(picture)[0]
        clear = quality(picture, face)
        assert quality(cv2.GaussianBlur(picture, (0, 0), 5), face).sharpness < 0.5 * clear.sharpness
        assert quality((picture * 0.1).astype(np.uint8), face).illumination < 0.5 * clear.illumination
        assert 0 <= clear.frontality <= 1
        half = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        assert quality(half, finder.find(half)[0]).size_px == pytest.approx(clear.size_px / 2, rel=0.15)


def test_frontality_is_lower_the_further_the_face_turns() -> None:
    picture = np.zeros((64, 64), np.uint8)
    values = []
    for turn in (0.0, 0.1, 0.2, 0.4):
        landmarks = CANONICAL * 64 + np.array([0, 0, turn, 0, 0])[:, None] * (0.36 * 64, 0)
        values.append(quality(picture, FoundFace((0, 0, 64, 64), landmarks.astype(np.float32), 1.0)).frontality)
    assert values[0] > 0.9
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.3
