"""What an analysis keeps of its reading, so that it can be asked why: not its media, only where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from demeanor.reader.experts import Experts
from demeanor.reader.inputs import Parts
from demeanor.reader.timeline import Piece
from demeanor.types import Evidence, Sample, Utterance

if TYPE_CHECKING:
    from demeanor.reader.clip import Seen
    from demeanor.reader.draft import Draft
    from demeanor.reader.joint import Encoded, JointModel, Present
    from demeanor.reader.said import Said


@dataclass(frozen=True, slots=True)
class Hold:
    """The reader's experts, the sample's parts, and the evidence that the readings were made of.

    It belongs to the process that read: a copy that is sent elsewhere arrives as None.

    Attributes:
        experts: that read it.
        parts: the sample; its media are read again where regions or seconds are asked for.
        pieces: one per segment, in order.
        evidence: per cue, of the whole.
        utterances: of the speech.
        seen: faces and scenes of a film, by time.
    """

    experts: Experts
    parts: Parts
    pieces: Sequence[Piece]
    evidence: Mapping[str, Evidence]
    utterances: Sequence[Utterance] = ()
    seen: Seen | None = None

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


@dataclass(frozen=True, slots=True)
class JointHold:
    """Likewise of a model that fuses features: the model itself, and what it said.

    Attributes:
        model: that read it.
        cues: modality → cue.
        sample: the whole, as the model read it.
        pieces: one per segment, in order.
        features: of the whole, per modality present.
        said: of the whole, per set of modalities present.
    """

    model: JointModel
    cues: Mapping[str, str]
    sample: Sample
    pieces: Sequence[Piece]
    features: Encoded
    said: Mapping[Present, Said]

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


def hold(experts: Experts, parts: Parts, draft: Draft, evidence: Mapping[str, Evidence]) -> Hold:
    """What is kept of a finished draft: hidden vectors of single pieces are let go."""
    pieces = [replace(p, evidence={c: _light(e) for c, e in p.evidence.items()}) for p in draft.pieces]
    return Hold(experts, parts, pieces, evidence, draft.utterances, draft.seen)


def _light(evidence: Evidence) -> Evidence:
    return evidence if evidence.embedding is None else replace(evidence, embedding=None)
