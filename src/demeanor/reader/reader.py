"""The reader: one sample, of whatever parts, in – one `Analysis` out."""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demeanor import __version__, bundle
from demeanor.bundle import FUSED
from demeanor.errors import ConfigError
from demeanor.media.waveform import SoundPair
from demeanor.reader.analysis import Analysis
from demeanor.reader.draft import Draft
from demeanor.reader.experts import Experts
from demeanor.reader.film import read_timed
from demeanor.reader.hold import hold
from demeanor.reader.inputs import NEEDS, Parts, chosen_cues, gather, language_of
from demeanor.reader.people import people
from demeanor.reader.still import read_image
from demeanor.reader.text import plan, read
from demeanor.reader.timeline import Piece, finished, whole
from demeanor.types import CUES, Source

if TYPE_CHECKING:
    from demeanor.reader.events import Event
    from demeanor.reader.streaming import Stream


class Reader:
    """Reads samples with one bundle. Load once, call many times; may be used from several threads.

    Args:
        experts: of an opened bundle.
    """

    def __init__(self, experts: Experts) -> None:
        self.experts = experts
        if experts.threads > 0:
            import cv2

            cv2.setNumThreads(experts.threads)

    def analyze(
        self,
        source: Source | SoundPair | None = None,
        *,
        text: Source | None = None,
        image: Any = None,
        audio: Source | SoundPair | None = None,
        video: Source | None = None,
        transcript: Source | None = None,
        cues: str | Iterable[str] | None = None,
        language: str | None = "auto",
        id: str | None = None,
        start: float | None = None,
        end: float | None = None,
        sample: Mapping[str, Any] | None = None,
    ) -> Analysis:
        """Read one sample; its parts belong together (a post, a clip and its transcript).

        Args:
            source: path, bytes, binary file, array, PIL image, or a sentence: what it is is found out.
            text: what is written, or, beside sound or film, what is said in it. A string is the text itself; a path,
                bytes or a file are read.
            image: path, bytes, binary file, array (h, w), (h, w, 3|4), or PIL image.
            audio: path, bytes, binary file, a pair (array, rate) or (rate, array), or an array alone, which is at
                16 kHz. Arrays are (time,), (time, channels) or (channels, time), floats in [-1, 1] or integers.
                Beside a film it takes the place of the film's own sound.
            video: path, bytes or binary file.
            transcript: of the sound, .srt, .vtt, .txt or .json, as path, bytes or file; speech is not recognised then.
            cues: those wanted, as names or as one comma-separated string; None takes all that the input has.
            language: code such as "en", or "auto".
            id: what to call the sample; None takes the file's name.
            start: seconds of sound and film that are passed over; all times count from here. It and `end` stand in the
                analysis' `sample`, so that what is said of its segments lies right in the file.
            end: seconds from which on nothing is read.
            sample: passed through to the analysis.

        Raises:
            InputError: the input cannot be read at all.
            UnknownNameError: no such cue.
            ConfigError: options that are wrong or do not go together.
        """
        began = time.perf_counter()
        wanted = chosen_cues(cues)
        parts = gather(
            source, text=text, image=image, audio=audio, video=video, transcript=transcript,
            language=language, start=start, end=end,
        )  # fmt: skip
        stretch = {name: float(value) for name, value in (("start", start), ("end", end)) if value is not None}
        if stretch and not parts.timed:
            raise ConfigError(f"expected sound or film beside {' and '.join(stretch)}, got none; leave it out")
        return self.read(parts, wanted, id=id, sample={**stretch, **(sample or {})} or sample, began=began)

    def read(
        self,
        parts: Parts,
        cues: frozenset[str],
        *,
        id: str | None = None,
        sample: Mapping[str, Any] | None = None,
        began: float | None = None,
    ) -> Analysis:
        """As `analyze`, of parts that are gathered already."""
        began = time.perf_counter() if began is None else began
        draft = Draft(warnings=list(parts.warnings), language=parts.language)
        if parts.timed:
            read_timed(parts, self.experts, cues, draft)
        if parts.image is not None and cues & {"face", "scene"}:
            read_image(parts, self.experts, cues, draft)
        if parts.text is not None and not draft.said:
            self.read_text([parts], cues, [draft])
        return self.finished(parts, cues, draft, id, sample, time.perf_counter() - began)

    def stream(
        self,
        *,
        cues: str | Iterable[str] | None = None,
        language: str | None = "auto",
        id: str | None = None,
        fps: float = 3.0,
        callback: Callable[[Event], None] | None = None,
    ) -> Stream:
        """Read sound, pictures and text while they come; see `demeanor.reader.streaming`.

        Args:
            cues: those wanted, as names or as one comma-separated string; None takes all that come.
            language: code such as "en", or "auto".
            id: what to call the sample.
            fps: pictures per second that are looked at, at most.
            callback: is given each event as it comes, from a thread of the stream's own; without one they are taken
                by `Stream.events` or `Stream.poll`.

        Raises:
            UnknownNameError: no such cue.
            ConfigError: options that are wrong.
        """
        from demeanor.reader.streaming import Stream

        return Stream(self, chosen_cues(cues), language_of(language), id, fps, callback)

    def read_texts(
        self,
        parts: Sequence[Parts],
        cues: frozenset[str],
        ids: Sequence[str],
        samples: Sequence[Mapping[str, Any] | None],
    ) -> list[Analysis]:
        """Many samples that are text alone, read together."""
        began = time.perf_counter()
        drafts = [Draft(warnings=list(p.warnings), language=p.language) for p in parts]
        self.read_text(parts, cues, drafts)
        each = (time.perf_counter() - began) / max(1, len(parts))
        return [
            self.finished(p, cues, draft, name, sample, each)
            for p, draft, name, sample in zip(parts, drafts, ids, samples, strict=True)
        ]

    def read_text(self, parts: Sequence[Parts], cues: frozenset[str], drafts: Sequence[Draft]) -> None:
        """Sentences as pieces of the drafts, and what the words say as a whole."""
        words = self.experts.words if "words" in cues else None
        if words is None:
            for draft in drafts:
                self._tell_why(draft, cues & {"words"})
            return
        plans = [plan(p.text or "", self.experts.window, p.language) for p in parts]
        for draft, text, found in zip(drafts, plans, read(plans, words, self.experts.average), strict=True):
            pieces = [
                Piece(chars=span, text=text.text[span[0] : span[1]], evidence={"words": evidence})
                for span, evidence in zip(text.segments, found.segments, strict=True)
            ]
            draft.pieces[:0] = pieces
            draft.whole["words"] = found.whole
            draft.language = draft.language or text.language
            draft.warnings += [*text.warnings, *found.notes]

    def finished(
        self,
        parts: Parts,
        cues: frozenset[str],
        draft: Draft,
        id: str | None,
        sample: Mapping[str, Any] | None,
        seconds: float,
    ) -> Analysis:
        """A draft, whose pieces lie in order, with its readings."""
        pieces = draft.pieces
        alone = len(pieces) == 1
        segments = finished(pieces, self.experts, joint=parts.is_still and alone)
        evidence = {**whole(pieces, self.experts.average), **draft.whole}
        if alone and all(pieces[0].evidence.get(c) is e for c, e in evidence.items()):
            overall, readings = segments[0].reading, segments[0].cues
        else:
            overall, readings = self.experts.fuse(evidence, joint=parts.is_still)
        self._tell_why(draft, cues - set(readings))
        lacking = self._asked_in_vain(parts, cues, draft, readings)
        return Analysis(
            id=id or (parts.file or parts.kind),
            source=parts.source,
            kind=parts.kind,
            duration=draft.duration,
            language=draft.language,
            overall=overall,
            cues=readings,
            segments=tuple(segments),
            people=people(segments),
            missing=tuple(c for c in CUES if c not in readings),
            warnings=tuple(dict.fromkeys(draft.warnings)),
            provenance=self._provenance(draft, seconds),
            sample=sample,
            media=draft.media(),
            lacking=lacking,
            hold=hold(self.experts, parts, draft, evidence),
        )

    def _tell_why(self, draft: Draft, missing: Iterable[str]) -> None:
        """Say of cues that are missing for want of an expert what is wanted."""
        draft.warnings += [self.experts.why[cue] for cue in CUES if cue in missing and cue in self.experts.why]

    def _asked_in_vain(self, parts: Parts, cues: frozenset[str], draft: Draft, found: Iterable[str]) -> tuple[str, ...]:
        """Cues asked for by name that this sample cannot have, or that nothing here can read; each with a warning."""
        if cues == frozenset(CUES):
            return ()
        kind = "sample" if parts.kind == "mixed" else parts.kind
        lacking = {c: f"needs {NEEDS[c]}, and there is none in this {kind}" for c in parts.lacking | draft.lacking}
        for cue in cues - set(found) - set(lacking):
            unheard = cue == "words" and parts.timed and not draft.said and "speech" in self.experts.why
            why = self.experts.why.get("speech" if unheard else cue)
            lacking |= {cue: f"cannot be read here: {why}"} if why else {}
        draft.warnings += [f"{c} was asked for, but {lacking[c]}" for c in CUES if c in cues and c in lacking]
        return tuple(c for c in CUES if c in cues and c in lacking)

    def _provenance(self, draft: Draft, seconds: float) -> dict[str, Any]:
        threads = self.experts.threads or _cores()
        told: dict[str, Any] = {
            "version": __version__,
            "bundle": self.experts.bundle.name,
            "speech": draft.speech,
        }
        if draft.voice:
            told["voice"] = draft.voice
        return {**told, "threads": threads, "seconds": round(seconds, 3)}


def load(model: str | Path = "base", threads: int = 0, offline: bool = True) -> Reader:
    """A reader, to be called many times; each expert is loaded when first needed.

    Args:
        model: name of a bundle that comes with the package, or a bundle's folder; a `Path` is a folder always.
        threads: threads of every library; 0 takes all cores.
        offline: False lets weights be downloaded that are not on this machine.

    Raises:
        ConfigError: a number of threads that is none.
        UnknownNameError: no bundle of that name.
        BundleError: the folder holds no bundle for this version.
    """
    threads = _whole(threads)
    opened = bundle.load(model, threads)
    if opened.spec.get("kind") == FUSED:
        from demeanor.reader.joint import JointModel
        from demeanor.reader.joint_reader import JointReader

        return JointReader(JointModel(opened), threads, offline)
    return Reader(Experts(opened, threads, offline))


def analyze(
    source: Source | SoundPair | None = None,
    *,
    text: Source | None = None,
    image: Any = None,
    audio: Source | SoundPair | None = None,
    video: Source | None = None,
    transcript: Source | None = None,
    cues: str | Iterable[str] | None = None,
    language: str | None = "auto",
    model: str | Path = "base",
    threads: int = 0,
    offline: bool = True,
    id: str | None = None,
    start: float | None = None,
    end: float | None = None,
) -> Analysis:
    """Read one sample: `load(model, threads, offline).analyze(…)`, with the last readers kept loaded.

    See `Reader.analyze` and `load` for the arguments and errors.
    """
    return _kept(model, _whole(threads), offline).analyze(
        source, text=text, image=image, audio=audio, video=video, transcript=transcript, cues=cues,
        language=language, id=id, start=start, end=end,
    )  # fmt: skip


@lru_cache(maxsize=2)
def _kept(model: str | Path, threads: int, offline: bool) -> Reader:
    return load(model, threads, offline)


def _whole(threads: Any) -> int:
    try:
        if (count := operator.index(threads)) >= 0:
            return count
    except TypeError:
        pass
    raise ConfigError(f"threads: expected a whole number from 0 on, got {threads!r:.60}; 0 takes all cores")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
