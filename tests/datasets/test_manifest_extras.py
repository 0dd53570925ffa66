"""Ready-made features beside a manifest's rows, groups of duplicates, tables beside the manifest."""

import json
from pathlib import Path

import numpy as np
import pytest

from demeanor.datasets.table import read_manifest
from demeanor.errors import DataError

HEAD = 'name = "x"\nfile = "rows.csv"\n'
FIELDS = '[fields]\nid = "{id}"\ntext = "{text}"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rows = ["id,text,code", "a,Hello there! http://t.co/1,11", "b,hello there http://t.co/2,12", "c,other,13"]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def manifest(root: Path, *parts: str) -> Path:
    path = root / "x.toml"
    path.write_text("".join(parts), encoding="utf-8")
    return path


def test_rows_of_an_array_go_with_the_rows_of_the_table(root: Path) -> None:
    np.savez(root / "f.npz", audio=np.arange(6.0).reshape(3, 2), frames=np.zeros((3, 4, 5)))
    extra = '[series.audio]\nfile = "f.npz"\n[series.face]\nfile = "f.npz"\nkey = "frames"\n'
    samples = read_manifest(manifest(root, HEAD, FIELDS, extra), root)
    np.testing.assert_array_equal(samples[1].series["audio"], [[2, 3]])
    assert samples[0].series["face"].shape == (4, 5)


def test_a_second_table_is_joined_by_its_column(root: Path) -> None:
    (root / "au.csv").write_text("AU01,AU02,name\n0.5,1,x-13\n2,3,x-11\n", encoding="utf-8")
    extra = '[series.face]\nfile = "au.csv"\ncolumns = "AU*"\nby = "name"\nby_pattern = "x-(.*)"\nmatch = "{code}"\n'
    samples = read_manifest(manifest(root, HEAD, FIELDS, extra), root)
    np.testing.assert_array_equal(samples[0].series["face"], [[2, 3]])
    assert "face" not in samples[1].series, "no row, no features: it is missing, not zeros"
    np.testing.assert_array_equal(samples[2].series["face"], [[0.5, 1]])


def test_frames_of_one_clip_are_its_steps_of_time(root: Path) -> None:
    extra = '[series.face]\nfile = "au.csv"\ncolumns = "AU*"\nby = "片段"\nmatch = "{code}"\n'
    (root / "au.csv").write_bytes("片段, frame, AU01, AU02\n13,1,0.5,1\n11,1,2,3\n13,2,4,nan\n\n".encode("gb18030"))
    samples = read_manifest(manifest(root, HEAD, FIELDS, extra), root)
    np.testing.assert_array_equal(samples[0].series["face"], [[2, 3]])
    np.testing.assert_array_equal(samples[2].series["face"], [[0.5, 1], [4, np.nan]])
    (root / "au.csv").write_text("片段,AU01\n13,0.5\n11,\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"au\.csv, line 3: expected a number in column 'AU01', got ''"):
        read_manifest(manifest(root, HEAD, FIELDS, extra), root)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ('file = "none.npz"', "nothing there"),
        ('file = "f.npz"\nkey = "video"', "'video'"),
        ('file = "short.npz"', "expected 3 rows"),
    ],
)
def test_what_does_not_fit_is_said(root: Path, section: str, says: str) -> None:
    np.savez(root / "f.npz", audio=np.zeros((3, 2)))
    np.savez(root / "short.npz", audio=np.zeros((2, 2)))
    with pytest.raises(DataError, match=says):
        read_manifest(manifest(root, HEAD, FIELDS, f"[series.audio]\n{section}\n"), root)


LABELS = '[labels.score]\ncolumn = "score"\n[split]\ncolumn = "part"\n'


def test_rows_of_json_hold_what_they_hold(root: Path) -> None:
    rows = [
        {"id": "a", "text": "one\u2028line", "mood": ["joy", "anger"], "image": None, "score": 0.5, "part": "dev"},
        {"id": "b", "text": None, "mood": None, "image": "b.png", "score": "", "part": None},
    ]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (root / "rows.jsonl").write_bytes(lines.encode())
    parts = HEAD.replace(".csv", ".jsonl"), FIELDS, 'image = "{image}"\n', LABELS, '[labels.mood]\ncolumn = "mood"\n'
    one, two = read_manifest(manifest(root, *parts), root)
    assert (one.text, one.image, one.split) == ("one\u2028line", None, "valid")
    assert one.labels == {"score": 0.5, "mood": "joy,anger"}
    assert (two.text, two.image, two.split, two.labels) == (None, root / "b.png", None, {})


def test_tables_in_old_encodings_and_with_long_cells(root: Path) -> None:
    (root / "rows.csv").write_bytes(f"id,text\na,今天的天气真好\nb,{'x' * 140_000}\nc\n".encode("gb18030"))
    texts = [s.text for s in read_manifest(manifest(root, HEAD, FIELDS), root)]
    assert texts == ["今天的天气真好", "x" * 140_000, None]


@pytest.mark.parametrize(
    ("cells", "scale", "says"),
    [
        ("n/a,test", "scale = 0.3\n", "x, row 1: score: expected a number, found 'n/a'"),
        ("high,test", "", r"x, row 1: label_score: expected a number in \[-1, 1\], found high"),
        ("0.5,holdout", "", "x, row 1: column split: expected train, valid or test, found 'holdout'"),
    ],
)
def test_a_cell_that_cannot_be_meant_is_named(root: Path, cells: str, scale: str, says: str) -> None:
    (root / "rows.csv").write_text(f"id,text,score,part\na,hello,{cells}\n", encoding="utf-8")
    path = manifest(root, HEAD, FIELDS, LABELS.replace("[split]", f"{scale}[split]"))
    with pytest.raises(DataError, match=says):
        read_manifest(path, root)


def test_reposts_share_a_group_and_a_part(root: Path) -> None:
    split = "[split]\nshares = { train = 0.5, test = 0.5 }\n"
    samples = read_manifest(manifest(root, HEAD, 'duplicates = ["text"]\n', FIELDS, split), root)
    assert samples[0].group == samples[1].group
    assert samples[0].split == samples[1].split
    assert samples[2].group != samples[0].group


def test_a_table_may_stand_beside_its_manifest(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("data")
    path = manifest(root, HEAD.replace("rows.csv", "./rows.csv"), FIELDS)
    assert [s.id for s in read_manifest(path, elsewhere)] == ["a", "b", "c"]


def test_the_posts_have_no_twins_across_groups(shared: Path) -> None:
    path = Path(__file__).parents[2] / "recipes" / "tables" / "posts.toml"
    samples = read_manifest(path, shared / "data")
    assert samples
    owner: dict[bytes, str] = {}
    for sample in samples:
        assert isinstance(sample.image, bytes)
        assert owner.setdefault(sample.image, sample.group or "") == sample.group


def test_at_most_so_many_rows_of_each_value_whatever_their_order(tmp_path: Path) -> None:
    rows = [f"{'fruit' if n % 3 else 'books'},review {n}" for n in range(30)]
    manifest = tmp_path / "m.toml"
    manifest.write_text(
        'name = "m"\nfile = "rows.csv"\nmost = { each = "category", rows = 4 }\n'
        '[fields]\ntext = "{review}"\nspeaker = "{category}"\n'
    )
    drawn = []
    for order in (rows, rows[::-1]):
        (tmp_path / "rows.csv").write_text("category,review\n" + "\n".join(order) + "\n")
        drawn.append(read_manifest(manifest, tmp_path))
    assert sorted(s.speaker for s in drawn[0]) == ["books"] * 4 + ["fruit"] * 4
    assert {s.text for s in drawn[0]} == {s.text for s in drawn[1]}
