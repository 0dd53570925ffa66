"""From what was heard and seen to segments in time, and from the segments to the whole."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil

from demeanor.reader.clip import FaceMoment, Seen
from demeanor.reader.experts import Experts
from demeanor.reader.picture import SeenFace
from demeanor.reader.text import Average
from demeanor.types import CUES, Evidence, Reading, Segment, SegmentFace, Utterance, Word

WINDOW = 3.0
"""Seconds of a segment where nobody speaks."""

_LONGEST_GAP = 3.0  # seconds without speech from which on they are segments of their own
_NEAR = 1.6  # seconds that a scene or a face may lie off a segment too short to hold one

Span = tuple[float, float]


@dataclass(slots=True)
class Piece:
    """A segment to be: where it lies, what was said, and each cue's evidence."""

    start: float | None = None
    end: float | None = None
    chars: tuple[int, int] | None = None
    text: str | None = None
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    evidence: dict[str, Evidence] = field(default_factory=dict)
    faces: list[SeenFace] = field(default_factory=list)
    spoken: bool = False

    @property
    def length(self) -> float:
        """Seconds; 1 without time."""
        return 1.0 if self.start is None or self.end is None else max(0.01, self.end - self.start)


def spoken(
    utterances: Sequence[Utterance], words: Mapping[int, Evidence], voices: Mapping[int, Evidence]
) -> list[Piece]:
    """One piece per utterance."""
    pieces = []
    for at, u in enumerate(utterances):
        found = {"words": words.get(at), "voice": voices.get(at)}
        evidence = {cue: e for cue, e in found.items() if e is not None}
        text = u.text.strip() or None
        pieces.append(Piece(u.start, max(u.start, u.end), None, text, u.words, u.speaker, evidence, spoken=True))
    return pieces


def silent(taken: Iterable[Span], end: float) -> list[Piece]:
    """Windows of about `WINDOW` seconds wherever nothing was said for longer than that.

    Args:
        taken: where something was said, in order of start.
        end: seconds of the whole.
    """
    gaps: list[Span] = []
    at = 0.0
    for start, stop in sorted(taken):
        gaps.append((at, start))
        at = max(at, stop)
    gaps.append((at, end))
    if at == 0.0:
        return _windows(0.0, end)
    return [w for a, b in gaps if b - a > _LONGEST_GAP for w in _windows(a, b)]


def _windows(start: float, end: float) -> list[Piece]:
    """Equal parts of a stretch, each about `WINDOW` long and not more than a fifth longer."""
    if end - start <= 0:
        return []
    count = max(1, ceil((end - start) / (1.2 * WINDOW)))
    edges = [start + (end - start) * i / count for i in range(count + 1)]
    return [Piece(a, b) for a, b in pairwise(edges)]


def add_pictures(pieces: Sequence[Piece], seen: Seen, average: Average) -> None:
    """Give each piece the faces and the scene that were seen while it lasts."""
    for piece in pieces:
        if piece.start is None or piece.end is None:
            continue
        moments = moments_of(piece, seen)
        if moments:
            piece.faces = _faces(moments, (piece.start + piece.end) / 2, average)
            piece.evidence["face"] = average([f.evidence for f in piece.faces], shown(piece.faces, moments))
        scenes = [evidence for _, evidence in scenes_of(piece, seen)]
        if scenes:
            piece.evidence["scene"] = average(scenes, [1.0] * len(scenes))


def moments_of(piece: Piece, seen: Seen) -> list[FaceMoment]:
    """The faces seen while a piece lasts, or just beside one too short for any."""
    times = [m.time for m in seen.faces]
    return [seen.faces[at] for at in _within(times, piece.start or 0.0, piece.end or 0.0, max(seen.step, 0.3))]


def scenes_of(piece: Piece, seen: Seen) -> list[tuple[float, Evidence]]:
    """The scenes read while a piece lasts, or just beside one too short for any."""
    times = [time for time, _ in seen.scenes]
    return [seen.scenes[at] for at in _within(times, piece.start or 0.0, piece.end or 0.0, max(_NEAR, seen.step))]


def _within(times: Sequence[float], start: float, end: float, near: float) -> range:
    """Indices of the times in [start, end); where there are none, of the nearest one, if near enough."""
    first, last = bisect_left(times, start - 1e-6), bisect_left(times, end - 1e-6)
    if first < last or not times:
        return range(first, last)
    middle = (start + end) / 2
    nearest = min((t for t in times[max(0, first - 1) : first + 1]), key=lambda t: abs(t - middle))
    if min(abs(nearest - start), abs(nearest - end)) > near:
        return range(0)
    return range(bisect_left(times, nearest), bisect_left(times, nearest + 1e-9))


def _faces(moments: Sequence[FaceMoment], middle: float, average: Average) -> list[SeenFace]:
    """The faces by track, each averaged over its frames; the box is that nearest to the middle."""
    tracks: dict[str, list[FaceMoment]] = {}
    for moment in moments:
        tracks.setdefault(moment.id, []).append(moment)
    out = []
    for name, own in sorted(tracks.items(), key=lambda item: int(item[0][1:])):
        box = min(own, key=lambda m: abs(m.time - middle)).box
        out.append(SeenFace(name, box, average([m.evidence for m in own], [1.0] * len(own))))
    return out


def shown(faces: Sequence[SeenFace], moments: Sequence[FaceMoment]) -> list[float]:
    """In how many frames each face shows."""
    counts: dict[str, float] = {}
    for moment in moments:
        counts[moment.id] = counts.get(moment.id, 0.0) + 1.0
    return [counts[f.id] for f in faces]


def whole(pieces: Sequence[Piece], average: Average) -> dict[str, Evidence]:
    """Each cue over all pieces that have it, by duration and reliability."""
    out = {}
    for cue in CUES:
        having = [p for p in pieces if cue in p.evidence]
        if having:
            out[cue] = average([p.evidence[cue] for p in having], [p.length for p in having])
    return out


def finished(pieces: Iterable[Piece], experts: Experts, *, joint: bool = False) -> list[Segment]:
    """Pieces with their readings: fused (`joint`: as a picture by itself is), and of each cue and face."""
    out = []
    for p in pieces:
        reading, cues = experts.fuse(p.evidence, joint=joint)
        faces = tuple(SegmentFace(f.id, f.box, _alone(f.evidence, experts)) for f in p.faces)
        out.append(Segment(p.start, p.end, p.chars, p.text, reading, cues, p.words, p.speaker, faces))
    return out


def _alone(evidence: Evidence, experts: Experts) -> Reading:
    """What one face says by itself; weight and share have no meaning there."""
    return replace(experts.fuse({"face": evidence})[1]["face"], weight=None, share=None)
