from collections import Counter

import pytest

from demeanor.datasets._groups import hashed_split, joined, text_key, without_overlap
from demeanor.types import Sample


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("RT @Bob: So  good http://t.co/1", "so good"), ("So good www.a.b/c", "so good"), ("rt @a RT @b: x", "x"),
        ("http://t.co/1", ""), ("今天 好", "今天 好"), ("art @home", "art @home"),
    ],
)  # fmt: skip
def test_what_differs_between_copies_is_dropped(text: str, key: str) -> None:
    assert text_key(text) == key


def test_keys_join_through_others() -> None:
    groups = joined([["a"], ["b", "c"], ["a", "b"], ["d"], ["c", "e"], ["e"]])
    assert groups == ["a", "a", "a", "d", "a", "a"]


def test_parts_by_hash_keep_their_shares_and_their_places() -> None:
    shares = {"train": 0.7, "valid": 0.1, "test": 0.2}
    counts = Counter(hashed_split(f"speaker {n}", shares) for n in range(5000))
    assert {part: count / 5000 for part, count in counts.items()} == pytest.approx(shares, abs=0.02)
    assert hashed_split("x", {"train": 0.0, "test": 0.0}) == "test"
    # The number of another machine: sha256("speaker 1") as a fraction.
    import hashlib

    point = int(hashlib.sha256(b"speaker 1").hexdigest()[:16], 16) / 16**16
    assert hashed_split("speaker 1", {"low": point + 1e-9, "high": 1 - point}) == "low"
    assert hashed_split("speaker 1", {"low": point - 1e-9, "high": 1 - point}) == "high"


def test_of_twins_the_later_part_keeps_its_own() -> None:
    parts = [
        ("a", "train"), ("a", "test"), ("b", "train"), ("b", "valid"), ("c", "valid"), ("c", "test"), ("d", "train"),
        ("e", None), (None, "train"), ("a", "train"),
    ]  # fmt: skip
    samples = [Sample(id=str(n), group=group, split=split) for n, (group, split) in enumerate(parts)]
    assert [s.id for s in without_overlap(samples)] == ["1", "3", "5", "6", "7", "8"]
