"""Faces keep their ids: real clips, two of them joined, crossing, cut and interrupted."""

from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from demeanor.media.face_crop import mean_landmarks
from demeanor.media.faces import FaceFinder, FoundFace
from demeanor.media.tracks import FaceTracker

CLIPS = ("brbk7n", "id2_vcd_swwp2s", "lbax4n", "lwbsza")


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder()


@pytest.fixture(scope="module")
def clips(shared: Path) -> dict[str, list[np.ndarray]]:
    """Every eighth picture (three a second) of four people's clips."""
    out = {}
    for name in CLIPS:
        with av.open(str(shared / "data" / "talking_heads" / f"{name}.mpg")) as container:
            frames = [f for i, f in enumerate(container.decode(video=0)) if i % 8 == 0]
            out[name] = [f.to_ndarray(format="rgb24") for f in frames]
    return out


def follow(finder: FaceFinder, pictures: list[np.ndarray]) -> tuple[list[list[str]], FaceTracker]:
    """Ids picture by picture, from left to right, and the tracker."""
    tracker, out = FaceTracker(), []
    for index, picture in enumerate(pictures):
        named = tracker.update(index * 0.32, finder.find(picture), picture)
        out.append([name for name, face in sorted(named, key=lambda n: n[1].box[0])])
    return out, tracker


@pytest.mark.shared
@pytest.mark.parametrize("pattern", ["*.mpg", "pyfeat_*.mp4"])
def test_one_face_keeps_one_id(finder: FaceFinder, shared: Path, pattern: str) -> None:
    films = sorted((shared / "data" / "talking_heads").glob(pattern))
    assert films
    for path in films:
        with av.open(str(path)) as container:
            frames = [f for i, f in enumerate(container.decode(video=0)) if i % 12 == 0]
        tracker = FaceTracker()
        for frame in frames:
            picture = frame.to_ndarray(format="rgb24")
            assert [name for name, _ in tracker.update(frame.time, finder.find(picture), picture)] == ["F1"]
        (track,) = tracker.tracks
        assert (track.first, track.last, track.count) == (frames[0].time, frames[-1].time, len(frames))


@pytest.mark.shared
def test_side_by_side(finder: FaceFinder, clips: dict[str, list[np.ndarray]]) -> None:
    for a, b in pairwise(CLIPS):
        pictures = [np.hstack(pair) for pair in zip(clips[a], clips[b], strict=False)]
        ids, tracker = follow(finder, pictures)
        assert len(set(map(tuple, ids))) == 1
        assert [t.count for t in tracker.tracks] == [len(pictures)] * 2


def crossing(front: list[np.ndarray], back: list[np.ndarray]) -> list[np.ndarray]:
    """Two heads change places, one passing before the other."""
    out, oval = [], np.zeros((260, 220), np.uint8)
    cv2.ellipse(oval, (110, 130), (95, 128), 0, 0, 360, 1, -1)
    for k in range(14):
        x, y = round(20 + 310 * k / 13), round(330 - 310 * k / 13)
        canvas = np.full((288, 620, 3), (60, 120, 160), np.uint8)
        canvas[20:280, y : y + 220] = back[k % len(back)][20:280, 70:290]
        part = canvas[20:280, x : x + 220]
        part[oval > 0] = front[k % len(front)][20:280, 70:290][oval > 0]
        out.append(canvas)
    return out


@pytest.mark.shared
def test_crossing_faces_do_not_swap(finder: FaceFinder, clips: dict[str, list[np.ndarray]]) -> None:
    for a, b in pairwise(CLIPS):
        ids, tracker = follow(finder, crossing(clips[a], clips[b]))
        assert any(len(row) == 1 for row in ids)  # one was hidden for a while
        assert len(ids[0]) == 2
        assert ids[-1] == ids[0][::-1]
        assert len(tracker.tracks) == 2


@pytest.mark.shared
def test_a_cut_gives_a_new_id_and_a_return_the_old_one(finder: FaceFinder, clips: dict[str, list[np.ndarray]]) -> None:
    a, b = clips["brbk7n"], clips["lwbsza"]
    ids, tracker = follow(finder, a + b + a)
    flat = [row[0] for row in ids]
    assert flat == ["F1"] * len(a) + ["F2"] * len(b) + ["F1"] * len(a)
    assert [(t.id, t.count) for t in tracker.tracks] == [("F1", 2 * len(a)), ("F2", len(b))]


@pytest.mark.shared
def test_a_short_loss_is_survived(finder: FaceFinder, clips: dict[str, list[np.ndarray]]) -> None:
    pictures = list(clips["lbax4n"])
    for index in (3, 4, 5):
        pictures[index] = np.full_like(pictures[index], 90)
    ids, _ = follow(finder, pictures)
    assert ids == [[] if i in (3, 4, 5) else ["F1"] for i in range(len(pictures))]


def scene(faces: list[tuple[int, int]], seed: int = 0) -> tuple[np.ndarray, list[FoundFace]]:
    """A still background with patches of noise as faces, each patch always looking the same."""
    picture = np.full((200, 400, 3), 120, np.uint8)
    found = []
    for which, x in faces:
        rng = np.random.default_rng(which)
        patch = cv2.GaussianBlur(rng.uniform(0, 255, (60, 60, 3)), (0, 0), 6)
        picture[70:130, x : x + 60] = cv2.normalize(patch, None, 0, 255, cv2.NORM_MINMAX)
        box = (float(x), 70.0, 60.0, 60.0)
        found.append(FoundFace(box, mean_landmarks(box), 1.0))
    return picture, found


def test_a_face_seen_once_among_many_pictures_is_no_track() -> None:
    tracker = FaceTracker()
    for index in range(10):
        picture, found = scene([(1, 50), (2, 300)] if index == 5 else [(1, 50)])
        tracker.update(index / 3, found, picture)
    assert [(t.id, t.count) for t in tracker.tracks] == [("F1", 10)]


@pytest.mark.parametrize("step", [3.6, 10.0])
def test_where_pictures_are_far_apart_faces_are_followed_and_seen_once(step: float) -> None:
    tracker = FaceTracker(step=step)
    for index in range(20):
        picture, found = scene([(1, 50), (2, 300)] if index == 5 else [(1, 50)])
        other, _ = scene([(100 + index, 50)])  # a face that moves enough not to be known by its looks alone
        tracker.update(index * step, found, cv2.addWeighted(picture, 0.5, other, 0.5, 0))
    assert [(t.id, t.count) for t in tracker.tracks] == [("F1", 20), ("F2", 1)]


def test_a_single_picture_gives_its_track() -> None:
    picture, found = scene([(1, 50)])
    tracker = FaceTracker()
    tracker.update(0.0, found, picture)
    assert [t.id for t in tracker.tracks] == ["F1"]


def test_memory_is_bounded_and_tracks_are_not_lost() -> None:
    tracker = FaceTracker()
    for person in range(60):
        for again in range(2):
            picture, found = scene([(person, 150)])
            tracker.update(person * 10 + again, found, picture)
    assert len(tracker._kept) <= 32
    assert [t.count for t in tracker.tracks] == [2] * 60


def test_order_of_the_answer_is_the_order_given() -> None:
    tracker = FaceTracker()
    picture, found = scene([(1, 50), (2, 300)])
    first = tracker.update(0.0, found, picture)
    second = tracker.update(0.4, found[::-1], picture)
    assert [name for name, _ in first] == ["F1", "F2"]
    assert [(n, f) for n, f in second] == [("F2", found[1]), ("F1", found[0])]
