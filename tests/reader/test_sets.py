"""Prediction sets in readings: where they stand, what they hold, and where nothing was measured."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import demeanor
from demeanor import bundle
from demeanor.calibration.conformal import Conformal
from demeanor.calibration.pool import PoolRule
from demeanor.reader.analysis import Analysis
from demeanor.reader.fuse import average, fuse
from demeanor.report.schema import validate
from demeanor.types import Evidence

LIMITS = {task: Conformal(0.7, 0.9, 500).to_dict() for task in ("polarity", "emotions")}
BUNDLE: Any = SimpleNamespace(
    spec={"fusion": {"pool": PoolRule(base={"words": 1.0, "voice": 1.0}, floor=0.05, kappa=1.0).to_dict()}}
)


def said(polarity: list[float], limits: Any = LIMITS, abstain: bool = False) -> Evidence:
    emotions = np.array([0.05, 0.05, 0.05, 0.4, 0.05, 0.05, 0.35])
    return Evidence(np.array(polarity), emotions, 0.2, abstain=abstain, limits=limits)


def test_a_set_holds_what_the_threshold_admits_and_the_best_class() -> None:
    whole, cues = fuse({"words": said([0.1, 0.45, 0.45])}, BUNDLE)
    assert whole.sets == cues["words"].sets
    assert whole.to_dict()["sets"] == {
        "coverage": 0.9, "sentiment": ["neutral", "positive"], "emotions": ["joy", "neutral"],
    }  # fmt: skip
    strict = {"polarity": Conformal(0.1, 0.5, 500).to_dict()}
    sets = fuse({"words": said([0.3, 0.34, 0.36], strict)}, BUNDLE)[0].sets
    assert sets is not None
    assert (sets.sentiment, sets.emotions) == (("positive",), None)


@pytest.mark.parametrize(
    "evidence",
    [
        {"words": said([0.1, 0.2, 0.7], limits=None)},
        {"words": said([0.1, 0.2, 0.7]), "voice": said([0.1, 0.2, 0.7])},  # pooled: not measured together
        {"words": said([0.1, 0.2, 0.7], abstain=True)},
        {"words": replace(said([0.1, 0.2, 0.7], limits=None), measured=False)},  # unlike what was measured on
        {"words": average([said([0.1, 0.2, 0.7])] * 2, [1, 1])},  # a mean of several pieces is none of them
    ],
    ids=["no threshold", "pooled", "abstains", "unlike", "a mean"],
)
def test_nothing_is_promised_that_was_not_measured(evidence: dict[str, Evidence]) -> None:
    whole = fuse(evidence, BUNDLE)[0]
    assert whole.sets is None
    assert whole.to_dict()["sets"] is None


def test_the_shipped_words_tell_what_they_cannot_tell_apart() -> None:
    analysis = demeanor.analyze(text="I love it so much!\n\nIt is a table.")
    found = analysis.overall.sets
    assert found is not None
    assert found.coverage == bundle.load("base").cues["words"]["sets"]["polarity"]["coverage"]
    assert analysis.overall.sentiment is not None
    assert analysis.overall.sentiment.label in (found.sentiment or ())
    assert all(s.reading.sets is not None for s in analysis.segments)
    data = analysis.to_dict()
    validate(data)
    assert Analysis.from_dict(data).to_dict() == data


def test_an_analysis_from_before_there_were_sets_can_still_be_read() -> None:
    data = demeanor.analyze(text="I love it.").to_dict()
    del data["overall"]["sets"]
    assert Analysis.from_dict(data).overall.sets is None
    validate(data)


def test_posts_and_pictures_have_sets_of_polarity_and_a_scene_beside_other_cues_has_none() -> None:
    sky = Path(__file__).parents[2] / "demo/sky.jpg"
    post, picture = demeanor.analyze(text="What a day.", image=sky), demeanor.analyze(image=sky)
    for whole in (post.overall, picture.overall):
        assert whole.calibration == "verified"
        assert whole.sets is not None
        assert whole.sentiment is not None
        assert whole.sentiment.label in (whole.sets.sentiment or ())
        assert whole.sets.emotions is None
    assert post.cues["words"].sets is not None
    assert post.cues["scene"].sets is None


@pytest.mark.shared
def test_a_voice_like_those_learned_from_has_sets_and_another_counts_for_less(shared: Path) -> None:
    pytest.importorskip("faster_whisper", reason="the extra speech is not installed here")
    actor = shared / "data" / "ravdess" / "audio" / "Actor_03"
    known = demeanor.analyze(audio=sorted(actor.glob("03-01-05-02-*.flac"))[0], cues="voice")
    assert known.overall.calibration == "verified"
    assert known.overall.sets is not None
    other = demeanor.analyze(audio=Path(__file__).parents[2] / "demo" / "clip.mp4", cues="voice")
    assert {s.cues["voice"].calibration for s in other.segments} == {"pooled"}
    assert {s.cues["voice"].sets for s in other.segments} == {None}


@pytest.mark.shared
def test_the_seconds_of_a_voice_that_is_trusted_less_sum_up_to_what_it_says(shared: Path) -> None:
    pytest.importorskip("faster_whisper", reason="the extra speech is not installed here")
    analysis = demeanor.analyze(audio=shared / "data" / "talking_heads" / "bbaf2n.mpg", cues="voice")
    says = analysis.segments[0].cues["voice"]
    assert says.calibration == "pooled"
    assert says.sentiment is not None
    found = analysis.explain().to_dict()["segments"][0]["voice"]
    assert sum(part["share"] for part in found["parts"]) == pytest.approx(says.sentiment.score, abs=1e-3)
