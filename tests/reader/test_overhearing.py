"""When a turn of speech is heard: at its pauses, seldom else, and not again where silence alone came since."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from demeanor.media.speech import Heard
from demeanor.media.vad import Samples
from demeanor.media.windows import Window, cut
from demeanor.reader.overhearing import OFTEN, Overhearing
from demeanor.reader.timeline import Piece
from demeanor.reader.turns import Turn, Turns
from reader_fakes import RATE, FakeExperts, FakeRecogniser, silence, speech


class Counting(FakeRecogniser):
    """Notes where each hearing ends."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []
        self.asked: list[str | None] = []

    def overhear(self, window: Window, language: str | None = None) -> list[Heard]:
        self.ends.append(window.pieces[-1][1] / RATE)
        self.asked.append(language)
        return super().overhear(window, language)


def ear_with(recogniser: Counting, language: str | None = "en") -> Overhearing:
    experts = FakeExperts(("words", "voice"))
    experts._loaded["recogniser"] = recogniser
    return Overhearing(experts, frozenset({"words", "voice"}), language)


def overheard(sound: Samples, ear: Overhearing) -> Iterator[tuple[Turn, list[Piece] | None]]:
    turns = Turns(ear.detect)
    for at in range(0, len(sound), RATE // 4):
        for turn in turns.add(sound[at : at + RATE // 4]):
            yield turn, ear.hear(turn, 0.0)


def test_a_turn_that_ends_was_heard_when_its_pause_began() -> None:
    recogniser = Counting()
    found = overheard(np.concatenate([silence(1.0), speech(3.1), silence(2.0)]), ear_with(recogniser))
    before: list[int] = []
    for turn, pieces in found:
        if turn.closed:
            assert len(recogniser.ends) == before[-1], "its end was heard once more"
            assert pieces is not None
            assert [p.text for p in pieces] == ["I love it."]
            break
        before.append(len(recogniser.ends))
    else:
        raise AssertionError("the turn never ended")
    assert recogniser.ends[-1] >= 4.1


def test_a_short_pause_is_heard_once_and_the_speech_after_it_too() -> None:
    recogniser = Counting()
    sound = np.concatenate([silence(1.0), speech(0.5), silence(0.45), speech(0.5), silence(1.5)])
    texts = [len(pieces) for turn, pieces in overheard(sound, ear_with(recogniser)) if turn.closed and pieces]
    assert texts == [2]
    assert len(recogniser.ends) == 2
    assert recogniser.ends[0] < 2.0 < recogniser.ends[1]


def test_speech_without_a_pause_is_heard_again_when_it_has_grown_enough() -> None:
    recogniser = Counting()
    list(overheard(np.concatenate([silence(1.0), speech(8.0)]), ear_with(recogniser)))
    assert 5 <= len(recogniser.ends) <= 8
    assert min(np.diff(recogniser.ends)) >= OFTEN - 0.01


def test_a_turn_that_is_cut_back_is_heard_anew() -> None:
    """What was heard beyond the cut belongs to the next turn."""
    recogniser = Counting()
    ear = ear_with(recogniser)
    audio = np.concatenate([silence(1.0), speech(4.0)])

    def turn(end: float, **more: Any) -> Turn:
        window = cut(audio, 0, [(RATE, round(end * RATE))])
        return replace(Turn(0, window, False, 5.0, end), **more)

    assert ear.hear(turn(5.0), 0.0) is not None
    pieces = ear.hear(turn(3.0, closed=True), 0.0)
    assert recogniser.ends == [5.0, 3.0]
    assert pieces is not None
    assert pieces[-1].end is not None
    assert pieces[-1].end <= 3.0


def test_the_language_of_a_long_turn_is_kept() -> None:
    recogniser = Counting()
    sound = np.concatenate([silence(1.0), speech(4.0), silence(1.0), speech(2.0), silence(1.0)])
    list(overheard(sound, ear_with(recogniser, language=None)))
    assert recogniser.asked[0] is None
    assert recogniser.asked[-1] == "en"
