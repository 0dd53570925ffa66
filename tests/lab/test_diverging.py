"""A model whose numbers grow beyond all bounds: its run keeps what it had, or says that it has nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from demeanor.cli import main  # noqa: E402
from demeanor.errors import DivergedError  # noqa: E402
from demeanor.experiments import records  # noqa: E402
from demeanor.experiments.bench import bench  # noqa: E402
from demeanor.experiments.search import search  # noqa: E402
from demeanor.training import lab, loop  # noqa: E402
from demeanor.training.run import train  # noqa: E402
from demeanor.training.runfile import RunFile  # noqa: E402

pytestmark = pytest.mark.lab

RUN = """
[run]
name = "wild"
model = "concat"
[data]
dataset = "synthetic"
samples = 120
lengths = [4, 8]
[encoders.text]
name = "series"
[encoders.audio]
name = "series"
[tasks.{task}]
[training]
epochs = 4
batch = 16
optimiser = "sgd"
learning_rate = 0.01
precision = "float32"
threads = 1
device = "cpu"
track = []
clip = 0.0
{more}
"""
WILD = "training.learning_rate=1e30"


def run_file(folder: Path, monkeypatch: pytest.MonkeyPatch, task: str = "score", more: str = "") -> Path:
    monkeypatch.setenv("DEMEANOR_FEATURES", str(folder / "features"))
    path = folder / "run.toml"
    path.write_text(RUN.format(task=task, more=more))
    return path


@pytest.mark.parametrize("task", ["score", "polarity"])
def test_a_run_without_one_good_epoch_fails_and_leaves_its_folder_free(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = run_file(tmp_path, monkeypatch, task)
    with pytest.raises(DivergedError, match=r"got nan or infinite ones; lower training.learning_rate \(1e\+30\)"):
        train(path, [WILD], tmp_path / "out", tmp_path)
    assert not (tmp_path / "out/scores.json").exists()
    folder = train(path, (), tmp_path / "out", tmp_path)
    assert json.loads((folder / "scores.json").read_text())["best_epoch"]


@pytest.mark.parametrize("keep", ["best", "last"])
@pytest.mark.parametrize("task", ["score", "polarity"])
def test_a_run_that_diverges_later_ends_with_what_it_had(
    task: str, keep: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, wise = run_file(tmp_path, monkeypatch, task), loop.rate
    monkeypatch.setattr(loop, "rate", lambda step, of, *how: wise(step, of, *how) if step < of / 2 else 1e33)
    folder = train(path, [f"training.keep={keep}"], tmp_path / "out", tmp_path)
    scores = json.loads((folder / "scores.json").read_text())
    history = json.loads((folder / "history.json").read_text())
    assert [row.get("diverged") for row in history] == [None, None, 1.0], "no epoch after it"
    assert history[-1]["score"] is None
    assert scores["best_epoch"] in ({1, 2} if keep == "best" else {2})
    assert np.isfinite(np.load(folder / "valid.npz")[task]).all()
    before = torch.load(folder / "weights.pt")
    train(path, [f"training.keep={keep}"], tmp_path / "out", tmp_path)
    assert len(json.loads((folder / "history.json").read_text())) == 3, "what ended is not gone on with"
    assert all(torch.equal(v, before[k]) for k, v in torch.load(folder / "weights.pt").items())


def test_predictions_may_be_no_numbers_though_weights_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, honest = run_file(tmp_path, monkeypatch, "polarity"), lab.predict
    monkeypatch.setattr(lab, "predict", lambda *a: {k: v * np.float32(np.nan) for k, v in honest(*a).items()})
    with pytest.raises(DivergedError):
        train(path, (), tmp_path / "out", tmp_path)


def test_a_search_leaves_out_what_diverges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = '[search]\n"training.learning_rate" = { choices = [0.01, 1e30] }'
    said: list[str] = []
    best = search(run_file(tmp_path, monkeypatch, more=rates), tmp_path, 6, tmp_path / "runs", say=said.append)
    assert best["settings"] == {"training.learning_rate": 0.01}
    assert best["trials"] == 6
    assert any("left out" in line and "nan or infinite" in line for line in said)


WILD_LMF = "[bench]\nalone = []\n[bench.settings.lmf.training]\nlearning_rate = 1e30"


def test_a_benchmark_goes_on_without_the_row_that_diverges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, results = run_file(tmp_path, monkeypatch, more=WILD_LMF.replace("alone = []\n", "")), tmp_path / "r.jsonl"
    said: list[str] = []
    rows = bench(path, tmp_path, ["lmf", "concat"], 1, tmp_path / "runs", results, say=said.append)
    assert [row["entry"] for row in rows] == ["concat", "concat (text)", "concat (audio)"]
    tested = [line for line in records.read(results) if not line.get("diverged")]
    assert {line["entry"] for line in tested} == {row["entry"] for row in rows}
    assert sum("left out: training: expected a model that says numbers" in line for line in said) == 1
    assert said[-1] == "no row of lmf, of which a run diverged"
    only = ["--models", "lmf", "--seeds", "1", "--set", "bench.text_only=false", "--results", str(results)]
    with pytest.raises(SystemExit) as left:
        main(["bench", str(path), "--data", str(tmp_path), "--out", str(tmp_path / "runs"), *only])
    assert left.value.code == 2
    assert (
        "expected a row whose runs all end, got none: see above; lower training.learning_rate"
        in capsys.readouterr().err
    )
    milder = bench(
        path, tmp_path, ["lmf"], 1, tmp_path / "runs", results,
        ["bench.settings.lmf.training.learning_rate=0.01", "bench.text_only=false"], say=said.append,
    )  # fmt: skip
    assert [row["entry"] for row in milder] == ["lmf"], "its folder takes another learning rate"


def test_a_row_of_which_one_seed_diverges_is_nowhere_shown_by_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, results = run_file(tmp_path, monkeypatch, more="[bench]\ntext_only = false"), tmp_path / "r.jsonl"
    wise, built = loop.rate, lab.build

    def build(run: RunFile, *how: Any) -> Any:
        bad = (run.run.model, run.training.seed) == ("lmf", 1)
        monkeypatch.setattr(loop, "rate", (lambda *how: 1e33) if bad else wise)
        return built(run, *how)

    monkeypatch.setattr(lab, "build", build)

    for _ in range(2):
        rows = bench(path, tmp_path, ["lmf", "concat"], 2, tmp_path / "runs", results, say=lambda line: None)
        assert [row["entry"] for row in rows] == ["concat"]
        told = [(line["entry"], line["seed"], line.get("diverged")) for line in records.read(results)]
        assert told == [("lmf", 0, None), ("lmf", 1, True), ("concat", 0, None), ("concat", 1, None)], "once"
    page = (tmp_path / "leaderboard.md").read_text()
    assert "| lmf |" not in page
    assert "Left out, for runs of theirs diverged: lmf (seed 1)." in page
    assert "| synthetic | 3 | 0 | 3 |" in page, "a run without weights reads nothing"


def test_a_run_file_whose_rows_all_diverge_does_not_keep_the_next_from_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = run_file(tmp_path, monkeypatch, more=WILD_LMF.replace("[bench]", "[bench]\ntext_only = false"))
    mild = tmp_path / "mild.toml"
    mild.write_text(wild.read_text().replace('"wild"', '"mild"').replace("1e30", "0.01"))
    places = ["--data", str(tmp_path), "--out", str(tmp_path / "runs"), "--results", str(tmp_path / "r.jsonl")]
    with pytest.raises(SystemExit) as left:
        main(["bench", str(wild), str(mild), "--models", "lmf", "--seeds", "1", *places])
    assert left.value.code == 1
    assert f"{wild}: expected a row whose runs all end, got none" in capsys.readouterr().err
    assert [r["bench"] for r in records.read(tmp_path / "r.jsonl") if not r.get("diverged")] == ["mild"]


def test_a_seed_that_diverges_in_one_fold_is_tested_on_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, results = run_file(tmp_path, monkeypatch, more=WILD_LMF), tmp_path / "r.jsonl"
    settings, said = ["data.folds=2", "bench.text_only=false", "training.epochs=1"], []
    rows = bench(path, tmp_path, ["lmf", "concat"], 1, tmp_path / "runs", results, settings, say=said.append)
    assert [row["entry"] for row in rows] == ["concat"]
    assert [line.split("] ")[1] for line in said if line.startswith("[")] == [
        "lmf, seed 0, fold 0", "concat, seed 0, fold 0", "concat, seed 0, fold 1",
    ]  # fmt: skip
    lost = [line for line in records.read(results) if line.get("diverged")]
    assert [(line["entry"], line["seed"], line["protocol"]) for line in lost] == [
        ("lmf", 0, "as given, 2 folds pooled")
    ], "in the table of its row"
