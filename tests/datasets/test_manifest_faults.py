"""A manifest that cannot be meant is refused before anything is read; a row that lacks something costs itself."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dataset_trees import write
from demeanor.datasets._spec import Fields
from demeanor.datasets.table import read_manifest
from demeanor.errors import DataError
from demeanor.types import Sample

ROWS = "clip,say,who,stars,mood,part,pic\n1,I loved it,ann,5,joy|anger,train,a.jpg\n2,never again,bob,1,joy,dev,\n"
HEAD = 'name = "c"\nfile = "rows.csv"\n'
FIELDS = '[fields]\nid = "{clip}"\ntext = "{say}"\ngroup = "{who}"\n'


def read(root: Path, *parts: str, rows: str = ROWS) -> list[Sample]:
    write(root / "rows.csv", rows)
    return read_manifest(write(root / "m.toml", "".join(parts)), root)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ((HEAD, FIELDS, '[split]\ncolumn = "prat"\n'), r"c: split\.column: expected a column, found no 'prat'; .*part"),
        ((HEAD, FIELDS, '[labels.mood]\ncolumn = "moood"\n'), r"labels\.mood\.column: .* 'moood'; did you mean mood\?"),
        ((HEAD, 'most = { each = "city", rows = 1 }\n', FIELDS), r"most\.each: .* 'city'; there are clip, mood, part"),
        ((HEAD, FIELDS, "[split]\nshares = { train = 0.5, dew = 0.5 }\n"), r"split\.shares\.dew: .*test, got 'dew'"),
        ((HEAD, FIELDS, '[split]\nall = "everything"\n'), r"split\.all: expected train, .*, got 'everything'"),
        ((HEAD, FIELDS, "[split]\nshares = { dev = 0.5, val = 0.5 }\n"), "every part once, found valid under two"),
        ((HEAD, FIELDS, '[split]\ncolumn = "part"\nall = "test"\n'), r"split: .*shares and all, found column, all"),
        ((HEAD, FIELDS, '[split]\nmap = { dev = "valid" }\n'), "split: expected one of .*, found none"),
        ((HEAD, FIELDS, 'speeker = "{who}"\n'), r"m\.toml: unknown key fields\.speeker; did you mean speaker\?"),
        ((HEAD, 'duplicate = ["text"]\n', FIELDS), r"unknown key duplicate; did you mean duplicates\?"),
        ((HEAD, 'duplicates = ["txt"]\n', FIELDS), "duplicates: expected fields, such as text or image, found txt"),
        (('file = "rows.csv"\n', FIELDS), "expected a key name, found none"),
        (('name = "c"\n', FIELDS), "expected a key file or a key files, found none"),
        ((HEAD, FIELDS, "[labels.mood]\nscale = 2.0\n"), r"expected a key labels\.mood\.column, found none"),
        ((HEAD, 'most = { each = "who" }\n', FIELDS), r"expected a key most\.rows, found none"),
        ((HEAD, FIELDS, '[series.face]\nfile = "au.csv"\nby = "x"\n'), r"series\.face: .*found no columns, match"),
        ((HEAD, FIELDS, 'group_pattern = "("\n'), r"fields\.group_pattern: .*regular expression.*, got '\('"),
        ((HEAD, '[fields]\nid = "{clip"\n'), r"fields\.id: expected a template such as .*, got '\{clip'"),
        ((HEAD, '[fields]\nid = "{}"\n'), r"fields\.id: expected the names of columns alone in braces.*, got '\{\}'"),
        ((HEAD, '[fields]\nid = "{clip!x}"\n'), r"fields\.id: .*'\{clip!x\}'"),
        ((HEAD, '[fields]\nid = "{clip:d}"\n'), r"fields\.id: .*'\{clip:d\}'"),
        ((HEAD, '[fields]\nid = "{clip.x}"\n'), r"c: fields\.id: expected a column, found no 'clip\.x'; .*clip\?"),
        ((HEAD, FIELDS, 'speaker = "{wo}"\n'), r"c: fields\.speaker: expected a column, found no 'wo'; .*who\?"),
        ((HEAD, FIELDS, '[series.f]\nfile = "a.csv"\ncolumns = "*"\nby = "x"\nmatch = "{klip}"\n'),
         r"c: series\.f\.match: expected a column, found no 'klip'; did you mean clip\?"),
        ((HEAD, FIELDS, 'image = "rows.csv!{pic}"\n'), r"rows\.csv: expected a zip file, found File is not a zip file"),
        (('name = "c"\nfiles = "rows.csv!*.jpg"\n',), r"rows\.csv: expected a zip file, found File is not a zip file"),
        (('name = "c"\nfiles = "/a/*.jpg"\n',), r"files: expected a pattern of paths in .*, found '/a/\*\.jpg'"),
        ((HEAD, FIELDS, '[labels.score]\ncolumn = "stars"\nscale = 0.5\n'), r"label_score: .*\[-1, 1\], found 2\.5"),
        ((HEAD, "[fields\n"), r"m\.toml: expected a manifest in TOML, found .*line 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(tmp_path: Path, parts: tuple[str, ...], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read(tmp_path, *parts)


def test_templates_are_for_fields_of_a_sample() -> None:
    assert set(Fields.model_fields) - {"group_pattern"} == set(Sample.__dataclass_fields__) - {
        "labels",
        "split",
        "series",
    }


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a manifest in TOML, found .*No such file"):
        read_manifest(tmp_path / "none.toml", tmp_path)


def test_a_manifest_with_the_mark_that_notepad_sets(tmp_path: Path) -> None:
    assert [s.id for s in read(tmp_path, "\ufeff", HEAD, FIELDS)] == ["1", "2"]


def test_parts_by_any_of_their_names(tmp_path: Path) -> None:
    assert {s.split for s in read(tmp_path, HEAD, FIELDS, '[split]\nall = "dev"\n')} == {"valid"}
    assert {s.split for s in read(tmp_path, HEAD, FIELDS, "[split]\nshares = { training = 0, Val = 1 }\n")} == {"valid"}


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ('score]\ncolumn = "stars"\nmap = { 1 = -1, 5 = 1.0 }', [1.0, -1]),
        ('score]\ncolumn = "stars"\nmap = { 1 = "-1", 5 = "0.5" }', [0.5, -1]),
        ('own]\ncolumn = "stars"\nmap = { 1 = 2, 5 = "five" }', ["five", 2]),
        ('emotions]\ncolumn = "mood"\nseparator = "|"', ["joy,anger", "joy"]),
        ('own]\ncolumn = "mood"\nseparator = "|"\nmap = { joy = 1, anger = 2 }', ["1,2", "1"]),
    ],
)
def test_what_a_map_and_a_separator_make(tmp_path: Path, label: str, expected: list[float | str]) -> None:
    found = [next(iter(s.labels.values())) for s in read(tmp_path, HEAD, FIELDS, f"[labels.{label}\n")]
    assert found == expected
    assert [isinstance(v, str) for v in found] == [isinstance(v, str) for v in expected]


def test_spaces_beside_a_separator(tmp_path: Path) -> None:
    label = '[labels.emotions]\ncolumn = "mood"\nseparator = ","\nmap = { j = "joy", a = "anger" }\n'
    (one,) = read(tmp_path, HEAD, FIELDS, label, rows='clip,say,who,mood\n1,hi,ann,"j, a, x"\n')
    assert one.labels == {"emotions": "joy,anger"}


def test_a_score_that_is_none_is_named(tmp_path: Path) -> None:
    label = '[labels.score]\ncolumn = "stars"\nmap = { 5 = 5 }\n'
    with pytest.raises(DataError, match=r"c, row 1: label_score: expected a number in \[-1, 1\], found 5"):
        read(tmp_path, HEAD, FIELDS, label)


def test_a_medium_needs_every_column_of_its_template(tmp_path: Path) -> None:
    one, two = read(tmp_path, HEAD, FIELDS, 'image = "pics/{pic}"\n')
    assert (one.image, two.image) == (tmp_path / "pics/a.jpg", None)


def test_a_missing_picture_is_like_no_other_and_costs_itself(tmp_path: Path) -> None:
    rows = "clip,say,pic\n1,hi,gone.jpg\n2,ho,a.jpg\n3,he,b.jpg\n4,hu,lost.jpg\n"
    for name in "ab":
        write(tmp_path / f"{name}.jpg", b"same")
    fields = '[fields]\nid = "{clip}"\ntext = "{say}"\nimage = "{pic}"\n'
    samples = read(tmp_path, HEAD, 'duplicates = ["text", "image"]\n', fields, rows=rows)
    assert samples[0].image == tmp_path / "gone.jpg"
    assert samples[1].group == samples[2].group
    assert len({s.group for s in samples}) == 3


def test_a_file_whose_name_has_the_sign_of_an_archive(tmp_path: Path) -> None:
    write(tmp_path / "wow!.wav", b"x")
    assert read(tmp_path, HEAD, FIELDS, 'audio = "wow!.wav"\n')[0].audio == tmp_path / "wow!.wav"


def test_rows_of_an_array_are_drawn_with_those_of_the_table(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", voice=np.arange(6.0).reshape(6, 1))
    rows = "clip,say,who\n" + "".join(f"{n},words {n},ann\n" for n in range(6))
    samples = read(tmp_path, HEAD, "most = { rows = 2 }\n", FIELDS, '[series.voice]\nfile = "f.npz"\n', rows=rows)
    assert len(samples) == 2
    assert [s.series["voice"].tolist() for s in samples] == [[[float(s.id)]] for s in samples]


def test_rows_of_json_need_not_have_every_key(tmp_path: Path) -> None:
    lines = [{"clip": 1, "say": "a", "who": "ann"}, {"clip": 2, "say": "b"}]
    write(tmp_path / "rows.jsonl", "\n".join(map(json.dumps, lines)))
    samples = read(tmp_path, HEAD.replace(".csv", ".jsonl"), FIELDS, 'speaker = "{who}"\n')
    assert [s.speaker for s in samples] == ["ann", None]


def test_a_table_with_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    parts = 'start = "{from}"\n[labels.score]\ncolumn = "stars"\n[labels.own]\ncolumn = "codes"\nseparator = ","\n'
    rows = "clip;say;who;stars;from;codes\n1;1,5 hours, really;ann;0,5;1,5;1,2\n"
    (one,) = read(tmp_path, HEAD, FIELDS, parts, rows=rows)
    assert (one.text, one.start, one.labels) == ("1,5 hours, really", 1.5, {"score": 0.5, "own": "1,2"})


def test_without_names_the_sign_is_the_one_that_parts_the_columns(tmp_path: Path) -> None:
    columns = 'columns = ["clip", "say", "stars"]\n'
    fields = '[fields]\nid = "{clip}"\ntext = "{say}"\n[labels.score]\ncolumn = "stars"\n'
    rows = ("1;hello there;0,5\n2;no, never;-1\n", "1\thello there\t0.5;\n", "1,hello there,0.5,,\n")
    for text, score in zip(rows, ("0.5", "0.5;", "0.5"), strict=True):
        given = fields.replace("score", "own")
        first = read(tmp_path, HEAD, columns, given, rows=text)[0]
        assert (first.id, first.text, first.labels) == ("1", "hello there", {"own": score})
    with pytest.raises(DataError, match=r"rows\.csv, line 2: expected 3 cells, found more; quote a text with commas"):
        read(tmp_path, HEAD, columns, fields, rows="1,hello,0.5\n2,no, never,-1\n")


def test_a_member_that_cannot_be_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("a.jpg", b"something")
    whole = (tmp_path / "p.zip").read_bytes()
    (tmp_path / "p.zip").write_bytes(whole.replace(b"something", b"sOmething"))
    with pytest.raises(DataError, match=r"expected 'a\.jpg' in .*p\.zip to be unpacked, found Bad CRC"):
        read(tmp_path, HEAD, FIELDS, 'image = "p.zip!a.jpg"\n')


def test_a_column_stands_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows\.csv: expected every column once, found more of say; rename one"):
        read(tmp_path, HEAD, FIELDS, rows="clip,say, say,who\n1,a,b,ann\n")


def test_what_macos_adds_is_no_sample(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name in ("joy/a.jpg", "__MACOSX/joy/._a.jpg", "joy/._b.jpg"):
            archive.writestr(name, b"x")
    for name in ("a.jpg", "._a.jpg"):
        write(tmp_path / "joy" / name, b"x")
    for files, ids in (("p.zip!*.jpg", ["p.zip!joy/a.jpg"]), ("joy/*.jpg", ["joy/a.jpg"])):
        samples = read(tmp_path, f'name = "c"\nfiles = "{files}"\n[fields]\nid = "{{path}}"\nimage = "{{path}}"\n')
        assert [s.id for s in samples] == ids
