"""Transcripts as people have them: clean, dirty, in other encodings, from other programs."""

import contextlib
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demeanor.errors import DecodeError, DemeanorError, InputError, LimitError
from demeanor.media import transcript
from demeanor.media.transcript import read_transcript, spread
from demeanor.types import Utterance, Word

SRT = """1
00:00:01,000 --> 00:00:02,500
I <i>love</i> it.

2
00:00:03,250 --> 00:01:04,000 X1:40 X2:600
{\\an8}First line
- second &amp; last
"""


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


def test_srt(tmp_path: Path) -> None:
    assert read_transcript(write(tmp_path, "a.srt", SRT)) == [
        Utterance(1.0, 2.5, "I love it."),
        Utterance(3.25, 64.0, "First line - second & last"),
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_srt_newlines_and_mark(tmp_path: Path, newline: str) -> None:
    data = b"\xef\xbb\xbf" + SRT.replace("\n", newline).encode()
    assert [u.start for u in read_transcript(str(write(tmp_path, "a.srt", data)))] == [1.0, 3.25]


def test_srt_without_blank_lines_or_numbers(tmp_path: Path) -> None:
    text = "1\n00:00:01,0 --> 00:00:02,5\nI was\nborn in 1999\n2\n00:02,5 -> 00:03,05\nfine\n"
    tight = read_transcript(write(tmp_path, "a.srt", text.replace("->", "-->").replace("---", "--")))
    assert tight == [Utterance(1.0, 2.5, "I was born in 1999"), Utterance(2.5, 3.05, "fine")]
    bare = read_transcript(write(tmp_path, "b.srt", "0:00:01.5 --> 0:00:02\nhello\n\n0:00:02 --> 0:00:03\n1999\n"))
    assert bare == [Utterance(1.5, 2.0, "hello"), Utterance(2.0, 3.0, "1999")]


@pytest.mark.parametrize("newline", ["\r\r\n", "\n\n", "\r\n\r\n"])
def test_srt_with_doubled_line_ends(tmp_path: Path, newline: str) -> None:
    assert read_transcript(write(tmp_path, "a.srt", SRT.replace("\n", newline).encode())) == [
        Utterance(1.0, 2.5, "I love it."),
        Utterance(3.25, 64.0, "First line - second & last"),
    ]


def test_srt_with_a_blank_line_under_the_time(tmp_path: Path) -> None:
    time = "00:00:0{0},000 --> 00:00:0{0},900\n"
    text = f"1\n{time.format(1)}\nHello there\n\n2\n{time.format(2)}\n3\n{time.format(3)}Bye\n"
    assert [u.text for u in read_transcript(write(tmp_path, "a.srt", text))] == ["Hello there", "Bye"]
    named = f"WEBVTT\n\n{time.format(1)}\nintro\n{time.format(2)}Bye\n".replace(",", ".")
    assert [u.text for u in read_transcript(write(tmp_path, "a.vtt", named))] == ["Bye"]


def test_vtt_voices_notes_styles_and_settings(tmp_path: Path) -> None:
    text = """WEBVTT - a talk

STYLE
::cue { color: red }

NOTE a comment
over two lines

intro
00:01.000 --> 00:02.000 align:start position:10%
<v.loud Ann Lee>Hello <b>there</b>,</v>
<v Bob>hi &lt;all&gt;</v>

00:00:03.000 --> 00:00:04.000
<c.yellow>no</c> <00:00:03.500>one

00:00:05.000 --> 00:00:06.000
[applause]
"""
    ann, bob, none = read_transcript(write(tmp_path, "a.vtt", text))
    assert (ann.speaker, ann.text, ann.start) == ("Ann Lee", "Hello there,", 1.0)
    assert (bob.speaker, bob.text, bob.end) == ("Bob", "hi <all>", 2.0)
    assert ann.end == bob.start
    assert none == Utterance(3.0, 4.0, "no one")


ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.080 --> 00:00:01.990 align:start position:0%
~
hello<00:00:00.500><c> everyone</c>

00:00:01.990 --> 00:00:02.000 align:start position:0%
hello everyone
~

00:00:02.000 --> 00:00:03.990 align:start position:0%
hello everyone
I<00:00:02.500><c> hate</c><00:00:03.000><c> this</c>

00:00:03.990 --> 00:00:04.000 align:start position:0%
I hate this
~

00:00:04.000 --> 00:00:05.000 align:start position:0%
I hate this
I<00:00:04.500><c> hate</c><00:00:04.700><c> this</c>
""".replace("~", " ")


def test_rolling_captions_are_read_once(tmp_path: Path) -> None:
    notes: list[str] = []
    assert read_transcript(write(tmp_path, "a.en.vtt", ROLLING), warnings=notes) == [
        Utterance(0.08, 1.99, "hello everyone"),
        Utterance(2.0, 3.99, "I hate this"),
        Utterance(4.0, 5.0, "I hate this"),
    ]
    assert notes == [
        "a.en.vtt: rolling captions: lines that 4 cues repeat of the one before were read once (first: line 9)"
    ]


def test_what_is_said_twice_is_no_rolling_caption(tmp_path: Path) -> None:
    cue = "00:0{0}.000 --> 00:0{1}.000\n{2}\n\n"
    twice = "WEBVTT\n\n" + cue.format(1, 2, "No!") + cue.format(2, 3, "No!") + cue.format(5, 6, "No!\nNever!")
    notes: list[str] = []
    said = read_transcript(write(tmp_path, "a.vtt", twice), warnings=notes)
    assert ([u.text for u in said], notes) == (["No!", "No!", "No! Never!"], [])
    rolled = (
        "WEBVTT\n\n" + cue.format(1, 2, "One") + cue.format(2, 3, "One\n<i>Two</i>") + cue.format(3, 4, "Two\nThree")
    )
    assert [u.text for u in read_transcript(write(tmp_path, "b.vtt", rolled))] == ["One", "Two", "Three"]


def test_a_line_of_spaces_does_not_end_a_cue(tmp_path: Path) -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n \nhello\n \nthere\n\nintro\n00:02.000 --> 00:03.000\nbye\n"
    assert [u.text for u in read_transcript(write(tmp_path, "a.vtt", text))] == ["hello there", "bye"]


def test_srt_with_a_blank_line_inside_a_cue(tmp_path: Path) -> None:
    inside = SRT.replace("First line\n", "First line\n\n").replace("it.\n", "it.\n\nMy name is Ann.\n")
    said = [u.text for u in read_transcript(write(tmp_path, "a.srt", inside))]
    assert said == ["I love it. My name is Ann.", "First line - second & last"]
    apart = inside.replace("\n2\n", "\n2\n\n")  # a number set off from its time
    assert [u.text for u in read_transcript(write(tmp_path, "b.srt", apart))] == said
    year = "00:01,0 --> 00:02,0\nborn in\n1999\n\n00:03,0 --> 00:04,0\n2000\n\n00:05,0 --> 00:06,0\nbye\n"
    assert [u.text for u in read_transcript(write(tmp_path, "c.srt", year))] == ["born in 1999", "2000", "bye"]


@pytest.mark.parametrize(
    "line",
    ["<v" + ".a" * 5000 + ">hi", "<v" + " " * 50_000 + "hi", "<v " * 50_000, " " * 50_000 + "hi"],
)
def test_odd_lines_take_time_by_their_length(tmp_path: Path, line: str) -> None:
    said = read_transcript(write(tmp_path, "a.vtt", f"WEBVTT\n\n00:01.000 --> 00:02.000\na {line}\n{line}\n"))
    assert len(said) == 1
    assert len(read_transcript(write(tmp_path, "a.txt", line), duration=1.0)) == 1


def test_our_own_subtitles_come_back_without_the_brackets(tmp_path: Path) -> None:
    text = "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\n<v S1>good</v>\n<c.positive>[positive +0.61 joy]</c>\n"
    assert read_transcript(write(tmp_path, "a.vtt", text)) == [Utterance(1.0, 2.0, "good", speaker="S1")]


def test_unreadable_time_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.srt, line 6: expected .* got '00:0x"):
        read_transcript(write(tmp_path, "a.srt", SRT.replace("00:00:03,250", "00:0x:03")))


@pytest.mark.parametrize(
    "said",
    [
        "I hate it: good --> bad",
        "A --> B, 5 of 10",
        "10 --> 3",
        "-->",
        "from 5:30 --> home",
        "It costs 5 at 0:12 --> 0:14 sharp",
    ],
)
def test_an_arrow_in_what_is_said_is_no_time(tmp_path: Path, said: str) -> None:
    text = f"1\n00:00:01,000 --> 00:00:02,000\n{said}\nreally\n\n2\n00:00:03,000 --> 00:00:04,000\nbye\n"
    data = write(tmp_path, "a.srt", text)
    assert [u.text for u in read_transcript(data, lenient=True)] == [f"{said} really", "bye"]
    assert transcript.kind_of_transcript(f"{said}\nnothing else".encode()) == ".txt"


@pytest.mark.parametrize(
    "time",
    [
        "00:0x:03,250 --> 00:01:04,000",
        "00: 00: 03, 250 --> 00: 01: 04, 000",
        "00.00.03,250 --> 00.01.04,000",
        "[00:03.25 --> 01:04.00]",
        "--> 00:01:04,000",
        "OO:00:03,250 --> 00:01:04,000",
        "OO:OO:03,250 --> OO:01:04,000",
        "3.25 --> 64.0",
        "00h00m03s --> 00h01m04s",
        "NaN:NaN:NaN,NaN --> NaN:NaN:NaN,NaN",
        "soon --> later",
    ],
)
def test_a_broken_time_costs_its_cue_and_is_told(tmp_path: Path, time: str) -> None:
    notes: list[str] = []
    data = write(tmp_path, "a.srt", SRT.replace("00:00:03,250 --> 00:01:04,000", time))
    assert [u.text for u in read_transcript(data, lenient=True, warnings=notes)] == ["I love it."]
    assert "1 cue left out" in notes[0]
    assert "line 6" in notes[0]


def test_a_broken_time_of_the_first_cue_is_told_too(tmp_path: Path) -> None:
    text = "1\n00h00m03s --> 00h01m04s\nhello\n\n2\n00:00:05,000 --> 00:00:06,000\nbye\n"
    with pytest.raises(InputError, match="line 2: expected '00:00:01,000 --> 00:00:02,500', got '00h00m03s"):
        read_transcript(write(tmp_path, "a.srt", text))


def test_times_in_full_width_are_read(tmp_path: Path) -> None:
    wide = "00：00：03，250 --> 00：01：04，000", "００：００：０３．２５０ －－＞ ００：０１：０４．０００"
    arrows = [f"00:00:03,250 {arrow} 00:01:04,000" for arrow in ("→", "->", "–>", "—>", "－－＞")]  # of word processors
    for time in (*wide, *arrows):
        data = write(tmp_path, "a.srt", SRT.replace("00:00:03,250 --> 00:01:04,000", time))
        _, late = read_transcript(data)
        assert (late.start, late.end) == (3.25, 64.0)
    nameless = "00：00：03，250 --> 00：01：04，000\nbye".encode()
    assert transcript.kind_of_transcript(nameless) == ".srt"
    said = '[{"start": "00：00：03，250", "end": "00:01:04", "text": "bye"}]'
    assert read_transcript(write(tmp_path, "a.json", said))[0].start == 3.25


@pytest.mark.parametrize("end", ["1e12", "1e7", '"99999999:00:00"', "-1e12"])
def test_times_that_no_recording_has_name_the_segment(tmp_path: Path, end: str) -> None:
    said = f'[{{"start": 0, "end": 1, "text": "a"}}, {{"start": 2, "end": {end}, "text": "b"}}]'
    with pytest.raises(InputError, match="segment 2: expected times below 10000000 s, got 2 to "):
        read_transcript(write(tmp_path, "a.json", said))
    for hours in ("99999999", "9" * 400):
        with pytest.raises(InputError, match="line 1: expected"):
            read_transcript(write(tmp_path, "a.srt", f"00:00:01,000 --> {hours}:00:00,000\nhello\n"))


def test_faulty_times_are_mended_and_told(tmp_path: Path) -> None:
    text = """00:00:05,000 --> 00:00:04,000
backwards

00:00:10,000 --> 00:00:14,000
long

00:00:12,000 --> 00:00:13,000
over it

-00:00:01,000 --> 00:00:01,000
early
"""
    notes: list[str] = []
    got = read_transcript(write(tmp_path, "a.srt", text), warnings=notes)
    assert [(u.start, u.end, u.text) for u in got] == [
        (0.0, 1.0, "early"), (5.0, 5.6, "backwards"), (10.0, 12.0, "long"), (12.0, 13.0, "over it"),
    ]  # fmt: skip
    assert notes == [
        "a.srt: 1 cue begin before 0; the part before was cut (first: line 10)",
        "a.srt: 1 cue end before they begin; their length was estimated (first: line 1)",
        "a.srt: 1 cue begin before the one before ends; that one was ended there (first: line 7)",
    ]


def test_two_lines_at_one_time_are_joined(tmp_path: Path) -> None:
    cue = "00:00:01.000 --> 00:00:03.000\n{}\n\n"
    text = "WEBVTT\n\n" + cue.format("你好") + cue.format("hello") + cue.format("hello")
    assert [u.text for u in read_transcript(write(tmp_path, "a.vtt", text))] == ["你好 hello hello"]


def test_two_speakers_may_speak_at_once_but_one_may_not(tmp_path: Path) -> None:
    items = [
        {"start": 0, "end": 10, "text": "a", "speaker": "S1"},
        {"start": 2, "end": 3, "text": "b", "speaker": "S2"},
        {"start": 4, "end": 5, "text": "c", "speaker": "S1"},
    ]
    got = read_transcript(write(tmp_path, "a.json", json.dumps(items)))
    assert [(u.start, u.end) for u in got] == [(0, 4), (2, 3), (4, 5)]


def test_our_analysis_json(tmp_path: Path) -> None:
    word = {"text": "好", "start": 0.2, "end": 0.4, "probability": 0.9}
    segments = [
        {"start": 0.0, "end": 3.0, "text": None, "words": [], "speaker": None},
        {"start": 0.1, "end": 0.5, "text": "好", "words": [word], "speaker": "S1"},
    ]
    data = json.dumps({"schema": "demeanor.analysis/1", "language": "zh", "segments": segments}, ensure_ascii=False)
    assert read_transcript(write(tmp_path, "a.json", data)) == [
        Utterance(0.1, 0.5, "好", (Word("好", 0.2, 0.4, 0.9),), speaker="S1", language="zh")
    ]


def test_corrections_of_an_analysis_count(tmp_path: Path) -> None:
    words = [{"text": "Ann", "start": 0.1, "end": 0.4}]
    segments = [
        {"start": 0, "end": 1, "text": "Ann", "speaker": "S1", "words": words},
        {"start": 1, "end": 2, "text": "noise", "speaker": "S1"},
        {"start": 2, "end": 3, "text": None, "speaker": "S2"},
    ]
    corrections = [
        {"path": "segments[0].text", "value": "And", "by": "user"},
        {"path": "segments[0].speaker", "value": "Bea"},
        {"path": "segments[1].text", "value": ""},
        {"path": "/segments/2/text", "value": "well"},
        {"path": "segments[9].text", "value": "beyond"},
        "none",
    ]
    path = write(tmp_path, "a.json", json.dumps({"segments": segments, "corrections": corrections}))
    assert read_transcript(path) == [Utterance(0, 1, "And", speaker="Bea"), Utterance(2, 3, "well", speaker="S2")]


def test_whisper_json(tmp_path: Path) -> None:
    words = [
        {"word": " so", "start": 1.0, "end": 1.5, "score": 1.2},
        {"word": " 2"},
        {"word": " far", "start": 1.5, "end": 9.0, "probability": 0.5},
    ]
    segments = [{"id": 0, "start": 1, "end": 2.5, "text": " so 2 far", "words": words}]
    got = read_transcript(write(tmp_path, "a.json", json.dumps({"language": "english", "segments": segments})))
    timed = (Word("so", 1.0, 1.5, 1.0), Word("far", 1.5, 2.5, 0.5))
    assert got == [Utterance(1, 2.5, "so 2 far", timed, language="en")]


def test_half_a_character_becomes_a_mark(tmp_path: Path) -> None:
    words = [{"text": "hi\ud83d", "start": 0, "end": 1}]
    said = [{"start": 0, "end": 1, "text": "hi\ud83d", "speaker": "A\ud83d", "words": words}]
    (one,) = read_transcript(write(tmp_path, "a.json", json.dumps(said)))
    assert (one.text, one.speaker, one.words[0].text) == ("hi\ufffd", "A\ufffd", "hi\ufffd")


@pytest.mark.parametrize(
    ("told", "code"),
    [("eng", "en"), ("en-US", "en"), ("English", "en"), ("ZH_cn", "zh"), ("und", None), ("xx", None), (7, None)],
)
def test_languages_are_known_by_what_people_call_them(tmp_path: Path, told: object, code: str | None) -> None:
    said = {"language": told, "segments": [{"start": 0, "end": 1, "text": "a"}]}
    (one,) = read_transcript(write(tmp_path, "a.json", json.dumps(said)))
    assert one.language == code


def test_list_with_clock_times_and_utf16(tmp_path: Path) -> None:
    data = json.dumps([{"start": "00:00:01.5", "end": "2.5", "text": "я рад"}], ensure_ascii=False)
    assert read_transcript(write(tmp_path, "a.json", data.encode("utf-16"))) == [Utterance(1.5, 2.5, "я рад")]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ("{", DecodeError, "expected JSON"),
        ("[" * 99999, DecodeError, "expected JSON"),
        (f'[{{"text": "x", "start": 0, "end": {10**400}}}]', InputError, "segment 1: expected 'end'"),
        ("3", DecodeError, "expected a list"),
        ('{"segments": {}}', DecodeError, "expected a list"),
        ("[1]", InputError, "segment 1: expected {start, end, text}, got 1"),
        ('[{"text": "x"}]', InputError, "segment 1: expected 'start' in seconds, got None"),
        ('[{"text": "x", "start": 0, "end": NaN}]', InputError, "segment 1: expected 'end'"),
        ('[{"text": "x", "start": true, "end": 1}]', InputError, "segment 1: expected 'start'"),
    ],
)
def test_faulty_json(tmp_path: Path, data: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"a.json.*{message}"):
        read_transcript(write(tmp_path, "a.json", data))


def test_text_lines_take_time_by_length(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "one two three\n\n(laughs)\nfour\n")
    first, second = read_transcript(path, duration=17.0)
    assert (first.start, first.end, first.text) == (0.0, 13.0, "one two three")
    assert (second.start, second.end, second.text) == (13.0, 17.0, "four")
    with pytest.raises(InputError, match="duration"):
        read_transcript(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I came. I saw 3.5 of them! “Why?” Gone", ["I came.", "I saw 3.5 of them!", "“Why?”", "Gone"]),
        ("我很开心。你呢？！“走吧。”好", ["我很开心。", "你呢？！", "“走吧。”", "好"]),
        ("no end", ["no end"]),
    ],
)
def test_text_in_one_line_is_split_into_sentences(tmp_path: Path, text: str, expected: list[str]) -> None:
    got = read_transcript(write(tmp_path, "a.txt", text), duration=5)
    assert [u.text for u in got] == expected


def test_chinese_takes_as_long_as_english() -> None:
    one, two = spread(["今天真开心", "so happy today!"], 2.0, 8.0)
    assert (one.start, one.end, two.end) == (2.0, 5.0, 8.0)
    assert spread([" ", ""], 0, 1) == []


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "cp1251", "cp1252"])
def test_legacy_encodings(tmp_path: Path, encoding: str) -> None:
    text = {
        "gb18030": "今天天气很好，我们一起去公园散步，真的非常开心。",
        "big5": "今天天氣很好，我們一起去公園散步，真的非常開心。",
        "cp1251": "Сегодня хорошая погода, мы гуляем в парке и очень рады этому.",
        "cp1252": "Aujourd’hui il fait très beau, nous étions à la forêt où l’été est doré.",
    }[encoding]
    notes: list[str] = []
    (got,) = read_transcript(write(tmp_path, "a.txt", text.encode(encoding)), duration=3, warnings=notes)
    assert got.text == text
    assert "not UTF-8; read as" in notes[0]


def test_not_a_transcript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="expected a transcript named"):
        read_transcript(write(tmp_path, "a.doc", "x"))
    with pytest.raises(InputError):
        read_transcript(tmp_path / "none.srt")
    with pytest.raises(DecodeError, match="empty"):
        read_transcript(write(tmp_path, "a.srt", ""))
    with pytest.raises(DecodeError, match="no known encoding"):
        read_transcript(write(tmp_path, "b.srt", bytes(range(256))))
    with pytest.raises(DecodeError, match="is it a transcript"):
        read_transcript(write(tmp_path, "c.srt", "hello"))
    monkeypatch.setattr(transcript, "LIMIT", 10)
    with pytest.raises(LimitError):
        read_transcript(write(tmp_path, "d.srt", SRT))


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.json", "a.txt"])
def test_empty_is_no_words(tmp_path: Path, name: str) -> None:
    notes: list[str] = []
    data = {"a.json": "[]", "a.vtt": "WEBVTT\n"}.get(name, " \n")
    assert read_transcript(write(tmp_path, name, data), duration=1, warnings=notes) == []
    assert notes == [f"{name}: the transcript holds no words"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.floats(-9, 99), st.floats(-9, 99), st.sampled_from(["a", "b c", "好"]), st.sampled_from("XY"))
    )
)
def test_whatever_the_times_the_result_is_in_order(tmp_path: Path, rows: list[tuple[float, float, str, str]]) -> None:
    items = [{"start": a, "end": b, "text": t, "speaker": s} for a, b, t, s in rows]
    got = read_transcript(write(tmp_path, "a.json", json.dumps(items)))
    assert [u.start for u in got] == sorted(u.start for u in got)
    assert all(0 <= u.start < u.end for u in got)
    for speaker in "XY":
        own = [u for u in got if u.speaker == speaker]
        assert all(a.end <= b.start + 1e-6 for a, b in itertools.pairwise(own))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), name=st.sampled_from(["a.srt", "a.vtt", "a.json", "a.txt"]))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, name: str) -> None:
    with contextlib.suppress(DemeanorError):
        read_transcript(write(tmp_path, name, data), duration=1)


def test_what_text_files_are_read_in_transcripts_are_too(tmp_path: Path) -> None:
    """One way to find the encoding: a short line in GB18030 or UTF-16 without a mark."""
    cue = "1\n00:00:00,000 --> 00:00:01,000\n{}\n"
    ways = ("很好吃", "gb18030"), ("I love it", "utf-16-le"), ("très bien", "cp1252"), ("好", "utf-16")
    for said, encoding in ways:
        data = cue.format(said).encode(encoding)
        assert read_transcript(write(tmp_path, "a.srt", data))[0].text == said == read_transcript(data)[0].text


@pytest.mark.parametrize(
    ("cues", "said"),
    [
        (["<v Ann>Yes.", "<v Bob>Yes.\n<v Bob>I never liked it."], ["Yes.", "Yes. I never liked it."]),
        (["No.", "No.\nNot again."], ["No.", "No. Not again."]),
    ],
)
def test_a_line_that_comes_again_by_chance_is_said_again(tmp_path: Path, cues: list[str], said: list[str]) -> None:
    timed = (f"00:0{n}.000 --> 00:0{n + 1}.000\n{cue}\n" for n, cue in enumerate(cues, 1))
    notes: list[str] = []
    assert [
        u.text for u in read_transcript(write(tmp_path, "a.vtt", "WEBVTT\n\n" + "\n".join(timed)), warnings=notes)
    ] == said
    assert not notes


def test_an_analysis_of_a_stretch_lies_where_it_was_cut_from(tmp_path: Path) -> None:
    word = {"text": "hi", "start": 0.5, "end": 0.8}
    segment = {"start": 0.5, "end": 1.4, "text": "hi there", "words": [word]}
    data = {"sample": {"start": 1.0, "end": 3.0}, "segments": [segment]}
    (said,) = read_transcript(write(tmp_path, "a.json", json.dumps(data)))
    assert (said.start, said.end, said.words[0].start, said.words[0].end) == (1.5, 2.4, 1.5, 1.8)
