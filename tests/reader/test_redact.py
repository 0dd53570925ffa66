"""Copies of texts and subtitles without personal data."""

import json
import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from demeanor.errors import ConfigError
from demeanor.privacy.spans import Pseudonyms
from demeanor.privacy.text import redact_text
from demeanor.reader.analysis import Analysis
from demeanor.reader.redact import redact

SUBTITLES = """WEBVTT - by ann@example.com

NOTE john@example.com

NOTE
call 13912345678

STYLE ::cue(.tel-13912345678)

1
00:00:01.000 --> 00:00:02.500 align:start position:10%
13912345678

2
00:03 --> 00:04.5
42

00:05.000 --> 00:06.000 bob@example.com
fine
"""


def test_of_subtitles_only_times_and_numbers_of_cues_are_left_as_they_are(tmp_path: Path) -> None:
    source = tmp_path / "a.vtt"
    source.write_text(SUBTITLES, encoding="utf-8")
    done = redact(source, tmp_path / "b.vtt")
    lines = (tmp_path / "b.vtt").read_text(encoding="utf-8").split("\n")
    assert not [line for line in lines if "example.com" in line or "13912345678" in line]
    before = SUBTITLES.split("\n")
    changed = [old for old, new in zip(before, lines, strict=True) if old != new]
    assert changed == [line for line in before if "example.com" in line or "13912345678" in line]
    assert sum(done.counts.values()) == 6


def test_who_speaks_in_subtitles_gets_a_number_and_is_known_by_name_in_what_is_said(tmp_path: Path) -> None:
    source = tmp_path / "a.vtt"
    lines = ["WEBVTT", "", "00:01.000 --> 00:02.000", "<v.loud Roger Bingham>We are</v> here <v Left>yes", ""]
    lines += ["00:03.000 --> 00:04.000", "<V Ann>Thanks, Roger <i>dear</i>", "<v A>A cat", ""]
    source.write_text("\n".join(lines), encoding="utf-8")
    done = redact(source, tmp_path / "b.vtt")
    text = (tmp_path / "b.vtt").read_text(encoding="utf-8")
    assert text.split("\n")[3] == "<v.loud S1>We are</v> here <v Left>yes"
    assert text.split("\n")[6] == "<V S2>Thanks, [NAME] <i>dear</i>"
    assert text.split("\n")[7] == "<v S3>A cat"
    assert done.counts["NAME"] == 4


SPOKEN = ["My", "name", "is", "John", "Smith,", "call", "four", "one", "five", "5552671"]
PARTS = [{"text": w, "share": 0.1} for w in SPOKEN]
WHY = {
    "schema": "demeanor.explanation/1", "id": "call.wav", "source": "call.wav", "score": 0.5,
    "said": [{"en": "Words that count most: “Smith” (+0.10).", "zh": "“Smith”"}],
    "segments": [{"segment": 0, "share": 0.1, "words": {"parts": PARTS}}],
    "counterfactuals": [{"texts": ["John", "Mail js@example.com"], "path": "js@example.com"}],
}  # fmt: skip
WHISPER = {
    "text": " My name is John Smith. Call 415-555-2671.",
    "segments": [
        {"id": 0, "text": " My name is John Smith.", "speaker": "Ann Lee", "words": [
            {"word": w, "start": 0.1} for w in (" My", " name", " is", " John", " Smith.")]},
        {"id": 1, "text": " Call 415-555-2671, Ann.", "words": [{"word": " Call"}, {"word": " 415-555-2671."}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("said", [WHY, WHISPER], ids=["explanation", "transcript"])
def test_json_that_is_no_analysis_is_looked_through_whole(said: dict[str, Any], tmp_path: Path) -> None:
    source = tmp_path / "a.json"
    source.write_text(json.dumps(said), encoding="utf-8")
    done = redact(source, tmp_path / "b.json")
    text = (tmp_path / "b.json").read_text(encoding="utf-8")
    assert not [told for told in ("John", "Smith", "Ann", "415", "2671", "js@") if told in text]
    assert done.counts["NAME"] >= 2
    assert done.counts["PHONE"] >= 1
    copy = json.loads(text)
    assert [list(s) for s in copy["segments"]] == [list(s) for s in said["segments"]]
    assert [s.get("score") for s in (copy, said)] == [said.get("score")] * 2


def test_an_analysis_may_hold_more_than_its_schema_knows(tmp_path: Path) -> None:
    source = tmp_path / "a.json"
    source.write_text(json.dumps({"schema": "demeanor.analysis/1", "segments": [], "note": "js@example.com"}))
    redact(source, tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text())["note"] == "[MAIL]"


def test_json_lines_are_divided_by_line_feeds_alone(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "one\u2028two\x85three js@example.com"}\n', encoding="utf-8")
    redact(source, tmp_path / "b.jsonl")
    assert json.loads((tmp_path / "b.jsonl").read_text(encoding="utf-8"))["text"] == "one\u2028two\x85three [MAIL]"


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_a_list_shares_its_names_and_speakers_unless_each_is_a_recording(suffix: str, tmp_path: Path) -> None:
    def done(said: list[Any]) -> list[Any]:
        listed = suffix == ".json"
        text = json.dumps(said) if listed else "".join(json.dumps(v) + "\n" for v in said)
        (tmp_path / f"a{suffix}").write_text(text)
        redact(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}")
        left = (tmp_path / f"b{suffix}").read_text()
        return list(json.loads(left)) if listed else [json.loads(line) for line in left.splitlines()]

    talk = [
        {"speaker": "Ann", "text": "hello, my name is Carla Gomez"},
        {"speaker": "Bob", "text": "Hi Ann, hi Carla Gomez"},
    ]
    assert done(talk) == [
        {"speaker": "S1", "text": "hello, my name is [NAME]"},
        {"speaker": "S2", "text": "Hi [NAME], hi [NAME]"},
    ]
    assert [w["word"] for w in done([{"word": w} for w in SPOKEN])][3:5] == ["[NAME]", "[NAME],"]
    apart = done([{"schema": "demeanor.analysis/1", "segments": [turn]} for turn in talk])
    assert [a["segments"][0]["speaker"] for a in apart] == ["S1", "S1"]


def test_a_copy_goes_where_a_link_leads_and_into_no_device(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "copy.txt").symlink_to(Path("store") / "copy.txt")
    redact("Write to js@example.com", tmp_path / "copy.txt")
    assert (tmp_path / "copy.txt").is_symlink()
    assert (tmp_path / "store" / "copy.txt").read_text() == "Write to [MAIL]"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.txt")
        with pytest.raises(ConfigError, match="got a device or pipe; name a file"):
            redact("Write to js@example.com", tmp_path / "pipe.txt")
        assert (tmp_path / "pipe.txt").is_fifo()


def test_a_text_is_given_no_name_of_a_medium(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"out\.jpg: expected a text's name"):
        redact("Write to js@example.com", tmp_path / "out.jpg")
    assert not list(tmp_path.iterdir())


def test_one_name_is_not_its_letters(tmp_path: Path) -> None:
    redact("Ask Quilla about a plan.", tmp_path / "out.txt", names="Quilla")
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "Ask [NAME] about a plan."
    assert redact_text("Ask Quilla about a plan.", names="Quilla").text == "Ask [NAME] about a plan."


def test_what_goes_over_two_lines_of_a_cue_is_taken_from_both(tmp_path: Path) -> None:
    source = tmp_path / "a.srt"
    cues = ["1", "00:00:01,000 --> 00:00:04,000", "My name is Maria. My card is 4111 1111", "1111 1111 thanks", ""]
    cues += ["2", "00:00:05,000 --> 00:00:06,000", "Maria, IBAN DE89 3704 0044", "0532 0130 00 is mine", ""]
    source.write_text("\n".join(cues), encoding="utf-8")
    done = redact(source, tmp_path / "b.srt")
    lines = (tmp_path / "b.srt").read_text(encoding="utf-8").split("\n")
    assert lines[2:4] == ["My name is [NAME]. My card is [CARD]", "[CARD] thanks"]
    assert lines[7:9] == ["[NAME], IBAN [IBAN]", "[IBAN] is mine"]
    assert [line for k, line in enumerate(lines) if k not in (2, 3, 7, 8)] == [*cues[:2], *cues[4:7], cues[9]]
    assert done.counts == {"NAME": 2, "CARD": 1, "IBAN": 1}


def test_the_trend_of_a_redacted_analysis_is_that_of_its_texts(tmp_path: Path) -> None:
    said = [*["I love it, write to a.long.address@example.com."] * 6, *["I hate it, it was awful."] * 6]
    reading = {"emotions": None, "dimensions": None, "confidence": 0.9, "calibration": "verified", "abstain": False}
    segments, at = [], 0
    for text in said:
        score = 0.9 if "love" in text else -0.9
        told = {"score": score, "label": "positive" if score > 0 else "negative", "probabilities": {}}
        segments.append({
            "start": None, "end": None, "chars": [at, at + len(text)], "text": text, "words": [], "speaker": None,
            "faces": [], "reading": {**reading, "sentiment": told}, "cues": {},
        })  # fmt: skip
        at += len(text) + 1
    data = {"schema": "demeanor.analysis/1", "id": "a", "source": None, "kind": "text", "duration": None}
    data |= {"language": "en", "overall": {**reading, "sentiment": None}, "cues": {}, "people": [], "missing": []}
    whole = Analysis.from_dict({**data, "segments": segments, "warnings": [], "provenance": {}}).to_dict()
    (tmp_path / "a.json").write_text(json.dumps(whole), encoding="utf-8")
    redact(tmp_path / "a.json", tmp_path / "b.json")
    done = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    assert done["trend"] == Analysis.from_dict(done).to_dict()["trend"]
    assert [c["at"] for c in done["trend"]["changes"]] == [done["segments"][6]["chars"][0]]
    (tmp_path / "c.json").write_text(json.dumps({"schema": whole["schema"], "trend": {}, "segments": [{"text": "a"}]}))
    redact(tmp_path / "c.json", tmp_path / "d.json")
    assert "trend" not in json.loads((tmp_path / "d.json").read_text(encoding="utf-8"))


def test_a_film_whose_sound_holds_nothing_is_copied_without_sound(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        shown = out.add_stream("mpeg4", rate=10, width=64, height=48, pix_fmt="yuv420p")
        out.add_stream("pcm_s16le", rate=16000, layout="mono")
        for _ in range(5):
            out.mux(shown.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")))
        out.mux(shown.encode(None))
    done = redact(tmp_path / "a.mkv", tmp_path / "b.mkv", reader=lambda: pytest.fail("there is nothing to hear"))
    assert [w for w in done.warnings if "expected samples, got none" in w and "the copy has no sound" in w]
    with av.open(str(tmp_path / "b.mkv")) as copy:
        assert not copy.streams.audio
        assert len(list(copy.decode(video=0))) == 5


def test_what_goes_over_two_lines_of_a_cue_has_one_mark(tmp_path: Path) -> None:
    time, card = "00:01.000 --> 00:02.000", "4111 1111"
    source = tmp_path / "a.vtt"
    source.write_text(
        f"WEBVTT\n\n{time}\nMy card is {card}\n{card.split()[1]} 1111 thanks\n\n{time}\n{card} 1111 1111\n"
    )
    redact(source, tmp_path / "b.vtt", pseudonyms=Pseudonyms())
    said = f"WEBVTT\n\n{time}\nMy card is [CARD 1]\n[CARD 1] thanks\n\n{time}\n[CARD 1]\n"
    assert (tmp_path / "b.vtt").read_text() == said
