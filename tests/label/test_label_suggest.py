"""What to label next, by how unsure the reader is and from every group in turn."""

import json
import math
from pathlib import Path

import pytest
from test_label_analyses import audio, failed, reading

from demeanor.errors import ConfigError
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
