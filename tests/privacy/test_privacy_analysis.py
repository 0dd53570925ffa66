"""Analyses without personal data: every text in them, word times, speakers, overlay; what reports are made of them."""

import json
from typing import Any

import pytest

from demeanor.privacy.analysis import Stretch, redact_analysis, redact_json
from demeanor.privacy.spans import Pseudonyms
from demeanor.reader.analysis import Analysis
from demeanor.report.schema import validate

READING: dict[str, Any] = {
    "sentiment": {
        "score": 0.1, "label": "neutral", "probabilities": {"negative": 0.2, "neutral": 0.5, "positive": 0.3},
    },
    "emotions": None, "dimensions": None, "confidence": 0.5, "calibration": "pooled", "abstain": False,
}  # fmt: skip


def words(text: str, start: float, step: float = 0.5) -> list[dict[str, Any]]:
    return [
        {"text": w, "start": start + step * i, "end": start + step * (i + 1), "probability": 0.9}
        for i, w in enumerate(text.split())
    ]


def segment(text: str | None, start: float | None, end: float | None, **more: Any) -> dict[str, Any]:
    said = words(text, start) if text and start is not None and more.pop("timed", True) else []
    return {
        "start": start, "end": end, "chars": None, "text": text, "words": said, "speaker": None, "faces": [],
        "reading": READING, "cues": {}, **more,
    }  # fmt: skip


def analysis(segments: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "schema": "demeanor.analysis/1", "id": "clip", "source": "clip.mp4", "kind": "video", "duration": 20.0,
        "language": "en", "overall": READING, "cues": {}, "segments": segments, "people": [], "missing": [],
        "warnings": [], "provenance": {"version": "0", "bundle": "b", "speech": "s", "threads": 1, "seconds": 1.0},
        **more,
    }  # fmt: skip


def test_words_become_one_placeholder_and_their_seconds_are_told() -> None:
    said = segment("Call five five five one two three four now.", 1.0, 6.0)
    done = redact_analysis(analysis([said]))
    (out,) = done.data["segments"]
    assert out["text"] == "Call [PHONE] now."
    assert [w["text"] for w in out["words"]] == ["Call", "[PHONE]", "now."]
    assert out["words"][1] == {"text": "[PHONE]", "start": 1.5, "end": 5.0, "probability": None}
    assert done.stretches == (Stretch(1.5, 5.0, "PHONE"),)
    validate(done.data)


def test_what_is_said_in_two_segments_is_found_and_covered_in_both() -> None:
    one, two = segment("It is five five five", 0.0, 3.0), segment("one two three four okay", 3.2, 6.0)
    done = redact_analysis(analysis([one, two]))
    assert [s["text"] for s in done.data["segments"]] == ["It is [PHONE]", "[PHONE] okay"]
    assert [(s.start, s.end) for s in done.stretches] == [(1.0, 2.5), (3.2, 5.2)]
    apart = redact_analysis(analysis([one, segment("one two three four okay", 30.0, 33.0)]))
    assert apart.stretches == ()


def test_one_value_has_one_mark_wherever_it_is_cut() -> None:
    said = ["Card 4111 1111", "1111 1111 okay", "Again 4111 1111 1111 1111"]
    segments = [segment(text, 5.0 * i, 5.0 * i + 3.0) for i, text in enumerate(said)]
    left = ["Card [CARD 1]", "[CARD 1] okay", "Again [CARD 1]"]
    done = redact_analysis(analysis(segments), pseudonyms=Pseudonyms()).data["segments"]
    assert [s["text"] for s in done] == left
    assert [" ".join(w["text"] for w in s["words"]) for s in done] == left
    plain = {"segments": [{"text": text, "words": [{"word": w} for w in text.split()]} for text in said]}
    other = redact_json(plain, pseudonyms=Pseudonyms())[0]["segments"]
    assert [s["text"] for s in other] == left
    assert {w["word"] for s in other for w in s["words"]} == {"Card", "[CARD 1]", "okay", "Again"}
    words = redact_json([{"word": w} for w in " ".join(said).split()], pseudonyms=Pseudonyms())[0]
    assert {w["word"] for w in words} == {"Card", "[CARD 1]", "okay", "Again"}


def test_without_word_times_the_whole_segment_is_covered() -> None:
    done = redact_analysis(analysis([segment("my name is John Smith.", 4.0, 7.0, timed=False)]))
    assert done.stretches == (Stretch(4.0, 7.0, "NAME"),)


def test_chinese_words_of_a_character_each() -> None:
    text = "我叫张伟。"
    said = segment(text, None, None)
    said |= {"start": 0.0, "end": 2.0, "words": [
        {"text": c, "start": 0.4 * i, "end": 0.4 * (i + 1), "probability": 0.9} for i, c in enumerate("我叫张伟。")
    ]}  # fmt: skip
    done = redact_analysis(analysis([said], language="zh"))
    assert done.data["segments"][0]["text"] == "我叫[NAME]。"
    assert [w["text"] for w in done.data["segments"][0]["words"]] == ["我", "叫", "[NAME]", "。"]
    assert done.stretches == (Stretch(pytest.approx(0.8), pytest.approx(1.6), "NAME"),)


def test_speakers_with_names_become_numbers_and_their_names_go_from_the_text() -> None:
    segments = [
        segment("Good evening.", 0.0, 1.0, speaker="Zelda Quux"),
        segment("Thanks, Quux.", 1.0, 2.0, speaker="S1"),
    ]
    told = {"seconds": 1.0, "reading": READING}
    people = [
        {"id": "P1", "faces": ["F1"], "speaker": "Zelda Quux", **told},
        {"id": "P2", "faces": [], "speaker": "S1", **told},
    ]
    done = redact_analysis(analysis(segments, people=people)).data
    assert [s["speaker"] for s in done["segments"]] == ["S2", "S1"]
    assert done["people"] == [{**people[0], "speaker": "S2"}, people[1]]
    assert done["segments"][1]["text"] == "Thanks, [NAME]."
    assert "Quux" not in json.dumps(done)


@pytest.mark.parametrize(
    ("called", "said"),
    [
        ("A", "A good day, I think. Plan A works."),
        ("I", "I like it."),
        ("unknown", "It is unknown to me."),
        ("Customer 1", "Customer service helped. Customer 1 was first."),
        ("SPEAKER_00", "The Speaker spoke."),
        ("spk-a", "The spk-a file."),
        ("客服", "客服很好"),
        ("嘉宾2号", "嘉宾2号来了"),
    ],
)
def test_letters_and_roles_of_speakers_are_no_names_in_what_is_said(called: str, said: str) -> None:
    data = analysis([segment(said, 0.0, 4.0, speaker=called)])
    (out,) = redact_analysis(data).data["segments"]
    assert (out["speaker"], out["text"]) == ("S1", said)
    assert redact_json([{"speaker": called, "text": said}])[0] == [{"speaker": "S1", "text": said}]


def test_of_a_speaker_with_a_comma_the_parts_that_are_names_are_looked_for() -> None:
    called = "Smith, A"
    out = redact_analysis({"segments": [{"text": "A good day, said Smith.", "speaker": called}]}).data
    assert (out["segments"][0]["text"], out["segments"][0]["speaker"]) == ("A good day, said [NAME].", "S1")
    assert redact_json({called: {"speaker": called}})[0] == {"S1": {"speaker": "S1"}}


def test_given_names_of_an_analysis_may_have_commas() -> None:
    out = redact_analysis({"segments": [{"text": "张三和李四吵了一架。"}]}, names=["张三，李四"]).data
    assert out["segments"][0]["text"] == "[NAME]和[NAME]吵了一架。"


def test_names_beside_a_role_or_short_as_a_label_are_looked_for() -> None:
    said = [{"speaker": who, "text": f"Well, {who} is here."} for who in ("Sam", "Doctor Quux", "王明")]
    left = [m["text"] for m in redact_json(said)[0]]
    assert left == ["Well, [NAME] is here.", "Well, Doctor [NAME] is here.", "Well, [NAME] is here."]


def test_overlay_sample_names_and_warnings() -> None:
    data = analysis(
        [segment("Good.", 0.0, 1.0)],
        id="john.smith@example.com.mp4",
        source="john.smith@example.com.mp4",
        warnings=["212-555-0187.mp4: damaged"],
        corrections=[
            {"path": "segments[0].text", "value": "call 212-555-0187", "by": "Anna Berg", "at": "2026-01-01T10:00:00Z"},
            {"path": "segments[0].speaker", "value": "Peter", "by": "user", "at": None},
        ],
        sample={"author": "Eve", "labels": {"polarity": 1.0}, "text": ["a@example.com"]},
    )
    done = redact_analysis(data).data
    left = json.dumps(done)
    assert not [w for w in ("john", "555", "Anna", "Peter", "Eve", "a@ex") if w in left]
    assert done["corrections"][0]["at"] == "2026-01-01T10:00:00Z"
    assert done["corrections"][1]["by"] == "user"
    assert done["sample"]["labels"] == {"polarity": 1.0}
    hidden = redact_analysis({**data, "source": "Holiday in Rome.mp4"}, hide_source=True).data
    assert hidden["source"] == "[NAME].mp4"


@pytest.mark.parametrize("hide", [False, True])
def test_the_files_name_is_taken_out_of_warnings_as_it_is_by_itself(hide: bool) -> None:
    told = ["Ann_clip.mp4: no sound", "Ann_clip.srt: not UTF-8; read as cp1252", "in/Ann_clip.mp4 is short", "clip"]
    data = analysis([], id="in/Ann_clip.mp4", source="Ann_clip.mp4", warnings=told)
    done = redact_analysis(data, names=["Ann"], hide_source=hide).data
    new, whole = ("[NAME]", "[NAME]") if hide else ("[NAME]_clip", "in/[NAME]_clip")
    assert done["warnings"] == [
        f"{new}.mp4: no sound", f"{new}.srt: not UTF-8; read as cp1252", f"{whole}.mp4 is short", "clip",
    ]  # fmt: skip
    assert (done["source"], done["id"]) == (f"{new}.mp4", f"{whole}.mp4")


def test_chars_point_into_the_redacted_text() -> None:
    one, two = "Mail a.very.long.name@example.com!", "Fine, thanks."
    segments = [
        {**segment(one, None, None), "chars": [0, len(one)]},
        {**segment(two, None, None), "chars": [len(one) + 1, len(one) + 1 + len(two)]},
    ]
    done = redact_analysis(analysis(segments, kind="text")).data["segments"]
    whole = " ".join(s["text"] for s in done)
    assert [whole[slice(*s["chars"])] for s in done] == [s["text"] for s in done] == ["Mail [MAIL]!", two]


def test_twice_is_once_and_the_original_is_untouched() -> None:
    data = analysis([segment("My name is John Smith, 212-555-0187.", 0.0, 4.0), segment("Smith, yes.", 4.0, 5.0)])
    before = json.dumps(data)
    once = redact_analysis(data).data
    assert json.dumps(data) == before
    again = redact_analysis(once)
    assert again.data == once
    assert again.stretches == ()


def test_pseudonyms_are_the_same_in_texts_and_words() -> None:
    data = analysis([segment("My name is John Smith.", 0.0, 4.0), segment("John Smith, 212-555-0187?", 4.0, 6.0)])
    done = redact_analysis(data, pseudonyms=Pseudonyms()).data["segments"]
    assert done[0]["text"] == "My name is [NAME 1]."
    assert done[1]["text"] == "[NAME 1], [PHONE 1]?"
    assert [w["text"] for w in done[1]["words"]] == ["[NAME 1]", "[PHONE 1]"]


def test_reports_subtitles_and_tables_of_a_redacted_analysis_tell_nothing(tmp_path: Any) -> None:
    data = analysis([segment("My name is John Smith, call 212-555-0187 now.", 0.0, 4.0)])
    done = Analysis.from_dict(data).redacted()
    for suffix in (".json", ".html", ".csv", ".srt", ".vtt"):
        text = done.save(tmp_path / f"out{suffix}").read_text(encoding="utf-8")
        assert "[PHONE]" in text
        assert not [w for w in ("Smith", "0187") if w in text]


@pytest.mark.parametrize("path", ["segments[0].speaker", "/segments/0/speaker"])
def test_a_speaker_named_by_a_correction_is_looked_for_in_what_is_said(path: str) -> None:
    segments = [
        segment("Well, Schmidt is here.", 0.0, 4.0, speaker="S1"),
        segment("ask Anna Schmidt, she left.", 4.0, 8.0, speaker="S2"),
    ]
    said = [{"path": path, "value": "Anna Schmidt", "by": "user", "at": None}, {"path": path, "value": "left"}]
    said += [{"path": path, "value": None}, {"path": "segments[1].text", "value": "Ask Schmidt."}]
    done = redact_analysis(analysis(segments, corrections=said))
    assert [s["text"] for s in done.data["segments"]] == ["Well, [NAME] is here.", "ask [NAME], she left."]
    assert [s["speaker"] for s in done.data["segments"]] == ["S1", "S2"]
    assert [(s.start, s.end) for s in done.stretches] == [(0.5, 1.0), (4.5, 5.5)]
    assert [c["value"] for c in done.data["corrections"]] == ["[NAME]", "left", None, "Ask [NAME]."]
    assert redact_analysis(done.data).data == done.data


def test_a_usual_chinese_word_before_a_title_stays_in_the_rest_of_an_analysis() -> None:
    data = analysis([segment("陈皮老师来了", None, None)], warnings=["陈皮.mp4: damaged"], language="zh")
    assert redact_analysis(data).data["warnings"] == ["陈皮.mp4: damaged"]


@pytest.mark.parametrize(
    ("text", "heard", "left", "seconds"),
    [
        (
            "I am John Smith from Leeds.",
            "I am Jon Smith from Leeds.",
            ["I", "am", "[NAME]", "from", "Leeds."],
            (1.0, 2.0),
        ),
        ("I am John Smith, hello.", "I am John Smyth hello.", ["I", "am", "[NAME]", "hello."], (1.0, 2.0)),
        ("Call 415 555 2671 now.", "Call four one five 555 2671 now.", ["Call", "[PHONE]", "now."], (0.5, 3.0)),
        ("I am John Smith, hello.", "I am Jon Smyth hello.", [], (0.0, 9.0)),
    ],
)
def test_words_that_the_corrected_text_lacks_are_covered_with_what_they_stand_beside(
    text: str, heard: str, left: list[str], seconds: tuple[float, float]
) -> None:
    said = segment(text, 0.0, 9.0) | {"words": words(heard, 0.0)}
    done = redact_analysis(analysis([said]), names=["John Smith"])
    (out,) = done.data["segments"]
    assert [w["text"] for w in out["words"]] == left
    assert [(s.start, s.end) for s in done.stretches] == [seconds]
    assert not any(name in json.dumps(done.data) for name in ("Jon", "Smyth", "Smith", "2671", "one"))


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ({"segments": [{"text": "我叫王明"}, {"text": "今天天气很好"}]}, ["我叫[NAME]", "今天天气很好"]),
        ({"posts": [{"text": "我的电话是13812345678"}, {"text": "9点见"}]}, ["我的电话是[PHONE]", "9点见"]),
        ({"words": [{"text": "John"}, {"text": "Smith"}]}, ["[NAME]", "[NAME]"]),
        ({"turns": [{"text": "Ro"}, {"text": "Bi"}]}, ["Ro", "Bi"]),
    ],
)
def test_only_words_make_a_sentence(said: dict[str, Any], left: list[str]) -> None:
    ((_, items),) = redact_json(said, names=["John Smith", "Ro Bi"])[0].items()
    assert [i["text"] for i in items] == left


def test_segments_of_another_form_are_looked_through_together() -> None:
    told = [{"word": w} for w in (" five", " five", " five")]
    said = [
        {"start": 0.0, "end": 2.0, "text": "My number is 0171 234", "speaker": "Ann", "note": "js@example.com"},
        {"start": 2.0, "end": 4.0, "text": "5678 99 thanks", "speaker": "Ann", "words": [
            {"word": " 5678", "start": 2.0, "speaker": "Ann"}, {"word": " 99"}, {"word": " thanks"}]},
        {"start": 60.0, "end": 62.0, "text": "It is five five five", "words": [{"word": " is"}, *told]},
        {"start": "62", "end": None, "text": "one two three four", "words": [{"word": "1234"}]},
        {"start": 70, "text": None, "speaker": {"id": 1}, "chars": 7},
    ]  # fmt: skip
    done = redact_json({"result": {"text": None, "segments": said}})[0]["result"]["segments"]
    assert [s["text"] for s in done] == ["My number is [PHONE]", "[PHONE] thanks", "It is [PHONE]", "[PHONE]", None]
    assert [w["word"] for s in done[1:3] for w in s["words"]] == [
        " [PHONE]", " [PHONE]", " thanks", " is", " [PHONE]", " [PHONE]", " [PHONE]",
    ]  # fmt: skip
    assert done[3]["words"] == []
    assert (done[0]["note"], done[1]["words"][0]["speaker"]) == ("[MAIL]", "S1")
    assert {k: v for k, v in done[4].items() if k != "text"} == {"start": 70, "speaker": {"id": 1}, "chars": 7}
