"""The words of a window, or its mere stretches of speech → utterances in file times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from demeanor.media.vad import RATE, Interval
from demeanor.media.whisper import Decoded
from demeanor.media.windows import Window
from demeanor.types import Utterance, Word

PAUSE = 0.6
"""Seconds of silence that part utterances."""
LONGEST = 12.0
"""Seconds of one utterance, unless a given transcript says otherwise."""

_MARGIN = 0.1  # seconds kept on both sides of an utterance's speech, as in training
_SHORTEST = 0.6  # seconds; a shorter sentence is joined with its neighbour
_WORDLESS = 1.0  # seconds of speech from which it is told although no word was understood
_ENDS = ".!?。！？…"
_TITLES = frozenset({"mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "vs.", "e.g.", "i.e."})


def utterances(window: Window, recognised: Decoded, language: str) -> list[Utterance]:
    """Utterances of a window, in file times: of its words, and of its speech in which there are none."""
    words = [_located(word, window) for word in recognised.words]
    out = []
    for group in _groups(words, PAUSE):
        text = "".join(w.text for w in group).strip()
        sure = recognised.trust * float(np.mean([w.probability for w in group]))
        plain = tuple(replace(w, text=w.text.strip()) for w in group)
        out.append(Utterance(group[0].start, group[-1].end, text, plain, sure, language=language))
    silent = [(a, b) for a, b in window.speech if not any(w.start < b / RATE and w.end > a / RATE for w in words)]
    for utterance in wordless(silent):
        if utterance.end - utterance.start >= _WORDLESS:
            out.append(replace(utterance, probability=0.0, language=language))
    return _widened(sorted(out, key=lambda u: u.start), window)


def _widened(utterances: Sequence[Utterance], window: Window) -> list[Utterance]:
    """Utterances that reach over all of the speech they lie in, and a little beyond.

    Word times end early: onset and fading of the voice, which say how something is said, lie outside of them. Between
    two utterances the middle of the gap is the border.
    """
    out = []
    for at, u in enumerate(utterances):
        near = [(a / RATE, b / RATE) for a, b in window.speech if a / RATE < u.end and b / RATE > u.start]
        start = min([u.start, *(a for a, _ in near)]) - _MARGIN
        end = max([u.end, *(b for _, b in near)]) + _MARGIN
        if at:
            start = max(start, (utterances[at - 1].end + u.start) / 2)
        if at + 1 < len(utterances):
            end = min(end, (u.end + utterances[at + 1].start) / 2)
        # Pauses between pieces of a window are left out of it: an utterance ends with its piece.
        first = max(a / RATE for a, _ in window.pieces if a / RATE <= u.start + 1e-6)
        last = min(b / RATE for _, b in window.pieces if b / RATE >= u.end - 1e-6)
        start = min(u.start, max(start, first))
        end = max(u.end, min(end, last, start + LONGEST))
        out.append(replace(u, start=start, end=end))
    return out


def _located(word: Word, window: Window) -> Word:
    """A word in file times, trimmed to the speech it overlaps: an aligner lets words run into pauses."""
    piece = window.piece_at((word.start + word.end) / 2)
    start, end = window.in_file(word.start, piece), window.in_file(word.end, piece)
    near = [(a / RATE, b / RATE) for a, b in window.speech if a / RATE < end and b / RATE > start]
    if near:
        start, end = max(start, near[0][0]), min(end, near[-1][1])
    return replace(word, start=start, end=max(start, end))


def wordless(speech: Iterable[Interval]) -> list[Utterance]:
    """Utterances without words out of intervals of speech."""
    parts = []
    for start, end in speech:
        edges = np.linspace(start, end, 2 + int((end - start) / (LONGEST * RATE))) / RATE
        parts += [Word("", float(a), float(b)) for a, b in pairwise(edges)]
    return [Utterance(group[0].start, group[-1].end, "") for group in _groups(parts, PAUSE / 3)]


def _groups(words: Sequence[Word], pause: float) -> list[list[Word]]:
    """Words by utterance: parted at pauses and sentence ends, at most `LONGEST`, tiny sentences joined."""
    groups: list[list[Word]] = []
    for at, word in enumerate(words):
        if not at or word.start - words[at - 1].end > pause or _ends_sentence(words[at - 1], word):
            groups.append([])
        groups[-1].append(word)
    out: list[list[Word]] = []
    for group in groups:
        close = out and group[0].start - out[-1][-1].end <= pause
        if close and min(_length(group), _length(out[-1])) < _SHORTEST and _length(out[-1] + group) <= LONGEST:
            out[-1] += group
        else:
            out.append(group)
    return [part for group in out for part in _divided(group)]


def _ends_sentence(word: Word, following: Word) -> bool:
    text = word.text.strip().rstrip("\"'”’)]」』）").lower()
    return text[-1:] in _ENDS and text != "" and text not in _TITLES and not following.text.strip()[:1].islower()


def _divided(group: list[Word]) -> list[list[Word]]:
    """A group no longer than `LONGEST`, else its parts: at the longest pause, a comma or the middle."""
    if _length(group) <= LONGEST or len(group) == 1:
        return [group]

    def merit(at: int) -> float:
        pause = group[at].start - group[at - 1].end
        comma = group[at - 1].text.strip()[-1:] in (",", "，", "、", ";", "；", ":", "：")
        off_centre = abs(group[at].start - (group[0].start + group[-1].end) / 2) / _length(group)
        return pause + 0.3 * comma - off_centre

    at = max(range(1, len(group)), key=merit)
    return _divided(group[:at]) + _divided(group[at:])


def _length(group: Sequence[Word]) -> float:
    return group[-1].end - group[0].start
