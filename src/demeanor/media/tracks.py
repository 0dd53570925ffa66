"""Follow faces through a video sampled a few times a second, under ids that stay.

A face continues a track if it is near where that track should be by now and looks alike; looks decide when
faces cross or stand side by side, and the more the picture as a whole has changed, the more alike a face
must be. After a cut, or once a track was lost too long for its place to mean anything, only a clear likeness
brings an id back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demeanor.media.face_crop import Floats, FoundFace, Picture, align, as_rgb

_GREY = 24  # px: side of the grey crop in a face's looks
_KEPT = 32  # tracks remembered by their looks, the most recently seen: bounds memory and work


@dataclass(frozen=True, slots=True)
class Track:
    """One face over time: its id, when it was first and last seen (seconds), in how many sampled pictures."""

    id: str
    first: float
    last: float
    count: int


@dataclass(slots=True)
class _Live:
    """A track with what is needed to find its face again."""

    id: str
    first: float
    last: float
    count: int
    centre: Floats
    speed: Floats
    size: float
    looks: Floats
    scene: int

    def summary(self) -> Track:
        return Track(self.id, self.first, self.last, self.count)


class FaceTracker:
    """Gives faces their ids, picture by picture. Memory does not grow with the video beyond a line per track.

    Args:
        step: seconds between pictures, if they come at regular times.
        max_gap: seconds a face may be lost and still be followed by its place; then only likeness counts. Where
            pictures are further apart, a face is followed from one to the next, and one seen once may well be true.
        likeness: similarity of looks in [-1, 1] from which a face gets an old id back wherever it is.
            In the GRID clips it is 0.80 to 1 (median 0.94) within a clip; between clips of different people
            its maximum is under 0.8 for all but three of the pairs (0.84, 0.88, 0.92).
    """

    def __init__(self, *, step: float = 0.0, max_gap: float = 3.0, likeness: float = 0.9) -> None:
        self._max_gap, self._likeness = max(max_gap, 1.5 * step), likeness
        self._least = 2 if step <= max_gap else 1  # pictures that show a track, among many
        self._kept: list[_Live] = []
        self._ended: list[Track] = []
        self._pictures = self._named = self._scene = 0
        self._change = 0.0  # grey levels by which the quietest quarter of the picture has changed
        self._glance: Floats | None = None

    def update(self, time: float, faces: Sequence[FoundFace], image: Picture) -> list[tuple[str, FoundFace]]:
        """Ids of the faces of the next picture, in the order given.

        Args:
            time: seconds from the start, not before the last picture's.
            faces: what `FaceFinder.find` found in it.
            image: the picture, RGB or grey, uint8.
        """
        self._pictures += 1
        self._watch(image)
        looks = [_looks(image, face) for face in faces]
        pairs = self._pairs(time, faces, looks)
        out = []
        for index, face in enumerate(faces):
            track = pairs.get(index)
            if track is None:
                track = self._start(time, face, looks[index])
            else:
                self._follow(track, time, face, looks[index])
            out.append((track.id, face))
        self._forget()
        return out

    @property
    def tracks(self) -> list[Track]:
        """All tracks so far, first seen first, without those seen once among many pictures close to each other."""
        least = self._least if self._pictures > 3 else 1
        whole = self._ended + [track.summary() for track in self._kept]
        return sorted((t for t in whole if t.count >= least), key=lambda t: (t.first, int(t.id[1:])))

    def _watch(self, image: Picture) -> None:
        """Note how much the whole picture has changed, and whether so abruptly that a new scene begins."""
        import cv2

        glance = cv2.resize(as_rgb(image), (16, 12), interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._glance is not None:
            change = np.abs(self._glance - glance)
            self._change = float(np.quantile(change.mean(axis=2), 0.25))  # moving faces leave a quarter still
            a, b = (_unit((g - g.mean(axis=(0, 1))).ravel()) for g in (self._glance, glance))
            self._scene += float(change.mean()) > 24 and float(a @ b) < 0.7
        self._glance = glance

    def _pairs(self, time: float, faces: Sequence[FoundFace], looks: list[Floats]) -> dict[int, _Live]:
        """The track that each face (by index) continues; best pairs first, each track and face once."""
        scored = []
        least = min(0.75, 0.25 + self._change / 6)
        for index, face in enumerate(faces):
            for track in self._kept:
                alike = float(track.looks @ looks[index])
                followed = track.scene == self._scene and time - track.last <= self._max_gap
                near = _nearness(track, time, face) if followed else 0.0
                if near > 0 and alike > least:
                    scored.append((1 + near + 2 * alike, index, track))
                elif alike > self._likeness:
                    scored.append((alike, index, track))
        pairs: dict[int, _Live] = {}
        for _, index, track in sorted(scored, key=lambda s: -s[0]):
            if index not in pairs and all(track is not taken for taken in pairs.values()):
                pairs[index] = track
        return pairs

    def _start(self, time: float, face: FoundFace, looks: Floats) -> _Live:
        self._named += 1
        centre, size = _place(face)
        still = np.zeros(2, np.float32)
        track = _Live(f"F{self._named}", time, time, 1, centre, still, size, looks, self._scene)
        self._kept.append(track)
        return track

    def _follow(self, track: _Live, time: float, face: FoundFace, looks: Floats) -> None:
        centre, size = _place(face)
        passed = time - track.last
        if track.scene == self._scene and 0 < passed <= 1:
            track.speed = 0.5 * track.speed + 0.5 * (centre - track.centre) / passed
        else:
            track.speed = np.zeros(2, np.float32)
        track.looks = _unit(0.8 * track.looks + 0.2 * looks)
        track.centre, track.size, track.last, track.scene = centre, size, time, self._scene
        track.count += 1

    def _forget(self) -> None:
        """Let go of the looks of the tracks seen longest ago; of false alarms nothing is kept."""
        self._kept.sort(key=lambda track: track.last)
        while len(self._kept) > _KEPT:
            if (ended := self._kept.pop(0).summary()).count >= self._least:
                self._ended.append(ended)


def _place(face: FoundFace) -> tuple[Floats, float]:
    """Centre (2,) and size of a face in pixels."""
    left, top, width, height = face.box
    return np.array([left + width / 2, top + height / 2], np.float32), float(np.sqrt(width * height))


def _nearness(track: _Live, time: float, face: FoundFace) -> float:
    """1 where the track should be by now, 0 beyond where it can be, which grows with the time passed."""
    centre, size = _place(face)
    if not 0.5 < size / track.size < 2:
        return 0.0
    passed = time - track.last
    expected = track.centre + track.speed * min(passed, 1.0)
    reach = (track.size + size) / 2 * (0.75 + min(passed, 2.0))
    return max(0.0, 1 - float(np.linalg.norm(centre - expected)) / reach)


def _looks(image: Picture, face: FoundFace) -> Floats:
    """Unit vector of what a face looks like: its aligned grey crop, and the colours of the head."""
    import cv2

    crop = cv2.GaussianBlur(align(image, face, _GREY, 0.1).astype(np.float32), (0, 0), 1.0).ravel()
    left, top, width, height = face.box
    x0, y0 = max(0, int(left - 0.3 * width)), max(0, int(top - 0.3 * height))
    head = as_rgb(image)[y0 : int(top + 1.1 * height) + 1, x0 : int(left + 1.3 * width) + 1]
    lab = cv2.cvtColor(cv2.resize(head, (24, 24), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    light = np.histogram(lab[..., 0], 16, (0, 256))[0]
    colour = np.histogram2d(lab[..., 1].ravel(), lab[..., 2].ravel(), 12, ((92, 188), (92, 188)))[0]
    parts = [_unit(crop - crop.mean()), *(_unit(np.sqrt(_smooth(h))) for h in (light[None], colour))]
    return np.concatenate([w * p for w, p in zip((0.6**0.5, 0.15**0.5, 0.25**0.5), parts, strict=True)])


def _smooth(histogram: NDArray[np.floating | np.integer]) -> Floats:
    import cv2

    smooth: Floats = cv2.GaussianBlur(histogram.astype(np.float32), (0, 0), 0.7)
    return smooth.ravel()


def _unit(vector: Floats) -> Floats:
    unit: Floats = (vector / max(float(np.linalg.norm(vector)), 1e-6)).astype(np.float32)
    return unit
