"""Where faces are in a film at any time, and pictures with them made unrecognisable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""Left, top, width, height as fractions of the upright picture."""

Veil = Literal["blur", "fill"]

HOLD = 1.0
"""Seconds that a face stays covered before it was first and after it was last seen."""

_LOST = 3.0  # seconds between two sightings of one face that are bridged
_CELLS = 5  # over the longer side of what is covered: about four over a face, too few for eyes and mouth
_MARGIN = (0.25, 0.34)  # of the face's width and height, on every side: the whole head
_SWAY = 0.5  # of the way a face goes between two sightings, by which the box in between is wider


class Sighting(NamedTuple):
    """A face of a track at a time (seconds)."""

    time: float
    box: Box


class _Piece(NamedTuple):
    """A stretch of time over which a box goes from one place to another."""

    start: float
    end: float
    first: Box
    last: Box


class FacePlan:
    """Which boxes are to be covered when.

    Between two sightings of a face its box goes from the one to the other, widened by part of the way; before the
    first and after the last it stays for `HOLD` seconds. So no picture between two that were looked at is bare, and a
    face that is not found for a while stays covered.

    Args:
        tracks: the sightings of each face, by time.
    """

    def __init__(self, tracks: Iterable[Sequence[Sighting]]) -> None:
        self._waiting = sorted((p for track in tracks for p in _pieces(track)), key=lambda p: -p.start)
        self._active: list[_Piece] = []
        self._last = -np.inf

    def at(self, time: float) -> list[Box]:
        """The boxes to cover at a time; times must not go back."""
        while self._waiting and self._waiting[-1].start <= time:
            self._active.append(self._waiting.pop())
        self._active = [p for p in self._active if p.end >= time]
        return [_between(p, time) for p in self._active]


def _pieces(track: Sequence[Sighting]) -> Iterator[_Piece]:
    for a, b in pairwise(track):
        if b.time - a.time <= _LOST:
            yield _Piece(a.time, b.time, a.box, b.box)
        else:
            yield _Piece(a.time, a.time + HOLD, a.box, a.box)
            yield _Piece(b.time - HOLD, b.time, b.box, b.box)
    if track:
        yield _Piece(track[0].time - HOLD, track[0].time, track[0].box, track[0].box)
        yield _Piece(track[-1].time, track[-1].time + HOLD, track[-1].box, track[-1].box)


def _between(piece: _Piece, time: float) -> Box:
    share = (time - piece.start) / (piece.end - piece.start) if piece.end > piece.start else 0.0
    a, b = np.array(piece.first), np.array(piece.last)
    x, y, w, h = (1 - share) * a + share * b
    far = _SWAY * min(share, 1 - share) * 2 * np.abs(b[:2] + b[2:] / 2 - a[:2] - a[2:] / 2)
    return float(x - far[0]), float(y - far[1]), float(w + 2 * far[0]), float(h + 2 * far[1])


def cover(planes: Sequence[NDArray[np.uint8]], boxes: Iterable[Box], veil: Veil = "blur") -> None:
    """Make what the boxes show unrecognisable, in place.

    Each box is widened to take in the whole head; an ellipse round it is averaged over a grid of about four cells per
    face and blurred, or filled with one colour. The averages are all that is kept: nothing brings the face back from
    one picture.

    Args:
        planes: of one picture, upright: RGB (height, width, 3), or Y, U and V, each (rows, columns).
        boxes: as fractions.
        veil: how.
    """
    for box in boxes:
        for plane in planes:
            _cover_plane(plane, box, veil)


def _cover_plane(plane: NDArray[np.uint8], box: Box, veil: Veil) -> None:
    import cv2

    rows, columns = plane.shape[:2]
    if box[2] <= 0 or box[3] <= 0:
        return
    left, top, width, height = box[0] * columns, box[1] * rows, box[2] * columns, box[3] * rows
    half = np.array([width * (0.5 + _MARGIN[0]), height * (0.5 + _MARGIN[1])])
    centre = np.array([left + width / 2, top + height / 2])
    feather = 0.08 * float(half.max()) + 1
    low = np.floor(np.maximum(centre - half - feather, 0)).astype(int)
    high = np.ceil(np.minimum(centre + half + feather, [columns, rows])).astype(int)
    if (high <= low).any():
        return
    part = plane[low[1] : high[1], low[0] : high[0]]
    size = (part.shape[1], part.shape[0])
    grid = _grid(size) if veil == "blur" else (1, 1)
    small = cv2.resize(np.ascontiguousarray(part), grid, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)
    if veil == "blur":
        coarse = cv2.GaussianBlur(coarse, (0, 0), max(size) / (3 * _CELLS))
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]] + 0.5
    radius = np.sqrt(((x - centre[0]) / half[0]) ** 2 + ((y - centre[1]) / half[1]) ** 2)
    share = np.clip(1 - (radius - 1) * float(half.mean()) / feather, 0, 1).astype(np.float32)
    share = share[..., None] if part.ndim == 3 else share
    part[...] = np.rint(part + share * (coarse.reshape(part.shape).astype(np.float32) - part)).astype(np.uint8)


def _grid(size: tuple[int, int]) -> tuple[int, int]:
    longest = max(size)
    across, down = (max(1, round(_CELLS * side / longest)) for side in size)
    return across, down
