"""Names before a colon: which labels are speakers of a talk, and which are not."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from test_privacy_analysis import analysis, segment

from demeanor.privacy.analysis import redact_analysis, redact_json
from demeanor.privacy.labels import label_of, speakers_in
from demeanor.reader.redact import redact, redact_plain

TALKS = {
    "Bob: hi Ann\nAnn: hello, Bob!\nNote: bring milk": "S1: hi [NAME]\nS2: hello, [NAME]!\nNote: bring milk",
    "Bob: hi\nhm\nBob: hello": "S1: hi\nhm\nS1: hello",
    "DR. SMITH: Well?\n- Ann: yes, Dr. Smith\nPATIENT: Smith said so": (
        "S1: Well?\n- S2: yes, Dr. [NAME]\nPATIENT: [NAME] said so"
    ),
    "S1: a\nAnn Lee (V.O.): b\n[00:12] >> BOB: c, Lee\nBob: d": (
        "S1: a\nS2 (V.O.): b\n[00:12] >> S3: c, [NAME]\nS3: d"
    ),
    "Mark: please mark it\nWill: I will\nMark: done\nWill: good": "S1: please mark it\nS2: I will\nS1: done\nS2: good",
    "李明:你好\n王芳：李明你来了\n时间:三点": "S1:你好\nS2：[NAME]你来了\n时间:三点",
    "晓晓：你好\n妈妈：晓晓来了\n晓晓：好的": "S1：你好\n妈妈：[NAME]来了\nS1：好的",
    "Speaker 1 (Ann Lee): hi\nSpeaker 2 (laughing): hi Ann Lee": (
        "Speaker 1 ([NAME]): hi\nSpeaker 2 (laughing): hi [NAME]"
    ),
    "Bob (Miller): hi\nAnn (CONT'D): Miller?": "S1 ([NAME]): hi\nS2 (CONT'D): [NAME]?",
    "Ann Lee [00:00:12]: hi\nBob [1:02]: yes": "S1 [00:00:12]: hi\nS2 [1:02]: yes",
    "**Bob:** hi\n**Ann**: Bob": "**S1:** hi\n**S2**: [NAME]",
    "<v Bob>hi\n<v BOB>ho\nBob: yes": "<v S1>hi\n<v S1>ho\nS1: yes",
    "小李: 走吧\n约翰·史密斯: 好": "S1: 走吧\nS2: 好",
}
NO_TALKS = [
    "Bob: hi",
    "Paris (France): lovely",
    "**Note:** x\n**Time:** y",
    "Note: x\nTime: 3 pm\nNote: y\nTime: 4 pm",
    "12:30 lunch\n13:45 tea\nhttp://example.org\nhttps://example.org",
    "Phone: none\nCity: Paris\nEmployer: Acme\nSupervisor: yes",
    "Remember this: never.\nThen Bob said: hi\nTips: two",
    "Look: a bird.\nIngredients: we look for flour\nSteps: mix",
    "Q: why?\nA: because.\nQ: really?",
    "时间:三点\n地点:北京\n备注:带伞\n时间:四点",
    "注意:小心\n结果:很好\n问题:没有\n答案:有",
    "晓晓:你好\n妈妈:来了",  # two characters without a surname, once
    "他说:好\n我想:不好\n他说:行",
]


@pytest.mark.parametrize("text", TALKS)
def test_speakers_of_a_talk_get_numbers(text: str) -> None:
    assert redact_plain(text, Counter(), {"names": []}) == TALKS[text]
    assert redact_plain(TALKS[text], Counter(), {"names": []}) == TALKS[text]


@pytest.mark.parametrize("text", NO_TALKS)
def test_what_stands_before_a_colon_and_is_no_speaker(text: str) -> None:
    assert speakers_in(text.split("\n")) == ([], [])
    assert redact_plain(text, Counter(), {"names": []}).split(":")[0] == text.split(":")[0]


def test_where_a_label_stands() -> None:
    label = label_of("<i>- Ann-Marie O'Neil (off) : well: yes")
    assert label is not None
    assert label.name == "Ann-Marie O'Neil"
    assert label_of("Ann::x") is label_of("Ann:3") is label_of("no label") is None


def test_subtitles_with_names_before_colons_and_in_tags(tmp_path: Path) -> None:
    source = tmp_path / "a.vtt"
    lines = ["WEBVTT", "", "00:01.000 --> 00:02.000", "<v Bob>hi", "", "00:02.000 --> 00:03.000", "- BOB: Ann?"]
    lines += ["- <i>Ann: yes, Bob</i>", "", "00:03.000 --> 00:04.000", "Time: 3 pm", ""]
    source.write_text("\n".join(lines), encoding="utf-8")
    done = redact(source, tmp_path / "b.vtt")
    text = (tmp_path / "b.vtt").read_text(encoding="utf-8").split("\n")
    assert [text[i] for i in (3, 6, 7, 10)] == ["<v S1>hi", "- S1: [NAME]?", "- <i>S2: yes, [NAME]</i>", "Time: 3 pm"]
    assert done.counts["NAME"] == 4  # two speakers, and what they call each other


def test_names_before_colons_are_names_in_an_analysis_too() -> None:
    said = [segment("Bob: hi", 0.0, 1.0, timed=False), segment("Ann: yes, Bob", 1.0, 2.0, timed=False)]
    done = redact_analysis(analysis(said))
    assert [s["text"] for s in done.data["segments"]] == ["[NAME]: hi", "[NAME]: yes, [NAME]"]


WHISPER = {"text": " Bob: hi Ann Ann: hello Bob", "segments": [{"text": " Bob: hi Ann"}, {"text": " Ann: hello Bob"}]}
WORDS = [{"words": {"parts": [{"text": w} for w in said.split()]}} for said in ("Bob: hi Ann", "Ann: hello Bob")]
WHY = {"schema": "demeanor.explanation/1", "segments": WORDS, "counterfactuals": [{"texts": ["Bob: hi Ann"]}]}


@pytest.mark.parametrize("said", [WHISPER, WHY, ["Bob: hi Ann", {"x": "Ann: hello Bob"}]])
def test_names_before_colons_are_names_in_any_json(said: Any) -> None:
    left = json.dumps(redact_json(said)[0])
    assert not [name for name in ("Bob", "Ann") if name in left]


@pytest.mark.parametrize("text", ["Paris: lovely", "Paris: lovely We went"])
def test_one_text_that_json_holds_twice_is_no_talk(text: str) -> None:
    parts = [{"text": part, "words": [{"word": f" {w}"} for w in part.split()]} for part in text.split(" We ")]
    said = {"text": text, "segments": parts, "best": text.split(" We ")[0]}
    assert redact_json(said)[0] == said
