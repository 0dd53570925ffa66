"""What to label next, by how unsure the reader is and from every group in turn."""

import json
import math
from pathlib import Path

import pytest
from test_label_analyses import analysis, audio, failed, reading, segment, text

from demeanor.errors import ConfigError
from demeanor.label.items import find_items
from demeanor.label.readings import read_readings
from demeanor.label.suggest import doubt, entropy, next_items
from demeanor.types import Sample


def test_entropy_is_a_share_of_its_maximum() -> None:
    assert entropy(reading(0.5, 1.0)) == 0
    assert entropy(reading(0.5, 1 / 3)) == pytest.approx(1)
    by_hand = -(0.8 * math.log(0.8) + 2 * 0.1 * math.log(0.1)) / math.log(3)
    assert entropy(reading(0.5, 0.8)) == pytest.approx(by_hand)
    assert entropy({"sentiment": None}) is None
    assert doubt(reading(0.5, 0.8)) == pytest.approx(0.2)
    assert doubt({"confidence": None}) is None


ITEMS = [Sample(name, group=name[0]) for name in ("a1", "a2", "a3", "b1", "c1", "c2")]
SURE = {"a1": 0.4, "a2": 0.5, "a3": 0.6, "b1": 0.9, "c1": 0.55, "c2": 0.95}
READINGS = {name: reading(0.5, value) for name, value in SURE.items()}


@pytest.mark.parametrize("by", ["entropy", "confidence"])
def test_every_group_in_turn(by: str) -> None:
    order = next_items(ITEMS, READINGS, by=by)
    assert [name for name, _ in order] == ["a1", "c1", "b1", "a2", "c2", "a3"]
    assert all(0 <= (value or 0) <= 1 for _, value in order)


def test_what_somebody_labelled_comes_first_and_what_was_not_read_last() -> None:
    known = {name: r for name, r in READINGS.items() if name != "a1"}
    assert [n for n, _ in next_items(ITEMS, known, labelled={"c2"})] == ["c2", "a2", "c1", "b1", "a3", "a1"]


def test_without_groups_the_least_sure_is_first() -> None:
    items = [Sample(name) for name in SURE]
    assert [n for n, _ in next_items(items, READINGS)] == ["a1", "a2", "c1", "a3", "b1", "c2"]


def test_readings_of_a_batch_and_of_its_segments(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("\n".join([json.dumps(audio("x")), json.dumps(failed("y")), '{"id": "cut'[:9]]))
    assert set(read_readings(path)) == {"x", "x#0", "x#1"}
    (tmp_path / "one.json").write_text(json.dumps(audio("x"), indent=2))
    assert set(read_readings(tmp_path / "one.json")) == {"x", "x#0", "x#1"}
    path.write_text(json.dumps(failed("y")))
    with pytest.raises(ConfigError, match="found no analysis"):
        read_readings(path)
    (tmp_path / "one.json").write_text("{")
    with pytest.raises(ConfigError, match="found no analysis"):
        read_readings(tmp_path / "one.json")
    with pytest.raises(ConfigError, match="found nothing there"):
        read_readings(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("a.json", "utf-16"), ("a.jsonl", "utf-16"), ("a.json", "utf-8-sig"), ("a.jsonl", "utf-8-sig")],
)
def test_readings_in_other_encodings(tmp_path: Path, name: str, encoding: str) -> None:
    (tmp_path / name).write_bytes(json.dumps(audio("天气") | {"language": "zh"}, ensure_ascii=False).encode(encoding))
    assert set(read_readings(tmp_path / name)) == {"天气", "天气#0", "天气#1"}


def test_readings_have_the_ids_of_the_items_made_of_them(tmp_path: Path) -> None:
    typed = [text("text"), analysis("text", "text", [segment("Another one.")])]
    equal = [text("1.txt"), analysis("1.txt", "text", [segment("Not the same.")])]
    path = tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps(a) + "\n" for a in (*typed, *equal)))
    items = {i.id for whole in (True, False) for i in find_items(path, whole=whole).items}
    assert len(items) == 10
    assert set(read_readings(path)) == items


def test_a_picture_read_twice_is_one_though_its_numbers_differ_a_little(tmp_path: Path) -> None:
    path, warnings = tmp_path / "out.jsonl", list[str]()
    for scores, expected in (((0.1, 0.1004), {"sky.jpg"}), ((0.1, 0.102), {"t"})):
        pictures = [analysis("sky.jpg", "image", [], overall=reading(score)) for score in scores]
        more = [] if "sky.jpg" in expected else [text("t")]
        path.write_text("".join(json.dumps(a) + "\n" for a in (*pictures, *more)))
        assert {name for name in read_readings(path, warnings) if "#" not in name} == expected
    assert warnings == [
        "out.jsonl: 2 readings of pictures or recordings of one name were passed over, for nobody can tell which file "
        "is whose; rename the files and read them again"
    ]


def test_readings_of_pictures_of_one_name_are_nobody_s(tmp_path: Path) -> None:
    pictures = [analysis("sky.jpg", "image", [segment(None)], overall=reading(score)) for score in (0.5, -0.5)]
    path = tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps(a) + "\n" for a in (*pictures, text("t"))))
    assert set(read_readings(path)) == {"t", "t#0", "t#1"}
