"""Examples that must come out right with the shipped weights: the weather post, films praised and panned.

Those of the fusion operators are in tests/lab/test_operators.py.
"""

from pathlib import Path

import pytest

import demeanor
from demeanor.reader.reader import Reader

SKY = Path(__file__).parents[2] / "demo" / "sky.jpg"
WEATHER = "今天的天气真好"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return demeanor.load("base", threads=1)


@pytest.mark.parametrize("text", [WEATHER, f"{WEATHER}!", "今天天气太好了！", "What a beautiful day"])
def test_the_weather_with_a_sunny_sky(reader: Reader, text: str) -> None:
    a = reader.analyze(text=text, image=SKY)
    labels = {cue: reading.sentiment.label for cue, reading in a.cues.items()}
    assert labels == {"words": "positive", "scene": "neutral"}
    assert a.overall.sentiment.label == "positive"
    assert a.overall.calibration == "verified"
    assert not a.overall.abstain


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love this movie", "positive"), ("I really loved that film.", "positive"),
        ("What a wonderful movie!", "positive"), ("我很喜欢这部电影", "positive"), (WEATHER, "positive"),
        ("This movie is terrible", "negative"), ("That film was awful.", "negative"),
        ("这部电影很糟糕", "negative"), ("I hate this movie", "negative"), ("I hated that film.", "negative"),
        ("我讨厌这部电影", "negative"), ("The movie starts at eight.", "neutral"), ("电影八点开始。", "neutral"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_film(reader: Reader, text: str, label: str) -> None:
    a = reader.analyze(text=text)
    assert set(a.cues) == {"words"}
    assert (a.overall.sentiment.label, a.cues["words"].sentiment.label) == (label, label)
    assert not a.overall.abstain
