"""What the overall reading would be without some cues, or without some segments: everything else read anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from demeanor.explain.game import Game, Masks, Said
from demeanor.explain.words import left
from demeanor.reader.hold import Hold
from demeanor.reader.text import plan, read, read_speech
from demeanor.reader.timeline import Piece, whole
from demeanor.types import Evidence, Reading, Utterance

if TYPE_CHECKING:
    from demeanor.reader.cues._legible import Doubt
    from demeanor.reader.cues.words import Words

Key = tuple[str, float | None, str | None]


def said_of(reading: Reading) -> Said:
    """Score and label; 0 and None where nothing is read."""
    s = reading.sentiment
    return (0.0, None) if s is None else (s.score, s.label)


def cue_game(hold: Hold) -> tuple[list[str], Game | None]:
    """The cues that speak, and what is read of any of them together; no game without any."""
    cues = [c for c, e in hold.evidence.items() if not e.abstain] or list(hold.evidence)

    def look(masks: Masks) -> list[Said]:
        chosen = [{c: hold.evidence[c] for c, stays in zip(cues, row, strict=True) if stays} for row in masks]
        return [said_of(hold.experts.fuse(e, joint=hold.parts.is_still)[0]) for e in chosen]

    return cues, Game(len(cues), look) if cues else None


def base(hold: Hold) -> float:
    """The score where no cue is present."""
    return 0.0


def words_of(hold: Hold) -> Words | None:
    """The expert that reads the words."""
    return hold.experts.words


def players(hold: Hold) -> list[int]:
    """Indices of the segments that can be left out: those of the text, or of the time."""
    return [i for i, p in enumerate(hold.pieces) if p.chars is not None or p.start is not None]


def segment_game(hold: Hold, language: str | None) -> Game:
    """What is read of any of the segments together; its parts are the `players`."""
    movable = players(hold)
    fixed = [i for i in range(len(hold.pieces)) if i not in set(movable)]
    words = hold.experts.words if "words" in hold.evidence else None
    memory = Remembering(words) if words is not None else None

    def look(masks: Masks) -> list[Said]:
        kept = [sorted([*fixed, *(i for i, stays in zip(movable, row, strict=True) if stays)]) for row in masks]
        said = _words_of(hold, kept, language, memory) if memory is not None else [None] * len(kept)
        return [
            said_of(hold.experts.fuse(_evidence(hold, own, found), joint=hold.parts.is_still)[0])
            for own, found in zip(kept, said, strict=True)
        ]

    return Game(len(movable), look)


def spoken_by(hold: Hold) -> dict[int, Utterance]:
    """The utterance of each segment that is one."""
    waiting: dict[tuple[float, float, str | None], list[Utterance]] = {}
    for u in hold.utterances:
        waiting.setdefault((u.start, max(u.start, u.end), u.text.strip() or None), []).append(u)
    out = {}
    for at, piece in enumerate(hold.pieces):
        if piece.start is not None and piece.end is not None:
            own = waiting.get((piece.start, piece.end, piece.text))
            if own:
                out[at] = own.pop(0)
    return out


def _evidence(hold: Hold, kept: Sequence[int], words: Evidence | None) -> dict[str, Evidence]:
    """Each cue over the segments that are kept."""
    gone: list[Piece] = [p for i, p in enumerate(hold.pieces) if i not in set(kept)]
    found: dict[str, Evidence] = whole([hold.pieces[i] for i in kept], hold.experts.average)
    for cue, evidence in hold.evidence.items():
        if not any(cue in p.evidence for p in gone):
            found[cue] = evidence
    if words is not None and "words" in found:
        found["words"] = words
    return found


def _words_of(
    hold: Hold, kept: Sequence[Sequence[int]], language: str | None, words: Remembering
) -> list[Evidence | None]:
    """What the words say as a whole, read anew, for each choice of segments; None where none is left."""
    average, window = hold.experts.average, hold.experts.window
    if hold.utterances:
        spoken = spoken_by(hold)
        told = [[spoken[i] for i in own if i in spoken] for own in kept]
        return [read_speech(own, words, average, window, language)[1] for own in told]  # type: ignore[arg-type]
    text = hold.parts.text or ""
    spans = {i: p.chars for i, p in enumerate(hold.pieces) if p.chars is not None}
    texts = [left(text, list(spans.values()), [i in set(own) for i in spans]) for own in kept]
    plans = [plan(t, window, language) for t in texts if t]
    found = iter(read(plans, words, average))  # type: ignore[arg-type]
    return [next(found).whole if t else None for t in texts]


class Remembering:
    """A words expert that reads nothing twice."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._known: dict[Key, Evidence] = {}

    def read(
        self,
        texts: Sequence[str],
        probabilities: Sequence[float | None] | None = None,
        language: Sequence[str | None] | None = None,
    ) -> list[Evidence]:
        """As `Words.read`."""
        nothing = [None] * len(texts)
        keys: list[Key] = list(zip(texts, probabilities or nothing, language or nothing, strict=True))
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        if new:
            sure = [key[1] for key in new] if probabilities is not None else None
            found = self._words.read([key[0] for key in new], sure, [key[2] for key in new])
            self._known.update(zip(new, found, strict=True))
        return [self._known[key] for key in keys]

    def doubt(self, text: str, language: str | None = None) -> Doubt | None:
        """Nothing: the doubts were told when the whole was read."""
        return None


def labels_and_emotions(cues: Mapping[str, Reading]) -> tuple[dict[str, str], dict[str, str | None]]:
    """Of the cues that are surer of their polarity than not, and not without weight: label and strongest emotion."""
    labels: dict[str, str] = {}
    emotions: dict[str, str | None] = {}
    for cue, r in cues.items():
        faint = r.weight is not None and r.weight < 0.05 and len(cues) > 1
        if r.sentiment is None or r.abstain or faint or (r.confidence or 0.0) < 0.5:
            continue
        labels[cue] = r.sentiment.label
        emotions[cue] = max(r.emotions, key=lambda e: float((r.emotions or {})[e])) if r.emotions else None
    return labels, emotions
