"""The reader: one sample, of whatever parts, in – one `Analysis` out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from demeanor import __version__, bundle
from demeanor.reader.analysis import Analysis
from demeanor.reader.draft import Draft
from demeanor.reader.experts import Experts
from demeanor.reader.film import read_timed
from demeanor.reader.inputs import Parts, chosen_cues, gather
from demeanor.reader.people import people
from demeanor.reader.still import read_image
from demeanor.reader.text import plan, read
from demeanor.reader.timeline import Piece, finished, whole
from demeanor.types import CUES, Source


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
        source: Source | None = None,
        *,
        text: Source | None = None,
        image: Any = None,
        audio: Source | None = None,
        video: Source | None = None,
        transcript: str | Path | None = None,
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
            text: what is written, or, beside sound or film, what is said in it. A string is the text itself.
            image: path, bytes, binary file, array (h, w), (h, w, 3|4), or PIL image.
            audio: path, bytes, binary file, or array (time,) or (time, channels) at 16 kHz; beside a film it
                takes the place of the film's own sound.
            video: path, bytes or binary file.
            transcript: .srt, .vtt, .txt or .json of the sound; speech is not recognised then.
            cues: those wanted, as names or as one comma-separated string; None takes all that the input has.
            language: code such as "en", or "auto".
            id: what to call the sample; None takes the file's name.
            start: seconds of sound and film that are passed over; all times count from here.
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
        return self.read(parts, wanted, id=id, sample=sample, began=began)

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
            self._read_text([parts], cues, [draft])
        return self._finished(parts, cues, draft, id, sample, time.perf_counter() - began)

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
        self._read_text(parts, cues, drafts)
        each = (time.perf_counter() - began) / max(1, len(parts))
        return [
            self._finished(p, cues, draft, name, sample, each)
            for p, draft, name, sample in zip(parts, drafts, ids, samples, strict=True)
        ]

    def _read_text(self, parts: Sequence[Parts], cues: frozenset[str], drafts: Sequence[Draft]) -> None:
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
            draft.warnings += text.warnings

    def _finished(
        self,
        parts: Parts,
        cues: frozenset[str],
        draft: Draft,
        id: str | None,
        sample: Mapping[str, Any] | None,
        seconds: float,
    ) -> Analysis:
        """The draft with its readings."""
        pieces = draft.pieces
        segments = finished(pieces, self.experts)
        evidence = {**whole(pieces, self.experts.average), **draft.whole}
        if len(pieces) == 1 and not parts.is_post and all(pieces[0].evidence.get(c) is e for c, e in evidence.items()):
            overall, readings = segments[0].reading, segments[0].cues
        else:
            overall, readings = self.experts.fuse(evidence, joint=parts.is_post)
        self._tell_why(draft, cues - set(readings))
        return Analysis(
            id=id or (parts.file or parts.kind),
            source=parts.source,
            kind=parts.kind,
            duration=draft.duration,
            language=draft.language,
            overall=overall,
            cues=readings,
            segments=tuple(segments),
            people=tuple(people(segments)),
            missing=tuple(c for c in CUES if c not in readings),
            warnings=tuple(dict.fromkeys(draft.warnings)),
            provenance=self._provenance(draft, seconds),
            sample=sample,
            media=draft.media(),
        )

    def _tell_why(self, draft: Draft, missing: Iterable[str]) -> None:
        """Say of cues that are missing for want of an expert what is wanted."""
        draft.warnings += [self.experts.why[cue] for cue in CUES if cue in missing and cue in self.experts.why]

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
        model: name of a bundle that comes with the package, or a bundle's folder.
        threads: threads of every library; 0 takes all cores.
        offline: False lets weights be downloaded that are not on this machine.

    Raises:
        UnknownNameError: no bundle of that name.
        BundleError: the folder holds no bundle for this version.
    """
    return Reader(Experts(bundle.load(model, threads), threads, offline))


def analyze(
    source: Source | None = None,
    *,
    text: Source | None = None,
    image: Any = None,
    audio: Source | None = None,
    video: Source | None = None,
    transcript: str | Path | None = None,
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
    return _kept(str(model), threads, offline).analyze(
        source, text=text, image=image, audio=audio, video=video, transcript=transcript, cues=cues,
        language=language, id=id, start=start, end=end,
    )  # fmt: skip


@lru_cache(maxsize=2)
def _kept(model: str, threads: int, offline: bool) -> Reader:
    return load(model, threads, offline)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
