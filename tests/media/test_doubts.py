"""What a recogniser thinks of its own words: trust, warnings, and the language that makes the likeliest text."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from demeanor.media import speech as module
from demeanor.media.doubts import Doubts
from demeanor.media.speech import Recogniser
from demeanor.media.vad import RATE
from demeanor.media.whisper import Decoded, _decoded
from demeanor.media.windows import Window
from demeanor.types import Word

WINDOW = Window(np.zeros(4 * RATE, np.float32), ((0, 4 * RATE),), ((0, 3 * RATE),), 1e-9)


def segment(**other: Any) -> dict[str, Any]:
    words = [{"word": w, "start": i, "end": i + 0.5, "probability": 0.9} for i, w in enumerate((" so", " it", " is"))]
    plain = {"avg_logprob": np.log(0.9), "no_speech_prob": 0.01, "compression_ratio": 1.1, "tokens": [1] * 4}
    return {**plain, "words": words, **other}


@pytest.mark.parametrize(
    ("other", "trust"),
    [
        ({}, 1.0),
        ({"avg_logprob": np.log(0.45)}, 0.5),
        ({"avg_logprob": np.log(0.99)}, 1.0),
        ({"compression_ratio": 4.8}, 0.5),
        ({"no_speech_prob": 0.8}, 0.5),
        ({"avg_logprob": np.log(0.45), "no_speech_prob": 0.8}, 0.25),
    ],
)
def test_trust_falls_with_each_of_the_decoders_own_signals(other: dict[str, Any], trust: float) -> None:
    assert _decoded([segment(**other)], False).trust == pytest.approx(trust)


def test_nothing_understood() -> None:
    assert _decoded([], True) == Decoded([], refused=True)


def said(probability: float, trust: float = 1.0) -> Decoded:
    return Decoded([Word("so", 0.0, 1.0, probability)], trust, likelihood=-0.1)


def test_clear_words_raise_no_doubt() -> None:
    doubts = Doubts()
    doubts.compare("en", {"en": 0.97, "cy": 0.02})
    assert doubts.weighed(said(0.95), WINDOW) == said(0.95)
    assert doubts.told() == []


def test_unsure_words_and_refused_speech_are_told() -> None:
    doubts = Doubts()
    doubts.weighed(said(0.8, 0.5), WINDOW)
    doubts.weighed(Decoded([], refused=True), WINDOW)
    refused, unsure = doubts.told()
    assert refused.startswith("3 s of speech could not be understood")
    assert "(0.40; clear speech has 0.9)" in unsure


@pytest.mark.parametrize(
    ("chances", "told"),
    [
        ({"en": 0.99, "de": 0.004}, True),
        ({"da": 0.34, "de": 0.19, "en": 0.14}, False),  # not sure enough to contradict the user
        ({"en": 0.85, "de": 0.1}, False),
    ],
)
def test_a_given_language_that_is_not_the_one_heard(chances: dict[str, float], told: bool) -> None:
    doubts = Doubts()
    doubts.compare("de", chances)
    assert doubts.weighed(said(0.99), WINDOW).trust == (0.5 if told else 1.0)
    assert any("sounds like English, not like German" in note for note in doubts.told()) == told


@pytest.mark.parametrize(("chance", "told"), [(0.36, True), (0.7, False)])
def test_a_language_that_is_a_mere_guess(chance: float, told: bool) -> None:
    doubts = Doubts()
    doubts.guessed("th", {"en": 0.3, "th": chance})
    assert doubts.weighed(said(0.99), WINDOW).trust == (0.5 if told else 1.0)
    assert any("not clear (Thai, with a probability of 0.36)" in note for note in doubts.told()) == told


class TwoEars:
    """Hears Polish a little more than Russian, and understands Russian better."""

    languages = ("pl", "ru", "en")

    def __init__(self, chances: dict[str, float]) -> None:
        self.chances = chances
        self.decoded: list[str] = []

    def encode(self, samples: np.ndarray) -> np.ndarray:
        return np.zeros((1500, 4), np.float32)

    def spoken(self, states: Sequence[np.ndarray]) -> dict[str, float]:
        return self.chances

    def decode(self, states: Sequence[np.ndarray], seconds: Sequence[float], language: str) -> list[Decoded]:
        self.decoded.append(language)
        likelihood = {"pl": -1.2, "ru": -0.6, "en": None}[language]
        one = replace(said(0.9), likelihood=likelihood) if likelihood else Decoded([], refused=True)
        return [one for _ in states]


@pytest.mark.parametrize(
    ("chances", "chosen", "tried"),
    [
        ({"pl": 0.33, "ru": 0.23, "en": 0.12, "sk": 0.05}, "ru", ["pl", "ru", "en"]),
        ({"pl": 0.9, "ru": 0.1}, "pl", ["pl"]),
        ({"pl": 0.4, "ru": 0.05}, "pl", ["pl"]),
    ],
)
def test_where_no_language_is_clear_the_likeliest_text_decides(
    chances: dict[str, float], chosen: str, tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "speech_windows", lambda *_: iter([WINDOW]))
    recogniser = Recogniser.__new__(Recogniser)
    ears = TwoEars(chances)
    recogniser._whisper = ears  # type: ignore[assignment]
    notes: list[str] = []
    heard = list(recogniser.hear([], notes=notes))
    assert ears.decoded == tried
    assert {h.utterance.language for h in heard} == {chosen}
    assert any("language is spoken is not clear" in note for note in notes) == (chances[chosen] < 0.5)
