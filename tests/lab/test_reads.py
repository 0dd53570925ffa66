"""What a benchmark reads of test parts is written down before it is told, and counted once."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from demeanor.experiments import records
from demeanor.experiments.bench import bench
from demeanor.experiments.leaderboard import write_leaderboard

pytestmark = pytest.mark.lab

RUN = """
[run]
name = "known"
model = "concat"
[data]
dataset = "synthetic"
samples = 120
lengths = [4, 8]
[encoders.text]
name = "series"
[tasks.score]
[training]
epochs = 1
precision = "float32"
threads = 1
device = "cpu"
track = []
"""


class Stop(Exception):
    """As if somebody had pressed Ctrl-C."""


def stopped_at(line: str, tmp_path: Path, *settings: str) -> None:
    """A benchmark of two seeds, stopped where it says that."""

    def say(told: str) -> None:
        if line and told.startswith(line):
            raise Stop

    path = tmp_path / "run.toml"
    path.write_text(RUN)
    results = tmp_path / "results/records.jsonl"
    bench(path, tmp_path, ["concat"], 2, tmp_path / "runs", results, settings, say=say)


@pytest.fixture(autouse=True)
def features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMEANOR_FEATURES", str(tmp_path / "features"))


def test_a_stopped_benchmark_has_written_down_what_it_told(tmp_path: Path) -> None:
    results = tmp_path / "results/records.jsonl"
    with pytest.raises(Stop):
        stopped_at("    mae", tmp_path)
    (read,) = records.read(results)
    at = json.loads((tmp_path / "runs/bench-known/concat/seed-0-fold-0/test.json").read_text())["test_read_at"]
    assert (read["entry"], read["seed"], read["test_read_at"]) == ("concat", 0, at)
    stopped_at("", tmp_path)
    first, second = records.read(results)
    assert first == read
    assert second["seed"] == 1


def test_folds_are_written_down_one_by_one_and_counted_once_when_they_are_pooled(tmp_path: Path) -> None:
    results = tmp_path / "results/records.jsonl"
    with pytest.raises(Stop):
        stopped_at("[4/4]", tmp_path, "data.folds=2")  # seed 0 is done, of seed 1 one fold is
    told = records.read(results)
    assert [(r.get("fold_of"), r.get("entry"), r["seed"]) for r in told] == [
        ("concat", None, 0), ("concat", None, 1), ("concat", None, 0), (None, "concat", 0),
    ]  # fmt: skip
    assert told[-1]["folds_read_at"] == [told[0]["test_read_at"], told[2]["test_read_at"]]
    assert told[-1]["test_read_at"] == max(told[-1]["folds_read_at"])
    assert "| 2 | 0 | 2 |" in write_leaderboard(results).read_text(), "seed 0, and a fold of seed 1"
    stopped_at("", tmp_path, "data.folds=2")
    assert "| 2 | 0 | 2 |" in (results.parent / "leaderboard.md").read_text(), "both seeds"
    assert len(records.read(results)) == 6
    stopped_at("", tmp_path, "data.folds=2")
    assert len(records.read(results)) == 6, "what is done is not read again"


def test_a_fold_that_was_tested_before_all_was_killed_is_written_down_later_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results/records.jsonl"

    def killed(*how: object) -> None:
        raise Stop

    with monkeypatch.context() as patched:
        patched.setattr(records, "append", killed)  # between test.json and the record
        with pytest.raises(Stop):
            stopped_at("", tmp_path, "data.folds=2")
    assert records.read(results) == []
    for _ in range(2):
        stopped_at("", tmp_path, "data.folds=2")
        told = [(r.get("fold_of"), r.get("entry"), r["seed"]) for r in records.read(results)]
        assert told == [("concat", None, 0), ("concat", None, 1)] + [
            row for n in (0, 1) for row in (("concat", None, n), (None, "concat", n))
        ]
    first, place = records.read(results)[0], tmp_path / "runs/bench-known/concat/seed-0-fold-0/test.json"
    assert first["test_read_at"] == json.loads(place.read_text())["test_read_at"]
