import json
from pathlib import Path

import pytest

from dataset_trees import build, write, write_csv
from demeanor.datasets import table
from demeanor.datasets._gaps import DataWarning
from demeanor.errors import ConfigError, DataError
from demeanor.types import Sample

HEADER = "id,text,audio,start,end,speaker,label_score,label_polarity,label_own,split\n"


def facts(sample: Sample) -> tuple[object, ...]:
    return tuple(getattr(sample, f) for f in Sample.__dataclass_fields__ if f != "labels"), dict(sample.labels)


def test_columns_become_fields(tmp_path: Path) -> None:
    first, second, third = table.read(build("table", tmp_path))
    assert (first.text, first.start, first.end, first.speaker) == ("I loved it, all of it", 0.5, 2.0, "ann")
    assert first.audio == tmp_path / "clips/1.wav"
    assert first.labels == {"score": 0.8, "polarity": "positive", "own": "fan"}
    assert second.labels == {"polarity": "neutral", "own": 3.0}
    assert (first.split, second.split, third.split) == ("train", "valid", "test")
    assert third.text is None
    assert first.group == "ann"


def test_the_same_rows_in_every_form(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    path = build("table", tmp_path)
    rows = table.read(path)
    frame = polars.read_csv(path)
    frame.write_csv(tmp_path / "mine.tsv", separator="\t")
    frame.write_parquet(tmp_path / "mine.parquet")
    lines = [json.dumps(row, ensure_ascii=False) for row in frame.iter_rows(named=True)]
    write(tmp_path / "mine.jsonl", "\n".join(lines) + "\n\n")
    for ending in (".tsv", ".jsonl", ".parquet"):
        assert [facts(s) for s in table.read(tmp_path / f"mine{ending}")] == [facts(s) for s in rows], ending


def test_any_encoding_and_a_mark(tmp_path: Path) -> None:
    text = "id,text,label_polarity\n1,今天的天气真好,positive\n"
    for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16"):
        assert table.read(write(tmp_path / "x.csv", text.encode(encoding)))[0].text == "今天的天气真好"


def test_groups_come_from_group_speaker_or_text(tmp_path: Path) -> None:
    rows = [(1, "Yes!", "", ""), (2, "yes! http://a.b", "", ""), (3, "no", "ann", ""), (4, "no", "ann", "show 1")]
    path = write_csv(tmp_path / "x.csv", ("id", "text", "speaker", "group"), rows)
    groups = [s.group for s in table.read(path)]
    assert groups[0] == groups[1]
    assert groups[2:] == ["ann", "show 1"]


def test_stretches_of_one_recording_are_one_group(tmp_path: Path) -> None:
    rows = [(f"{film}-{n}", f"line {n}", f"{film}.mp4", n, n + 1) for n in range(3) for film in "ab"]
    path = write_csv(
        tmp_path / "x.csv", ("id", "text", "video", "start", "end"), [*rows, ("c", "line 1", "c.mp4", "", "")]
    )
    groups = {s.id: s.group for s in table.read(path)}
    assert {groups[f"a-{n}"] for n in range(3)} == {"a.mp4"}
    assert {groups[f"b-{n}"] for n in range(3)} == {"b.mp4"}
    assert groups["c"] not in ("a.mp4", "b.mp4")


def test_a_row_without_an_id_is_named_by_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", 'id,text\n,"two\nlines"\n,three\n')
    assert [s.id for s in table.read(path)] == ["line-3", "line-4"]


def test_classes_written_as_digits_and_as_words_of_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "id,text,label_stars,label_name\n1,a,5,nan\n2,b,4.5,Infinity\n3,c,2.0,2015\n")
    found = table.read(path)
    assert [str(s.labels["stars"]) for s in found] == ["5", "4.5", "2"]
    assert [str(s.labels["name"]) for s in found] == ["nan", "Infinity", "2015"]


def test_a_bad_row_costs_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "id,text,start,end\n1,fine,,\n2,,,\n3,late,soon,\n4,a,nan,\n5,a,,inf\n")
    said = r"neither text nor medium \(line 3\).*start: expected .* \(line 4, line 5\).*end: expected .* \(line 6\)"
    with pytest.warns(DataWarning, match=said):
        assert [s.id for s in table.read(path)] == ["1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text\nhello\n", "expected a column id and at least one of text, image, audio, video; found text"),
        ("id,label_score\n1,0.5\n", "expected a column id and at least one of"),
        ("id,txet\n1,a\n", "at least one of text"),
        ("id,text,label\n1,a,b\n", "unknown column 'label'"),
        ("id,text,speakr\n1,a,b\n", r"unknown column 'speakr'; did you mean speaker\?"),
        ("id,text,label_score\n1,a,2.4\n", r"x\.csv, line 2: label_score: expected a number in \[-1, 1\], found 2.4"),
        ("id,text,label_score\n1,a,high\n", r"line 2: label_score: expected a number in \[-1, 1\], found high; leave"),
        ("id,text,label_score\n1,a,nan\n", "found nan; leave the cell empty"),
        ("id,text,label_polarity\n1,a,postive\n", "found 'postive'; did you mean positive"),
        ("id,text,label_emotions\n1,a,\"joy,glee\"\n", "found 'glee'"),
        ("id,text,split\n1,a,holdout\n", "expected train, valid or test, found 'holdout'"),
        ("id,text\n1,a\n1,b\n", "expected every id once, found more of 1"),
        ("id,text\n1,a,b\n", "expected 2 cells, found more; quote a text with commas"),
        ("id,text,label_a,label_a\n1,a,b,c\n", "every column once, got id, text, label_a, label_a; rename one"),
        ("id,text,\n1,a,note\n", "expected a name for every column, got none for column 3"),
        ("id,text\n", "expected rows, found none"), ("", "expected rows, found none"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        table.read(write(tmp_path / "x.csv", content))


def test_a_table_of_another_spreadsheet(tmp_path: Path) -> None:
    found = table.read(write(tmp_path / "x.csv", 'id;text;label_score\n1;"fine; really";0.5\n2;a, b;-1\n'))
    assert [(s.id, s.text) for s in found] == [("1", "fine; really"), ("2", "a, b")]
    path = write(
        tmp_path / "z.csv", "id;text;start;label_score;label_own;label_emotions\n1;1,5;1,5;-0,8;2,25;joy,anger\n"
    )
    (sample,) = table.read(path)
    assert (sample.text, sample.start) == ("1,5", 1.5)
    assert sample.labels == {"score": -0.8, "own": 2.25, "emotions": "joy,anger"}
    with pytest.raises(DataError, match="quote a text with semicolons"):
        table.read(write(tmp_path / "y.csv", "id;text\n1;a;b\n"))


def test_tables_of_pandas_and_spreadsheets(tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match=r"1 × column without a name that counts the rows, left out \(column 1\)"):
        (one,) = table.read(write(tmp_path / "pandas.csv", ",id,text\n0,1,fine\n"))
    assert (one.id, one.text) == ("1", "fine")
    assert [s.text for s in table.read(write(tmp_path / "head.csv", "id,text,\n1,fine,\n"))] == ["fine"]
    assert [s.text for s in table.read(write(tmp_path / "row.csv", "id,text\n1,fine,\n2,bad\n"))] == ["fine", "bad"]


def test_twins_of_a_later_part_are_left_out_when_asked(tmp_path: Path) -> None:
    rows = "id,text,split\n1,ok then,train\n2,Ok then,test\n3,fine,train\n4,bad,valid\n"
    path = write(tmp_path / "x.csv", rows)
    assert [s.id for s in table.read(path)] == ["1", "2", "3", "4"]
    assert [s.id for s in table.read(path, duplicates="drop")] == ["2", "3", "4"]
    manifest = 'name = "x"\nfile = "x.csv"\n[fields]\nid = "{id}"\ntext = "{text}"\n[split]\ncolumn = "split"\n'
    told = str(write(tmp_path / "x.toml", manifest))
    assert [s.id for s in table.read(tmp_path, manifest=told, duplicates="drop")] == ["2", "3", "4"]
    with pytest.raises(ConfigError, match=r"option duplicates: expected one of drop, keep, got 'drp'; did you mean"):
        table.read(path, duplicates="drp")


def test_quotation_marks(tmp_path: Path) -> None:
    lines = 'id,text\n1,fine\n2,"never closed\n3,next\n4,last\n'
    with pytest.raises(DataError, match=r"x\.csv, line 3: expected cells, .*close the quotation mark"):
        table.read(write(tmp_path / "x.csv", lines))
    found = table.read(write(tmp_path / "x.tsv", lines.replace(",", "\t")))
    assert [s.text for s in found] == ["fine", '"never closed', "next", "last"]
    (one,) = table.read(write(tmp_path / "y.tsv", 'id\ttext\n1\t"two\nlines and a ""tab\t"""\n'))
    assert one.text == 'two\nlines and a "tab\t"'
    loose = 'id,text,language\n1,"He said" no,en\n2,"yes" ,en\n\n3,"a\n""b""",en'
    found = table.read(write(tmp_path / "z.csv", loose))
    assert [(s.text, s.language) for s in found] == [("He said no", "en"), ("yes ", "en"), ('a\n"b"', "en")]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.jsonl, line 2: expected JSON"):
        table.read(write(tmp_path / "x.jsonl", '{"id": 1, "text": "a"}\n{"id": 2,\n'))
    with pytest.raises(DataError, match="expected an object, found 7"):
        table.read(write(tmp_path / "x.jsonl", "7\n"))
    with pytest.raises(DataError, match=r"expected \.csv, \.tsv, \.jsonl or \.parquet, found 'x\.xlsx'"):
        table.read(write(tmp_path / "x.xlsx", "PK"))
    with pytest.raises(DataError, match="found a folder"):
        table.read(tmp_path)


MANIFEST = """
name = "mine"
file = "rows.csv"
[fields]
text = "{words}"
video = "{film}"
start = "{from}"
[labels.polarity]
column = "mood"
map = { good = "positive" }
"""


def test_manifests_are_read_one_after_the_other(tmp_path: Path) -> None:
    write(tmp_path / "rows.csv", "words,film,from,mood\nhello,a.mp4,1.5,good\nhi,,,bad\n")
    one, two = (str(write(tmp_path / f"{name}.toml", MANIFEST)) for name in ("one", "two"))
    first, second = table.read(tmp_path, manifest=one)
    assert (first.id, first.video, first.start) == ("mine-0", tmp_path / "a.mp4", 1.5)
    assert first.labels == {"polarity": "positive"}
    assert (second.start, second.labels) == (None, {})
    both = table.read(tmp_path, manifest=[one, two])
    assert [s.id for s in both] == ["one/mine-0", "one/mine-1", "two/mine-0", "two/mine-1"]
    assert both[0].group == both[2].group
    with pytest.raises(DataError, match="expected every id once"):
        table.read(tmp_path, manifest=[one, one])


def test_every_manifest_of_the_recipes_reads_the_real_data(shared: Path) -> None:
    manifests = sorted((Path(__file__).parents[2] / "recipes" / "tables").glob("m*.toml"))
    assert len(manifests) >= 5
    for manifest in manifests:
        samples = table.read(shared / "data", manifest=str(manifest))
        assert all(s.text and s.group for s in samples)
        assert any(s.labels for s in samples)
