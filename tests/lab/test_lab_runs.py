"""From a run file to a tested, compared model, on data whose answer is known."""

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import weakref
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from demeanor.cli import main  # noqa: E402
from demeanor.errors import ConfigError, DemeanorError  # noqa: E402
from demeanor.experiments import records  # noqa: E402
from demeanor.experiments import search as searching  # noqa: E402
from demeanor.experiments.bench import bench, planned  # noqa: E402
from demeanor.experiments.evaluate import evaluate  # noqa: E402
from demeanor.experiments.rows import entries, spec_for  # noqa: E402
from demeanor.experiments.search import search, with_settings  # noqa: E402
from demeanor.features.arrays import load_arrays  # noqa: E402
from demeanor.features.read import samples_of  # noqa: E402
from demeanor.features.store import Store  # noqa: E402
from demeanor.losses.unimodal import own_labels  # noqa: E402
from demeanor.report.fonts import lettered  # noqa: E402
from demeanor.training import lab, loop  # noqa: E402
from demeanor.training import run as training_run  # noqa: E402
from demeanor.training.data import collate  # noqa: E402
from demeanor.training.loop import Progress  # noqa: E402
from demeanor.training.prepare import prepare  # noqa: E402
from demeanor.training.run import provenance, read_run_file, save_arrays, train, write_json  # noqa: E402
from demeanor.training.runfile import Range, RunFile, Task  # noqa: E402

pytestmark = pytest.mark.lab

RUN = """
[run]
name = "known"
model = "concat"
[data]
dataset = "synthetic"
samples = 240
[encoders.text]
name = "series"
[encoders.audio]
name = "series"
[tasks.score]
scale = 3
metrics = "mosi"
[training]
epochs = 6
batch = 32
learning_rate = 0.01
precision = "float32"
threads = 1
device = "cpu"
track = []
[search]
"training.learning_rate" = { low = 1e-4, high = 3e-2, log = true }
"""


@pytest.fixture
def run_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEMEANOR_FEATURES", str(tmp_path / "features"))
    path = tmp_path / "run.toml"
    path.write_text(RUN.split("[search]")[0])
    return path


def test_a_run_leaves_everything_needed_to_judge_it(run_file: Path, tmp_path: Path) -> None:
    folder = train(run_file, (), tmp_path / "run", tmp_path)
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["valid"]["mae"] < 0.7 * scores["floor"]["mae"], "a planted signal is found"
    assert set(scores["subsets"]) == {"text", "audio", "text+audio"}
    assert scores["params"] > 0
    stored = json.loads((folder / "run.json").read_text())
    assert stored["config"]["training"]["epochs"] == 6
    assert len(json.loads((folder / "history.json").read_text())) == 6
    results = tmp_path / "records.jsonl"
    valid = evaluate(folder, tmp_path, "valid", results)
    assert valid["metrics"]["mae"]["value"] == pytest.approx(scores["valid"]["mae"], abs=1e-6)
    assert valid["metrics"]["mae"]["low"] <= valid["metrics"]["mae"]["value"] <= valid["metrics"]["mae"]["high"]
    assert records.read(results) == [], "looking at validation is free"
    test = evaluate(folder, tmp_path, "test", results)
    (line,) = records.read(results)
    assert set(records.KEYS) <= set(line)
    assert line["test_read_at"]
    assert line["metrics"]["mae"]["value"] == pytest.approx(test["metrics"]["mae"]["value"])


def test_a_run_has_the_commit_of_this_program_wherever_it_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "somebody's own"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    ours = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    ).stdout.strip()
    monkeypatch.chdir(tmp_path)
    assert provenance({})["commit"] == (ours or None)
    installed = tmp_path / ".venv/lib/site-packages/demeanor/training/run.py"
    installed.parent.mkdir(parents=True)
    monkeypatch.setattr(training_run, "__file__", str(installed))
    assert provenance({})["commit"] is None, "the repository that it is installed below is another"


@pytest.mark.parametrize("value", [float("nan"), -np.inf, np.float32("inf"), [(np.float64("nan"),)]])
def test_what_is_written_of_a_run_is_json(value: object, tmp_path: Path) -> None:
    write_json(tmp_path / "scores.json", {"mae": value, 1: np.float32(0.5), "n": np.int64(3)})

    def refused(name: str) -> None:
        raise AssertionError(name)

    found = json.loads((tmp_path / "scores.json").read_text(), parse_constant=refused)
    assert found == {"mae": [[None]] if isinstance(value, list) else None, "1": 0.5, "n": 3}


def test_the_summary_takes_what_is_no_number_and_chinese_classes(run_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from demeanor.experiments import summary

    folder = train(run_file, ["training.epochs=2"], tmp_path / "run", tmp_path)
    for name, change in (("history", lambda h: h[1].update(score=None, loss=None)),
                         ("scores", lambda s: s["subsets"]["text"].update(mae=None))):  # fmt: skip
        value = json.loads((folder / f"{name}.json").read_text())
        change(value)
        write_json(folder / f"{name}.json", value)
    assert summary.write_summary(folder).read_text().count("data:image/png") == 3
    one = np.eye(2, dtype=np.float32)
    with lettered():
        figure = summary._task("label", Task(classes=("高兴", "\U0010fffd$")), one, one)
        assert figure.axes[0].get_xticklabels()[1].get_text() == r"□\$", "what no font has is a box, without a warning"
        summary._image(figure)


def test_without_git_a_run_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance({})["commit"] is None


def test_the_summary_is_one_page_with_its_pictures(run_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from demeanor.experiments.summary import write_summary

    page = write_summary(train(run_file, (), tmp_path / "run", tmp_path)).read_text()
    assert page.count("data:image/png") == 3
    assert "http" not in page.split("Run file")[0]
    both = train(run_file, ["tasks.polarity={}", "training.epochs=1"], tmp_path / "both", tmp_path)
    assert write_summary(both).read_text().count("data:image/png") == 5  # confusion and reliability of the classes


def test_the_first_run_of_the_lab_needs_no_data(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DEMEANOR_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    run_file.write_text(RUN.replace("epochs = 6", "epochs = 1"))
    for command in (
        "train run.toml",
        "evaluate runs/known",
        "search run.toml --trials 1",
        "bench run.toml --models concat --seeds 1",
    ):
        with pytest.raises(SystemExit) as left:
            main(command.split())
        assert not left.value.code, (command, capsys.readouterr())
    run_file.write_text(RUN.replace('"synthetic"\nsamples = 240', '"table"\nroot = "clips.csv"'))
    for command in ("train run.toml", "search run.toml --trials 1", "bench run.toml --models concat --seeds 1"):
        with pytest.raises(SystemExit) as left:
            main(command.split())
        assert left.value.code == 2
        assert "give --data DIR or set DEMEANOR_DATA" in capsys.readouterr().err


def test_a_folder_that_was_named_and_is_not_there_is_an_error_in_every_command(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DEMEANOR_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    train(run_file, ["training.epochs=1"], tmp_path / "runs/known")
    commands = (
        "train run.toml --out other", "evaluate runs/known", "search run.toml --trials 1", "encode run.toml",
        "bench run.toml --models concat --seeds 1", "export runs/known bundle",
    )  # fmt: skip
    for command in commands:
        for option, variable in ((["--data", "gone"], str(tmp_path)), ([], "gone")):
            monkeypatch.setenv("DEMEANOR_DATA", variable)
            with pytest.raises(SystemExit) as left:
                main([*command.split(), *option])
            assert left.value.code == 2, command
            assert "expected the folder of the data sets, got no folder gone; give --data" in capsys.readouterr().err


def test_killed_at_any_moment_it_ends_with_the_same_numbers(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(run_file, ["training.epochs=12"], tmp_path / "whole", tmp_path)
    code = (
        "import sys; from pathlib import Path; from demeanor.training.run import train; "
        "train(Path(sys.argv[1]), ['training.epochs=12'], Path(sys.argv[2]), Path(sys.argv[3]))"
    )
    cut = tmp_path / "cut"
    process = subprocess.Popen([sys.executable, "-c", code, str(run_file), str(cut), str(tmp_path)], env=os.environ)
    deadline = time.time() + 120
    while not (cut / "last.pt").exists() and time.time() < deadline and process.poll() is None:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert (cut / "last.pt").exists()
    resume, resumed = loop._Run._resume, []
    monkeypatch.setattr(loop._Run, "_resume", lambda run: (resumed.append(run), resume(run)))
    train(run_file, ["training.epochs=12"], cut, tmp_path)
    assert len(resumed) == 1
    one, two = torch.load(whole / "weights.pt"), torch.load(cut / "weights.pt")
    for name in one:
        assert torch.equal(one[name], two[name]), name


def test_a_run_folder_goes_on_only_under_its_own_settings(run_file: Path, tmp_path: Path) -> None:
    train(run_file, ["training.epochs=2"], tmp_path / "run", tmp_path)
    with pytest.raises(ConfigError, match="another run file"):
        train(run_file, ["training.epochs=3"], tmp_path / "run", tmp_path)


def test_what_a_killed_run_left_is_no_other_runs(run_file: Path, tmp_path: Path) -> None:
    for left in ("pretrained.pt", "fold-0-1/last.pt"):  # a run may have been killed before the first last.pt of its own
        folder = tmp_path / left.partition(".")[0]
        (folder / left).parent.mkdir(parents=True)
        (folder / left).write_bytes(b"")
        (folder / "run.json").write_text('{"config_sha256": "of other settings"}')
        with pytest.raises(ConfigError, match="another run file"):
            train(run_file, (), folder, tmp_path)


def test_weights_are_kept_and_judged_only_beside_the_data_they_learned_from(run_file: Path, tmp_path: Path) -> None:
    def table(sign: int, rows: int = 60) -> None:
        lines = [f"clip{i},so {'ab'[i % 2]} {i},{sign if i % 2 else -sign}" for i in range(rows)]
        (tmp_path / "clips.csv").write_text("\n".join(["id,text,label_score", *lines]) + "\n")

    settings = ["data.root=clips.csv", "training.epochs=2", "encoders.text.name=text_tfidf", "model.width=4"]
    run_file.write_text(
        run_file.read_text()
        .replace('"synthetic"\nsamples = 240', '"table"')
        .replace('[encoders.audio]\nname = "series"\n', "")
    )
    table(1)
    folder = train(run_file, settings, tmp_path / "run", tmp_path)
    train(run_file, settings, folder, tmp_path)
    before = evaluate(folder, tmp_path, "valid")["metrics"]["mae"]["value"]
    scores = (folder / "scores.json").read_bytes()
    for rows in (60, 90):
        table(-1, rows)
        with pytest.raises(ConfigError, match="got others; give the data as they were"):
            train(run_file, settings, folder, tmp_path)
        with pytest.raises(ConfigError, match="got others; give the data as they were"):
            evaluate(folder, tmp_path, "test", tmp_path / "records.jsonl")
    assert (folder / "scores.json").read_bytes() == scores
    table(1)
    assert evaluate(folder, tmp_path, "valid")["metrics"]["mae"]["value"] == before
    (folder / "data.json").unlink()  # as runs were saved before
    assert evaluate(folder, tmp_path, "valid")["metrics"]["mae"]["value"] == before
    state = load_arrays(folder / "encoder-text.npz")
    terms = next(key for key in state if key.endswith("_terms"))
    save_arrays(folder / "encoder-text.npz", {**state, terms: state[terms][::-1]})  # as another tokeniser's columns
    with pytest.raises(ConfigError, match="fitted by another version of it, or on other data; train the run again"):
        evaluate(folder, tmp_path, "valid")


def test_several_run_files_are_looked_at_before_the_first_is_done(run_file: Path, tmp_path: Path) -> None:
    other, wrong, results = tmp_path / "other.toml", tmp_path / "wrong.toml", tmp_path / "results" / "records.jsonl"
    other.write_text(run_file.read_text().replace('"known"', '"other"'))
    wrong.write_text(run_file.read_text().replace("epochs", "epoch"))
    options = [
        "--data",
        tmp_path,
        "--models",
        "concat",
        "--seeds",
        "1",
        "--out",
        tmp_path / "runs",
        "--results",
        results,
    ]

    def told(*files: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "demeanor", "bench", *files, *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    refused = told(run_file, wrong)
    assert refused.returncode == 2
    assert "epoch" in refused.stderr
    assert not (tmp_path / "runs").exists()
    assert told(run_file, other).returncode == 0
    assert {line["bench"] for line in records.read(results)} == {"known", "other"}


def test_a_benchmark_compares_fairly_and_is_not_done_twice(run_file: Path, tmp_path: Path) -> None:
    results = tmp_path / "results" / "records.jsonl"
    said: list[str] = []
    rows = bench(run_file, tmp_path, ["concat", "late_mean"], 2, tmp_path / "runs", results, say=said.append)
    assert [r["entry"] for r in rows] == ["concat", "late_mean", "concat (text)", "concat (audio)"]
    lines = records.read(results)
    assert len(lines) == 8
    assert all(r["test_read_at"] for r in lines)
    by_name = {r["entry"]: r for r in rows}
    assert by_name["concat"]["sd"]["mae"] is not None
    against = by_name["concat"]["against"]["concat (text)"]["mae"]
    assert against["value"] == pytest.approx(by_name["concat"]["mean"]["mae"] - by_name["concat (text)"]["mean"]["mae"])
    assert against["low"] <= against["value"] <= against["high"]
    board = (results.parent / "leaderboard.md").read_text()
    assert "*constant*" in board
    assert "concat (text)" in board
    again = bench(run_file, tmp_path, ["concat", "late_mean"], 2, tmp_path / "runs", results, say=said.append)
    assert again[0]["mean"] == rows[0]["mean"]
    assert len(records.read(results)) == 8, "a finished test part is not read again"
    elsewhere = tmp_path / "elsewhere" / "records.jsonl"
    for line in lines[:3]:  # killed between two records
        records.append(line, elsewhere)
    bench(run_file, tmp_path, ["concat", "late_mean"], 2, tmp_path / "runs", elsewhere, say=said.append)
    assert records.read(elsewhere) == lines, "what was read is written down, and once"


def test_a_benchmark_measures_again_what_was_defined_otherwise(run_file: Path, tmp_path: Path) -> None:
    results = tmp_path / "results" / "records.jsonl"
    settings = ["training.epochs=1", "data.folds=2", "bench.text_only=false"]

    def go() -> dict:
        return bench(run_file, tmp_path, ["concat"], 1, tmp_path / "runs", results, settings, say=lambda line: None)[0]

    first, path = go(), tmp_path / "runs/bench-known/concat/seed-0.json"
    (*_, read), cached = records.read(results), json.loads(path.read_text())
    results.unlink()
    for old in ({"metrics": {"mae": {"value": 9.0}}, "folds": []}, {"floor": {"mae": 9.0}}):
        stale = {**cached, "test_read_at": "then", "params": 7, **old}
        path.write_text(json.dumps(stale))
        records.append(stale, results)
        assert go()["mean"] == first["mean"]
        again = records.read(results)[-1]
        assert again["measured_again"]
        assert (again["test_read_at"], again["params"]) == ("then", 7)
        assert [again[k] for k in old] == [read[k] for k in old]
        told = len(records.read(results))
        assert go()["floor"] == first["floor"]
        assert len(records.read(results)) == told, "once"
        results.unlink()


def test_a_run_folder_says_how_its_model_was_built(run_file: Path, tmp_path: Path) -> None:
    """Earlier versions did not, and took every run with the reader's three tasks as the reader's recipe."""
    spec = read_run_file(run_file, ["training.epochs=1"])
    run = lab.check(spec)
    prepared = prepare(run, tmp_path, say=lambda line: None)
    count = len(prepared.samples)
    prepared.labels |= {"polarity": np.eye(3, dtype=np.float32)[np.arange(count) % 3]}
    prepared.labels |= {"emotions": np.eye(7, dtype=np.float32)[np.arange(count) % 7]}
    run = lab.check({**spec, "tasks": {"score": {}, "polarity": {}, "emotions": {}}})
    lab.train(run, tmp_path, tmp_path / "run", say=lambda line: None, prepared=prepared)
    built = tmp_path / "run" / "model.json"
    assert json.loads(built.read_text())["reads"] is False
    assert not lab.load(run, prepared, tmp_path / "run").config.reads
    built.unlink()
    assert lab.load(run, prepared, tmp_path / "run").config.reads
    lab.train(run, tmp_path, tmp_path / "new", say=lambda line: None, prepared=prepared)
    assert not lab.load(run, prepared, tmp_path / "new").config.reads


def test_what_was_said_before_is_no_subset_of_its_own(run_file: Path, tmp_path: Path) -> None:
    run_file.write_text(run_file.read_text() + "[features]\nbefore = { text = 2 }\n")
    folder = train(run_file, ["training.epochs=1"], tmp_path / "run", tmp_path)
    assert set(json.loads((folder / "scores.json").read_text())["subsets"]) == {"text", "audio", "text+audio"}
    assert "text_context" in json.loads((folder / "model.json").read_text())["dims"]


def test_a_benchmark_takes_no_run_of_other_settings_for_its_own(run_file: Path, tmp_path: Path) -> None:
    runs, results = tmp_path / "runs", tmp_path / "results" / "records.jsonl"
    run_file.write_text(run_file.read_text().replace("epochs = 6", "epochs = 1") + "[bench]\ntext_only = false\n")
    said: list[str] = []

    def go(models: list[str], seeds: int, *settings: str, less: bool = False) -> list[dict]:
        return bench(run_file, tmp_path, models, seeds, runs, results, settings, say=said.append, less=less)

    first = go(["concat"], 1)
    began = (runs / "bench-known/concat/seed-0-fold-0/run.json").read_bytes()
    for stopped in (False, True):
        if stopped:  # after its training, before its test
            (runs / "bench-known/concat/seed-0-fold-0/test.json").unlink()
        for other in ("training.epochs=2", "encoders.text.width=5", "bench.settings.concat.training.epochs=2"):
            with pytest.raises(ConfigError, match=r"got others in .*concat; give another folder with --out"):
                go(["late_mean", "concat"], 2, other)
    assert not (runs / "bench-known/late_mean").exists(), "it is told before anything is trained"
    assert (runs / "bench-known/concat/seed-0-fold-0/run.json").read_bytes() == began
    again = go(["concat"], 1)
    assert again[0]["mean"] == pytest.approx(first[0]["mean"])
    more = go(["concat", "late_mean"], 2, "bench.settings.late_mean.training.epochs=2", less=True)
    assert [r["seeds"] for r in more] == [2, 2]
    assert more[1]["missing"]
    (told,) = [line for line in said if line.startswith("[missing]")]
    assert told.startswith("[missing]: concat lacks text, audio, text+audio, frames lost 0, ")
    assert told.endswith("frames lost 0.9 of seed 0; give another --out, where all of it is tested anew")
    assert go(["late_mean"], 3, "bench.settings.late_mean.training.epochs=2")[0]["missing"] == {}
    shutil.rmtree(runs / "bench-known/concat/seed-0-fold-0")
    assert go(["concat"], 1, "training.epochs=2")[0]["mean"] != first[0]["mean"], "nothing is left of a removed run"


def test_rows_of_a_benchmark_learn_from_the_same_data(run_file: Path, tmp_path: Path) -> None:
    runs, results = tmp_path / "runs", tmp_path / "results" / "records.jsonl"
    run_file.write_text(run_file.read_text().replace("epochs = 6", "epochs = 1") + "[bench]\ntext_only = false\n")
    own = ["bench.settings.late_mean.tasks.score.scale=1"]
    rows = bench(run_file, tmp_path, ["concat", "late_mean"], 1, runs, results, own, say=lambda line: None)
    assert [r["seeds"] for r in rows] == [1, 1], "a row may have a scale of its own"
    assert "acc7" in rows[1]["mean"], "beside what else its task says"
    assert rows[1]["against"] == {}, "but numbers of two units are not subtracted"
    held = tmp_path / "held" / "runs"
    fewer = ["bench.settings.late_mean.data.samples=120", "bench.metric=corr"]
    rows = bench(run_file, tmp_path, ["concat", "late_mean"], 1, held, held / "r.jsonl", fewer, say=lambda line: None)
    assert rows[1]["against"] == {}, "nor those of other samples"
    assert [r["shown"] for r in rows] == ["corr", "corr"]
    again = bench(run_file, tmp_path, ["concat"], 1, held, held / "r.jsonl", say=lambda line: None)
    assert again[0]["shown"] == "mae", "what orders the table is asked of the run file as it is now"
    assert "| model | seeds | mae | corr |" in (held / "leaderboard.md").read_text()
    assert [r["entry"] for r in json.loads((held / "bench-known.json").read_text())] == ["concat", "late_mean"]
    shutil.rmtree(runs / "bench-known/late_mean")
    (runs / "bench-known/concat/seed-0-fold-0/data.json").write_text('{"sha256": "of other labels"}')
    for models, seeds in ((["late_mean"], 1), (["concat"], 2)):
        with pytest.raises(ConfigError, match=r"that .*concat/seed-0-fold-0 learned from, got others"):
            bench(run_file, tmp_path, models, seeds, runs, results, say=lambda line: None)
    assert len(records.read(results)) == 2


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("bench.settings.mutl.training.epochs=2", "'mutl'"),
        ("bench.settings.concat.training.epochz=2", "unknown key training.epochz"),
        ("bench.settings.concat.model.witdh=2", "width"),
        ('bench.modalities.concta=["text"]', "'concta'"),
        ('bench.single=["txt"]', "bench.single: unknown modality 'txt'"),
        ('bench.alone=["conct"]', "'conct'"),
        ('bench.metric="nonsense"', "bench.metric: unknown metric 'nonsense'"),
    ],
)
def test_everything_a_benchmark_says_is_looked_at_first(run_file: Path, setting: str, says: str) -> None:
    with pytest.raises(DemeanorError, match=says):
        planned(run_file, ["concat"], [setting])


def test_folds_test_every_row_once(run_file: Path, tmp_path: Path) -> None:
    results = tmp_path / "records.jsonl"
    settings = ["data.folds=3", "training.epochs=1"]
    bench(run_file, tmp_path, ["concat"], 1, tmp_path / "runs", results, settings, say=lambda line: None)
    record = next(r for r in records.read(results) if r.get("entry") == "concat")
    assert record["n"] == 240
    ids = np.load(tmp_path / "runs" / "bench-known" / "concat" / "seed-0.npz")["id"]
    assert len(set(ids)) == 240


def test_bench_with_less_to_read(run_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    results = tmp_path / "records.jsonl"
    run_file.write_text(run_file.read_text() + "[missing]\nframe_loss = [0.0, 0.9]\n[bench]\ntext_only = false\n")
    settings = ["data.folds=2", "training.epochs=2", "data.lengths=[4, 8]", "data.flicker=2.0"]
    rows = bench(run_file, tmp_path, ["concat"], 1, tmp_path / "runs", results, settings, say=lambda line: None)
    found = rows[0]["missing"]
    assert list(found) == ["text", "audio", "text+audio", "frames lost 0", "frames lost 0.9"]
    for whole in ("text+audio", "frames lost 0"):
        assert found[whole]["mae"] == pytest.approx(rows[0]["mean"]["mae"], abs=1e-5), "nothing is missing"
    assert found["frames lost 0.9"]["mae"] > found["frames lost 0"]["mae"]
    assert found["audio"]["mae"] > found["text+audio"]["mae"]
    assert records.read(results)[-1]["missing"]["audio"] == found["audio"], "one read of the test part, one record"
    assert (tmp_path / "known-subsets.png").stat().st_size > 1000
    assert (tmp_path / "known-frames-mae.png").stat().st_size > 1000
    assert "| concat | " in (tmp_path / "known-missing.md").read_text()


def test_a_model_may_get_some_of_the_modalities(run_file: Path, tmp_path: Path) -> None:
    run_file.write_text(
        run_file.read_text().replace('"synthetic"', '"synthetic"\nsnr = { text = 4.0, audio = 1.0, visual = 0.5 }')
        + '[encoders.visual]\nname = "series"\n[bench]\nmodalities = { visual_textual = ["text", "visual"] }\n'
        "[bench.settings.visual_textual.model]\nwidth = 16\n"
    )
    run = lab.check(read_run_file(run_file, ["training.epochs=1"]) | {"model": {}})
    found = entries(run, ["concat", "visual_textual"])
    assert [e.name for e in found[:2]] == ["concat", "visual_textual (text+visual)"]
    assert list(spec_for(read_run_file(run_file), found[1], 0, 0)["encoders"]) == ["text", "visual"]


def test_search_never_opens_the_test_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna")
    path = tmp_path / "run.toml"
    path.write_text(RUN)
    store = Store(tmp_path / "features")
    asked: list[np.ndarray] = []
    keep = lab.Prepared.rows
    monkeypatch.setattr(
        lab.Prepared, "rows", lambda self, part, tasks=None: asked.append(part) or keep(self, part, tasks)
    )
    best = search(path, tmp_path, 3, tmp_path / "runs", store, say=lambda line: None)
    assert best["trials"] == 3
    assert 1e-4 <= best["settings"]["training.learning_rate"] <= 3e-2
    spec = read_run_file(path)
    spec.pop("search")
    test = set(lab.prepare(lab.check(spec), tmp_path, store, lambda line: None).parts.test.tolist())
    assert test
    assert not any(test & set(part.tolist()) for part in asked)
    assert search(path, tmp_path, 3, tmp_path / "runs", store, say=lambda line: None)["trials"] == 3


def test_a_search_takes_settings_of_the_command_line(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    path = tmp_path / "run.toml"
    path.write_text(RUN)
    said = ("run.name=other", "training.epochs=1")
    search(path, tmp_path, 1, tmp_path / "runs", Store(tmp_path / "features"), lambda line: None, said)
    told = json.loads((tmp_path / "runs/search-other/trial-0/run.json").read_text())
    assert told["config"]["training"]["epochs"] == 1


def test_a_search_goes_on_with_what_it_has_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    optuna = pytest.importorskip("optuna")
    path, store, rates = tmp_path / "run.toml", Store(tmp_path / "features"), []

    def train_one(run: RunFile, *rest: object, **more: object) -> Progress:
        rates.append(run.training.learning_rate)
        return Progress(best=run.training.learning_rate)

    def go(text: str, trials: int) -> dict:
        path.write_text(text)
        return search(path, tmp_path, trials, tmp_path / "runs", store, say=lambda line: None)

    monkeypatch.setattr(lab, "train", train_one)
    go(RUN, 3)
    study = optuna.load_study(study_name="known", storage=f"sqlite:///{tmp_path}/runs/search-known/study.db")
    study.ask()  # as a killed trial leaves it
    assert go(RUN, 6)["trials"] == 6
    assert len(set(rates)) == 6
    for other in ("epochs = 5", "epochs = 6\nweight_decay = 0.1"):
        with pytest.raises(ConfigError, match="began with, got others"):
            go(RUN.replace("epochs = 6", other), 7)
    with pytest.raises(ConfigError, match="began with, got others"):
        go(RUN.replace("high = 3e-2", "high = 3e-1"), 7)
    keep = searching.Prepared.digest
    monkeypatch.setattr(searching.Prepared, "digest", lambda self: "of other data" + keep(self))
    with pytest.raises(ConfigError, match="began with, got others"):
        go(RUN, 7)
    assert len(rates) == 6


def test_a_searched_key_is_looked_at_before_the_first_trial(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    path = tmp_path / "run.toml"
    for line, says in (
        ('"training.epochz" = { low = 1, high = 2 }', "unknown key training.epochz"),
        ('"training.batch" = { choices = [8, 0] }', "training.batch"),
        ('"run.model" = { choices = ["concat", "mutl"] }', "'mutl'"),
    ):
        path.write_text(RUN + line)
        with pytest.raises(DemeanorError, match=says):
            search(path, tmp_path, 1, tmp_path / "runs", say=lambda line: None)
    assert not (tmp_path / "runs").exists()


def test_settings_that_do_not_go_together_cost_their_trial_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna")
    monkeypatch.setattr(lab, "train", lambda run, *rest, **more: Progress(best=1.0))
    path, lines = tmp_path / "run.toml", []
    given = RUN.split("[search]")[0].replace('"concat"', '"mult"')

    def go(space: str) -> dict:
        path.write_text(f"{given}[search]\n{space}")
        place = tmp_path / f"runs{len(lines)}"
        return search(path, tmp_path, 6, place, Store(tmp_path / "features"), say=lines.append)

    best = go('"model.width" = { choices = [32, 30] }\n"model.heads" = { choices = [5, 8] }')
    assert best["trials"] == 6
    assert best["settings"] in ({"model.width": 30, "model.heads": 5}, {"model.width": 32, "model.heads": 8})
    left = [line for line in lines if "left out" in line]
    assert left
    assert all("cannot be cut into" in line for line in left)
    with pytest.raises(ConfigError, match="expected a trial that could be trained, got none of 6"):
        go('"model.width" = { choices = [30] }\n"model.heads" = { choices = [8] }')


def test_the_last_epoch_kept_is_the_one_that_counts(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    path = tmp_path / "run.toml"
    path.write_text(RUN.replace("epochs = 6", 'epochs = 6\nkeep = "last"').replace("high = 3e-2", "high = 3"))
    best = search(path, tmp_path, 2, tmp_path / "runs", Store(tmp_path / "features"), say=lambda line: None)
    scores = [json.loads((tmp_path / f"runs/search-known/trial-{n}/scores.json").read_text()) for n in (0, 1)]
    assert [s["best_epoch"] for s in scores] == [6, 6]
    assert best["score"] == pytest.approx(max(-s["valid"]["mae"] for s in scores), abs=1e-6)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is such a device here")
def test_a_device_that_is_not_here_trains_nothing_and_judges_what_it_trained(run_file: Path, tmp_path: Path) -> None:
    for name in ("cuda", "cuda:1"):
        with pytest.raises(ConfigError, match=f"expected a device that this machine has, got '{name}'; take auto"):
            train(run_file, [f"training.device={name}"], tmp_path / name[-1], tmp_path)
        assert not (tmp_path / name[-1] / "data.json").exists(), "before data are looked at"
    folder = train(run_file, ["training.epochs=1"], tmp_path / "run", tmp_path)
    stored = (folder / "run.json").read_text()
    (folder / "run.json").write_text(stored.replace('"device": "cpu"', '"device": "cuda"'))
    assert evaluate(folder, tmp_path, "valid")["metrics"]
    with pytest.raises(ConfigError, match="expected a device"):
        bench(run_file, tmp_path, ["concat"], 1, tmp_path / "runs", tmp_path / "r.jsonl", ["training.device=cuda"])


def test_a_range_may_have_steps() -> None:
    optuna = pytest.importorskip("optuna")
    trial = optuna.create_study().ask()
    assert searching.suggest(trial, "batch", Range(low=16, high=48, step=16)) in (16, 32, 48)
    assert trial.distributions["batch"].step == 16
    assert searching.suggest(trial, "share", Range(low=0, high=1, step=0.5)) in (0.0, 0.5, 1.0)


def test_search_prepares_anew_what_it_tries_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna")
    path = tmp_path / "run.toml"
    path.write_text(
        RUN.split("[search]")[0].replace("epochs = 6", "epochs = 1")
        + '[search]\n"data.samples" = { choices = [60, 90] }\n"encoders.text.name" = { choices = ["series"] }\n'
    )
    made, trained = [], []
    keep, fit = searching.prepare, lab.train
    monkeypatch.setattr(searching, "prepare", lambda run, *rest: made.append(run.data.samples) or keep(run, *rest))
    monkeypatch.setattr(
        lab, "train", lambda run, *rest, prepared, **more: (
            trained.append((run.data.samples, len(prepared.samples))) or fit(run, *rest, prepared=prepared, **more)
        )
    )  # fmt: skip
    search(path, tmp_path, 6, tmp_path / "runs", Store(tmp_path / "features"), say=lambda line: None)
    assert len(trained) == 6
    assert set(trained) == {(60, 60), (90, 90)}, "each trial trains on the data it names"
    assert made == [key for key, _ in groupby(size for size, _ in trained)], "what the last trial had is not made again"


def test_a_search_over_the_data_keeps_the_newest_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(RUN.replace("samples = 240", "samples = 60"))
    spec = read_run_file(path)
    prepared = searching.preparing(tmp_path, Store(tmp_path / "features"), lambda line: None)
    first = weakref.ref(prepared(spec))
    assert prepared(spec) is first()
    prepared(with_settings(spec, {"features.longest.text": 3}))
    gc.collect()
    assert first() is None


def test_a_searched_key_reaches_as_deep_as_its_dots() -> None:
    spec = {"encoders": {"text": {"name": "series"}}, "run": {"name": "known"}}
    found = with_settings(spec, {"encoders.text.width": 5, "model.rank": 2})
    assert found["encoders"] == {"text": {"name": "series", "width": 5}}
    assert found["model"] == {"rank": 2}
    assert spec["encoders"] == {"text": {"name": "series"}}, "the run file stays as it was"
    with pytest.raises(ConfigError, match="expected a section name, got 'known'"):
        with_settings(spec, {"run.name.first": 1})


def test_the_other_commands_pass_over_the_search_section(run_file: Path, tmp_path: Path) -> None:
    run_file.write_text(RUN)
    folder = train(run_file, ["training.epochs=1"], tmp_path / "run", tmp_path)
    assert evaluate(folder, tmp_path, "valid")["metrics"]
    results = tmp_path / "records.jsonl"
    settings = ["training.epochs=1", "bench.text_only=false"]
    rows = bench(run_file, tmp_path, ["concat"], 1, tmp_path / "runs", results, settings, say=lambda line: None)
    assert [r["entry"] for r in rows] == ["concat"]


def test_a_part_of_one_group_has_no_interval(
    run_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from demeanor.cli._lab import print_record

    rows = [f"{i},word{i % 3} said,g{i // 4},train,{i % 2}" for i in range(16)]
    rows += [f"v{i},word{i % 3} said,v,valid,{i % 2}" for i in range(6)]
    (tmp_path / "t.csv").write_text("\n".join(["id,text,group,split,label_score", *rows]))
    run_file.write_text(
        '[run]\nname = "one"\nmodel = "concat"\n[data]\ndataset = "table"\nroot = "t.csv"\n'
        '[encoders.text]\nname = "text_tfidf"\n[tasks.score]\n[training]\nepochs = 1\n'
    )
    print_record(evaluate(train(run_file, (), tmp_path / "run", tmp_path), tmp_path, "valid"))
    told = capsys.readouterr().out
    assert "6 rows; one group: no interval" in told
    assert "nan" not in told
    assert "–" in told


def test_a_stack_of_one_training_group_stays_the_mean(run_file: Path, tmp_path: Path) -> None:
    """Out of that group no predictor can learn: none that learned nothing may fit the combiner."""
    run = lab.check({**read_run_file(run_file, ["training.epochs=1"]), "run": {"name": "one", "model": "late_stack"}})
    prepared = prepare(run, tmp_path, say=lambda line: None)
    for i in prepared.parts.train:
        prepared.samples[i] = replace(prepared.samples[i], group="alone")
    lines: list[str] = []
    lab.train(run, tmp_path, tmp_path / "run", None, lines.append, prepared)
    model = lab.load(run, prepared, tmp_path / "run")
    assert model.weight_score[:, 0].tolist() == [0.5, 0.5]
    assert model.bias_score.tolist() == [0.0]
    assert any("plain mean" in line for line in lines)


def test_predictors_of_folds_start_from_no_weights_that_saw_what_is_held_out(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["training.epochs=1", "training.init_from=runs/before"]
    run = lab.check({**read_run_file(run_file, asked), "run": {"name": "stack", "model": "late_stack"}})
    prepared = prepare(run, tmp_path, say=lambda line: None)
    started: list[str | None] = []
    monkeypatch.setattr(lab, "fit", lambda model, rows, score, settings, *_, **__: started.append(settings.init_from))
    lab.stack(run, prepared, lab.build(run, prepared), prepared.rows(prepared.parts.train), tmp_path)
    assert started == [None] * lab.STACK_FOLDS


@pytest.mark.parametrize("name", ["mmml", "cdml"])
def test_labels_of_a_modality_alone_teach_its_head_and_are_no_tasks(name: str, run_file: Path, tmp_path: Path) -> None:
    changes = ["data.conflict=0.5", "model.preset=tiny", "model.dims={text = 16, audio = 8}", "training.epochs=1"]
    run = lab.check({**read_run_file(run_file, changes), "run": {"name": "own", "model": name}})
    prepared = prepare(run, tmp_path, say=lambda line: None)
    assert set(prepared.labels) == {"score"}
    assert set(prepared.own) == {"score_text", "score_audio"}
    said = [3 * float(s.labels["score_audio"]) for s in prepared.samples]
    np.testing.assert_allclose(prepared.own["score_audio"], said, rtol=1e-5)
    rows = prepared.rows(prepared.parts.train, run.tasks)
    batch = collate(rows, np.arange(8))
    own = own_labels(batch.labels, run.tasks, "audio", batch.present["audio"])
    assert torch.equal(own["score"], batch.labels["score_audio"])
    assert not torch.equal(own["score"], batch.labels["score"])
    lab.train(run, tmp_path, tmp_path / "run", None, lambda line: None, prepared)
    assert set(lab.predictions(run, prepared, lab.load(run, prepared, tmp_path / "run"), prepared.parts.test)) == {
        "score"
    }
    training = run.training.model_copy(update={"task_weights": "learned"})
    learned = run.model_copy(update={"training": training})
    progress = lab.train(learned, tmp_path, tmp_path / "learned", None, lambda line: None, prepared)
    assert [k for k in progress.history[-1] if k.startswith("weight_")] == ["weight_score"]


def test_the_tasks_of_a_model_are_those_of_its_run(run_file: Path, tmp_path: Path) -> None:
    run = lab.check(read_run_file(run_file, ["model.tasks={redundant = 1}"]))
    with pytest.raises(ConfigError, match=r"model\.tasks: expected the tasks of the run"):
        lab.build(run, prepare(run, tmp_path, say=lambda line: None))


def without_audio(part: str, spec: dict, place: Path, monkeypatch: pytest.MonkeyPatch) -> RunFile:
    """The run, no sample of that part of whose data has sound."""
    run = lab.check(spec)
    parts = prepare(run, place, say=lambda line: None).parts
    samples = samples_of(run.data.model_dump(exclude={"name"}), place)
    for i in getattr(parts, part):
        assert samples[i].series is not None
        left = {name: x for name, x in samples[i].series.items() if name != "audio"}
        samples[i] = replace(samples[i], series=left)
    monkeypatch.setattr("demeanor.training.sources.samples_of", lambda *given: samples)
    return run


@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_modality_may_be_missing_from_a_whole_part(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    run = without_audio(part, read_run_file(run_file, ["training.epochs=1"]), tmp_path, monkeypatch)
    prepared = prepare(run, tmp_path, say=lambda line: None)
    rows = prepared.rows(getattr(prepared.parts, part))
    batch = collate(rows, np.arange(len(rows)))
    assert not batch.present["audio"].any()
    assert batch.present["text"].all()
    lab.train(run, tmp_path, tmp_path / "run", None, lambda line: None, prepared)
    model = lab.load(run, prepared, tmp_path / "run")
    found = lab.predictions(run, prepared, model, getattr(prepared.parts, part))
    assert np.isfinite(found["score"]).all()


@pytest.mark.parametrize("normalise", ["zscore", "none"])
def test_a_modality_that_no_training_sample_has_is_refused(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, normalise: str
) -> None:
    spec = read_run_file(run_file, [f"features.normalise={normalise}"])
    run = without_audio("train", spec, tmp_path, monkeypatch)
    with pytest.raises(ConfigError, match=r"expected training samples with the modality 'audio', got .* without"):
        prepare(run, tmp_path, say=lambda line: None)


FITTED = {
    "encoder": {"encoders": {"text": {"name": "text_bag", "min_count": 1}}, "features": {"normalise": "none"}},
    "scales": {"encoders": {"audio": {"name": "series"}}, "features": {"normalise": "zscore"}},
}


def earlier(base: Path, what: str, fold: int) -> dict:
    """A run file over folds, of which that one is tested."""
    spec = {**read_run_file(base, ["training.epochs=1"]), **FITTED[what]}
    return {**spec, "data": {**spec["data"], "folds": 3, "fold": fold}}


def going_on(spec: dict, folder: Path) -> RunFile:
    return lab.check({**spec, "features": {**spec["features"], "as_in": str(folder)}})


@pytest.mark.parametrize("what", list(FITTED))
def test_what_was_fitted_on_samples_now_held_back_is_refused(run_file: Path, tmp_path: Path, what: str) -> None:
    spec, folder = earlier(run_file, what, 0), tmp_path / "before"
    first = prepare(lab.check(spec), tmp_path, say=lambda line: None)
    lab.train(lab.check(spec), tmp_path, folder, None, lambda line: None, first)
    again = prepare(going_on(spec, folder), tmp_path, say=lambda line: None)
    assert set(again.fitted_on or ()) == {first.samples[i].id for i in first.parts.train}
    lab.train(going_on(spec, folder), tmp_path, tmp_path / "second", None, lambda line: None, again)
    other = earlier(run_file, what, 1)
    for place in (folder, tmp_path / "second"):  # handed on, what was fitted has still seen the same samples
        with pytest.raises(
            ConfigError, match=r"features\.as_in: expected a run fitted on none of this run's validation"
        ):
            prepare(going_on(other, place), tmp_path, say=lambda line: None)
    (folder / "fitted.json").unlink()  # as runs were saved before
    lines: list[str] = []
    assert prepare(going_on(other, folder), tmp_path, say=lines.append).fitted_on is None
    assert any("unchecked" in line for line in lines)


def test_features_that_are_not_scaled_take_no_scales_of_an_earlier_run(run_file: Path, tmp_path: Path) -> None:
    spec, folder = earlier(run_file, "scales", 0), tmp_path / "before"
    lab.train(lab.check(spec), tmp_path, folder, None, lambda line: None)
    spec["features"] = {"normalise": "none"}
    assert prepare(going_on(spec, folder), tmp_path, say=lambda line: None).scales == {}


def test_a_run_that_fitted_nothing_may_be_gone_on_from_anywhere(run_file: Path, tmp_path: Path) -> None:
    spec, folder = earlier(run_file, "scales", 0), tmp_path / "before"
    spec["features"] = {"normalise": "none"}
    lab.train(lab.check(spec), tmp_path, folder, None, lambda line: None)
    other = {**spec, "data": {**spec["data"], "fold": 1}}
    assert prepare(going_on(other, folder), tmp_path, say=lambda line: None).fitted_on == ()


@pytest.mark.parametrize("model", ["textcnn", "bilstm"])
def test_a_model_of_words_reads_features_as_it_reads_ids(model: str, tmp_path: Path, run_file: Path) -> None:
    rows = "".join(f"{i},{'good soup' if i % 2 else 'bad bread'} {i},{i % 2}\n" for i in range(40))
    (tmp_path / "t.csv").write_text("id,text,label_score\n" + rows)
    for encoder, others in (("text_tfidf", "text_words"), ("text_words", "text_tfidf")):
        run = lab.check(
            {
                "run": {"name": "a", "model": model}, "data": {"dataset": "table", "root": "t.csv"},
                "encoders": {"text": {"name": encoder, "min_count": 1}, "others": {"name": others}},
                "tasks": {"score": {}}, "training": {"epochs": 1, "threads": 1, "device": "cpu", "track": []},
            }
        )  # fmt: skip
        lab.train(run, tmp_path, tmp_path / encoder, say=lambda line: None)
        built = json.loads((tmp_path / encoder / lab.BUILT).read_text())
        assert (built["vocabulary"] == 0) == (encoder == "text_tfidf")
