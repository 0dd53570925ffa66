"""What a model that fuses features would say without some modalities, sentences or words: it is asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from demeanor.explain.game import Game, Masks, Said
from demeanor.explain.words import Span, left
from demeanor.reader.hold import JointHold
from demeanor.reader.said import nothing, said_of, sentiment_of
from demeanor.types import EMOTIONS, POLARITIES, Evidence, Sentiment, Utterance

if TYPE_CHECKING:
    from demeanor.reader.joint import Features

_NOTHING = Evidence(np.full(len(POLARITIES), 1 / 3), np.full(len(EMOTIONS), 1 / 7), 0.0, 1.0, abstain=True)


def cue_game(hold: JointHold) -> tuple[list[str], Game | None]:
    """The cues present, and what is said of any of them together; of none, the training labels' mean."""
    whole = max(hold.said, key=len, default=())
    prior = base(hold)

    def look(masks: Masks) -> list[Said]:
        chosen = [tuple(m for m, stays in zip(whole, row, strict=True) if stays) for row in masks]
        return [_said(sentiment_of(hold.model.spec, hold.said[c])) if c else (prior, None) for c in chosen]

    return [hold.cues[m] for m in whole], Game(len(whole), look) if whole else None


def base(hold: JointHold) -> float:
    """The score where no modality is present."""
    return _said(sentiment_of(hold.model.spec, nothing(hold.model.spec)))[0]


def players(hold: JointHold) -> list[int]:
    """Indices of the sentences that can be left out.

    None of a recording, whose sound goes on without them, and of what was too long to be read as one.
    """
    sentences = [i for i, p in enumerate(hold.pieces) if p.chars is not None]
    whole = hold.sample.text is not None and not hold.model.too_long(hold.features)
    return sentences if whole and len(sentences) == len(hold.pieces) else []


def segment_game(hold: JointHold, language: str | None) -> Game:
    """What is said of the sample with some of its sentences; its parts are the `players`."""
    text = hold.sample.text or ""
    spans: list[Span] = [p.chars for p in hold.pieces if p.chars is not None]

    def look(masks: Masks) -> list[Said]:
        return [_asked(hold, hold.features, left(text, spans, row), tuple(hold.cues)) for row in masks]

    return Game(len(spans), look)


def spoken_by(hold: JointHold) -> dict[int, Utterance]:
    """Nothing: how sure the recogniser was does not count here."""
    return {}


def words_of(hold: JointHold) -> JointWords | None:
    """What reads the words alone; None where the model reads utterances among those around them."""
    return None if hold.model.spec.context else JointWords(hold)


class JointWords:
    """The model with only its text present, as an expert that can be asked about parts of a text."""

    def __init__(self, hold: JointHold) -> None:
        self._hold = hold
        self._text = tuple(m for m in hold.cues if hold.model.encoders[m].modality == "text")

    def variants(
        self, texts: Sequence[str], of: str, probability: float | None = None, language: str | None = None
    ) -> list[Evidence]:
        """As `Words.variants`; a text without words says nothing."""
        found = [_asked(self._hold, {}, text, self._text) for text in texts]
        return [_NOTHING if label is None else _evidence(score, label) for score, label in found]

    def pieces(self, text: str) -> list[Span]:
        """Every character of scripts without spaces is a word of its own."""
        return [(i, i + 1) for i in range(len(text))]


def said_alone(hold: JointHold, modality: str, value: NDArray[Any]) -> Said:
    """Score and label with only that modality present, of what its encoder gave; of no steps nothing is said."""
    if not len(value):
        return 0.0, None
    model = hold.model
    (present,) = model.among([{modality: model.shaped(modality, value)}], [hold.sample.start])
    (numbers,) = model.numbers(present, [(modality,)])
    return _said(sentiment_of(model.spec, said_of(model.spec, numbers, (modality,))))


def _asked(hold: JointHold, features: Features, text: str, modalities: Sequence[str]) -> Said:
    """Score and label of those modalities, the text's encoded anew."""
    own = [m for m in modalities if hold.model.encoders[m].modality == "text"]
    changed = hold.model.encode(replace(hold.sample, text=text), own, []) if text.strip() else {}
    kept: Mapping[str, object] = {m: x for m, x in features.items() if m in modalities and m not in own}
    present: Features = {**kept, **changed}  # type: ignore[dict-item]
    names = tuple(m for m in hold.model.parts if m in present)
    if not names:
        return 0.0, None
    (present,) = hold.model.among([present], [hold.sample.start])
    (numbers,) = hold.model.numbers(present, [names])
    return _said(sentiment_of(hold.model.spec, said_of(hold.model.spec, numbers, names)))


def _said(sentiment: Sentiment | None) -> Said:
    return (0.0, None) if sentiment is None else (sentiment.score, sentiment.label)


def _evidence(score: float, label: str) -> Evidence:
    """What is asked of words is score and label alone."""
    return replace(_NOTHING, polarity=np.eye(len(POLARITIES))[POLARITIES.index(label)], score=score, abstain=False)
