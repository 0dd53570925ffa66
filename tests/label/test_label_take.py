"""Labels from elsewhere: a copy of the task, a table, corrections."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from test_label_analyses import correction, text

from demeanor.errors import ConfigError
from demeanor.label.items import find_items
from demeanor.label.take import Taken, take
from demeanor.label.task import Task, create_task, open_task


def test_labels_of_a_copy(task: Task) -> None:
    shutil.copytree(task.folder, task.folder.parent / "copy")
    there, here = open_task(task.folder.parent / "copy").store(), task.store()
    here.add("Ann", "a1", {"score": 1})
    there.add("Bob", "a1", {"score": -1, "emotions": ["anger"]})
    there.add("Bob", "a1", {"score": -0.667})
    there.add("Bob", "a2", {}, skipped=True)
    there.add("Bob", "b1", {"score": 0})
    there.undo("Bob")
    there.add("Eve", "a1", {"score": 0}, decides=True)
    assert take(here, there.path) == Taken(new=3, strange=0, known=0)
    assert here.marks("Bob")["a1"].values == {"score": -0.667}
    assert here.marks("Bob")["a2"].skipped
    assert here.decisions()["a1"].score == 0
    assert take(here, there.path) == Taken(new=0, strange=0, known=3)
    here.add("Bob", "a1", {"score": 1})
    assert take(here, there.path).new == 0, "what is newer here stays"
    there.add("Bob", "a1", {"emotions": ["fear"]})
    assert take(here, there.path).new == 1
    assert here.marks("Bob")["a1"].values == {"emotions": ["fear"]}, "all that Bob now says of it"


def test_a_table(task: Task, tmp_path: Path) -> None:
    path = tmp_path / "eve.csv"
    path.write_text('id,text,label_score,label_emotions\na1,x,0.5,"joy,fear"\na2,x,,anger\nzz,x,1,\nb1,x,,\n')
    store = task.store()
    with pytest.raises(ConfigError, match="--rater NAME"):
        take(store, path)
    store.add("Eve", "a2", {"score": -1})
    assert take(store, path, "Eve") == Taken(new=2, strange=1, known=0)
    assert store.marks("Eve")["a1"].values == {"score": 0.5, "emotions": ["fear", "joy"]}
    assert store.marks("Eve")["a2"].values == {"score": -1, "emotions": ["anger"]}, "added to what there was"
    assert take(store, path, "Eve") == Taken(new=0, strange=1, known=2)


def test_corrections_are_labels(tmp_path: Path) -> None:
    one = text("t") | {
        "corrections": [
            correction("segments[0].reading.sentiment.label", "negative", at="2025-01-02"),
            correction("segments[0].reading.sentiment.label", "neutral", at="2025-01-01"),
            correction("segments[0].reading.emotions", "sadness", at="2025-01-03"),
            correction("segments[1].reading.sentiment.score", 7),
            correction("overall.sentiment.label", "negative"),
            correction("segments[1].text", "The rest was fine."),
            correction("segments[1].reading.sentiment.label", "positive", by="Bob"),
        ]
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(one))
    task = create_task(tmp_path / "task", find_items(path).items, ["polarity", "emotions"])
    store = task.store()
    assert take(store, path) == Taken(new=2, strange=2, known=0)
    assert store.marks("Ann")["t#0"].values == {"polarity": "negative", "emotions": ["sadness"]}
    assert store.marks("Bob")["t#1"].polarity == "positive"
    assert take(store, path) == Taken(new=0, strange=2, known=2)


def test_of_corrections_on_opposite_sides_the_later_one_is_the_label(tmp_path: Path) -> None:
    label, score = "segments[0].reading.sentiment.label", "segments[0].reading.sentiment.score"
    path = tmp_path / "a.json"
    path.write_text(json.dumps(text("t") | {"corrections": [correction(label, "positive"), correction(score, -0.7)]}))
    task = create_task(tmp_path / "task", find_items(path).items, ["score"])
    store = task.store()
    assert take(store, path) == Taken(new=1, strange=0, known=0)
    assert store.marks("Ann")["t#0"].values == {"score": -0.7}
    path.write_text(json.dumps(text("t") | {"corrections": [correction(label, "positive")]}))
    assert take(store, path).new == 1
    assert store.marks("Ann")["t#0"].values == {"polarity": "positive"}
    assert take(store, path) == Taken(new=0, strange=0, known=1)


def test_labels_that_the_task_does_not_ask_are_strange(task: Task, tmp_path: Path) -> None:
    path = tmp_path / "eve.csv"
    path.write_text("id,text,label_score,label_emotions\na1,x,0.5,joy\na2,x,,anger\nb1,x,1,\n")
    store = create_task(tmp_path / "other", task.items, ["polarity"]).store()
    assert take(store, path, "Eve") == Taken(new=2, strange=2, known=0)
    assert {item: m.values for item, m in store.marks("Eve").items()} == {"a1": {"score": 0.5}, "b1": {"score": 1}}


def test_a_source_without_labels_is_named(task: Task, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(text("t")))
    with pytest.raises(ConfigError, match="found no label"):
        take(task.store(), path)
    with pytest.raises(ConfigError, match="found nothing there"):
        take(task.store(), tmp_path / "none.csv")
    with pytest.raises(ConfigError, match="found no label"):
        take(task.store(), task.manifest, "Ann")


def test_bad_lines_of_a_copy_are_counted_and_options_that_it_answers_are_refused(task: Task, tmp_path: Path) -> None:
    lines = [json.dumps({"rater": "Bob", "item": i, "values": {"score": 1}}) for i in ("a1", "a2")]
    path = tmp_path / "copy.jsonl"
    path.write_text("\n".join([lines[0], '{"rater": "Bob", "item": "b1", "values": {"score": 2}}', lines[1]]))
    store = task.store()
    for options in ({"rater": "Zoe"}, {"decides": True}):
        with pytest.raises(ConfigError, match="got --rater or --decides; leave them out"):
            take(store, path, **options)
    assert take(store, path) == Taken(new=2, strange=0, known=0, damaged=1)
    assert set(store.marks("Bob")) == {"a1", "a2"}, "the last line has no end"


def corrected(path: Path, name: str, *corrections: dict[str, Any]) -> Path:
    path.write_text(json.dumps(text(name) | {"corrections": corrections}))
    return path


def test_an_earlier_correction_of_something_else_is_added_once(task: Task, tmp_path: Path) -> None:
    store = task.store()
    store.add("Ann", "a1", {"emotions": ["joy"]}, at="2026-01-01T10:00:00Z")
    path = corrected(
        tmp_path / "a.json", "a1", correction("overall.sentiment.label", "negative", at="2026-01-01T09:00:00Z")
    )
    assert take(store, path) == Taken(new=1, strange=0, known=0)
    assert store.marks("Ann")["a1"].values == {"polarity": "negative", "emotions": ["joy"]}
    assert take(store, path) == Taken(new=0, strange=0, known=1)
    store.add("Ann", "a1", {"emotions": ["joy"]})
    assert take(store, path) == Taken(new=0, strange=0, known=1), "what Ann took away is not brought back"
    store.add("Ann", "a2", {"score": 1}, at="2026-01-01T10:00:00Z")
    path = corrected(
        tmp_path / "b.json", "a2", correction("overall.sentiment.label", "negative", at="2026-01-01T09:00Z")
    )
    assert take(store, path) == Taken(new=0, strange=0, known=1), "a later word on the same stays"


def test_corrections_are_ordered_by_their_moment_in_any_zone(task: Task, tmp_path: Path) -> None:
    label, store = "overall.sentiment.label", task.store()
    path = corrected(
        tmp_path / "a.json", "a1",
        correction(label, "positive", at="2026-01-01T03:00:00Z"),
        correction(label, "negative", at="2026-01-01T10:00:00+08:00"),  # an hour before
    )  # fmt: skip
    assert take(store, path).new == 1
    assert store.marks("Ann")["a1"].values == {"polarity": "positive"}
    odd: Any = 1767225600
    path = corrected(
        tmp_path / "b.json", "a2", correction(label, "negative", at=odd), correction("overall.emotions", "joy")
    )
    assert take(store, path).new == 1, "a number is no time"
    assert store.marks("Ann")["a2"].values == {"polarity": "negative", "emotions": ["joy"]}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("place", ["overall", "segments[0].reading"])
def test_the_only_sentence_of_a_text_and_the_whole_are_one(tmp_path: Path, place: str, whole: bool) -> None:
    one = text("t") | {"corrections": [correction(f"{place}.sentiment.label", "negative")]}
    one["segments"] = one["segments"][:1]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(one))
    store = create_task(tmp_path / "task", find_items(path, whole=whole).items, ["polarity"]).store()
    assert take(store, path) == Taken(new=1, strange=0, known=0)
    assert store.marks("Ann")["t" if whole else "t#0"].polarity == "negative"
