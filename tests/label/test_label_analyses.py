"""Corrections in analyses as labels; and small analyses for the other tests."""

from typing import Any

import pytest

from demeanor.label.analyses import Correction, corrected_labels
from demeanor.report.schema import validate
from demeanor.types import EMOTIONS


def reading(score: float = 0.5, confidence: float = 0.8, emotion: str = "joy", **more: Any) -> dict[str, Any]:
    """A reading whose class has the probability `confidence`."""
    rest = (1 - confidence) / 2
    label = "positive" if score > 0 else "negative" if score < 0 else "neutral"
    shares = {c: confidence if c == label else rest for c in ("negative", "neutral", "positive")}
    emotions = {e: confidence if e == emotion else (1 - confidence) / 6 for e in EMOTIONS}
    return {
        "sentiment": {"score": score, "label": label, "probabilities": shares},
        "emotions": emotions, "dimensions": None, "confidence": confidence, "calibration": "verified",
        "abstain": False, **more,
    }  # fmt: skip


def segment(text: str | None, **more: Any) -> dict[str, Any]:
    return {
        "start": None, "end": None, "chars": None, "text": text, "words": [], "speaker": None, "faces": [],
        "reading": reading(), "cues": {}, **more,
    }  # fmt: skip


def analysis(name: str, kind: str, segments: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "schema": "demeanor.analysis/1", "id": name, "source": name, "kind": kind, "duration": None, "language": "en",
        "overall": reading(), "cues": {}, "segments": segments, "people": [], "missing": [], "warnings": [],
        "provenance": {"version": "0", "bundle": "b", "speech": None, "threads": 1, "seconds": 0.1}, **more,
    }  # fmt: skip


def audio(name: str) -> dict[str, Any]:
    parts = [
        segment("I love it", start=0.25, end=0.9, speaker="S1"),
        segment(None, start=1.0, end=1.5, speaker="S2"),
    ]
    return analysis(name, "audio", parts, duration=2.0)


def text(name: str) -> dict[str, Any]:
    return analysis(
        name, "text", [segment("I love it.", chars=[0, 10]), segment("The rest was awful.", chars=[11, 30])]
    )


def post(name: str) -> dict[str, Any]:
    return text(name) | {"kind": "mixed", "segments": [*text(name)["segments"], segment(None)]}


def failed(name: str) -> dict[str, Any]:
    return {"id": name, "error": {"type": "DecodeError", "message": "no sound in it"}}


def correction(path: str, value: Any, by: str | None = "Ann", at: str | None = None) -> dict[str, Any]:
    return {"path": path, "value": value, "by": by, "at": at}


@pytest.mark.parametrize("made", [audio("a"), text("t"), post("p")])
def test_these_analyses_are_analyses(made: dict[str, Any]) -> None:
    validate(made | {"corrections": [correction("overall.sentiment.label", "negative")]})


@pytest.mark.parametrize(
    ("path", "value", "item", "name", "label"),
    [
        ("overall.sentiment.label", "negative", "x", "polarity", "negative"),
        ("segments[1].reading.sentiment.score", -0.5, "x#1", "score", -0.5),
        ("/segments/0/reading/sentiment/label", "neutral", "x#0", "polarity", "neutral"),
        ("$.segments[1].reading.emotions", {"joy": 0.2, "anger": 0.7}, "x#1", "emotions", ["anger"]),
        ("segments.1.reading.emotions", "joy, surprise", "x#1", "emotions", ["joy", "surprise"]),
        ("overall.emotions", ["fear"], "x", "emotions", ["fear"]),
    ],
)
def test_a_corrected_reading_is_a_label(path: str, value: Any, item: str, name: str, label: Any) -> None:
    found = list(corrected_labels(text("x") | {"corrections": [correction(path, value, at="2025")]}))
    assert found == [Correction(item, name, label, "Ann", "2025")]


@pytest.mark.parametrize(
    "path", ["segments[0].text", "segments[0].speaker", "warnings", "label", "cues.voice.score", ""]
)
def test_other_corrections_are_none(path: str) -> None:
    assert list(corrected_labels(text("x") | {"corrections": [correction(path, "positive")]})) == []


def test_a_correction_by_nobody_is_by_a_user() -> None:
    (found,) = corrected_labels(text("x") | {"corrections": [correction("overall.sentiment.score", 1, by=None)]})
    assert found.by == "user"
