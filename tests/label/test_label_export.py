"""Labels as a table that the data set `table` reads, and what a reader is sure of."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_label_analyses import reading

from demeanor.datasets import table
from demeanor.errors import ConfigError, DataError
from demeanor.label.agree import disputes
from demeanor.label.export import export, pseudo, write_disputes
from demeanor.label.items import find_items
from demeanor.label.take import take
from demeanor.label.task import Task, create_task
from demeanor.reader.manifest import read_items
from demeanor.types import Sample


def test_the_table_is_read_as_a_data_set(task: Task, tmp_path: Path) -> None:
    store = task.store()
    store.add("Ann", "a1", {"score": 1, "emotions": ["joy", "surprise"]})
    store.add("Bob", "a1", {"score": 0.333, "emotions": ["joy"]})
    store.add("Ann", "b1", {"score": -0.333})
    store.add("Ann", "c1", {}, skipped=True)
    out = tmp_path / "labels.csv"
    done = export(task, store, out)
    assert (done.rows, done.left_out) == (2, {"without a label": 4})
    one, two = table.read(out)
    assert (one.id, one.text, one.group, one.split) == ("a1", "I love it", "a", "train")
    assert one.labels == {
        "score": 0.6665, "polarity": "positive", "emotions": "joy", "raters": 2.0, "agreement": 0.5833,
    }  # fmt: skip
    assert two.labels == {"score": -0.333, "polarity": "negative", "raters": 1.0}
    assert read_items(out, Path("none"))[0].id == "a1", "and `demeanor batch` reads it"


def test_media_are_found_from_where_the_table_lies(media: Path, tmp_path: Path) -> None:
    task = create_task(tmp_path / "task", find_items(media).items, ["polarity"])
    task.store().add("Ann", "sky.jpg", {"polarity": "positive"})
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "elsewhere" / "labels.csv"
    export(task, task.store(), out)
    (one,) = table.read(out)
    assert Path(str(one.image)).samefile(media / "sky.jpg")


def test_disagreement_is_left_out_on_demand_unless_decided(task: Task, tmp_path: Path) -> None:
    store = task.store()
    for item in ("a1", "a2"):
        store.add("Ann", item, {"score": 1, "emotions": ["joy"]})
        store.add("Bob", item, {"score": -1, "emotions": ["anger"]})
    store.add("Eve", "a2", {"score": -0.667, "emotions": ["fear"]}, decides=True)
    done = export(task, store, tmp_path / "l.csv", min_agreement=0.5)
    assert (done.rows, done.left_out) == (1, {"without a label": 4, "in disagreement": 1})
    (one,) = table.read(tmp_path / "l.csv")
    assert one.labels == {
        "score": -0.667, "polarity": "negative", "emotions": "fear", "raters": 2.0, "agreement": 0.0, "decided": 1.0,
    }  # fmt: skip


def test_nothing_labelled_is_said(task: Task, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"got none \(6 without a label\); label some items first"):
        export(task, task.store(), tmp_path / "l.csv")
    assert not (tmp_path / "l.csv").exists()


def test_disputes_go_through_a_spreadsheet(task: Task, tmp_path: Path) -> None:
    store = task.store()
    store.add("Ann", "a1", {"score": 1, "emotions": ["joy"]})
    store.add("Bob B", "a1", {"score": -1, "emotions": ["anger", "fear"]})
    out = tmp_path / "disputes.csv"
    write_disputes(task, disputes(task, store), out)
    header, row = out.read_text(encoding="utf-8").splitlines()
    assert header == ("id,text,group,split,label_score,label_emotions,label_disagreement,label_by_Ann,label_by_Bob B")
    assert row == "a1,I love it,a,train,,,1.0,1.0 joy,-1.0 anger fear"
    out.write_text(f"{header}\n{row.replace('train,,,', 'train,0.5,joy,')}\n")
    assert take(store, out, "Eve", decides=True).new == 1
    assert store.decisions()["a1"].score == 0.5
    assert store.raters() == ["Ann", "Bob B"]


def sample(name: str, split: str | None = None, group: str | None = None, text: str | None = None) -> Sample:
    return Sample(name, text=text or f"text of {name}", split=split, group=group)


def test_pseudo_labels_are_sure_and_marked(tmp_path: Path) -> None:
    items = [sample(n, "train") for n in ("sure", "unsure", "abstains", "unread", "torn")]
    readings: dict[str, dict[str, Any]] = {
        "sure": reading(0.7, 0.95), "unsure": reading(0.7, 0.89), "abstains": reading(0.7, 0.99, abstain=True),
        "torn": reading(0.7, 0.95),
    }  # fmt: skip
    readings["torn"]["sentiment"]["score"] = -0.1
    readings["torn"]["emotions"]["joy"] = 0.5
    done = pseudo(items, readings, tmp_path / "p.csv", at_least=0.9)
    assert (done.rows, done.left_out) == (2, {"not read": 1, "not sure enough": 2})
    sure, torn = table.read(tmp_path / "p.csv")
    assert sure.labels == {
        "score": 0.7, "polarity": "positive", "emotions": "joy", "pseudo": 1.0, "confidence": 0.95,
    }  # fmt: skip
    assert torn.labels == {"polarity": "positive", "pseudo": 1.0, "confidence": 0.95}, (
        "a score of the other side is none"
    )
    assert {s.split for s in (sure, torn)} == {"train"}


def test_pseudo_labels_never_reach_what_is_measured_on(tmp_path: Path) -> None:
    items = [
        sample("a", "train"), sample("b", "valid"), sample("c", "test"), sample("d", None),
        sample("e", "train", "film"), sample("f", "test", "film"), sample("g", "train", text="Text of B!"),
        sample("h", None, text="text  of B"),
    ]  # fmt: skip
    done = pseudo(items, {i.id: reading(0.7, 0.99) for i in items}, tmp_path / "p.csv")
    assert [s.id for s in table.read(tmp_path / "p.csv")] == ["a", "d", "g"], "g is another text, h is that of b"
    assert done.left_out == {"of the validation or test part": 5}


@pytest.mark.parametrize("name", ["dev", "Validation", "val", "Test", "testing"])
def test_pseudo_labels_know_parts_by_their_other_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "m.csv").write_text(f"id,text,split\na,I love it,training\nb,I hate it,{name}\n")
    items = find_items(tmp_path / "m.csv").items
    done = pseudo(items, {i.id: reading(0.7, 0.99) for i in items}, tmp_path / "p.csv", folder=tmp_path)
    assert [s.id for s in table.read(tmp_path / "p.csv")] == ["a"]
    assert done.left_out == {"of the validation or test part": 1}


def test_pseudo_labels_refuse_a_part_that_nobody_knows(tmp_path: Path) -> None:
    items = [sample("a", "train"), sample("b", "holdout")]
    with pytest.raises(DataError, match="item b: column split: expected train, valid or test, found 'holdout'"):
        pseudo(items, {i.id: reading(0.7, 0.99) for i in items}, tmp_path / "p.csv")


def test_pseudo_labels_keep_clear_of_equal_texts_and_files_in_other_groups(tmp_path: Path) -> None:
    items = [
        sample("a", "test", "film 1", text="The same words."), sample("b", "train", "film 2", text="the  same words."),
        sample("c", "train", "film 2", text="Others."),
    ]  # fmt: skip
    pseudo(items, {i.id: reading(0.7, 0.99) for i in items}, tmp_path / "p.csv")
    assert [s.id for s in table.read(tmp_path / "p.csv")] == ["c"]


def test_without_parts_those_a_run_would_make_are_kept_clear(tmp_path: Path) -> None:
    from demeanor.features.parts import parts_of

    items = [sample(str(n), None, f"film {n // 3}") for n in range(150)]
    done = pseudo(items, {i.id: reading(0.7, 0.99) for i in items}, tmp_path / "p.csv")
    parts = parts_of(items)
    assert [s.id for s in table.read(tmp_path / "p.csv")] == [items[n].id for n in parts.train]
    assert done.left_out["of the validation or test part"] == len(parts.valid) + len(parts.test) > 0


def test_rows_of_one_file_are_kept_clear_together_as_a_run_divides_them(tmp_path: Path) -> None:
    from demeanor.features.parts import parts_of

    (tmp_path / "films").mkdir()
    lines = [f"{n},say {n},films/{n // 3}.mp4,{n % 3},{n % 3 + 1}" for n in range(90)]
    for n in range(30):
        (tmp_path / f"films/{n}.mp4").write_bytes(b"%d" % n)
    (tmp_path / "films.csv").write_text("\n".join(["id,text,video,start,end", *lines]))
    as_run = table.read(tmp_path / "films.csv")
    parts = parts_of(as_run)
    items = [replace(s, group=None) for s in as_run]
    pseudo(items, {i.id: reading(0.7, 0.99) for i in items}, tmp_path / "p.csv", folder=tmp_path)
    assert [s.id for s in table.read(tmp_path / "p.csv")] == [as_run[n].id for n in parts.train]


def test_a_confidence_that_cannot_be(tmp_path: Path) -> None:
    for wrong in (0.0, 1.1, -1):
        with pytest.raises(ConfigError, match="expected a confidence"):
            pseudo([], {}, tmp_path / "p.csv", at_least=wrong)
    with pytest.raises(ConfigError, match="lower --at-least"):
        pseudo([sample("a", "train")], {"a": reading(0.1, 0.5)}, tmp_path / "p.csv")
