"""The schema accepts what the reader may say and refuses what the contract does not allow."""

import copy
from typing import Any

import pytest
import report_analyses as made
from jsonschema import Draft202012Validator

from demeanor.errors import DataError
from demeanor.report.schema import load_schema, validate
from demeanor.types import EMOTIONS, Dimensions, Reading, Sentiment


def sums(value: Any, found: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Every sum that must be 1, wherever it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("probabilities", "emotions") and inner:
                found.append((key, sum(inner.values())))
            if key == "cues" and inner and all("weight" in cue for cue in inner.values()):
                found.append(("weight", sum(cue["weight"] for cue in inner.values())))
            sums(inner, found)
    elif isinstance(value, list):
        for inner in value:
            sums(inner, found)
    return found


def test_it_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(load_schema())


@pytest.mark.parametrize("build", made.ALL, ids=lambda f: f.__name__)
def test_what_may_be_said_fits_and_adds_up(build: Any) -> None:
    analysis = build()
    validate(analysis)
    for name, total in sums(analysis, []):
        assert total == pytest.approx(1, abs=1e-9), name


def test_the_readings_of_the_program_fit() -> None:
    """`types.Reading.to_dict` and the schema cannot drift apart."""
    sentiment = Sentiment(0.5, "positive", {"negative": 0.1, "neutral": 0.2, "positive": 0.7})
    emotions = dict.fromkeys(EMOTIONS, 1 / 7)
    whole = Reading(sentiment, emotions, Dimensions(0.1, -0.2, 0.3), 0.7, "verified", False)
    bare = Reading(None, None, None, None, abstain=True)
    cue = Reading(sentiment, emotions, None, 0.7, weight=1.0, share=0.4)
    segment = made.segment("so", whole.to_dict(), {"words": bare.to_dict()}, chars=[0, 2])
    validate(made.analysis(overall=whole.to_dict(), cues={"words": cue.to_dict()}, segments=[segment]))


def test_an_analysis_may_carry_corrections_new_cues_and_more_provenance() -> None:
    analysis = made.video()
    analysis["corrections"] = [{"path": "/segments/0/text", "value": "Hi", "by": "ann", "at": "2025-01-01T00:00:00Z"}]
    analysis["cues"]["heart_rate"] = made.reading(0.1, weight=0.0, share=0.0)
    analysis["provenance"]["device"] = "cpu"
    validate(analysis)


WRONG = [
    ("schema", "demeanor.analysis/2"),
    ("kind", "movie"),
    ("duration", -1),
    ("language", "English"),
    ("surprise", 1),
    ("overall.sentiment.score", 1.01),
    ("overall.sentiment.label", "good"),
    ("overall.sentiment.probabilities.neutral", -0.1),
    ("overall.sentiment.probabilities.mixed", 0.0),
    ("overall.emotions.joy", 1.2),
    ("overall.emotions.pride", 0.0),
    ("overall.dimensions.derived", None),
    ("overall.confidence", 2),
    ("overall.calibration", "perhaps"),
    ("overall.abstain", "no"),
    ("overall.weight", 1.0),
    ("cues.words.weight", -0.1),
    ("cues.words.share", 2.5),
    ("cues.words.mood", 1),
    ("cues.Words", {}),
    ("cues.voice", {}),
    ("segments.0.start", None),
    ("segments.0.end", None),
    ("segments.0.chars", [1]),
    ("segments.0.words.0.probability", 1.5),
    ("segments.0.faces.0.box", [0.1, 0.1, 1.2, 0.2]),
    ("segments.0.faces.0.box", [0.1, 0.1, 0.2]),
    ("segments.0.reading", {}),
    ("people.0.faces", "F1"),
    ("people.0.seconds", -1),
    ("people.0.reading", {}),
    ("people.0.reading.weight", 0.5),
    ("missing", ["scene", "scene"]),
    ("warnings", [""]),
    ("provenance.threads", 0),
]


@pytest.mark.parametrize(("path", "value"), WRONG, ids=lambda v: str(v)[:40])
def test_what_the_contract_does_not_allow_is_refused(path: str, value: Any) -> None:
    analysis = copy.deepcopy(made.video())
    *way, last = path.split(".")
    place: Any = analysis
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[last] = value
    with pytest.raises(DataError, match="expected an analysis"):
        validate(analysis)


@pytest.mark.parametrize("key", sorted(made.video()))
def test_no_key_may_be_left_out(key: str) -> None:
    analysis = made.video()
    del analysis[key]
    with pytest.raises(DataError, match=key):
        validate(analysis)


def test_text_and_pictures_have_no_duration() -> None:
    with pytest.raises(DataError, match="duration"):
        validate({**made.pure_text(), "duration": 3.0})
