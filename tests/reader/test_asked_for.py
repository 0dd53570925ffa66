"""Cues asked for by name, of samples that cannot have them."""

from pathlib import Path

import numpy as np
import pytest

from demeanor.reader.inputs import gather
from demeanor.reader.reader import Reader
from reader_fakes import FakeExperts, fake_reader, picture, silence, speech, write_video


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({"text": "I love it"}, {"voice", "face", "scene"}),
        ({"image": picture()}, {"words", "voice"}),
        ({"audio": speech(1)}, {"face", "scene"}),
        ({"text": "I love it", "image": picture()}, {"voice"}),
        ({"audio": speech(1), "image": picture()}, set()),
    ],
)
def test_what_each_kind_of_sample_cannot_have(given: dict[str, object], lacking: set[str]) -> None:
    assert gather(**given).lacking == lacking  # type: ignore[arg-type]


def test_a_cue_that_cannot_be_there_is_told(tmp_path: Path) -> None:
    a = fake_reader().analyze(image=picture(), cues="voice,scene")
    assert (set(a.cues), a.lacking) == ({"scene"}, ("voice",))
    assert "voice was asked for, but needs sound, and there is none in this image" in a.warnings
    a = fake_reader().analyze("I love it", cues="face")
    assert (a.cues, a.lacking) == ({}, ("face",))
    assert any("a picture or a film" in w for w in a.warnings)
    mute = write_video(tmp_path / "mute.mp4", [picture()] * 20)
    a = fake_reader().analyze(mute, cues="words,voice")
    assert a.lacking == ("words", "voice")
    assert fake_reader().analyze(mute, cues="words", text="I love it").lacking == ()


def test_what_is_merely_not_found_or_not_asked_for_is_not_told_so() -> None:
    assert fake_reader().analyze(audio=silence(2), cues="voice").lacking == ()
    assert fake_reader().analyze(image=np.zeros((90, 90, 3), np.uint8), cues="face").lacking == ()
    assert fake_reader().analyze("I love it").lacking == ()
    assert fake_reader().analyze("I love it").warnings == ()


def test_a_cue_that_nothing_here_can_read_is_told() -> None:
    a = Reader(FakeExperts(("words", "scene"))).analyze(image=picture(), cues="face")
    assert a.lacking == ("face",)
    assert any(w.startswith("face was asked for, but cannot be read here: the bundle fake-1") for w in a.warnings)
    a = Reader(FakeExperts().deaf()).analyze(audio=speech(1), cues="words")
    assert a.lacking == ("words",)
    assert any("the extra is not installed" in w for w in a.warnings)
    assert Reader(FakeExperts().deaf()).analyze(audio=speech(1), text="I love it", cues="words").lacking == ()


def test_a_face_asked_for_and_not_found_is_told() -> None:
    empty = np.zeros((90, 90, 3), np.uint8)
    told = "face was asked for, and none was found in the picture"
    assert told in fake_reader().analyze(image=empty, cues="face").warnings
    assert told not in fake_reader().analyze(image=empty).warnings
