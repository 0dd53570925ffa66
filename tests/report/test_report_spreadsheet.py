"""The CSV: one row per segment, stable columns, safe and readable in spreadsheet programs."""

import csv as reference
import io
import re
from pathlib import Path

import polars
import pytest
import report_analyses as made

from demeanor.report.spreadsheet import csv, table


def rows(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(reference.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_one_row_per_segment() -> None:
    analysis = made.video()
    found = rows(csv(analysis))
    assert len(found) == 12
    for number, (row, segment) in enumerate(zip(found, analysis["segments"], strict=True), start=1):
        assert int(row["segment"]) == number
        assert float(row["start"]) == segment["start"]
        assert row["text"] == segment["text"]
        assert float(row["score"]) == pytest.approx(segment["reading"]["sentiment"]["score"], abs=1e-6)
        assert float(row["emotion_anger"]) == pytest.approx(segment["reading"]["emotions"]["anger"], abs=1e-6)
        assert float(row["voice_score"]) == pytest.approx(segment["cues"]["voice"]["sentiment"]["score"], abs=1e-6)
    assert found[4]["face_score"] == ""
    assert found[1]["faces"] == "F2 F1"
    assert found[0]["abstain"] == "false"


def test_numbers_stay_numbers() -> None:
    frame = polars.read_csv(io.BytesIO(csv(made.video()).encode("utf-8")))
    assert frame["score"].dtype == polars.Float64
    assert frame["score"].min() == pytest.approx(-0.8075)


def test_columns_do_not_depend_on_the_input() -> None:
    heads = {csv(build()).splitlines()[0] for build in made.ALL} | {csv([]).splitlines()[0]}
    assert len(heads) == 1


def test_a_further_cue_comes_after_the_known_columns() -> None:
    analysis = made.video()
    analysis["segments"][0]["cues"]["pulse"] = made.reading(0.2)
    head = csv(analysis).splitlines()[0]
    assert head == csv(made.video()).splitlines()[0] + ",pulse_emotion,pulse_label,pulse_score,pulse_weight"


def test_several_analyses_failures_and_items_without_segments() -> None:
    picture = {**made.image(), "segments": []}
    found = rows(csv([made.pure_text(), made.failed(), picture]))
    assert len(found) == 5 + 1 + 1
    assert found[5]["error"].startswith("DecodeError: expected a video")
    assert found[6]["label"] == "neutral"
    assert found[6]["face_weight"] == "0.8"
    assert found[0]["char_to"] == "30"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-你好", "@SUM(A1)", " =cmd|'/c calc'!A1", "\t=1", "＝1+1", "\r=1"])
def test_formulas_are_made_text(text: str) -> None:
    part = made.segment(text, made.reading(-0.5, "anger"), {}, chars=[0, len(text)])
    row = rows(csv(made.analysis(id="=1", segments=[part])))[0]
    assert row["text"] == "'" + text
    assert row["id"] == "'=1"
    assert row["score"] == "-0.5"


def test_quotes_commas_lines_and_chinese_survive() -> None:
    text = '他说:"好",\r\n然后走了。'
    part = made.segment(text, made.nothing(), {}, chars=[0, 5])
    row = rows(csv(made.analysis(segments=[part])))[0]
    assert row["text"] == text
    assert row["score"] == row["label"] == ""
    assert row["abstain"] == "true"


def test_the_docs_name_every_column_in_its_order() -> None:
    text = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text(encoding="utf-8")
    rows = text.partition("## The table")[2].partition("\n## ")[0]
    told = [name for row in re.findall(r"^\| (`.*?) \|", rows, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert told == table([])[0]
