"""Hearing: a stream of audio → utterances with text, word times, encoder states and how clear they were.

`load_recogniser` gives a `Recogniser` (speech extra): `hear` finds out what is said, `listen` follows a given
transcript. `detect_speech` only finds where somebody speaks and needs no extra. Audio is 16 kHz mono float32,
in blocks of any size; memory does not grow with its length.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demeanor.media.doubts import Doubts
from demeanor.media.utterances import utterances, wordless
from demeanor.media.vad import RATE, Interval, Samples, snr_db, speech_intervals
from demeanor.media.whisper import STRIDE, Decoded, Whisper, silero
from demeanor.media.windows import LIMIT, Stream, Window, cut, pack, speech_windows
from demeanor.plugins import require
from demeanor.types import Utterance
from demeanor.weights import find

__all__ = ["Heard", "Recogniser", "detect_speech", "has_speech_extra", "load_recogniser", "snr_db"]

_CLEAR, _POSSIBLE = 0.6, 0.1  # probabilities of a language
_NO_TEXT = -2.0  # log-probability that stands for a window without text
_CANDIDATES = 3  # languages tried where none is clear
_LEAST_ROOM = 7  # seconds of the encoder's room for a first hearing
_BATCH = 4  # windows decoded together: the weights are read once for all


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

    @property
    def languages(self) -> list[str]:
        """Codes of the languages it knows."""
        return self._whisper.languages

    def detect(self, samples: Samples) -> list[Interval]:
        """Stretches of speech in audio (time,), as [start, end) in samples."""
        return silero(samples)

    def hear(
        self,
        blocks: Iterable[Samples],
        *,
        language: str | None = None,
        notes: list[str] | None = None,
        early: bool = False,
    ) -> Iterator[Heard]:
        """Recognise speech.

        Args:
            blocks: (time,) each.
            language: a code such as "en"; None finds it out on the first windows of speech.
            notes: what casts doubt on the words is appended here, once the last utterance has come.
            early: give each window's utterances as soon as it is settled, for sound that is still going on; the
                language is then found out on the first window alone.

        Yields:
            Utterances in order of time. Their probability is that of their words, less where the text as a whole is
            less likely than that.

        Raises:
            InputError: the recogniser does not know the language.
        """
        windows = speech_windows(blocks, silero, early)
        given, doubts = language, Doubts()
        while batch := list(islice(windows, 1 if early else _BATCH)):
            states = [self._whisper.encode(window.samples) for window in batch]
            seconds = [len(w.samples) / RATE for w in batch]
            decoded = None
            if language is None:
                language, decoded = self._found_out(states, seconds, doubts)
            elif given is not None and not doubts.asked:
                doubts.compare(given, self._whisper.spoken(states))
            decoded = decoded or self._whisper.decode(states, seconds, language)
            for window, encoded, understood in zip(batch, states, decoded, strict=True):
                understood = doubts.weighed(understood, window)
                for utterance in utterances(window, understood, language):
                    yield _heard(window, utterance, encoded)
        if notes is not None:
            notes += doubts.told()

    def overhear(self, window: Window, language: str | None = None) -> list[Heard]:
        """A first, quick hearing of speech that may be going on still: the encoder is given little room.

        Args:
            window: a few seconds of sound.
            language: a code; None takes the likeliest.

        Returns:
            Utterances in order of time.
        """
        seconds = len(window.samples) / RATE
        room = min(LIMIT, RATE * max(_LEAST_ROOM, ceil(seconds + 1)))
        states = self._whisper.encode(window.samples, room)
        language = language or next(iter(self._whisper.spoken([states])))
        (understood,) = self._whisper.decode([states], [seconds], language, hurried=True)
        return [_heard(window, u, states) for u in utterances(window, understood, language)]

    def _found_out(
        self, states: Sequence[NDArray[np.float32]], seconds: Sequence[float], doubts: Doubts
    ) -> tuple[str, list[Decoded] | None]:
        """The language of the first windows; where it is not clear, that in which they make the likeliest text."""
        chances = self._whisper.spoken(states)
        best = next(iter(chances))
        likely = [code for code, chance in islice(chances.items(), _CANDIDATES) if chance >= _POSSIBLE]
        texts = {}
        if chances[best] < _CLEAR and len(likely) > 1:
            texts = {code: self._whisper.decode(states, seconds, code) for code in likely}
            best = max(likely, key=lambda code: _likelihood(texts[code]))
        doubts.guessed(best, chances)
        return best, texts.get(best)

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

    def states(self, samples: Samples, silence: float | None = None) -> NDArray[np.float32]:
        """Encoder states of one piece of audio by itself.

        Args:
            samples: (time,), at most 30 s.
            silence: seconds of it after the samples; None fills up to 30 s, as the model was trained. Less is many
                times faster for short sound, and gives other numbers: a model of one kind cannot read the other.

        Returns:
            (frames, dim), 50 frames per second.

        Raises:
            InputError: more than 30 s.
        """
        wanted = LIMIT if silence is None else min(LIMIT, len(samples) + int(silence * RATE))
        return self._whisper.encode(samples, max(1, -(-wanted // STRIDE)) * STRIDE)[: _frame_after(len(samples))]


def _likelihood(windows: Sequence[Decoded]) -> float:
    """Mean log-probability of the texts of windows; a window without text counts as the least likely one."""
    return float(np.mean([_NO_TEXT if w.likelihood is None else w.likelihood for w in windows]))


def load_recogniser(
    name: str = "whisper-base",
    path: str | Path | None = None,
    threads: int = 0,
    allow_download: bool = False,
    prefer: str | None = None,
) -> Recogniser:
    """Find, check and load a recogniser's weights.

    Args:
        name: a key of `demeanor.weights.WEIGHTS`.
        path: the folder of these weights; else the hub cache and the packaged weights are looked at.
        threads: of the processor; 0 takes all.
        allow_download: fetch the weights if they are not on this machine; no network call otherwise.
        prefer: sha256 of the edition to take if it is anywhere: the one that a voice expert belongs to.

    Raises:
        MissingExtraError: the speech extra is not installed.
        WeightsError: the weights are missing or not the ones named.
    """
    require("faster_whisper", "speech", "recognising speech")
    found = find(name, path=path, prefer=prefer, allow_download=allow_download)
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
        yield from voiced(window)


def voiced(window: Window) -> list[Heard]:
    """The utterances of a window without a recogniser: where somebody speaks in it."""
    return [_heard(window, utterance, None) for utterance in wordless(window.speech)]


def _heard(window: Window, utterance: Utterance, states: NDArray[np.float32] | None) -> Heard:
    """The utterance's part of a window; `states` (frames, dim) of the whole window."""
    start, end = (window.position(_sample(t)) for t in (utterance.start, utterance.end))
    samples = window.samples[start:end]
    if states is not None:
        states = states[start // STRIDE : _frame_after(end)].copy()  # a view would hold the whole window
    return Heard(utterance, samples.copy(), states if len(samples) else None, snr_db(samples, window.floor))


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
