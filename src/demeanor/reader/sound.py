"""The sound of a sample: what is said, when, by which channel's speaker, and how the voice says it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from demeanor.media.audio import AudioReader, open_audio
from demeanor.media.language_codes import language_names
from demeanor.media.speech import Heard, detect_speech
from demeanor.media.transcript import spread
from demeanor.media.vad import RATE, Samples, noise_floor, snr_db
from demeanor.media.waveform import Waveform
from demeanor.media.windows import LIMIT, Stream
from demeanor.reader.channels import carry_two_people
from demeanor.reader.experts import Experts
from demeanor.reader.progress import tell
from demeanor.types import Evidence, Source, Utterance

_BATCH = 16  # utterances whose sound is held at once
_STEP = RATE // 20  # samples per step of the waveform
_PASSING = 0.3  # of the progress, for sound that has passed; the rest is for what was heard of it
_AROUND = 2 * RATE  # samples before and after an utterance from which its noise is measured

Span = tuple[float, float]
Given = Sequence[Utterance] | Sequence[str] | None
"""A transcript: utterances with times, sentences without, or none."""


@dataclass(slots=True)
class Sound:
    """What was heard.

    Attributes:
        utterances: in order of time.
        voices: what the voice says, by index of the utterance.
        seconds: length of the sound.
        language: as recognised, None if no speech was.
        peaks: waveform, min and max per step, (steps, 2).
        speech: where the text comes from, for the provenance.
        warnings: what was damaged or could not be done.
    """

    utterances: list[Utterance] = field(default_factory=list)
    voices: dict[int, Evidence] = field(default_factory=dict)
    seconds: float = 0.0
    language: str | None = None
    peaks: NDArray[np.float32] | None = None
    speech: str | None = None
    warnings: list[str] = field(default_factory=list)


def hear(
    source: Source | Waveform,
    experts: Experts,
    cues: frozenset[str],
    *,
    language: str | None = None,
    given: Given = None,
    start: float = 0.0,
    end: float | None = None,
) -> Sound:
    """Listen to a source once (twice where a given text has to be laid out, or channels part the speakers).

    Args:
        source: sound or film.
        experts: where one is missing its cue is.
        cues: names of those wanted.
        language: of the speech; None finds it out.
        given: a transcript.
        start: seconds before this are passed over; times count from here.
        end: seconds from this on too.

    Raises:
        InputError: no sound in it.
        DecodeError: nothing could be decoded.
    """
    reader = open_audio(source)
    length = None if reader.duration is None else min(reader.duration, end or np.inf) - start
    if given is None and reader.channels == 2 and carry_two_people(cut(reader.blocks(), start, end)):
        ear = Ear(experts, cues, language, length=length and 2 * length)
        for channel in (0, 1):
            blocks = cut((block[channel] for block in reader.blocks()), start, end)
            ear.listen(blocks, speaker=f"S{channel + 1}")
    else:
        ear = Ear(experts, cues, language, length=length)
        ear.listen(cut(reader.mono(), start, end), _laid_out(given, reader, start, end))
    return ear.closed(given is not None, reader.warnings)


def _laid_out(given: Given, reader: AudioReader, start: float, end: float | None) -> Sequence[Utterance] | None:
    """A given transcript with times: sentences without are spread over the speech, or over everything."""
    if not given or isinstance(given[0], Utterance):
        return given  # type: ignore[return-value]
    tap = _Tap(cut(reader.mono(), start, end))
    speech = [(h.utterance.start, h.utterance.end) for h in detect_speech(tap)]
    return over([str(text) for text in given], speech or [(0.0, tap.seconds)])


class Ear:
    """Listens to one source, all of it or channel by channel, and keeps little of it.

    Args:
        experts: where one is missing its cue is.
        cues: names of those wanted.
        language: of the speech; None finds it out.
        told: is given each utterance, with what its voice says, as soon as it is heard. The sound may then be one that
            goes on: each window is heard as soon as it is settled.
        length: seconds of all channels together, where known: whoever watches is told how far the ear is.
    """

    def __init__(
        self,
        experts: Experts,
        cues: frozenset[str],
        language: str | None,
        told: Callable[[Utterance, Evidence | None], None] | None = None,
        length: float | None = None,
    ) -> None:
        self._length, self._until = length, 0.0
        self._experts, self._language, self._told = experts, language, told
        self._wants_words = "words" in cues
        self._voice = experts.voice if "voice" in cues else None
        self._heard: list[tuple[Utterance, Evidence | None]] = []
        self._taps: list[_Tap] = []
        self._notes: list[str] = []

    def listen(
        self, blocks: Iterable[Samples], given: Sequence[Utterance] | None = None, speaker: str | None = None
    ) -> None:
        """Hear one channel, or all as one.

        Args:
            blocks: (time,) each, 16 kHz.
            given: a transcript with times.
            speaker: whose channel it is.
        """
        tap = _Tap(blocks)
        self._taps.append(tap)
        self._until = 0.0
        if given is not None and self._voice is None:
            self._heard += [(u, None) for u in given]
        else:
            heard = self._followed(self._utterances(self._passing(tap), given))
            while batch := list(islice(heard, 1 if self._told else _BATCH)):
                self._take(batch, speaker)
        for _ in tap:  # to the end, for its length
            pass
        self._until = tap.seconds
        self._tell()

    def closed(self, transcribed: bool, warnings: Sequence[str] = ()) -> Sound:
        """All that was heard, with the warnings of where it came from."""
        ordered = sorted(self._heard, key=lambda h: (h[0].start, h[0].end))
        utterances = [u for u, _ in ordered]
        sound = Sound(utterances, {at: voice for at, (_, voice) in enumerate(ordered) if voice is not None})
        sound.seconds = max(tap.seconds for tap in self._taps)
        sound.language = next((u.language for u in utterances if u.language), None)
        sound.peaks = _joined([tap.peaks for tap in self._taps])
        sound.warnings = list(dict.fromkeys([*warnings, *self._notes]))
        recogniser = None if transcribed else self._experts.recogniser
        if transcribed:
            sound.speech = "given transcript"
        elif recogniser is not None:
            sound.speech = f"{recogniser.weights} sha256 {recogniser.sha256[:12]}"
        elif self._wants_words:
            sound.warnings.append(self._experts.why.get("speech", "speech was not recognised"))
        if not utterances:
            sound.warnings.append("no speech found in the sound")
        return sound

    def _passing(self, tap: _Tap) -> Iterator[Samples]:
        """Blocks, with a word to whoever watches after each."""
        for block in tap:
            yield block
            self._tell()

    def _followed(self, heard: Iterator[Heard]) -> Iterator[Heard]:
        """Utterances, with a word to whoever watches after each."""
        for one in heard:
            self._until = max(self._until, one.utterance.end)
            self._tell()
            yield one

    def _tell(self) -> None:
        """How far this is: that sound has passed counts little, that its speech is heard counts most."""
        before = sum(tap.seconds for tap in self._taps[:-1])
        passed = before + self._taps[-1].seconds
        tell("sound", _PASSING * passed + (1 - _PASSING) * min(passed, before + self._until), self._length)

    def _utterances(self, blocks: Iterable[Samples], given: Sequence[Utterance] | None) -> Iterator[Heard]:
        recogniser = self._experts.recogniser
        if given is not None:
            return follow(blocks, given) if recogniser is None else recogniser.listen(blocks, given)
        if recogniser is None:
            return detect_speech(blocks)
        if self._language and self._language not in recogniser.languages:
            name = language_names()[self._language]
            self._notes.append(f"the recogniser does not know {name}; which language it hears was found out instead")
            self._language = None
        return recogniser.hear(blocks, language=self._language, notes=self._notes, early=self._told is not None)

    def _take(self, batch: list[Heard], speaker: str | None) -> None:
        """Keep of each utterance what its voice says; its sound is let go."""
        sounding = [at for at, h in enumerate(batch) if len(h.samples)]
        found = self._voice.read([batch[at] for at in sounding]) if self._voice is not None and sounding else []
        voices = {at: replace(e, embedding=None) for at, e in zip(sounding, found, strict=False)}
        for at, heard in enumerate(batch):
            utterance = heard.utterance if speaker is None else replace(heard.utterance, speaker=speaker)
            self._heard.append((utterance, voices.get(at)))
            if self._told is not None:
                self._told(*self._heard[-1])


def filled(peaks: NDArray[np.float32] | None, duration: float | None) -> NDArray[np.float32] | None:
    """A waveform with silence to the end of a film that goes on after its sound."""
    if peaks is None or duration is None:
        return peaks
    lacking = round(duration * RATE / _STEP) - len(peaks)
    return np.concatenate([peaks, np.zeros((max(0, lacking), 2), np.float32)])


class _Tap:
    """Blocks that are counted, and drawn as a waveform, while they pass."""

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self._blocks = iter(blocks)
        self._samples = 0
        self._peaks: list[NDArray[np.float32]] = []

    def __iter__(self) -> Iterator[Samples]:
        return self

    def __next__(self) -> Samples:
        block = next(self._blocks)
        self._samples += len(block)
        steps = np.arange(0, len(block), _STEP)
        if len(steps):
            self._peaks.append(np.stack([np.minimum.reduceat(block, steps), np.maximum.reduceat(block, steps)], axis=1))
        return block

    @property
    def seconds(self) -> float:
        """Length of what has passed."""
        return self._samples / RATE

    @property
    def peaks(self) -> NDArray[np.float32]:
        """Min and max per twentieth of a second, (steps, 2)."""
        return np.concatenate(self._peaks) if self._peaks else np.zeros((0, 2), np.float32)


def over(texts: Sequence[str], speech: Sequence[Span]) -> list[Utterance]:
    """Texts one after another over stretches of speech, each as long as it takes to say."""
    edges = np.concatenate([[0.0], np.cumsum([b - a for a, b in speech])])
    laid = spread(texts, 0.0, float(edges[-1]))

    def place(time: float, at: int) -> float:
        at = min(max(at, 0), len(speech) - 1)
        return min(speech[at][0] + time - float(edges[at]), speech[at][1])

    starts = [place(u.start, bisect_right(edges, u.start + 1e-9) - 1) for u in laid]
    ends = [place(u.end, bisect_left(edges, u.end - 1e-9) - 1) for u in laid]
    return [replace(u, start=a, end=max(a, b)) for u, a, b in zip(laid, starts, ends, strict=True)]


def follow(blocks: Iterable[Samples], utterances: Sequence[Utterance]) -> Iterator[Heard]:
    """The sound of given utterances without a recogniser: states are None; of one over 60 s, the last 60 s.

    Args:
        blocks: (time,) each, 16 kHz mono.
        utterances: in any order.
    """
    stream, kept = Stream(blocks), np.empty(0, np.float32)
    for utterance in sorted(utterances, key=lambda u: (u.end, u.start)):
        low, high = round(utterance.start * RATE), round(utterance.end * RATE)
        while stream.taken < high + _AROUND and len(more := stream.take(min(LIMIT, high + _AROUND - stream.taken))):
            kept = np.concatenate([kept[-2 * LIMIT :], more])
        origin = stream.taken - len(kept)
        first, last = max(0, low - origin), max(0, high - origin)
        around = kept[max(0, first - _AROUND) : last + _AROUND]
        offset = max(0, first - _AROUND)
        samples = kept[first:last].copy()
        floor = noise_floor(around, [(first - offset, last - offset)])
        yield Heard(utterance, samples, None, snr_db(samples, floor))


def cut(blocks: Iterable[Samples], start: float, end: float | None) -> Iterator[Samples]:
    """Blocks (…, time) from `start` to `end` (seconds)."""
    first, last, at = round(start * RATE), None if end is None else round(end * RATE), 0
    for block in blocks:
        length = block.shape[-1]
        low, high = max(0, first - at), length if last is None else min(length, last - at)
        at += length
        if high > low:
            yield block[..., low:high]
        if last is not None and at >= last:
            return


def _joined(peaks: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """One waveform over those of the channels."""
    if len(peaks) == 1:
        return peaks[0]
    length = min(len(p) for p in peaks)
    both = np.stack([p[:length] for p in peaks])
    return np.stack([both[..., 0].min(axis=0), both[..., 1].max(axis=0)], axis=1)
