"""How far a reading has come."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

import demeanor
from demeanor.media.speech import Heard
from demeanor.media.vad import RATE, Samples
from demeanor.media.waveform import Waveform
from demeanor.reader.progress import tell, watched
from demeanor.reader.sound import Ear
from demeanor.types import Utterance
from reader_fakes import fake_reader, speech, talking


def test_a_film_tells_how_far_its_pictures_and_its_sound_are(tmp_path: Path) -> None:
    film = talking(tmp_path / "film.mp4", [(2.0, 220.0, 0.1), (1.0, None, 0.0), (2.0, 120.0, 0.5)])
    told: list[tuple[str, float]] = []
    with watched(lambda step, part: told.append((step, part))):
        fake_reader().analyze(film)
    for step in ("pictures", "sound"):
        parts = [part for name, part in told if name == step]
        assert parts == sorted(parts)
        assert 0.5 < parts[-1] <= 1


def test_sound_that_has_passed_is_not_yet_heard() -> None:
    told: list[float] = []
    heard_at: list[int] = []
    ear = Ear(fake_reader().experts, frozenset({"words", "voice"}), "en", length=6.0)
    late = speech(6.0).reshape(60, -1)

    def utterances(blocks: Iterable[Samples], _: object) -> Iterator[Heard]:
        for _ in blocks:  # all of it, before the first is heard: what a recogniser does with a short clip
            pass
        for start in (0.0, 2.0, 4.0):
            heard_at.append(len(told))
            yield Heard(Utterance(start, start + 2.0, "well"), np.zeros(0, np.float32), None, 0.0)

    ear._utterances = utterances  # type: ignore[method-assign]
    with watched(lambda step, part: told.append(part)):
        ear.listen(late)
    assert told == sorted(told)
    assert told[heard_at[0] - 1] < 0.5
    assert told[heard_at[1] - 1] < told[heard_at[2] - 1] < 1
    assert told[-1] == pytest.approx(1)


def test_two_channels_are_one_course(tmp_path: Path) -> None:
    sides = np.stack([speech(4.0), np.zeros(4 * RATE, np.float32)])
    sides[1, 2 * RATE :], sides[0, 2 * RATE :] = sides[0, 2 * RATE :], 0
    told: list[float] = []
    with watched(lambda step, part: told.append(part) if step == "sound" else None):
        fake_reader().analyze(audio=Waveform(sides, RATE))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_a_text_of_many_sentences_tells_how_much_is_read() -> None:
    told: list[tuple[str, float]] = []
    with watched(lambda step, part: told.append((step, part))):
        demeanor.load().analyze(text=" ".join(f"Number {i} was a good day for all of us." for i in range(120)))
    parts = [part for name, part in told if name == "words"]
    assert parts == sorted(parts)
    assert len(parts) > 2
    assert parts[-1] == 1


def test_nobody_watches_or_the_length_is_not_known() -> None:
    tell("sound", 1.0, 2.0)
    told: list[tuple[str, float]] = []
    with watched(lambda step, part: told.append((step, part))):
        tell("sound", 1.0, None)
        tell("sound", 3.0, 2.0)
    tell("sound", 1.0, 2.0)
    assert told == [("sound", 1.0)]
