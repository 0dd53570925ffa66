"""The bundle `open`: words alone, from data that permits commercial use, chosen by name."""

import json
from pathlib import Path

import pytest

import demeanor
from demeanor.bundle import Bundle, load, shipped
from demeanor.reader.reader import Reader
from reader_fakes import speech


@pytest.fixture(scope="module")
def reader() -> Reader:
    return demeanor.load("open", threads=1)


def test_it_lies_beside_base_and_says_what_it_is() -> None:
    assert {"base", "open"} <= set(shipped())
    spec = load("open").spec
    assert spec["licence"].startswith("Apache-2.0")
    assert load("base").spec["licence"].startswith("research only")
    for name in ("base", "open"):
        card = load(name).file("card.md").read_text(encoding="utf-8")
        assert "Must not be used" in card
        assert "| goemotions, text_tokens |" in card


def test_all_shipped_weights_are_small() -> None:
    assert sum(f.stat().st_size for folder in shipped().values() for f in folder.iterdir()) < 60e6


@pytest.mark.parametrize(
    ("text", "label", "emotion"),
    [
        ("What a wonderful surprise, thank you so much!", "positive", "joy"),
        ("I am so angry about this.", "negative", "anger"),
        ("She is terrified of the dark.", "negative", "fear"),
        ("The meeting starts at ten.", "neutral", "neutral"),
        ("Ich bin wütend", "negative", "anger"),
    ],
)
def test_plain_feelings(reader: Reader, text: str, label: str, emotion: str) -> None:
    a = reader.analyze(text=text)
    assert a.overall.sentiment.label == label
    assert max(a.overall.emotions, key=a.overall.emotions.__getitem__) == emotion
    assert a.missing == ("voice", "face", "scene")


def test_the_score_is_the_tilt_of_its_classes(reader: Reader) -> None:
    s = reader.analyze(text="I love it").overall.sentiment
    assert s.score == pytest.approx(s.probabilities["positive"] - s.probabilities["negative"], abs=0.05)


def test_what_it_was_not_made_for(reader: Reader) -> None:
    assert any("labels in English only" in w for w in reader.analyze(text="Je suis très content de vous voir").warnings)
    a = reader.analyze(audio=speech(2.0, 200))
    assert any("no expert for 'voice'" in w for w in a.warnings)


def test_the_name_tells_weights_apart(tmp_path: Path) -> None:
    spec = Bundle(shipped()["open"]).spec
    names = []
    for changed in ({}, {"card.md": "0" * 64}, {"words.onnx": "0" * 64}):
        (tmp_path / "bundle.json").write_text(json.dumps({**spec, "files": {**spec["files"], **changed}}))
        names.append(Bundle(tmp_path).name)
    assert names[0] == names[1] != names[2]
    assert all(name.startswith("open-0.1.0+") and len(name) == 19 for name in names)
