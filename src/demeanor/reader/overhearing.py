"""Turns of speech while they are spoken → what words and voice say so far; quick, and corrected later.

A pause is the time to hear a turn: if it lasts, what was heard when it began is all there was, and the turn ends
without being heard again. Only where nobody pauses is a turn heard every second or two.
"""

from __future__ import annotations

import time as clock
from collections.abc import Sequence

from demeanor.media.speech import Heard, voiced
from demeanor.media.vad import Interval, Samples, speech_intervals
from demeanor.reader.experts import Experts
from demeanor.reader.timeline import Piece, spoken
from demeanor.reader.turns import Turn
from demeanor.types import Evidence, Utterance

OFTEN, SELDOM = 1.0, 2.0
"""Seconds after which a turn that goes on is heard anew: where the machine is quick, and where it is not."""

_NOTHING = 0.05  # seconds of speech that are none
_QUICK = 0.4  # seconds that a hearing may take to be done often
_BEHIND, _FAR_BEHIND = 2.0, 6.0  # seconds of sound that wait: turns that go on, and any turns, are passed over
_TELLING = 3.0  # seconds of a turn that show its language


class Overhearing:
    """Hears turns of one channel.

    Attributes:
        language: of the speech; may be set from outside when it is known better.
        skipped: turns that were not heard for want of time.

    Args:
        experts: where one is missing its cue is.
        cues: names of those wanted.
        language: a code; None finds it out.
    """

    def __init__(self, experts: Experts, cues: frozenset[str], language: str | None) -> None:
        self._experts, self._cues = experts, cues
        self._recogniser = experts.recogniser
        if self._recogniser is not None and language not in self._recogniser.languages:
            language = None
        self.language = language
        self.skipped = 0
        self._number = -1
        self._heard_until = self._took = 0.0
        self._pieces: list[Piece] = []

    def detect(self, samples: Samples) -> list[Interval]:
        """Where somebody speaks in a stretch of sound."""
        return speech_intervals(samples) if self._recogniser is None else self._recogniser.detect(samples)

    def hear(self, turn: Turn, waiting: float) -> list[Piece] | None:
        """What is said in a turn so far.

        Args:
            turn: one that has ended, or goes on.
            waiting: seconds of sound that came since; where it is much, turns are passed over.

        Returns:
            Pieces with the evidence of words and voice; None where it is not time to hear it (again).
        """
        if turn.number != self._number:
            self._number, self._heard_until, self._pieces = turn.number, turn.start, []
        grown = turn.spoken_until - self._heard_until
        if grown <= _NOTHING and turn.end >= self._heard_until - _NOTHING:  # silence alone came since, and nothing went
            return self._pieces if turn.closed else None
        if waiting > _FAR_BEHIND:
            self.skipped += turn.closed
            return None
        step = OFTEN if self._took <= _QUICK else SELDOM
        if not turn.closed and (waiting > _BEHIND or (grown < step and not turn.paused)):
            return None
        began = clock.perf_counter()
        self._pieces = self._heard(turn)
        self._took = clock.perf_counter() - began
        self._heard_until = turn.end
        return self._pieces

    def _heard(self, turn: Turn) -> list[Piece]:
        if self._recogniser is None:
            heard = voiced(turn.window)
        else:
            heard = self._recogniser.overhear(turn.window, self.language)
            if self.language is None and heard and turn.spoken_until - turn.start >= _TELLING:
                self.language = heard[0].utterance.language
        utterances = [h.utterance for h in heard]
        words = said(utterances, self._experts) if "words" in self._cues else {}
        return spoken(utterances, words, self._voices(heard))

    def _voices(self, heard: list[Heard]) -> dict[int, Evidence]:
        voice = self._experts.voice if "voice" in self._cues else None
        sounding = [at for at, h in enumerate(heard) if len(h.samples)]
        if voice is None or not sounding:
            return {}
        return dict(zip(sounding, voice.read([heard[at] for at in sounding]), strict=True))


def said(utterances: Sequence[Utterance], experts: Experts) -> dict[int, Evidence]:
    """What the words of each utterance say by themselves, by index."""
    spoken_at = [at for at, u in enumerate(utterances) if u.text.strip()]
    if experts.words is None or not spoken_at:
        return {}
    chosen = [utterances[at] for at in spoken_at]
    found = experts.words.read(
        [u.text.strip() for u in chosen], [u.probability for u in chosen], [u.language for u in chosen]
    )
    return dict(zip(spoken_at, found, strict=True))
