"""Who is seen and heard, for how long, and what is read of them."""

from dataclasses import replace

import pytest

from demeanor.reader.people import people
from demeanor.types import EMOTIONS, Dimensions, Person, Reading, Segment, SegmentFace, Sentiment

BOX = (0.1, 0.1, 0.2, 0.2)


def reading(negative: float, neutral: float, positive: float, *, joy: float = 0.4) -> Reading:
    p = {"negative": negative, "neutral": neutral, "positive": positive}
    label = max(p, key=lambda k: p[k])
    felt = {e: joy if e == "joy" else (1 - joy) / 6 for e in EMOTIONS}
    said = Sentiment(positive - negative, label, p)
    return Reading(said, felt, Dimensions(joy, 0.0, 0.0), p[label], weight=0.5, share=0.1)


NOTHING = Reading(None, None, None, None, abstain=True)
GOOD, BAD, SO_SO = reading(0.1, 0.1, 0.8, joy=0.7), reading(0.7, 0.2, 0.1, joy=0.1), reading(0.2, 0.6, 0.2)


def segment(
    start: float | None, end: float | None, said: Reading, speaker: str | None = None, **faces: Reading | None
) -> Segment:
    seen = tuple(SegmentFace(name, BOX, alone) for name, alone in faces.items())
    return Segment(start, end, None, None, said, {}, speaker=speaker, faces=seen)


def test_each_face_and_each_speaker_has_the_mean_by_seconds() -> None:
    first, second, voice = people([
        segment(0, 3, SO_SO, "S1", F1=GOOD, F2=BAD),
        segment(3, 4, SO_SO, F1=BAD),
        segment(4, 9, BAD),
    ])  # fmt: skip
    assert (first.seconds, second.seconds, voice.seconds) == (4, 3, 3)
    mean = first.reading
    assert mean is not None
    assert mean.sentiment is not None
    assert mean.sentiment.score == pytest.approx((3 * 0.7 + 1 * -0.6) / 4)
    assert mean.sentiment.label == "positive"
    assert mean.sentiment.probabilities == pytest.approx({"negative": 0.25, "neutral": 0.125, "positive": 0.625})
    assert mean.emotions is not None
    assert mean.emotions["joy"] == pytest.approx(0.55)
    assert sum(mean.emotions.values()) == pytest.approx(1)
    assert mean.dimensions == Dimensions(pytest.approx(0.55), 0.0, 0.0)
    assert (mean.confidence, mean.calibration, mean.abstain) == (pytest.approx(0.625), "pooled", False)
    assert (mean.weight, mean.share) == (None, None)
    assert second.reading == replace(BAD, weight=None, share=None)
    assert voice.reading == replace(SO_SO, weight=None, share=None)


def test_stretches_that_several_segments_share_count_once() -> None:
    """Two people whose cues lie over one another, and one face."""
    found = people(
        [segment(0, 10, GOOD, "Ann", F1=GOOD), segment(0, 10, BAD, "Bob", F1=GOOD), segment(8, 12, BAD, "Bob")]
    )
    assert [(p.faces, p.speaker, p.seconds) for p in found] == [(("F1",), None, 10), ((), "Ann", 10), ((), "Bob", 12)]


def test_one_who_speaks_is_read_by_all_cues_and_by_the_face_in_silence() -> None:
    (person,) = people([segment(0, 1, GOOD, "S1", F1=SO_SO), segment(1, 2, GOOD, F1=BAD), segment(2, 9, GOOD)])
    assert (person.id, person.faces, person.speaker, person.seconds) == ("P1", ("F1",), "S1", 2)
    assert person.reading is not None
    assert person.reading.sentiment is not None
    assert person.reading.sentiment.probabilities["negative"] == pytest.approx((0.1 + 0.7) / 2)


def test_number_and_label_of_the_mean_agree() -> None:
    """The mean of the scores may lie on the other side of the most probable class."""
    strong = replace(BAD, sentiment=replace(BAD.sentiment, score=-0.9))  # type: ignore[type-var]
    weak = replace(GOOD, sentiment=replace(GOOD.sentiment, score=0.1))  # type: ignore[type-var]
    (face,) = people([segment(0, 1, SO_SO, F1=strong), segment(1, 3, SO_SO, F1=weak)])
    assert face.reading is not None
    assert face.reading.sentiment is not None
    assert face.reading.sentiment.label == "positive"
    assert face.reading.sentiment.score > 0


def test_what_abstains_counts_only_where_nothing_else_is_there() -> None:
    unsure = replace(BAD, abstain=True)
    first, second = people([segment(0, 1, SO_SO, F1=GOOD, F2=unsure), segment(1, 9, SO_SO, F1=unsure, F2=NOTHING)])
    assert first.reading == replace(GOOD, weight=None, share=None)
    assert first.seconds == second.seconds == 9
    assert second.reading is not None
    assert second.reading.sentiment == BAD.sentiment
    assert second.reading.abstain


def test_faces_of_a_picture_have_no_seconds_and_unread_ones_no_reading() -> None:
    first, second = people([segment(None, None, SO_SO, F1=GOOD, F2=None)])
    assert first == Person("P1", ("F1",), None, None, replace(GOOD, weight=None, share=None))
    assert second == Person("P2", ("F2",))


def test_nobody() -> None:
    assert people([segment(0, 1, GOOD)]) == ()
