"""Labels on disk: written at once, taken back by a line, unharmed by what else happens to the file."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from demeanor.errors import ConfigError
from demeanor.label.store import LabelStore, joined, rater_name
from demeanor.report.corrections import polarity_of

ASKED = ("score", "emotions")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "labels.jsonl"


def opened(path: Path) -> LabelStore:
    return LabelStore(path, ["a", "b", "c"], ASKED)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_label_is_on_disk_when_add_returns(path: Path) -> None:
    opened(path).add("Zoë", "a", {"score": 2 / 3, "emotions": ["surprise", "joy"]})
    (line,) = lines(path)
    assert line["values"] == {"score": 0.667, "emotions": ["joy", "surprise"]}
    assert line["at"].endswith("Z")
    mark = opened(path).marks("Zoë")["a"]
    assert (mark.score, mark.polarity, mark.emotions) == (0.667, "positive", {"joy", "surprise"})


def test_the_last_word_counts_and_undo_brings_back_the_one_before(path: Path) -> None:
    store = opened(path)
    store.add("Ann", "a", {"score": 1})
    store.add("Ann", "b", {"score": -1})
    store.add("Ann", "a", {"score": 0.333})
    store.add("Bob", "a", {"score": -1})
    assert store.marks("Ann")["a"].score == 0.333
    assert store.undo("Ann") == "a"
    assert store.marks("Ann")["a"].score == 1, "and Bob's label is untouched"
    assert store.undo("Ann") == "b"
    assert store.undo("Ann") == "a"
    assert store.undo("Ann") is None
    assert store.marks("Ann") == {}
    assert store.marks("Bob")["a"].score == -1
    assert len(lines(path)) == 7, "nothing is ever removed"
    assert opened(path).marks("Bob") == store.marks("Bob")


def test_no_label_and_cannot_tell_are_different(path: Path) -> None:
    store = opened(path)
    store.add("Ann", "a", {}, skipped=True)
    store.add("Ann", "b", {"score": 0})
    store.add("Ann", "b", {"emotions": []})
    assert store.marks("Ann")["a"].skipped
    assert "b" not in store.marks("Ann")
    assert store.is_complete(store.marks("Ann")["a"])
    store.add("Ann", "c", {"score": 0})
    assert not store.is_complete(store.marks("Ann")["c"]), "feelings are asked too"
    store.add("Ann", "c", {"score": 0, "emotions": ["neutral"]})
    assert store.is_complete(store.marks("Ann")["c"])


def test_decisions_are_no_ratings(path: Path) -> None:
    store = opened(path)
    store.add("Eve", "a", {"score": 1}, at="2025-01-01T00:00:00Z")
    store.add("Eve", "a", {"score": -1}, decides=True, at="2025-01-02T00:00:00Z")
    store.add("Kim", "a", {"score": 0}, decides=True, at="2025-01-01T00:00:00Z")
    assert store.raters() == ["Eve"]
    assert store.by_rater()["Eve"]["a"].score == 1
    assert store.decisions()["a"].score == -1, "the later one"
    store.undo("Eve", decides=True)
    assert store.decisions()["a"].score == 0
    assert store.marks("Eve")["a"].score == 1


def test_the_last_decision_is_told_by_its_moment_in_any_zone(path: Path) -> None:
    store = opened(path)
    store.add("Eve", "a", {"score": 1}, decides=True, at="2026-01-01T03:00:00Z")
    store.add("Kim", "a", {"score": -1}, decides=True, at="2026-01-01T10:00:00+08:00")  # an hour before
    assert store.decisions()["a"].score == 1
    said = {"rater": "Zoe", "item": "a", "values": {"score": 0}, "decides": True, "at": 1767225600}
    with path.open("a") as file:
        file.write(json.dumps(said) + "\n")
    assert store.decisions()["a"].score == 1, "a number is no time"


def test_a_line_cut_off_by_a_power_failure_costs_itself(path: Path) -> None:
    opened(path).add("Ann", "a", {"score": 1})
    with path.open("ab") as file:
        file.write(b'{"rater": "Ann", "item": "b", "val')
    store = opened(path)
    store.add("Ann", "c", {"score": 0})
    assert set(store.marks("Ann")) == {"a", "c"}
    again = opened(path)
    assert set(again.marks("Ann")) == {"a", "c"}
    assert again.damaged == 1


def test_a_last_line_without_its_end_counts_and_half_a_line_is_damaged(path: Path) -> None:
    opened(path).add("Ann", "a", {"score": 1})
    path.write_bytes(path.read_bytes().rstrip(b"\n"))  # as some editors save it
    store = opened(path)
    assert (set(store.marks("Ann")), store.damaged) == ({"a"}, 0)
    store.add("Ann", "b", {"score": 0})
    assert (set(store.marks("Ann")), store.damaged) == ({"a", "b"}, 0)
    assert opened(path).marks("Ann") == store.marks("Ann")
    with path.open("ab") as file:
        file.write(b'{"rater": "Ann", "item": "c", "val')
    assert (set(store.marks("Ann")), store.damaged) == ({"a", "b"}, 1)
    with path.open("ab") as file:
        file.write(b'ues": {"score": 0}}')
    assert (set(store.marks("Ann")), store.damaged) == ({"a", "b", "c"}, 0), "it was being written"


@pytest.mark.parametrize(
    "line", [b"", b"nonsense", b"[]", b"17", b'{"rater": "Ann"}', b'{"rater": "", "item": "a", "values": {}}',
             b'{"rater": "Ann", "item": "a", "values": {"score": 7}}', b'{"rater": "Ann", "item": "a", "values": 3}',
             b'{"rater": "Ann", "item": "a", "values": {"emotions": [{}]}}', b"\xff\xfe\x00"],
)  # fmt: skip
def test_damaged_lines_are_passed_over(path: Path, line: bytes) -> None:
    path.write_bytes(line + b"\n")
    store = opened(path)
    store.add("Ann", "b", {"score": 0})
    assert set(store.marks("Ann")) == {"b"}
    assert store.damaged == (line != b"")


def test_labels_of_items_that_are_gone_do_not_disturb_undo(path: Path) -> None:
    LabelStore(path, ["a", "gone"], ASKED).add("Ann", "a", {"score": 1})
    LabelStore(path, ["a", "gone"], ASKED).add("Ann", "gone", {"score": 1})
    store = opened(path)
    assert set(store.marks("Ann")) == {"a"}
    assert store.undo("Ann") == "gone"
    assert store.marks("Ann")["a"].score == 1


def test_two_programs_on_one_file_see_each_other(path: Path) -> None:
    one, other = opened(path), opened(path)
    one.add("Ann", "a", {"score": 1})
    assert other.marks("Ann")["a"].score == 1
    other.add("Ann", "a", {"score": 0})
    assert one.marks("Ann")["a"].score == 0


def test_many_at_once_lose_nothing(path: Path) -> None:
    store = opened(path)

    def work(name: str) -> None:
        for k in range(25):
            store.add(name, "abc"[k % 3], {"score": k / 25})

    threads = [threading.Thread(target=work, args=(f"R{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(path)) == 100
    assert store.raters() == ["R0", "R1", "R2", "R3"]
    assert all(store.marks(name)["a"].score == 24 / 25 for name in store.raters())


@pytest.mark.parametrize(
    "values", [{"score": 1.01}, {"score": float("nan")}, {"score": True}, {"score": "1"}, {"polarity": "good"},
               {"emotions": ["glee"]}, {"emotions": "joy"}, {"mood": 1}],
)  # fmt: skip
def test_a_label_that_cannot_be_is_refused(path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="expected a score"):
        opened(path).add("Ann", "a", values)
    assert not path.exists()


def test_an_item_or_name_that_cannot_be_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError, match="expected an item of this task, got 'z'"):
        opened(path).add("Ann", "z", {"score": 0})
    for name in ("", "  ", "x" * 61, "a\x07b"):
        with pytest.raises(ConfigError, match="name"):
            opened(path).add(name, "a", {"score": 0})


def test_names_that_look_the_same_are_the_same() -> None:
    assert rater_name("  Zoe\u0308  B ") == rater_name("Zoë B")


def test_the_sign_of_a_score() -> None:
    assert [polarity_of(s) for s in (-1, -0.01, 0, 0.01)] == ["negative", "negative", "neutral", "positive"]


def test_of_a_class_and_a_score_on_opposite_sides_the_later_word_stays() -> None:
    assert joined({"polarity": "positive"}, {"score": -0.7}) == {"score": -0.7}
    assert joined({"score": -0.7, "emotions": ["joy"]}, {"polarity": "positive"}) == {
        "emotions": ["joy"], "polarity": "positive",
    }  # fmt: skip
    assert joined({"polarity": "positive"}, {"score": 0}) == {"score": 0}
    assert joined({}, {"polarity": "negative", "score": 0.5}) == {"polarity": "negative"}, "as in pseudo-labels"
    assert joined({"polarity": "neutral"}, {"score": 0.2}) == {"polarity": "neutral", "score": 0.2}
