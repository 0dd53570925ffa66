"""Whether recognised words are to be trusted: what the recogniser itself thinks of them, gathered over a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from demeanor.media.language_codes import language_names
from demeanor.media.vad import RATE
from demeanor.media.whisper import Decoded
from demeanor.media.windows import Window

UNSURE = 0.5
"""Probability of the words of a recording below which a warning is given; clear speech has 0.9 and more."""

_OTHER, _HARDLY = 0.8, 0.05  # probabilities: another language is heard, and the given one hardly
_GUESSED = 0.5  # probability of a language below which it is a mere guess
_MISTAKEN = 0.5  # trust in words of a language that is not the one heard


class Doubts:
    """What speaks against the words of one recording.

    Attributes:
        asked: whether the language was compared with the one given.
    """

    def __init__(self) -> None:
        self.asked = False
        self._mismatch: str | None = None
        self._guess: str | None = None
        self._refused = 0.0
        self._sure: list[tuple[float, int]] = []

    def compare(self, given: str, chances: Mapping[str, float]) -> None:
        """Compare the language a user gave with the probabilities of those heard (the likeliest first)."""
        self.asked = True
        heard = next(iter(chances))
        if heard != given and chances[heard] >= _OTHER and chances.get(given, 0.0) <= _HARDLY:
            names = language_names()
            self._mismatch = (
                f"the speech sounds like {names.get(heard, heard)}, not like {names.get(given, given)}, the language "
                f"given; if it is, take --language {heard} or auto"
            )

    def guessed(self, found: str, chances: Mapping[str, float]) -> None:
        """Take note of how probable the language is that was found out."""
        if chances.get(found, 0.0) < _GUESSED:
            self._guess = (
                f"which language is spoken is not clear ({language_names().get(found, found)}, with a probability of "
                f"{chances.get(found, 0.0):.2f}); if it is another, name it with --language, or give a --transcript"
            )

    def weighed(self, understood: Decoded, window: Window) -> Decoded:
        """What was understood of a window, with less trust where there is reason; kept in mind for `told`."""
        if self._mismatch or self._guess:
            understood = replace(understood, trust=understood.trust * _MISTAKEN)
        if understood.refused:
            self._refused += sum(end - start for start, end in window.speech) / RATE
        if understood.words:
            sure = understood.trust * float(np.mean([w.probability or 0.0 for w in understood.words]))
            self._sure.append((sure, len(understood.words)))
        return understood

    def told(self) -> list[str]:
        """The doubts as warnings."""
        out = [note for note in (self._mismatch, self._guess) if note]
        if self._refused:
            out.append(
                f"{self._refused:.0f} s of speech could not be understood; if the language was taken for another, "
                "name it with --language, or give a --transcript"
            )
        if self._sure:
            sure = float(np.average([s for s, _ in self._sure], weights=[n for _, n in self._sure]))
            if sure < UNSURE:
                out.append(
                    f"the recogniser is not sure of the words ({sure:.2f}; clear speech has 0.9): the speech may be "
                    "noisy or in another language; --language or --transcript help"
                )
        return out
