"""What a live reading tells without personal data: no half of what is being said, nothing that was known before."""

from typing import Any

import pytest

from demeanor.privacy.live import ROUND, LiveEraser


def segment(id: str, text: str | None, start: float = 0.0, state: str = "closed", **more: Any) -> dict[str, Any]:
    words = [{"text": w, "start": start, "end": start + 0.1, "probability": 0.9} for w in (text or "").split()]
    one = {"start": start, "end": start + 2.0, "text": text, "words": words, "speaker": None}
    return {"type": "segment", "seq": 1, "id": id, "state": state, "replaces": [], "segment": one, **more}


def said(eraser: LiveEraser, *events: dict[str, Any]) -> list[str | None]:
    return [eraser.told(event)["segment"]["text"] for event in events]


def test_what_is_being_said_is_not_told_and_what_was_said_is_without_personal_data() -> None:
    eraser = LiveEraser(["Okafor"])
    given = segment("s1", "call me on 212", state="open")
    told = eraser.told(given)
    assert (told["segment"]["text"], told["segment"]["words"]) == (None, [])
    assert given["segment"]["text"] == "call me on 212", "what was given is as it was"
    told = eraser.told(segment("s1", "Call Okafor on 212-555-0187 now."))
    assert told["segment"]["text"] == "Call [NAME] on [PHONE] now."
    assert [w["text"] for w in told["segment"]["words"]] == ["Call", "[NAME]", "on", "[PHONE]", "now."]
    assert eraser.told({"type": "partial", "seq": 3, "text": "Okafor"})["text"] is None


def test_segments_are_looked_through_with_those_round_them() -> None:
    eraser = LiveEraser()
    assert said(eraser, segment("s1", "My name is Maya Okafor.", 0.0), segment("s2", "Okafor is tired.", 3.0)) == [
        "My name is [NAME].", "[NAME] is tired.",
    ]  # fmt: skip
    number = segment("s3", "My number is 212 555", 6.0), segment("s4", "0187, and I am happy.", 9.0)
    assert said(eraser, *number) == ["My number is 212 555", "[PHONE], and I am happy."]
    assert said(eraser, {**number[0], "state": "final"}) == ["My number is [PHONE]"], "heard again, with what followed"


def test_what_takes_the_place_of_a_segment_is_looked_through_without_it() -> None:
    eraser = LiveEraser()
    eraser.told(segment("s1", "My name is Rose Garden.", 0.0))
    heard_again = segment("s2", "The Rose Garden was lovely.", 0.0, state="final", replaces=["s1"])
    assert said(eraser, heard_again) == ["The Rose Garden was lovely."]
    eraser.told({"type": "retract", "seq": 2, "replaces": ["s2"]})
    assert said(eraser, segment("s3", None, 4.0)) == [None]


def test_segments_without_times_and_many_of_them() -> None:
    eraser = LiveEraser(["Ann"])
    for n in range(ROUND + 5):
        event = segment(f"t{n}.1", f"Ann said {n}.", state="final")
        event["segment"] |= {"start": None, "end": None, "words": []}
        assert said(eraser, event) == [f"[NAME] said {n}."]


def test_the_end_is_looked_through_whole() -> None:
    parts = [segment("", text, at)["segment"] for text, at in (("Ask Maya Okafor.", 0.0), ("Okafor knows.", 3.0))]
    final = {"type": "final", "seq": 9, "analysis": {"id": "live", "source": None, "segments": parts, "people": []}}
    told = LiveEraser(["Maya Okafor"]).told(final)
    assert [s["text"] for s in told["analysis"]["segments"]] == ["Ask [NAME].", "[NAME] knows."]
    assert told["seq"] == 9


@pytest.mark.parametrize(
    "event", [{"type": "warning", "message": "3 pictures"}, {"type": "retract", "replaces": ["s9"]}]
)
def test_other_events_stay(event: dict[str, Any]) -> None:
    assert LiveEraser().told(event) == event
