"""Scores apart by what the samples say of themselves."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from export_runs import run_of, spec_of, typed

from demeanor.cli import main
from demeanor.experiments import records
from demeanor.experiments.by_value import FEWEST, values_of
from demeanor.experiments.evaluate_bundle import evaluate_bundle
from demeanor.features.store import Store
from demeanor.training.pack import pack
from demeanor.types import Sample

pytestmark = pytest.mark.lab


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose test part has 12 clips of ann, 6 of bob without a kind, 2 of cy and 5 of nobody known."""
    monkeypatch.setenv("DEMEANOR_FEATURES", str(tmp_path / "features"))
    rng = np.random.default_rng(0)
    who = [("train", "dan")] * 16 + [("valid", "eve")] * 6
    who += [("test", name) for name, n in {"ann": 12, "bob": 6, "cy": 2, "": 5}.items() for _ in range(n)]
    rows = ["id,group,text,speaker,label_score,label_kind,label_sex,split"]
    for i, (part, name) in enumerate(who):
        kind = "" if name == "bob" else ("hot", "cold", "mild")[i % 3]
        sex = {"ann": "f", "": ""}.get(name, "m")
        rows.append(f"{i},g{i},so {'good' if i % 2 else 'bad'} {i},{name},{rng.uniform(-1, 1):.2f},{kind},{sex},{part}")
    (tmp_path / "clips.csv").write_text("\n".join(rows) + "\n")
    spec = spec_of("clips.csv", encoders={"text": {"name": "text_bag", "min_count": 1}})
    store = Store()
    prepared = run_of(spec, tmp_path, tmp_path / "run", store)
    pack(tmp_path / "run", tmp_path / "bundle", prepared, store=store, say=lambda line: None)
    return tmp_path


def test_each_value_is_scored_by_its_own_samples(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--data", str(run), "--split", "test", "--results", str(run / "records.jsonl")]
    typed("evaluate", str(run / "run"), *asked, "--by", "speaker", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["by"]["field"] == "speaker"
    rows = {row["value"]: row for row in found["by"]["rows"]}
    assert [(value, row["n"]) for value, row in rows.items()] == [("ann", 12), ("bob", 6), ("cy", 2), (None, 5)]
    assert rows["bob"]["tasks"]["kind"] == {"n": 0, "metrics": {}}
    assert rows["cy"]["tasks"]["score"] == {"n": 2, "metrics": {}}, f"fewer than {FEWEST} say nothing"
    saved = np.load(run / "run/test-predictions.npz", allow_pickle=False)
    for name in ("ann", "bob"):
        at = saved["speaker"] == name
        mae = np.abs(saved["score"][at] - saved["label/score"][at]).mean()
        assert rows[name]["tasks"]["score"]["metrics"]["mae"] == pytest.approx(mae, abs=1e-6)
    at = saved["speaker"] == "ann"
    hit = (saved["kind"][at].argmax(1) == saved["label/kind"][at].argmax(1)).mean()
    assert rows["ann"]["tasks"]["kind"]["metrics"]["accuracy"] == pytest.approx(hit)
    (line,) = records.read(run / "records.jsonl")
    assert "by" not in line, "who speaks is nothing for the records"

    read = evaluate_bundle(run / "bundle", run, "test", None, say=lambda line: None, by="speaker")["by"]["rows"]
    for row in read:
        for task, told in row["tasks"].items():
            assert told["n"] == rows[row["value"]]["tasks"][task]["n"]
            assert told["metrics"] == pytest.approx(rows[row["value"]]["tasks"][task]["metrics"], abs=1e-5, nan_ok=True)


def test_a_label_of_the_table_may_be_asked_for_and_is_shown(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed("evaluate", str(run / "run"), "--data", str(run), "--split", "test", "--by", "sex",
          "--results", str(run / "r.jsonl"))  # fmt: skip
    told = capsys.readouterr().out
    lines = told[told.index("kind by sex") :].splitlines()
    assert lines[1].split()[:4] == ["sex", "n", "accuracy", "uar"]
    assert [line.split()[:2] for line in lines[2:5]] == [["f", "12"], ["m", "2"], ["(none)", "5"]]
    assert lines[3].split()[2] == "–"


def test_numbers_that_differ_stay_apart() -> None:
    stored = float(np.float32(0.1))  # as a table of 32 bits gives it
    days = [20240115.0, 20240116.0, 3, stored, 0.1000001, 1e300, 2.0**60, True, None]
    found = values_of([Sample(str(i), labels={} if d is None else {"day": d}) for i, d in enumerate(days)], "day")
    assert found == ["20240115", "20240116", "3", "0.1", "0.1000001", "1e+300", "1.1529215e+18", "1", None]


def test_what_no_sample_says_costs_no_test_read(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("run", "bundle"):
        with pytest.raises(SystemExit) as left:
            main(["evaluate", str(run / model), "--data", str(run), "--split", "test", "--by", "language",
                  "--results", str(run / "records.jsonl")])  # fmt: skip
        assert left.value.code == 2
        assert "(speaker, group, kind, score, sex), got 'language'" in capsys.readouterr().err
    assert records.read(run / "records.jsonl") == []
