"""Hearing: a stream of audio → utterances with text, word times, encoder states and how clear they were.

`load_recogniser` gives a `Recogniser` (speech extra): `hear` finds out what is said, `listen` follows a given
transcript. `detect_speech` only finds where somebody speaks and needs no extra. Audio is 16 kHz mono float32,
in blocks of any size; memory does not grow with its length.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanor.media.vad import RATE, Interval, Samples, snr_db, speech_intervals
from demeanor.media.whisper import STRIDE, Whisper, silero
from demeanor.media.windows import LIMIT, Stream, Window, cut, pack, speech_windows
from demeanor.plugins import require
from demeanor.types import Utterance, Word
from demeanor.weights import find

__all__ = ["Heard", "Recogniser", "detect_speech", "has_speech_extra", "load_recogniser", "snr_db"]

PAUSE = 0.6
"""Seconds of silence that part utterances."""
LONGEST = 12.0
"""Seconds of one utterance, unless a given transcript says otherwise."""

_MARGIN = 0.1  # seconds kept on both sides of an utterance's speech, as in training
_SHORTEST = 0.6  # seconds; a shorter sentence is joined with its neighbour
_WORDLESS = 1.0  # seconds of speech from which it is told although no word was understood
_BATCH = 4  # windows decoded together: the weights are read once for all
_ENDS = ".!?。！？…"
_TITLES = frozenset({"mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "vs.", "e.g.", "i.e."})


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """One utterance as it was heard.

    Attributes:
        utterance: its times, text and words. Where somebody spoke and no word was understood (a cry)
            the text is empty and the probability 0.
        samples: (time,), 16 kHz mono, of [start, end].
        states: (frames, dim) of the encoder at 50 frames per second; None without an encoder or audio.
        snr: level of the speech against the noise around it, in dB, within [-20, 60].
    """

    utterance: Utterance
    samples: Samples = field(repr=False)
    states: NDArray[np.float32] | None = field(repr=False)
    snr: float


class Recogniser:
    """A loaded speech recogniser. May be used from several threads.

    Attributes:
        weights: the name of its weights.
        sha256: of its model file; a voice expert belongs to one.
    """

    def __init__(self, folder: Path, weights: str, sha256: str, threads: int = 0) -> None:
        self._whisper = Whisper(folder, threads)
        self.weights = weights
        self.sha256 = sha256

    def hear(self, blocks: Iterable[Samples], *, language: str | None = None) -> Iterator[Heard]:
        """Recognise speech.

        Args:
            blocks: (time,) each.
            language: a code such as "en"; None finds it out on the first windows of speech.

        Yields:
            Utterances in order of time.

        Raises:
            InputError: the recogniser does not know the language.
        """
        windows = speech_windows(blocks, silero)
        while batch := list(islice(windows, _BATCH)):
            states = [self._whisper.encode(window.samples) for window in batch]
            language = language or self._whisper.language(states)
            decoded = self._whisper.decode(states, [len(w.samples) / RATE for w in batch], language)
            for window, encoded, words in zip(batch, states, decoded, strict=True):
                for utterance in _utterances(window, words, language):
                    yield _heard(window, utterance, encoded)

    def listen(self, blocks: Iterable[Samples], utterances: Sequence[Utterance]) -> Iterator[Heard]:
        """Follow a given transcript: only the encoder runs.

        Args:
            blocks: (time,) each.
            utterances: in any order; they may overlap, and reach beyond the audio.

        Yields:
            The same utterances, by the time they end.
        """
        ordered = sorted(utterances, key=lambda u: (u.end, u.start))
        spoken = pack(_union(ordered), 0, _sample(max((u.end for u in ordered), default=0.0)))
        parts: dict[int, list[Heard]] = {at: [] for at in range(len(ordered))}
        for window in _given_windows(blocks, spoken):
            states = self._whisper.encode(window.samples)
            for at in list(parts):
                within = _within(ordered[at], window)
                if within is not None:
                    parts[at].append(_heard(window, within, states))
                if ordered[at].end <= window.pieces[-1][1] / RATE:
                    yield _whole(ordered[at], parts.pop(at))
        yield from (_whole(ordered[at], heard) for at, heard in parts.items())

    def states(self, samples: Samples) -> NDArray[np.float32]:
        """Encoder states of one piece of audio by itself.

        Args:
            samples: (time,), at most 30 s.

        Returns:
            (frames, dim), 50 frames per second.

        Raises:
            InputError: more than 30 s.
        """
        return self._whisper.encode(samples)[: _frame_after(len(samples))]


def load_recogniser(
    name: str = "whisper-base", path: str | Path | None = None, threads: int = 0, allow_download: bool = False
) -> Recogniser:
    """Find, check and load a recogniser's weights.

    Args:
        name: a key of `demeanor.weights.WEIGHTS`.
        path: the folder of these weights; else the hub cache and the packaged weights are looked at.
        threads: of the processor; 0 takes all.
        allow_download: fetch the weights if they are not on this machine; no network call otherwise.

    Raises:
        MissingExtraError: the speech extra is not installed.
        WeightsError: the weights are missing or not the ones named.
    """
    require("faster_whisper", "speech", "recognising speech")
    found = find(name, path=path, allow_download=allow_download)
    return Recogniser(found.folder, found.name, found.sha256, threads)


def has_speech_extra() -> bool:
    """Whether what a `Recogniser` needs is installed; nothing is imported."""
    return all(importlib.util.find_spec(name) is not None for name in ("faster_whisper", "ctranslate2"))


def detect_speech(blocks: Iterable[Samples]) -> Iterator[Heard]:
    """Where somebody speaks, without a recogniser: texts are empty, states None.

    Args:
        blocks: (time,) each, 16 kHz mono, of any size.
    """
    for window in speech_windows(blocks, speech_intervals):
        for utterance in _wordless(window.speech):
            yield _heard(window, utterance, None)


def _heard(window: Window, utterance: Utterance, states: NDArray[np.float32] | None) -> Heard:
    """The utterance's part of a window; `states` (frames, dim) of the whole window."""
    start, end = (window.position(_sample(t)) for t in (utterance.start, utterance.end))
    samples = window.samples[start:end]
    if states is not None:
        states = states[start // STRIDE : _frame_after(end)].copy()  # a view would hold the whole window
    return Heard(utterance, samples.copy(), states if len(samples) else None, snr_db(samples, window.floor))


def _utterances(window: Window, recognised: Sequence[Word], language: str) -> list[Utterance]:
    """Utterances of a window, in file times: of its words, and of its speech in which there are none."""
    words = [_located(word, window) for word in recognised]
    out = []
    for group in _groups(words, PAUSE):
        text = "".join(w.text for w in group).strip()
        sure = float(np.mean([w.probability for w in group]))
        plain = tuple(replace(w, text=w.text.strip()) for w in group)
        out.append(Utterance(group[0].start, group[-1].end, text, plain, sure, language=language))
    silent = [(a, b) for a, b in window.speech if not any(w.start < b / RATE and w.end > a / RATE for w in words)]
    for utterance in _wordless(silent):
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


def _wordless(speech: Iterable[Interval]) -> list[Utterance]:
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


def _union(utterances: Iterable[Utterance]) -> list[Interval]:
    """Where the utterances lie, as intervals in order that do not overlap."""
    out: list[Interval] = []
    for start, end in sorted((_sample(u.start), _sample(u.end)) for u in utterances):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        elif end > start:
            out.append((start, end))
    return out


def _given_windows(blocks: Iterable[Samples], groups: Iterable[Sequence[Interval]]) -> Iterator[Window]:
    """The window of each group of intervals; ends where the audio does."""
    stream, audio, around = Stream(blocks), np.empty(0, np.float32), 2 * RATE
    for group in groups:
        low, high = group[0][0] - around, group[-1][1] + around
        while stream.taken < high and len(more := stream.take(min(LIMIT, high - stream.taken))):
            audio = np.concatenate([audio[max(0, low - stream.taken + len(more) + len(audio)) :], more])
        window = cut(audio, stream.taken - len(audio), group)
        if not window.pieces:
            return
        yield window


def _within(utterance: Utterance, window: Window) -> Utterance | None:
    """The part of an utterance that a window holds."""
    start = max(utterance.start, window.pieces[0][0] / RATE)
    end = min(utterance.end, window.pieces[-1][1] / RATE)
    return replace(utterance, start=start, end=end) if end > start else None


def _whole(utterance: Utterance, parts: Sequence[Heard]) -> Heard:
    """One utterance out of what windows hold of it; nothing at all if it lies beyond the audio."""
    samples = np.concatenate([np.empty(0, np.float32), *(p.samples for p in parts)])
    states = [p.states for p in parts if p.states is not None]
    snr = float(np.mean([p.snr for p in parts])) if parts else -20.0
    return Heard(utterance, samples, np.concatenate(states) if states else None, snr)


def _sample(seconds: float) -> int:
    return max(0, round(seconds * RATE))


def _frame_after(sample: int) -> int:
    return -(-sample // STRIDE)
