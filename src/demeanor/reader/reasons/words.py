"""Which words of a segment its words' reading comes from: each left out, alone and together with others."""

from __future__ import annotations

from collections.abc import Sequence

from demeanor.calibration.pool import agree
from demeanor.explain.counterfactual import Flip, flip
from demeanor.explain.explanation import Outcome, Parts, WordShare
from demeanor.explain.game import Game, Masks, Said, without_each
from demeanor.explain.shapley import shares
from demeanor.explain.words import Span, left, units
from demeanor.reader.cues.words import Words
from demeanor.types import POLARITIES, Evidence


def outcomes(found: Sequence[Said]) -> list[Outcome]:
    """As they stand in an explanation; nothing read is no score."""
    return [Outcome(None if label is None else score, label) for score, label in found]


def said(evidence: Evidence) -> Said:
    """Score and label of one piece of evidence; nothing where it abstains."""
    if evidence.abstain:
        return 0.0, None
    return agree(evidence.score, evidence.polarity), POLARITIES[int(evidence.polarity.argmax())]


def word_game(
    text: str, words: Words, probability: float | None = None, language: str | None = None
) -> tuple[list[Span], Game]:
    """The words of a text, and what is read of any of them in their order; of none of them the score is 0.

    Args:
        text: one segment's.
        words: the expert.
        probability: how sure the recogniser was of it.
        language: its code.
    """
    spans = units(text, words.pieces)

    def look(masks: Masks) -> list[Said]:
        texts = [left(text, spans, row) for row in masks]
        return [said(e) for e in words.variants(texts, text, probability, language)]

    return spans, Game(len(spans), look)


def explain_words(
    text: str,
    words: Words,
    *,
    probability: float | None = None,
    language: str | None = None,
    budget: int = 256,
    seed: int = 0,
) -> tuple[Parts, Flip | None, int]:
    """Shares of the words in their score, the smallest set whose absence changes the label, and the readings taken."""
    spans, game = word_game(text, words, probability, language)
    found = shares(game, budget, seed)
    alone = outcomes(game.play(without_each(game.size)))
    parts = tuple(
        WordShare(text[a:b], a, b, float(share), after)
        for (a, b), share, after in zip(spans, found.values, alone, strict=True)
    )
    changed = flip(game, found.values.tolist())
    return Parts(found.score, found.base, found.exact, parts), changed, game.readings
