"""What a live reading tells without personal data: no half of what is being said, nothing that was known before."""

from typing import Any

import pytest

from demeanor.reader.events import Event, State
from demeanor.reader.redact_live import ROUND, LiveEraser
from demeanor.types import Reading, Segment, Word
from reader_fakes import fake_reader

NOTHING = Reading(None, None, None, None)


def segment(id: str, text: str | None, start: float | None = 0.0, state: State = "closed", **more: Any) -> Event:
    words = () if start is None else tuple(Word(w, start, start + 0.1, 0.9) for w in (text or "").split())
    end = None if start is None else start + 2.0
    one = Segment(start, end, (3, 9) if start is None else None, text, NOTHING, {}, words)
    return Event("segment", 1, 9.0, 9.0, id=id, state=state, segment=one, **more)


def said(eraser: LiveEraser, *events: Event) -> list[str | None]:
    return [eraser.told(event)["segment"]["text"] for event in events]


def test_what_is_being_said_is_not_told_and_what_was_said_is_without_personal_data() -> None:
    eraser = LiveEraser(["Okafor"])
    told = eraser.told(segment("s1", "call me on 212", state="open"))["segment"]
    assert (told["text"], told["words"], told["chars"]) == (None, [], None)
    told = eraser.told(segment("s1", "Call Okafor on 212-555-0187 now."))["segment"]
    assert told["text"] == "Call [NAME] on [PHONE] now."
    assert [w["text"] for w in told["words"]] == ["Call", "[NAME]", "on", "[PHONE]", "now."]
    partial = Event("partial", 3, 9.0, 9.0, reading=NOTHING, text="Okafor")
    assert (eraser.told(partial)["text"], partial.to_dict()["text"]) == (None, "Okafor")


def test_segments_are_looked_through_with_those_before_them() -> None:
    eraser = LiveEraser()
    assert said(eraser, segment("s1", "My name is Maya Okafor.", 0.0), segment("s2", "Okafor is tired.", 3.0)) == [
        "My name is [NAME].", "[NAME] is tired.",
    ]  # fmt: skip
    number = segment("s3", "My number is 212 555", 6.0), segment("s4", "0187, and I am happy.", 9.0)
    assert said(eraser, *number) == ["My number is 212 555", "[PHONE], and I am happy."]
    again = segment("s3", "My number is 212 555", 6.0, state="final")
    assert said(eraser, again) == ["My number is [PHONE]"], "heard again, with what followed"


@pytest.mark.parametrize("start", [0.0, None])
@pytest.mark.parametrize("said_in", [("My name is Maya Okafor.",), ("My name is", "Maya Okafor.")])
def test_a_name_is_not_forgotten(start: float | None, said_in: tuple[str, ...]) -> None:
    eraser = LiveEraser()
    for n, text in enumerate(said_in):
        eraser.told(segment(f"n{n}", text, start))
    for n in range(1, 3 * ROUND):
        eraser.told(segment(f"s{n}", "Fine." if n % 2 else None, None if start is None else 3.0 * n))
    assert said(eraser, segment("s99", "Okafor is tired.", None if start is None else 300.0)) == ["[NAME] is tired."]


def test_what_is_taken_back_or_heard_otherwise_was_a_name_all_the_same() -> None:
    eraser = LiveEraser()
    eraser.told(segment("s1", "My name is Maya Okafor.", 0.0))
    heard_again = segment("s2", "My name is my Okay for.", 0.0, state="final", replaces=("s1",))
    assert said(eraser, heard_again, segment("s3", "Okafor is tired.", 3.0)) == [
        "My name is my Okay for.",
        "[NAME] is tired.",
    ]
    eraser.told(Event("retract", 2, 9.0, 9.0, replaces=("s2", "s3")))
    assert said(eraser, segment("s4", None, 4.0), segment("s5", "Okafor again.", 6.0)) == [None, "[NAME] again."]


def test_the_end_is_looked_through_whole_as_any_analysis_is() -> None:
    whole = fake_reader().analyze(text="Ask Okafor at js@example.com. I love it. Okafor knows.")
    told = LiveEraser(["Okafor"]).told(Event("final", 9, 9.0, 9.0, analysis=whole))
    assert told["analysis"] == whole.redacted(names=["Okafor"]).to_dict()
    assert [s["text"] for s in told["analysis"]["segments"]] == ["Ask [NAME] at [MAIL].", "I love it.", "[NAME] knows."]


def test_warnings_and_what_is_taken_back() -> None:
    warning = Event("warning", 1, 9.0, 9.0, message="Okafor.wav: 3 pictures could not be read")
    assert LiveEraser(["Okafor"]).told(warning)["message"] == "[NAME].wav: 3 pictures could not be read"
    gone = Event("retract", 1, 9.0, 9.0, replaces=("s9",))
    assert LiveEraser().told(gone) == gone.to_dict()
