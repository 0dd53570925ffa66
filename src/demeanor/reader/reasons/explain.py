"""An analysis → its explanation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from demeanor import __version__
from demeanor.errors import DemeanorError
from demeanor.explain import said as tell
from demeanor.explain.counterfactual import Flip, flip
from demeanor.explain.explanation import (
    Counterfactual,
    CueShare,
    Explanation,
    FrameShare,
    Heat,
    Outcome,
    Parts,
    SegmentReasons,
    Sentence,
    WordShare,
)
from demeanor.explain.game import Game, without_each
from demeanor.explain.shapley import shares
from demeanor.reader.experts import reason
from demeanor.reader.hold import JointHold
from demeanor.reader.progress import tell as tell_progress
from demeanor.reader.reasons import joint, joint_media, pictures, stored, voice, whole
from demeanor.reader.reasons.words import explain_words, outcomes
from demeanor.types import KeyFrame, Segment

if TYPE_CHECKING:
    from demeanor.reader.analysis import Analysis

_SEGMENTS = 64
"""Segments up to which each is left out in turn."""

_SHARED = 64  # readings for the shares of the segments: exact for six
_ONE, _LEAST = 256, 64  # readings of one sentence at most, and at least
_STEPS = ("whole", "words", "voice", "pictures")


def explain(analysis: Analysis, *, segments: int = 8, budget: int = 1024, seed: int = 0) -> Explanation:
    """Why an analysis says what it says; see `Analysis.explain`."""
    return _Reasons(analysis, segments, budget, seed).found()


class _Reasons:
    """Gathers what there is to say of one analysis; what cannot be told becomes a limit."""

    def __init__(self, analysis: Analysis, segments: int, budget: int, seed: int) -> None:
        self._a, self._hold = analysis, analysis.hold
        self._ways: Any = joint if isinstance(analysis.hold, JointHold) else whole
        self._most, self._budget, self._seed = segments, budget, seed
        self._limits: list[str] = []
        self._flips: list[Counterfactual] = []
        self._segments: dict[int, SegmentReasons] = {}
        self._readings = 0
        self._asides: list[Sentence] = []

    def found(self) -> Explanation:
        began = time.perf_counter()
        a = self._a
        if a.overall.abstain:
            self._limits.append("the reading abstains: the input is outside what the model was made for")
        if self._hold is None:
            self._limits.append(
                "this analysis was not read in this process: words, seconds, regions and frames are not explained; "
                "read the input again for them"
            )
        cues = self._cues()
        self._whole_without_segments()
        self._conflicts()
        self._words()
        self._voices()
        _told("pictures")
        frames, heat, shown = self._pictures()
        score, label = whole.said_of(a.overall)
        agreement, agreed = tell.agreement(*whole.labels_and_emotions(a.cues))
        return Explanation(
            id=a.id,
            source=a.source,
            kind=a.kind,
            score=score if label is not None else None,
            base=self._ways.base(self._hold) if self._hold else 0.0,
            label=label,
            said=self._said(cues, agreement, agreed),
            agreement=agreement,
            agreement_said=agreed,
            cues=cues,
            segments=tuple(self._segments[at] for at in sorted(self._segments)),
            frames=tuple(frames),
            heat=tuple(heat),
            counterfactuals=tuple(self._flips),
            limits=tuple(dict.fromkeys(self._limits)),
            provenance=self._provenance(time.perf_counter() - began),
            pictures=tuple(shown),
        )

    def _cues(self) -> tuple[CueShare, ...]:
        """Every cue, with what is read without it; and the smallest set of cues that decides."""
        names, game = self._ways.cue_game(self._hold) if self._hold else stored.stored_cue_game(self._a)
        alone: dict[str, Outcome] = {}
        if game is not None and game.size > 1:
            alone = dict(zip(names, outcomes(game.play(without_each(game.size))), strict=True))
            given = [self._a.cues[name].share or 0.0 for name in names]
            found = flip(game, given)
            if found is not None:
                gone = tuple(names[i] for i in found.parts)
                self._change("cues", None, gone, gone, found, game, tell.without_cues, exact=self._hold is not None)
            elif all(o.label == self._a.overall.sentiment.label for o in alone.values() if self._a.overall.sentiment):
                self._stands("cues")
        elif game is None and len(names) > 1:
            self._limits.append(
                "what is read without one of the cues cannot be told from the JSON: the reading of all of them is "
                "learned, not made by a rule"
            )
        out = []
        for cue, r in self._a.cues.items():
            own = outcomes([whole.said_of(r)])[0]
            out.append(CueShare(cue, own.score, own.label, r.weight, r.share, alone.get(cue)))
        return tuple(out)

    def _whole_without_segments(self) -> None:
        """The overall reading without each segment, and the smallest set of segments that decides."""
        at = self._ways.players(self._hold) if self._hold else stored.movable(self._a)
        if len(at) < 2 or self._a.overall.sentiment is None:
            return
        if len(at) > _SEGMENTS:
            self._limits.append(f"of {len(at)} segments none was left out to see what it changes: {_SEGMENTS} at most")
            return
        game = (
            self._ways.segment_game(self._hold, self._a.language) if self._hold else stored.stored_segment_game(self._a)
        )
        if game is None:
            self._limits.append("what is read without some segments cannot be told from this JSON")
            return
        alone = outcomes(game.play(without_each(game.size)))
        values: list[float | None] = [None] * len(at)
        if self._hold is not None and 2 ** len(at) <= _SHARED:
            values = [float(v) for v in shares(game, _SHARED).values]
        for i, (index, share, after) in enumerate(zip(at, values, alone, strict=True)):
            self._set(index, share=share, without=after)
            values[i] = share if share is not None else game.whole()[0] - (after.score or 0.0)
        found = flip(game, [v or 0.0 for v in values])
        self._readings += game.readings
        if found is None:
            if all(o.label == self._a.overall.sentiment.label for o in alone):
                self._stands("segments")
            return
        gone = tuple(at[i] for i in found.parts)
        texts = tuple(self._a.segments[i].text or "" for i in gone)
        timed = self._a.segments[at[0]].start is not None

        def say(_: Sequence[str], after: Outcome) -> Sentence:
            return tell.without_segments(found.parts, texts, len(at), after, timed=timed)

        self._change("segments", None, gone, texts, found, game, say, exact=self._hold is not None)

    def _conflicts(self) -> None:
        for at, segment in enumerate(self._a.segments):
            verdict, said = tell.agreement(*whole.labels_and_emotions(segment.cues))
            if verdict == "conflict" and len(self._a.segments) > 1:
                self._set(at, conflict=said)

    def _words(self) -> None:
        hold, cue = self._hold, "words"
        if hold is None or cue not in self._a.cues:
            return
        words = self._ways.words_of(hold)
        if not hasattr(words, "variants"):
            self._limits.append("what reads the words in this bundle cannot be asked about single words")
            return
        chosen = self._strongest(cue, lambda s: bool(s.text))
        spoken = self._ways.spoken_by(hold)
        each = min(_ONE, max(_LEAST, self._budget // max(1, len(chosen))))
        for number, at in enumerate(chosen):
            _told("words", number / len(chosen))
            said = spoken.get(at)
            parts, found, readings = explain_words(
                self._a.segments[at].text or "",
                words,
                probability=said.probability if said else None,
                language=(said.language if said else None) or self._a.language,
                budget=each,
                seed=self._seed,
            )
            self._readings += readings
            self._set(at, words=parts)
            if found is not None:
                self._word_flip(at, parts, found)

    def _word_flip(self, at: int, parts: Parts, found: Flip) -> None:
        texts = tuple(p.text for i in found.parts if isinstance(p := parts.parts[i], WordShare))
        cue = self._a.segments[at].cues["words"].sentiment
        before = Outcome(parts.score, cue.label if cue else None)
        after = Outcome(found.score, found.label)
        if before.label == after.label:  # the graph read alone and in a batch may differ in the last place
            return
        self._flips.append(
            Counterfactual(
                "words", at, found.parts, texts, before, after, found.smallest, True, tell.without_words(texts, after)
            )
        )

    def _voices(self) -> None:
        hold, cue = self._hold, "voice"
        if hold is None or cue not in self._a.cues:
            return
        way: Any = joint_media if isinstance(hold, JointHold) else voice
        if (limit := way.limit(hold)) is not None:
            self._limits.append(limit)
            return
        chosen = self._strongest(cue, lambda _: True)
        with self._or_limit("voice"):
            for number, (at, parts, readings) in enumerate(way.voices(hold, chosen, self._seed), start=1):
                _told("voice", number / len(chosen))
                self._readings += readings
                self._set(at, voice=parts)

    def _pictures(self) -> tuple[list[FrameShare], list[Heat], list[KeyFrame]]:
        hold = self._hold
        frames: list[FrameShare] = []
        heat: list[Heat] = []
        shown: list[KeyFrame] = []
        if hold is None:
            return frames, heat, shown
        if isinstance(hold, JointHold):
            if (limit := joint_media.limit(hold)) is not None:
                self._limits.append(limit)
                return frames, heat, shown
            with self._or_limit("frames and regions of pictures"):
                frames = joint_media.frame_shares(hold, self._seed, self._limits)
                heat, shown, readings = joint_media.heat(hold, frames, self._seed, self._limits)
                self._readings += readings
            return frames, heat, shown
        if hold.parts.image is not None and {"scene", "face"} & set(self._a.cues):
            with self._or_limit("regions of the picture"):
                heat, readings = pictures.image_heat(hold, seed=self._seed)
                self._readings += readings
        if hold.seen is not None:
            frames = pictures.frame_shares(hold)
            with self._or_limit("regions of the film's frames"):
                more, shown, readings = pictures.film_heat(hold, frames, seed=self._seed)
                heat = [*heat, *more]
                self._readings += readings
        return frames, heat, shown

    def _strongest(self, cue: str, fits: Callable[[Segment], bool]) -> list[int]:
        """Indices of the segments in which the cue says most, in order."""
        able = [
            (at, abs(r.sentiment.score))
            for at, s in enumerate(self._a.segments)
            if fits(s) and (r := s.cues.get(cue)) is not None and r.sentiment is not None and not r.abstain
        ]
        if len(able) > self._most:
            self._limits.append(
                f"the {cue} of {self._most} segments of {len(able)} were looked into: those with the strongest readings"
            )
        return sorted(at for at, _ in sorted(able, key=lambda found: -found[1])[: self._most])

    def _set(self, at: int, **more: Any) -> None:
        self._segments[at] = replace(self._segments.get(at) or SegmentReasons(at), **more)

    def _change(
        self,
        kind: Any,
        segment: int | None,
        items: Any,
        texts: tuple[str, ...],
        found: Flip,
        game: Game,
        say: Callable[[tuple[str, ...], Outcome], Sentence],
        *,
        exact: bool,
    ) -> None:
        before, after = outcomes([game.whole()])[0], Outcome(found.score, found.label)
        self._flips.append(
            Counterfactual(kind, segment, items, texts, before, after, found.smallest, exact, say(texts, after))
        )

    def _stands(self, kind: str) -> None:
        if self._a.overall.sentiment is not None:
            self._asides.append(tell.steadfast(self._a.overall.sentiment.label, kind))

    def _said(self, cues: Sequence[CueShare], agreement: str, agreed: Sentence) -> tuple[Sentence, ...]:
        """The reasons in words, the most important first."""
        score, label = whole.said_of(self._a.overall)
        out = [tell.verdict(Outcome(score, label), cues)]
        if agreement not in ("none", "single"):
            out.append(agreed)
        told = [(p.text, p.share) for s in self._segments.values() for p in _parts(s.words) if isinstance(p, WordShare)]
        out += [s for s in [tell.words(told, score)] if s is not None]
        heard = [p for s in self._segments.values() for p in _parts(s.voice)]
        if heard:
            towards = -1.0 if score < 0 else 1.0
            most = max(heard, key=lambda p: towards * p.share)
            out.append(tell.stretch(most.start, most.end, most.share))
        own = [f for f in self._flips if f.kind != "words" or len(self._a.segments) == 1]
        return (*out, *(f.said for f in own), *self._asides)

    def _provenance(self, seconds: float) -> dict[str, Any]:
        told = {"version": __version__, "bundle": self._a.provenance.get("bundle"), "seed": self._seed}
        return {**told, "readings": self._readings, "seconds": round(seconds, 3)}

    @contextmanager
    def _or_limit(self, what: str) -> Iterator[None]:
        """What cannot be read again costs its own part."""
        try:
            yield
        except (DemeanorError, OSError, ValueError) as error:
            told = reason(error) if isinstance(error, DemeanorError) else str(error)
            self._limits.append(f"{what}: not explained, for the input could not be read again: {told}")


def _told(step: str, part: float = 0.0) -> None:
    """Tell how far the reasons are: steps that take about as long as one another, one after the other."""
    tell_progress("reasons", _STEPS.index(step) + part, len(_STEPS))


def _parts(found: Parts | None) -> tuple[Any, ...]:
    return found.parts if found is not None else ()
