"""The manifest of docs/add-a-dataset.md reads the files that the page describes."""

import re
from pathlib import Path

import numpy as np
import pytest

from demeanor.datasets import table
from demeanor.types import Sample

GUIDE = Path(__file__).parents[2] / "docs" / "add-a-dataset.md"
PULSE = "recording,second,ppg1,ppg2\n1,0,0.5,1\n1,1,2,3\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    text = GUIDE.read_text(encoding="utf-8")
    (rows,) = re.findall(r"^```csv\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (manifest,) = re.findall(r"^```toml\n(# manifest\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "calls.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "mine.toml").write_text(manifest, encoding="utf-8")
    (tmp_path / "pulse.csv").write_text(PULSE, encoding="utf-8")
    np.savez(tmp_path / "features.npz", egemaps=np.arange(6.0).reshape(2, 3))
    (tmp_path / "wav").mkdir()
    for name in "12":
        (tmp_path / "wav" / f"{name}.wav").write_bytes(b"same")
    return tmp_path


def read(place: Path, *changes: tuple[str, str]) -> list[Sample]:
    text = (place / "mine.toml").read_text(encoding="utf-8")
    for pattern, by in changes:
        text, count = re.subn(pattern, by, text, flags=re.MULTILINE | re.DOTALL)
        assert count == 1, pattern
    (place / "mine.toml").write_text(text, encoding="utf-8")
    return table.read(place, manifest=str(place / "mine.toml"))


def test_the_manifest_reads_table_labels_parts_and_series(place: Path) -> None:
    one, two = read(place)
    assert (one.id, one.text, one.audio, one.group, one.split) == (
        "1", "I loved it", place / "wav/1.wav", "calls:ann", "train"
    )  # fmt: skip
    assert (one.labels, two.labels) == ({"score": 1.0, "mood": "glad"}, {"score": -1.0, "mood": "cross"})
    assert two.split == "valid"
    np.testing.assert_array_equal(one.series["pulse"], [[0.5, 1], [2, 3]])
    np.testing.assert_array_equal(two.series["voice"], [[3, 4, 5]])
    assert "pulse" not in two.series


def test_what_is_commented_out_works_too(place: Path) -> None:
    (place / "more.csv").write_text("1,fine,ann-a\n2,well,ann-b\n3,so so,ann-b\n", encoding="utf-8")
    samples = read(
        place,
        (r'"calls.csv"', '"more.csv"'),
        (r"^# columns = .*?\]", 'columns = ["clip", "say", "who"]'),
        (r"^# most = \{ each = \"mood\", rows = 500", 'most = { each = "who", rows = 1'),
        (r"^# group_pattern", "group_pattern"),
        (r"^\[split\].*", ""),
    )
    assert [(s.group, s.split) for s in samples] == [("calls:ann", None)] * 2


def test_files_whose_names_say_everything(place: Path) -> None:
    samples = read(
        place,
        (r"^file = \"calls.csv\"", ""),
        (r"^# files", "files"),
        (r"^# pattern", "pattern"),
        (r"^# duplicates = .*?\]", 'duplicates = ["audio"]'),
        (r'^text = "\{say\}"\n', ""),
        (r'^group = "\{who\}"', ""),
        (r"^\[split\].*", ""),
    )
    assert [s.id for s in samples] == ["1", "2"]
    assert len({s.group for s in samples}) == 1
