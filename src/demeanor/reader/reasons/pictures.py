"""Which regions of a picture, and which frames of a film, a reading comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import InputError
from demeanor.explain.explanation import FrameShare, Heat
from demeanor.explain.game import Game, Masks, Said
from demeanor.explain.occlusion import covered, grid
from demeanor.explain.shapley import shares
from demeanor.media.face_crop import FoundFace, align, quality
from demeanor.media.image import decode_image_with_warnings
from demeanor.media.video import open_video
from demeanor.reader import clip
from demeanor.reader.fuse import portions_of
from demeanor.reader.hold import Hold
from demeanor.reader.picture import LONGEST, Box, fraction
from demeanor.reader.reasons.whole import said_of
from demeanor.reader.reasons.words import said
from demeanor.reader.timeline import Piece, moments_of, scenes_of, shown
from demeanor.types import Evidence, KeyFrame

if TYPE_CHECKING:
    from demeanor.reader.clip import Seen
    from demeanor.reader.cues.face import Face
    from demeanor.reader.cues.scene import Scene

BUDGET = 64
"""Readings spent on one picture: two pairs of orders over 16 cells."""

_SIDE = 640  # pixels of the longer side that regions of a scene are covered at
_FACES, _SCENES, _APART = 2, 1, 1.0  # frames of a film that are looked into, and seconds between two of a cue
_FRAMES = 600  # frames that an explanation names; of more, neighbours are added up

Picture = NDArray[np.uint8]
Weigh = Callable[[Evidence], Said]


def scene_heat(
    picture: Picture, scene: Scene, weigh: Weigh = said, *, budget: int = BUDGET, seed: int = 0
) -> tuple[Heat, int]:
    """Which cells of a picture the scene's score comes from, and the readings taken; `weigh`: evidence → score."""
    shape, game = scene_game(picture, scene, weigh)
    return _heat("scene", game, shape, (0.0, 0.0, 1.0, 1.0), None, budget, seed), game.readings


def scene_game(picture: Picture, scene: Scene, weigh: Weigh = said) -> tuple[tuple[int, int], Game]:
    """Rows and columns of a picture's cells, and what the scene says with some of them blurred."""
    small = _shrunk(picture)
    shape = grid(small.shape[1], small.shape[0])
    return shape, _game(shape, lambda masks: scene.variants(covered(small, shape, masks)), weigh)


def face_heat(
    picture: Picture, found: FoundFace, face: Face, name: str, *, budget: int = BUDGET, seed: int = 0
) -> tuple[Heat, int]:
    """Which cells of a found face its score comes from, and the readings taken."""
    shape, (left, top, right, bottom), game = face_game(picture, found, face)
    over = fraction((float(left), float(top), float(right - left), float(bottom - top)), picture)
    return _heat("face", game, shape, over, name, budget, seed), game.readings


def face_game(
    picture: Picture, found: FoundFace, face: Face
) -> tuple[tuple[int, int], tuple[int, int, int, int], Game]:
    """Rows and columns of a face's cells, its box (left, top, right, bottom), and what it says with some blurred."""
    height, width = picture.shape[:2]
    x, y, w, h = found.box
    left, top = max(0, int(x)), max(0, int(y))
    box = left, top, max(left + 2, min(width, round(x + w))), max(top + 2, min(height, round(y + h)))
    seen, shape = quality(picture, found), grid(box[2] - box[0], box[3] - box[1])

    def look(masks: Masks) -> list[Evidence]:
        crops = [align(p, found, face.crop_size) for p in covered(picture, shape, masks, box)]
        return face.read(crops, [seen] * len(crops))

    return shape, box, _game(shape, look)


def image_heat(hold: Hold, *, budget: int = BUDGET, seed: int = 0) -> tuple[list[Heat], int]:
    """Of the sample's picture: its scene, and each face (three at most).

    Raises:
        InputError: the picture is not there any more.
    """
    picture, _ = decode_image_with_warnings(hold.parts.image, LONGEST)
    out = []
    piece = next((p for p in hold.pieces if p.start is None and p.chars is None), Piece())
    if "scene" in piece.evidence and not piece.evidence["scene"].abstain and hold.experts.scene is not None:
        # A picture by itself is read as a whole by what was learned of posts; in a post its scene says what it says.
        weigh = said if hold.parts.text is not None else partial(_by_itself, hold)
        out.append(scene_heat(picture, hold.experts.scene, weigh, budget=budget, seed=seed))
    if piece.faces and hold.experts.face is not None and hold.experts.finder is not None:
        found = hold.experts.finder.find(picture)[: len(piece.faces)]
        for number, own in enumerate(found[:3], start=1):
            out.append(face_heat(picture, own, hold.experts.face, f"F{number}", budget=budget, seed=seed))
    return [heat for heat, _ in out], sum(readings for _, readings in out)


def frame_shares(hold: Hold) -> list[FrameShare]:
    """What each frame of a film adds to the score of its cue; a cue's score is an average, so the parts sum to it."""
    if hold.seen is None:
        return []
    out: list[FrameShare] = []
    for cue, parts in (("face", _faces_of), ("scene", _scenes_of)):
        pieces = [p for p in hold.pieces if cue in p.evidence and p.start is not None]
        if not pieces or cue not in hold.evidence:
            continue
        counts = portions_of([p.evidence[cue] for p in pieces], [p.length for p in pieces])
        added: dict[tuple[float, str | None], FrameShare] = {}
        for piece, portion in zip(pieces, counts, strict=True):
            for time, name, own, evidence in parts(piece, hold.seen):
                share = float(portion * own * evidence.score)
                before = added.get((time, name))
                added[time, name] = FrameShare(time, cue, name, evidence.score, share + (before.share if before else 0))
        out += _merged(sorted(added.values(), key=lambda f: (f.time, f.face or "")))
    return sorted(out, key=lambda f: (f.time, f.cue, f.face or ""))


def film_heat(
    hold: Hold, frames: Sequence[FrameShare], *, budget: int = BUDGET, seed: int = 0
) -> tuple[list[Heat], list[KeyFrame], int]:
    """Regions of the frames that matter most: of two for the faces, of one for the scene.

    Raises:
        InputError: the film is not there any more.
    """
    if hold.parts.video is None:
        raise InputError("expected the film of this sample, got none: what comes as a stream is not kept; read a file")
    film = open_video(hold.parts.video, threads=hold.experts.threads)
    heat, pictures, readings = [], {}, 0
    for frame in [*_strongest(frames, "face", _FACES), *_strongest(frames, "scene", _SCENES)]:
        picture = film.frame_at(frame.time + hold.parts.start, clip.LONGEST).image
        found: tuple[Heat, int] | None = None
        if frame.cue == "scene" and hold.experts.scene is not None:
            found = scene_heat(picture, hold.experts.scene, budget=budget, seed=seed)
        elif hold.experts.face is not None and hold.experts.finder is not None and hold.seen is not None:
            face = _same(hold.experts.finder.find(picture), picture, frame, hold.seen)
            if face is not None:
                found = face_heat(picture, face, hold.experts.face, frame.face or "", budget=budget, seed=seed)
        if found is not None:
            heat.append(replace(found[0], time=frame.time))
            readings += found[1]
            pictures[frame.time] = KeyFrame(frame.time, _shrunk(picture))
    return heat, [pictures[time] for time in sorted(pictures)], readings


def _game(shape: tuple[int, int], read: Callable[[Masks], Sequence[Evidence]], weigh: Weigh = said) -> Game:
    return Game(shape[0] * shape[1], lambda masks: [weigh(e) for e in read(masks)])


def _by_itself(hold: Hold, evidence: Evidence) -> Said:
    return said_of(hold.experts.fuse({"scene": evidence}, joint=True)[0])


def _heat(cue: str, game: Game, shape: tuple[int, int], box: Box, name: str | None, budget: int, seed: int) -> Heat:
    found = shares(game, budget, seed)
    rows = found.values.reshape(shape)
    return Heat(cue, None, name, box, tuple(tuple(map(float, row)) for row in rows), found.score, found.base)


def _faces_of(piece: Piece, seen: Seen) -> list[tuple[float, str | None, float, Evidence]]:
    """(time, track, portion of the segment's face cue, evidence) of each face in each frame."""
    moments = moments_of(piece, seen)
    faces = portions_of([f.evidence for f in piece.faces], shown(piece.faces, moments))
    out: list[tuple[float, str | None, float, Evidence]] = []
    for face, portion in zip(piece.faces, faces, strict=True):
        own = [m for m in moments if m.id == face.id]
        each = portions_of([m.evidence for m in own], [1.0] * len(own))
        out += [(m.time, m.id, float(portion * p), m.evidence) for m, p in zip(own, each, strict=True)]
    return out


def _scenes_of(piece: Piece, seen: Seen) -> list[tuple[float, str | None, float, Evidence]]:
    scenes = scenes_of(piece, seen)
    each = portions_of([e for _, e in scenes], [1.0] * len(scenes))
    return [(time, None, float(p), e) for (time, e), p in zip(scenes, each, strict=True)]


def _merged(frames: Sequence[FrameShare]) -> list[FrameShare]:
    """Not more than `_FRAMES`: neighbours of one face added up, told by the strongest of them."""
    size = -(-len(frames) // _FRAMES)
    if size <= 1:
        return list(frames)
    out = []
    for name in dict.fromkeys(f.face for f in frames):
        own = [f for f in frames if f.face == name]
        for start in range(0, len(own), size):
            group = own[start : start + size]
            strongest = max(group, key=lambda f: abs(f.share))
            out.append(replace(strongest, share=sum(f.share for f in group)))
    return out


def _strongest(frames: Sequence[FrameShare], cue: str, count: int) -> list[FrameShare]:
    """Frames with the greatest shares, some time apart."""
    chosen: list[FrameShare] = []
    for frame in sorted((f for f in frames if f.cue == cue), key=lambda f: -abs(f.share)):
        if len(chosen) < count and all(abs(frame.time - c.time) >= _APART for c in chosen):
            chosen.append(frame)
    return chosen


def _same(faces: Sequence[FoundFace], picture: Picture, frame: FrameShare, seen: Seen) -> FoundFace | None:
    """The found face that is the one of the track at that time."""
    box = next((m.box for m in seen.faces if m.id == frame.face and m.time == frame.time), None)
    if box is None or not faces:
        return None
    best = max(faces, key=lambda f: _overlap(fraction(f.box, picture), box))
    return best if _overlap(fraction(best.box, picture), box) > 0.3 else None


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    inner = max(0.0, w) * max(0.0, h)
    return inner / max(1e-9, a[2] * a[3] + b[2] * b[3] - inner)


def _shrunk(picture: Picture) -> Picture:
    import cv2

    scale = _SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    small: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return small
