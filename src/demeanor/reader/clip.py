"""The pictures of a film: one pass; only what faces and scenes say is kept, and a few small stills."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from demeanor.media.face_crop import FaceQuality, FoundFace, align, quality
from demeanor.media.tracks import FaceTracker
from demeanor.media.video import Frame, VideoReader
from demeanor.reader.experts import Experts
from demeanor.reader.picture import Box, fills, fraction
from demeanor.reader.progress import tell
from demeanor.types import Evidence, KeyFrame

T = TypeVar("T")

LONGEST = 960
"""Pixels of the longer side that frames are decoded to."""

MOST = 3000
"""Frames in which faces are looked for, at most: a long film is sampled more thinly, down to one in four seconds."""

_USUAL, _FASTEST, _SLOWEST = 3.0, 6.0, 0.25  # frames per second: three in an utterance of a second
_ENOUGH = 24  # frames of a short clip
_SCENE_STEP = 3.0  # seconds between scenes that are read
_STILLS, _STILL_SIDE = 144, 320
_BATCH = 32  # face crops read at once


@dataclass(frozen=True, slots=True)
class FaceMoment:
    """What one face says at one time: track `id`, `box` in fractions of the picture."""

    time: float
    id: str
    box: Box
    evidence: Evidence


@dataclass(slots=True)
class Seen:
    """What the frames show.

    Attributes:
        end: seconds that the pictures last.
        step: seconds between frames; of a film without end, between those of long ago that are kept (at most 4).
        faces: by time.
        scenes: (time, evidence), by time.
        stills: small pictures, by time.
        warnings: what was damaged.
    """

    end: float = 0.0
    step: float = 1 / _USUAL
    faces: list[FaceMoment] = field(default_factory=list)
    scenes: list[tuple[float, Evidence]] = field(default_factory=list)
    stills: list[KeyFrame] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def rate(seconds: float | None) -> float:
    """Frames per second to look at: 3, more in a short clip, fewer in a long film."""
    if not seconds:
        return 1.0
    dense = min(_FASTEST, max(_USUAL, _ENOUGH / seconds))
    return max(_SLOWEST, min(dense, MOST / seconds))


def watch(
    reader: VideoReader,
    experts: Experts,
    cues: frozenset[str],
    start: float = 0.0,
    end: float | None = None,
) -> Seen:
    """Look through a film once.

    Args:
        reader: the opened film.
        experts: where one is missing its cue is.
        cues: names of those wanted.
        start: seconds before this are passed over; times count from here.
        end: seconds from this on too.

    Raises:
        DecodeError: no picture could be decoded.
    """
    until = min(reader.duration or np.inf, end or np.inf)
    length = max(0.1, until - start) if np.isfinite(until) else None
    fps = rate(length)
    eye = Eye(experts, cues, length, Seen(step=1 / fps))
    last = 0.0
    for frame in _between(reader, fps, start, end):
        eye.see(frame)
        tell("pictures", frame.time, length)
        last = frame.time + 1 / fps
    seen = eye.closed()
    # The declared end is the better one where pictures reach it; where they stop long before, it is none.
    seen.end = length if last and length is not None and abs(length - last) <= 2 / fps else last
    seen.warnings = list(dict.fromkeys(reader.warnings))
    return seen


def _between(reader: VideoReader, fps: float, start: float, end: float | None) -> Iterator[Frame]:
    """Pictures from `start` to `end` on the clock of what is read: at least that at `start`, if the film reaches it."""
    reached, shown = 0.0, False
    for frame in reader.frames(fps, LONGEST, start):
        reached = frame.time + 1 / fps
        if end is not None and frame.time >= end:
            break
        if frame.time >= start:
            shown = True
            yield Frame(frame.time - start, frame.image) if start else frame
    if not shown and start < reached:
        yield Frame(0.0, reader.frame_at(start, LONGEST).image)


class Eye:
    """Sees frame after frame and keeps little of each.

    Args:
        experts: where one is missing its cue is.
        cues: names of those wanted.
        length: seconds of the film, None if unknown.
        seen: is filled.
    """

    def __init__(self, experts: Experts, cues: frozenset[str], length: float | None, seen: Seen) -> None:
        self._face = experts.face if "face" in cues else None
        self._finder = experts.finder if self._face is not None else None
        self._scene = experts.scene if "scene" in cues else None
        self._tracker = FaceTracker(step=seen.step)
        self._seen = seen
        self._waiting: list[tuple[float, str, Box, NDArray[np.uint8], FaceQuality]] = []
        self._next_scene = min(_SCENE_STEP, length or _SCENE_STEP) / 2 - seen.step / 2
        self._next_still = 0.0
        self._still_step = max(seen.step, (length or 0.0) / _STILLS)
        self._known = length is not None
        self._face_step, self._scene_step = seen.step, _SCENE_STEP  # of those of long ago

    def see(self, frame: Frame) -> None:
        """Take in the next frame."""
        faces = self._finder.find(frame.image) if self._finder is not None else []
        for name, face in self._tracker.update(frame.time, faces, frame.image) if self._finder else ():
            self._keep(frame, name, face)
        if self._scene is not None and frame.time >= self._next_scene:
            self._next_scene = frame.time + _SCENE_STEP
            if not fills(faces, frame.image):
                evidence = self._scene.read([frame.image])[0]
                self._seen.scenes.append((frame.time, replace(evidence, embedding=None)))
        if frame.time >= self._next_still:
            self._next_still += self._still_step
            self._seen.stills.append(KeyFrame(frame.time, _small(frame.image)))
            if not self._known and len(self._seen.stills) >= 2 * _STILLS:
                self._seen.stills = self._seen.stills[::2]
                self._still_step *= 2

    def thin(self) -> None:
        """Of a film without end keep no more than of a long one: what was last said, and before it evenly."""
        seen = self._seen
        if len(seen.faces) > 3 * MOST:
            old, self._face_step = _even(seen.faces[:-MOST], lambda m: m.time, self._face_step)
            seen.faces = old + seen.faces[-MOST:]
            seen.step = max(seen.step, min(self._face_step, 1 / _SLOWEST))
        if len(seen.scenes) > 3 * MOST:
            old_scenes, self._scene_step = _even(seen.scenes[:-MOST], lambda s: s[0], self._scene_step)
            seen.scenes = old_scenes + seen.scenes[-MOST:]

    def closed(self) -> Seen:
        """All there is, with the tracks that were false alarms left out and the others numbered anew."""
        self.read()
        names = {track.id: f"F{number}" for number, track in enumerate(self._tracker.tracks, start=1)}
        self._seen.faces = [replace(m, id=names[m.id]) for m in self._seen.faces if m.id in names]
        return self._seen

    def _keep(self, frame: Frame, name: str, face: FoundFace) -> None:
        assert self._face is not None
        crop = align(frame.image, face, self._face.crop_size)
        box = fraction(face.box, frame.image)
        self._waiting.append((frame.time, name, box, crop, quality(frame.image, face)))
        if len(self._waiting) >= _BATCH:
            self.read()

    def read(self) -> None:
        """Read the faces that were found and not read yet; this is done by itself when enough have gathered."""
        if self._face is None or not self._waiting:
            return
        found = self._face.read([w[3] for w in self._waiting], [w[4] for w in self._waiting])
        for (time, name, box, _, _), evidence in zip(self._waiting, found, strict=True):
            self._seen.faces.append(FaceMoment(time, name, box, replace(evidence, embedding=None)))
        self._waiting = []


def _even(items: Sequence[T], time: Callable[[T], float], step: float) -> tuple[list[T], float]:
    """What belongs to the first time of each `step`, and the step: doubled until that is `MOST` at most."""
    while True:
        first: dict[float, float] = {}
        kept = [item for item in items if first.setdefault(time(item) // step, time(item)) == time(item)]
        if len(kept) <= MOST:
            return kept, step
        step *= 2


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    scale = min(1.0, _STILL_SIDE / max(image.shape[:2]))
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    small: NDArray[np.uint8] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small


def thinned(stills: Sequence[KeyFrame], spans: Sequence[tuple[float, float]], most: int = 48) -> list[KeyFrame]:
    """Per stretch of time the still nearest to its middle, at most `most` of them, evenly taken."""
    if not stills:
        return []
    times = np.array([s.time for s in stills])
    chosen = sorted({int(np.argmin(np.abs(times - (a + b) / 2))) for a, b in spans}) or [0]
    if len(chosen) > most:
        chosen = [chosen[round(i * (len(chosen) - 1) / (most - 1))] for i in range(most)]
    return [stills[at] for at in chosen]
