"""What a user corrected, in what people look at: subtitles, tables, reports. The analysis itself stays as read."""

import copy
import csv as csv_format
import io
import re
from typing import Any

import pytest
import report_analyses as made

from demeanor.report.corrections import overlaid
from demeanor.report.html import render
from demeanor.report.spreadsheet import csv
from demeanor.report.subtitles import srt, vtt


def correct(path: str, value: Any) -> dict[str, Any]:
    return {"path": path, "value": value, "by": "ann", "at": "2026-01-01T00:00:00Z"}


@pytest.fixture
def film() -> dict[str, Any]:
    """Utterance 7 reads `That is awful.`, by S1, negative −0.59, disgust."""
    fixes = {"text": "That is lawful.", "speaker": "Ann", "reading.sentiment.label": "neutral"}
    return made.video() | {"corrections": [correct(f"segments[7].{k}", v) for k, v in fixes.items()]}


def test_subtitles_say_what_the_user_says(film: dict[str, Any]) -> None:
    lines = srt(film).splitlines()
    at = lines.index("Ann: That is lawful.")
    assert lines[at + 1] == "[neutral]", "the number was of another label"
    assert "<v Ann>That is lawful.</v>\n<c.neutral>[neutral]</c>" in vtt(film)
    assert "awful" not in re.sub("lawful", "", srt(film) + vtt(film))
    untouched = srt(made.video()).splitlines()
    assert lines[: at - 2] == untouched[: at - 2]


def test_a_table_has_both_labels(film: dict[str, Any]) -> None:
    rows = list(csv_format.DictReader(io.StringIO(csv(film).removeprefix("\ufeff"))))
    row = rows[7]
    assert (row["text"], row["speaker"]) == ("That is lawful.", "Ann")
    assert (row["label"], row["corrected_label"]) == ("negative", "neutral")
    assert float(row["score"]) == pytest.approx(film["segments"][7]["reading"]["sentiment"]["score"])
    assert {r["corrected_label"] for r in rows} == {"", "neutral"}
    assert not [name for name in rows[0] if name.startswith("corrected_") and name != "corrected_label"]
    assert "corrected" not in csv(made.video())


@pytest.mark.parametrize(
    ("language", "before"), [("en", "Read as: S1 · That is awful. · negative −0.59"), ("zh", "原读数: ")]
)
def test_a_report_shows_it_and_what_was_read(film: dict[str, Any], language: str, before: str) -> None:
    page = render(film, language=language)
    line = re.search(r'<li class="([^"]*)" data-line="7">(.*?)</li>', page)
    assert line is not None
    assert line[1] == "line tonep0 neutral"
    assert '<p dir="auto" class="corrected"' in line[2]
    assert ">That is lawful.</p>" in line[2]
    assert f'title="{before}' in line[2]
    assert "0.59" not in line[2].split("</p>")[1], "no number beside a label that it does not belong to"
    assert page.count('class="corrected"') == 1
    assert '"text":"That is lawful."' in page, "the timeline tells the same"


def test_scores_and_emotions_are_shown_too() -> None:
    said = [correct("segments[7].reading.sentiment.score", 0.4), correct("/segments/7/reading/emotions", ["surprise"])]
    film = made.video() | {"corrections": said}
    assert "S1: That is awful.\n[positive +0.40 surprise]" in srt(film)
    row = list(csv_format.DictReader(io.StringIO(csv(film).removeprefix("\ufeff"))))[7]
    assert [row[f"corrected_{k}"] for k in ("label", "score", "emotion")] == ["positive", "0.4", "surprise"]


def test_the_last_word_counts_and_the_rest_is_passed_over() -> None:
    inner = "sentiment.label"
    said = [
        correct("segments[0].text", "first"), correct("segments[0].text", "last"), correct("segments[99].text", "x"),
        correct(f"overall.{inner}", "negative"), correct(f"segments[0].faces[0].reading.{inner}", "negative"),
        correct(f"segments[0].cues.voice.{inner}", "negative"), correct(f"segments[0].reading.{inner}", "odd"),
        correct("segments[0].reading.sentiment.score", 7), correct("segments[0].reading.emotions", ["bliss"]),
        correct("", 1),
    ]  # fmt: skip
    film = made.video() | {"corrections": said}
    was = copy.deepcopy(film)
    shown = overlaid(film)
    assert film == was
    assert shown["segments"][0]["text"] == "last"
    assert not any(s.get("corrected") for s in shown["segments"])
    assert "S1: last\n[positive +0.33 joy]" in srt(film)


def test_an_emotion_alone_leaves_the_sentiment() -> None:
    film = made.video() | {"corrections": [correct("segments[7].reading.emotions", "anger")]}
    assert "S1: That is awful.\n[negative -0.59 anger]" in srt(film)
    assert "<c.negative>[negative -0.59 anger]</c>" in vtt(film)
    row = list(csv_format.DictReader(io.StringIO(csv(film).removeprefix("\ufeff"))))[7]
    assert row["corrected_emotion"] == "anger"
    assert "corrected_label" not in row


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ([("label", "negative"), ("score", 0.8)], "[positive +0.80]"),
        ([("score", 0.8), ("label", "negative")], "[negative]"),
        ([("label", "neutral"), ("score", 0.1)], "[neutral +0.10]"),
        ([("score", -0.3), ("label", "negative")], "[negative -0.30]"),
    ],
)
def test_no_number_contradicts_the_label_beside_it(said: list[tuple[str, Any]], shown: str) -> None:
    """The last word counts."""
    film = made.video() | {"corrections": [correct(f"segments[7].reading.sentiment.{k}", v) for k, v in said]}
    assert f"S1: That is awful.\n{shown}\n" in srt(film)


@pytest.mark.parametrize("value", [None, 5, ["a"], {"a": 1}, True])
def test_what_is_no_text_takes_none_away(value: Any) -> None:
    film = made.video() | {"corrections": [correct("segments[7].text", value)]}
    assert srt(film) == srt(made.video())
    assert "✎" not in render(film).split("<article")[1].split("</article>")[0]


def test_a_report_counts_what_it_shows() -> None:
    paths = ["segments[99].text", "overall.sentiment.label", "segments[1].text", "segments[1].speaker"]
    page = render(made.video() | {"corrections": [correct(p, "x") for p in paths]})
    assert "marked ✎ in the transcript: 1." in page


def test_what_a_user_writes_is_no_markup() -> None:
    page = render(made.video() | {"corrections": [correct("segments[0].text", "<img src=x> & \"'")]})
    assert "&lt;img src=x&gt; &amp; &quot;&#x27;</p>" in page
    assert "<img src=x>" not in page


def test_a_sentence_that_was_emptied_stays_a_line() -> None:
    item = made.pure_text()
    item["corrections"] = [{"path": "segments[0].text", "value": "", "by": "user", "at": "2026-01-01T00:00:00Z"}]
    line = render(item).partition('data-line="0"')[2].partition("</li>")[0]
    assert "<em>(no words)</em>" in line
    assert "Read as: The trailer promised a comedy." in line
