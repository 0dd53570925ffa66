"""Further tables join the training part; what belongs to a sealed part, by group, text or file, never does."""

from pathlib import Path

import numpy as np

from demeanor.features.more import joined, prefix_of, read_more
from demeanor.features.parts import Parts
from demeanor.types import Sample


def content(path: Path) -> str:
    return path.read_bytes().hex()


def parts(train: list[int], valid: list[int], test: list[int]) -> Parts:
    return Parts(*(np.array(rows, np.intp) for rows in (train, valid, test)))


def test_what_is_sealed_stays_sealed_by_group_text_and_file(tmp_path: Path) -> None:
    for name, sound in (("valid", b"one"), ("copy", b"one"), ("new", b"two")):
        (tmp_path / name).write_bytes(sound)
    corpus = [
        Sample("a", "so good", group="ann"),
        Sample("b", "Never again!", group="bob"),
        Sample("c", audio=tmp_path / "valid", group="cid"),
    ]
    more = [
        Sample("1", "another of bob", group="bob", split="train"),
        Sample("2", "never   AGAIN!", group="2", split="train"),
        Sample("3", audio=tmp_path / "copy", group="3", split="train"),
        Sample("4", audio=tmp_path / "new", group="4", split="train"),
        Sample("5", "of ann, who is learned from", group="ann", split="train"),
        Sample("6", "held back", group="6", split="test"),
        Sample("7", "held back", group="7", split="train"),
    ]
    samples, found, refused = joined(corpus, parts([0], [1], [2]), more, content)
    assert [samples[i].id for i in found.train] == ["a", "4", "5"]
    assert (list(found.valid), list(found.test), refused) == ([1], [2], 4)
    assert samples[8].id == "6"  # held back itself: encoded, in no part


def test_two_tables_may_know_one_id(tmp_path: Path) -> None:
    for name in ("x.csv", "y.csv"):
        (tmp_path / name).write_text("id,text,split,label_polarity\n1,so good,,positive\n2,so so,test,neutral\n")
    found = read_more(["x.csv", str(tmp_path / "y.csv")], tmp_path)
    assert [s.id for s in found] == [prefix_of(n) + i for n in (0, 1) for i in ("1", "2")]
    assert [s.split for s in found] == ["train", "test"] * 2
