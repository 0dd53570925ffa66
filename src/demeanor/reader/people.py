"""Which face and which voice belong to one person: only where nothing else is possible."""

from __future__ import annotations

from collections.abc import Iterable

from demeanor.types import Person, Segment


def people(segments: Iterable[Segment]) -> list[Person]:
    """One person per face and per speaker; a single face and a single speaker are one.

    Args:
        segments: with their faces and, where channels or a transcript tell, speakers.
    """
    faces: dict[str, None] = {}
    speakers: dict[str, None] = {}
    for segment in segments:
        faces.update(dict.fromkeys(face.id for face in segment.faces))
        if segment.speaker:
            speakers[segment.speaker] = None
    if len(faces) == 1 and len(speakers) == 1:
        return [Person("P1", tuple(faces), next(iter(speakers)))]
    alone: list[tuple[tuple[str, ...], str | None]] = [((face,), None) for face in faces]
    alone += [((), speaker) for speaker in speakers]
    return [Person(f"P{number}", own, speaker) for number, (own, speaker) in enumerate(alone, start=1)]
