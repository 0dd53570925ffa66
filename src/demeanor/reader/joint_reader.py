"""The reader of bundles that fuse features: the whole sample as the model was trained on it, its segments likewise.

The whole is what a training sample was: all of the text, sound and pictures at once, so that the numbers are those of
the lab. Segments are the same media between their times. A recording far longer than any training sample is not what
the model knows: there the whole is the mean of its segments, and a warning says so.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from demeanor.bundle import Bundle
from demeanor.errors import ConfigError, DemeanorError, InputError
from demeanor.media.language import detect_language
from demeanor.media.sentences import split_sentences
from demeanor.media.speech import Recogniser
from demeanor.reader.analysis import Analysis
from demeanor.reader.draft import Draft
from demeanor.reader.experts import Experts, reason
from demeanor.reader.film import read_timed
from demeanor.reader.hold import JointHold
from demeanor.reader.inputs import NEEDS, Parts
from demeanor.reader.joint import Encoded, Features, JointModel, Present, subsets
from demeanor.reader.people import people
from demeanor.reader.reader import Reader
from demeanor.reader.said import Said, averaged, reading, said_of, shares
from demeanor.reader.still import show_image
from demeanor.reader.timeline import Piece
from demeanor.types import CUES, Reading, Sample, Segment, Utterance

Whole = tuple[Reading, dict[str, Reading]]
Sets = Mapping[Present, Said]
"""What is said per set of modalities present; the whole one and every smaller one."""

_NOTHING: Whole = (Reading(None, None, None, None, "pooled", abstain=True), {})


class Surroundings(Experts):
    """What lays out a timeline – speech, stretches of time, stills – without experts of its own.

    Args:
        bundle: an opened bundle.
        threads: of each library; 0 takes all cores.
        offline: False allows weights to be downloaded.
        listens: whether speech is to be recognised; else it is only found.
    """

    words = voice = face = scene = finder = None

    def __init__(self, bundle: Bundle, threads: int, offline: bool, listens: bool) -> None:
        super().__init__(bundle, threads, offline)
        self._listens = listens

    @property
    def recogniser(self) -> Recogniser | None:
        """The speech recogniser, where the model reads words."""
        return super().recogniser if self._listens else None


class JointReader(Reader):
    """Reads samples with a model that fuses features. Load once, call many times.

    Args:
        model: opened from its bundle.
        threads: of each library; 0 takes all cores.
        offline: False allows weights to be downloaded.
    """

    def __init__(self, model: JointModel, threads: int = 0, offline: bool = True) -> None:
        self.model = model
        self.cues = {m: part.cue for m, part in model.parts.items()}
        self._text = [m for m in model.parts if model.encoders[m].modality == "text"]
        self._sound = [m for m in model.parts if model.encoders[m].modality == "audio"]
        self._pictures = [m for m in model.parts if model.encoders[m].modality == "visual"]
        super().__init__(Surroundings(model.bundle, threads, offline, bool(self._text)))

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
        wanted = [m for m, cue in self.cues.items() if cue in cues or cues == frozenset(CUES)]
        self._lay_out(parts, draft, wanted)
        faults: list[DemeanorError] = []
        source = self.sample_of(parts, draft)
        features = self.model.encode(source, wanted, faults)
        if faults and not features and not any(p.text for p in draft.pieces):
            raise faults[0] if isinstance(faults[0], InputError) else InputError(reason(faults[0]))
        whole, pieces = self._read(parts, draft, wanted, features)
        overall = self._reading(whole)
        readings = [overall if said is whole else self._reading(said) for said in pieces]
        segments = [_segment(p, r) for p, r in zip(draft.pieces, readings, strict=True)]
        draft.warnings += [reason(e) for e in faults]
        lacking = self._unanswered(parts, cues, draft)
        return Analysis(
            id=id or (parts.file or parts.kind),
            source=parts.source,
            kind=parts.kind,
            duration=draft.duration,
            language=draft.language,
            overall=overall[0],
            cues=overall[1],
            segments=tuple(segments),
            people=people(segments),
            missing=tuple(c for c in dict.fromkeys((*CUES, *self.cues.values())) if c not in overall[1]),
            warnings=tuple(dict.fromkeys(draft.warnings)),
            provenance=self._provenance(draft, time.perf_counter() - began),
            sample=sample,
            media=draft.media(),
            lacking=lacking,
            hold=JointHold(self.model, self.cues, source, draft.pieces, features, whole),
        )

    def read_texts(
        self,
        parts: Sequence[Parts],
        cues: frozenset[str],
        ids: Sequence[str],
        samples: Sequence[Mapping[str, Any] | None],
    ) -> list[Analysis]:
        """Many samples that are text alone."""
        return [self.read(p, cues, id=i, sample=s) for p, i, s in zip(parts, ids, samples, strict=True)]

    def stream(self, **options: Any) -> NoReturn:
        """Not for such bundles: what their model knows is whole samples.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"the bundle {self.model.bundle.name} fuses features of whole samples, and a stream has none yet: expected "
            "a bundle of experts, such as base; or cut the stream yourself and analyze each piece"
        )

    def sample_of(self, parts: Parts, draft: Draft | None = None) -> Sample:
        """The whole as the model was trained on it; the text is the one given, else what was heard in the draft."""
        text = parts.text
        if text is None and parts.timed:
            said = [p.text for p in draft.pieces if p.text] if draft else _texts(parts)
            text = " ".join(said) or None
        audio: Any = parts.audio  # encoders take a `Waveform` too
        return Sample(
            parts.file or parts.kind, text, parts.image, audio, parts.video, parts.start or None, parts.end,
            language=parts.language,
        )  # fmt: skip

    def _lay_out(self, parts: Parts, draft: Draft, wanted: Sequence[str]) -> None:
        """The pieces, without readings: utterances and stretches of time, sentences, the picture."""
        if parts.timed:
            watched = {"voice"} if set(self._sound) & set(wanted) else set()
            watched |= {"words"} if set(self._text) & set(wanted) else set()
            watched |= {"face"} if set(self._pictures) & set(wanted) else set()
            read_timed(parts, self.experts, frozenset(watched), draft)
        if parts.image is not None and not parts.timed:
            show_image(parts, draft)
            draft.pieces.append(Piece())
        if parts.text is not None and not draft.said:
            spans = split_sentences(parts.text)
            draft.pieces[:0] = [Piece(chars=(a, b), text=parts.text[a:b]) for a, b in spans]
            code = draft.language or detect_language(parts.text)
            draft.language = None if code == "und" else code

    def _read(self, parts: Parts, draft: Draft, wanted: Sequence[str], features: Encoded) -> tuple[Sets, list[Sets]]:
        """What is said of the whole and of each piece; a single piece is the whole."""
        if len(draft.pieces) == 1:
            whole = self._said(self.model.among([features], [parts.start])[0])
            return whole, [whole]
        pieces = [self._said(f) for f in self._pieces(parts, draft, wanted)]
        if pieces and self.model.too_long(features, draft.duration):
            draft.warnings.append(
                "far longer than anything the model was trained on: the reading of the whole is the mean of its "
                "segments"
            )
            return self._mean(pieces, [p.length for p in draft.pieces]), pieces
        return self._said(self.model.among([features], [parts.start])[0]), pieces

    def _pieces(self, parts: Parts, draft: Draft, wanted: Sequence[str]) -> list[Features]:
        """Features of every piece; where somebody speaks, the pauses in between have no voice."""
        speech = any(p.spoken for p in draft.pieces)
        found: list[Features] = []
        for number, piece in enumerate(draft.pieces):
            heard = [m for m in wanted if m not in self._sound or piece.spoken or not speech]
            # What cannot be read of the whole was told there; of a piece it is just not there.
            found.append(self.model.encode(_sample_of(parts, piece, number), heard, []))
        return self.model.among(found, [p.start for p in draft.pieces])

    def _said(self, features: Features) -> Sets:
        """What the model says of every set of the modalities present."""
        present = tuple(m for m in self.model.parts if m in features)
        sets = subsets(present)
        numbers = self.model.numbers(features, sets) if sets else []
        return {s: said_of(self.model.spec, n, s) for s, n in zip(sets, numbers, strict=True)}

    def _mean(self, pieces: Sequence[Sets], lengths: Sequence[float]) -> Sets:
        """The mean over pieces per set of modalities, each piece with what it has of them."""
        seen = {m for piece in pieces for chosen in piece for m in chosen}
        out = {}
        for chosen in subsets(tuple(m for m in self.model.parts if m in seen)):
            own = [tuple(m for m in chosen if (m,) in piece) for piece in pieces]
            having = [at for at, has in enumerate(own) if has]
            out[chosen] = averaged([pieces[at][own[at]] for at in having], [lengths[at] for at in having])
        return out

    def _reading(self, said: Sets) -> Whole:
        """The reading of all modalities together and of each alone."""
        if not said:
            return _NOTHING
        whole, spec = max(said, key=len), self.model.spec
        cues = {m: self.cues[m] for m in whole}
        weights, parts = shares(spec, cues, said)
        return reading(spec, said[whole]), {c: reading(spec, said[m,], weights[c], parts[c]) for m, c in cues.items()}

    def _unanswered(self, parts: Parts, cues: frozenset[str], draft: Draft) -> tuple[str, ...]:
        """Cues asked for by name that the model does not read, or such a sample cannot have; each with a warning."""
        if cues == frozenset(CUES):
            return ()
        unread = [c for c in CUES if c in cues and c not in self.cues.values()]
        lacking = [c for c in CUES if c in cues and c not in unread and c in parts.lacking | draft.lacking]
        kind = "sample" if parts.kind == "mixed" else parts.kind
        own = ", ".join(self.cues.values())
        draft.warnings += [
            f"{c} was asked for, but the bundle {self.model.bundle.name} reads only {own}" for c in unread
        ]
        draft.warnings += [
            f"{c} was asked for, but needs {NEEDS[c]}, and there is none in this {kind}" for c in lacking
        ]
        return (*unread, *lacking)


def _texts(parts: Parts) -> list[str]:
    """What a given transcript says."""
    return [(t.text if isinstance(t, Utterance) else t).strip() for t in parts.transcript or ()]


def _sample_of(parts: Parts, piece: Piece, number: int) -> Sample:
    """A piece as a sample of its own."""
    name = f"segment {number + 1}"
    if piece.start is not None and piece.end is not None:
        start, end = parts.start + piece.start, parts.start + piece.end
        audio: Any = parts.audio
        return Sample(name, piece.text, None, audio, parts.video, start, end, language=parts.language)
    if piece.chars is not None:
        return Sample(name, piece.text, language=parts.language)
    return Sample(name, None, parts.image)


def _segment(piece: Piece, found: Whole) -> Segment:
    return Segment(
        piece.start, piece.end, piece.chars, piece.text, found[0], found[1], piece.words, piece.speaker, ()
    )  # fmt: skip
