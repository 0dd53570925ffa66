"""The leaderboard says in words what its numbers allow, and counts every read."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from demeanor.experiments import records
from demeanor.experiments.bench import settings_sha256
from demeanor.experiments.leaderboard import write_leaderboard
from demeanor.training.run import plain

pytestmark = pytest.mark.lab


def record(entry: str, seed: int, mae: float, **more: Any) -> dict[str, Any]:
    numbers = {"mae": {"value": mae}, "accuracy": {"value": 1 - mae}}
    return {
        "dataset": "clips", "protocol": "as given", "bench": "one", "split": "test", "model": entry.split()[0],
        "encoders": {"text": "text_tfidf"}, "seed": seed, "metrics": numbers, "params": 10, "seconds_per_epoch": 1.0,
        "peak_mb": 100.0, "command": "demeanor bench one.toml", "commit": "c", "version": "0", "n": 50,
        "test_read_at": "2026-01-01", "entry": entry, "floor": {"mae": 0.9, "accuracy": 0.4}, **more,
    }  # fmt: skip


def board(tmp_path: Path, found: list[dict[str, Any]], against: dict[str, Any], **more: Any) -> str:
    path = tmp_path / "records.jsonl"
    for one in found:
        records.append(one, path)
    rows = [{"entry": e, "against": {o: {"mae": d} for o, d in a.items()}, **more} for e, a in against.items()]
    (tmp_path / "bench-one.json").write_text(json.dumps(rows))
    return write_leaderboard(path).read_text()


def test_only_what_excludes_zero_is_called_better(tmp_path: Path) -> None:
    found = [record(e, s, m + s / 100) for e, m in (("concat", 0.5), ("mult", 0.4), ("tfn", 0.49)) for s in (0, 1)]
    page = board(
        tmp_path,
        found,
        {
            "mult": {"concat": {"value": -0.1, "low": -0.2, "high": -0.01}},
            "tfn": {"concat": {"value": -0.01, "low": -0.1, "high": 0.1}},
            "concat": {},
        },
    )
    assert "Against concat, by mae: better: mult; not distinguishable: tfn; worse: none." in page
    assert "**-0.100 [-0.200, -0.010]**" in page
    lines = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert lines[:6] == ["model", "---", "*constant*", "mult", "tfn", "concat"], "the least error comes first"
    assert "| concat | 2 | 0.505 ± 0.007 |" in page


def test_a_rerun_counts_as_a_read_and_the_newest_number_is_shown(tmp_path: Path) -> None:
    page = board(tmp_path, [record("concat", 0, 0.5), record("concat", 0, 0.3)], {"concat": {}})
    assert "| concat | 1 | 0.300 |" in page
    assert "read 2 times" in page
    assert "| clips | 2 | 0 | 2 |" in page


def test_seeds_of_other_settings_are_not_averaged_with_the_newest(tmp_path: Path) -> None:
    before = [record("concat", seed, 0.3, settings_sha256="a") for seed in range(5)]
    after = [record("concat", seed, 0.9, settings_sha256="b") for seed in range(3)]
    page = board(tmp_path, before + after, {"concat": {}})
    assert "| concat | 3 | 0.900 ± 0.000 |" in page
    assert "read 8 times" in page


def test_seeds_without_settings_stand_beside_those_with_them(tmp_path: Path) -> None:
    found = [record("concat", seed, 0.5, **({"settings_sha256": "a"} if seed > 2 else {})) for seed in range(5)]
    assert "| concat | 5 | 0.500 ± 0.000 |" in board(tmp_path, found, {"concat": {}})


def test_settings_are_the_same_in_every_folder() -> None:
    def named(manifest: str | list[str]) -> str:
        return settings_sha256({"training": {"seed": 1}, "data": {"dataset": "table", "manifest": manifest}})

    assert named("/here/posts.toml") == named("/there/posts.toml") == named(["/there/posts.toml"])
    assert named("/here/posts.toml") != named("/here/other.toml")


def test_rows_from_before_a_task_was_renamed_have_dashes(tmp_path: Path) -> None:
    old = {"mood_uar": {"value": 0.5}}
    found = [record("mult", 0, 0.1, metrics=old, floor={"mood_uar": 0.1}), record("concat", 0, 0.4)]
    page = board(tmp_path, found, {"concat": {}})
    assert page.index("| concat | 1 | 0.400 |") < page.index("| mult | 1 | – |")
    assert "| *constant* |  | 0.900 |" in page


def test_a_row_that_lacks_a_number_is_below_the_complete_ones(tmp_path: Path) -> None:
    def seeds(entry: str, *values: float | None) -> list[dict[str, Any]]:
        return [record(entry, seed, 0.1, metrics={"mae": {"value": v}}) for seed, v in enumerate(values)]

    page = board(tmp_path, [*seeds("tfn", None, 0.1, None), *seeds("mult", None), *seeds("concat", 0.5, 0.5, 0.5)], {})
    lines = [line.split("|")[1:4] for line in page.splitlines() if line.startswith("| ")][3:6]
    assert [[cell.strip() for cell in line] for line in lines] == [
        ["concat", "3", "0.500 ± 0.000"], ["tfn", "3", "0.100 (1 of 3)"], ["mult", "1", "–"],
    ]  # fmt: skip


def test_a_row_of_which_a_seed_diverged_is_set_apart_until_it_ends(tmp_path: Path) -> None:
    found = [
        record(e, s, 0.5 + s / 10, settings_sha256="a", config_sha256=f"{s}") for e in ("tfn", "lmf") for s in (0, 1)
    ]
    lost = found[3] | {"metrics": {}, "floor": None, "test_read_at": None, "diverged": True, "seed": 2}
    lost |= {"config_sha256": "2", "n": None, "params": None, "seconds_per_epoch": None, "peak_mb": None}
    against = {"tfn": {"lmf": {"value": -0.1, "low": -0.2, "high": -0.01}}, "lmf": {}}
    page = board(tmp_path, [*found, lost], against)
    assert "| tfn | 2 | 0.550 ± 0.071 |" in page
    assert "| lmf |" not in page
    assert "against lmf" not in page
    assert "Against lmf" not in page
    assert "Left out, for runs of theirs diverged: lmf (seed 2)." in page
    assert "read 4 times" in page
    path = tmp_path / "records.jsonl"
    for _ in range(2):
        records.write_diverged(lost, path)
    assert len(records.read(path)) == 5, "once"
    other = [record("lmf", s, 0.4, settings_sha256="b", config_sha256=f"b{s}") for s in (0, 1)]
    assert "| lmf | 2 | 0.400" in board(tmp_path, other, {"lmf": {}}), "under other settings it counts again"
    records.write_diverged(lost, path)
    assert "| lmf |" not in board(tmp_path, found[2:], {"lmf": {}}), "and under the first ones it diverged again"
    ended = board(tmp_path, [found[2] | {"seed": 2, "config_sha256": "2"}], {"lmf": {}})
    assert "| lmf | 3 |" in ended
    assert "Left out" not in ended


def test_a_table_of_which_every_row_diverged_says_so(tmp_path: Path) -> None:
    page = board(tmp_path, [record("lmf", 0, 0.5, metrics={}, test_read_at=None, diverged=True)], {})
    assert "Left out, for runs of theirs diverged: lmf (seed 0)." in page


def test_a_difference_stands_in_the_table_of_its_own_protocol(tmp_path: Path) -> None:
    both = [record(e, 0, 0.5, protocol=p) for e in ("concat", "mult") for p in ("as given", "3 folds pooled")]
    told = {"mult": {"concat": {"value": -0.1, "low": -0.2, "high": -0.05}}}
    page = board(tmp_path, both, told, dataset="clips", protocol="as given")
    given, folds = (part.split("\n## ")[0] for part in (page.split("## clips: ")[2], page.split("## clips: ")[1]))
    assert "-0.100" in given
    assert "better: mult" in given
    assert "-0.100" not in folds
    assert "Against" not in folds


def test_a_table_is_ordered_as_the_last_comparison_says(tmp_path: Path) -> None:
    found = [record("concat", 0, 0.5, shown="mae")]
    assert "| model | seeds | accuracy | mae |" in board(tmp_path, found, {"concat": {}}, shown="accuracy")


def test_a_torn_line_costs_itself_only(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    records.append(record("concat", 0, 0.5), path)
    path.write_bytes(path.read_bytes() + b'{"entry": "caf\xc3')  # killed in the middle of a letter
    records.append(record("concat", 1, 0.5), path)
    with pytest.warns(RuntimeWarning, match=r"records.jsonl:2: expected a record"):
        assert [r["seed"] for r in records.read(path)] == [0, 1]


def test_what_is_measured_again_is_shown_and_no_further_read(tmp_path: Path) -> None:
    page = board(tmp_path, [record("concat", 0, 0.5), record("concat", 0, 0.3, measured_again=True)], {"concat": {}})
    assert "| concat | 1 | 0.300 |" in page
    assert "read 1 times" in page
    assert "| clips | 1 | 0 | 1 |" in page


def test_reads_of_folders_beside_are_in_the_one_count(tmp_path: Path) -> None:
    (tmp_path / "zoo").mkdir()
    for seed in range(3):
        records.append(record("mult", seed, 0.5), tmp_path / "zoo" / "records.jsonl")
    page = board(tmp_path, [record("concat", 0, 0.5)], {"concat": {}})
    assert "| data set | by the lab | in zoo/ | for the reader | in all |" in page
    assert "| clips | 1 | 3 | 0 | 4 |" in page
    assert "mult" not in page, "only the count is joined"


def test_what_evaluate_reads_of_a_run_is_read_by_the_lab(tmp_path: Path) -> None:
    evaluated, released = (record("mult", seed, 0.5) for seed in (0, 1))
    del evaluated["entry"], released["entry"]
    found = [record("concat", 0, 0.5), evaluated | {"config_sha256": "a"}, released | {"bundle": "base"}]
    assert "| clips | 2 | 1 | 3 |" in board(tmp_path, found, {"concat": {}})


def test_left_out_domains_are_named_with_the_worst_first(tmp_path: Path) -> None:
    folds = [
        {"held": [h], "n": 25, "metrics": {"accuracy": a, "mae": 1 - a}} for h, a in (("fruit", 0.9), ("books", 0.7))
    ]
    page = board(tmp_path, [record("concat", 0, 0.2, folds=folds, shown="accuracy")], {"concat": {}})
    assert "mean 0.800, worst books 0.700 (books 0.700, fruit 0.900)" in page


def test_a_fold_without_the_metric_is_left_out_of_the_mean(tmp_path: Path) -> None:
    def told(where: str, **accuracy: float | None) -> str:
        folds = [{"held": [h], "n": 25, "metrics": {"accuracy": a, "mae": 0.1}} for h, a in accuracy.items()]
        (tmp_path / where).mkdir()
        return board(tmp_path / where, [record("concat", 0, 0.2, folds=folds, shown="accuracy")], {"concat": {}})

    page = told("one", tools=None, fruit=0.9, books=0.7)
    assert "mean 0.800, worst books 0.700 (books 0.700, fruit 0.900, tools –)" in page
    assert "mean –, worst – (tools –)" in told("none", tools=None)


def a_run(**bench: Any) -> Any:
    from demeanor.training.runfile import checked

    return checked(
        {
            "run": {"name": "one", "model": "concat"},
            "data": {"dataset": "synthetic"},
            "encoders": {m: {"name": "series"} for m in ("text", "audio")},
            "tasks": {"score": {}},
            "bench": bench,
        }
    )


def test_rows_of_an_earlier_comparison_stay_while_they_hold(tmp_path: Path) -> None:
    from demeanor.experiments.compare import still_true

    def row(entry: str, settings: str | None, *against: str, **more: Any) -> dict[str, Any]:
        where = {"dataset": "clips", "protocol": "as given", "bench": "one"}
        return {
            "entry": entry,
            "settings_sha256": settings,
            "seeds": 1,
            "seed": 0,
            "n": 50,
            "against": {other: {} for other in against},
            **where,
            **more,
        }

    path = tmp_path / "bench-one.json"
    assert still_true(path, [row("mult", "m")], []) == []
    before = [
        row("concat", "c", "lmf"), row("lmf", "l", "concat"), row("tfn", "t", "concat", "lmf"), row("mult", "old"),
        row("misa", None, "concat"), row("mag", "g", protocol="other"),
    ]  # fmt: skip
    path.write_text(json.dumps(before))
    newest = [row("concat", "other"), *before[1:4], row("concat", "c"), row("mult", "m"), *before[4:]]
    found = still_true(path, [row("mult", "m")], newest)
    assert found == before[:3], "those of this table whose settings are known and the newest"
    found = still_true(path, [row("mult", "m")], [*newest, row("lmf", "new"), row("lmf", "l", bench="two")])
    assert [(r["entry"], list(r["against"])) for r in found] == [("concat", []), ("tfn", ["concat"])]
    for changed in (row("concat", "c", seed=1), row("concat", "c", n=60)):
        found = still_true(path, [row("mult", "m")], [*newest, changed])
        assert [(r["entry"], list(r["against"])) for r in found] == [("lmf", []), ("tfn", ["lmf"])], "by seeds, rows"


def test_every_row_has_text_alone_to_compare_with() -> None:
    from demeanor.experiments.rows import entries, rivals

    run = a_run(alone=["concat", "context_lstm"])
    rows = entries(run, ["concat", "mult"])
    assert [r.name for r in rows] == [
        "concat", "mult", "concat (text)", "concat (audio)", "context_lstm (text)",
    ]  # fmt: skip
    assert rivals(rows, run.bench.baselines) == ["concat (text)", "context_lstm (text)", "concat"]
    only = a_run(alone="concat", single=["audio"])
    assert rivals(entries(only, ["mult"]), only.bench.baselines) == ["concat (audio)"]


def test_a_metric_that_is_none_is_refused() -> None:
    from demeanor.errors import ConfigError
    from demeanor.experiments.bench import shown_metric

    assert shown_metric(a_run(), ["mae", "corr"]) == "mae"
    assert shown_metric(a_run(metric="corr"), ["mae", "corr"]) == "corr"
    assert shown_metric(a_run(), ["mae", "corr"], "corr") == "corr", "runs do not know the bench they belong to"
    with pytest.raises(ConfigError, match="unknown metric 'acurracy'"):
        shown_metric(a_run(metric="acurracy"), ["mae", "corr"])


def test_moments_are_mean_and_spread_side_by_side() -> None:
    import numpy as np

    from demeanor.features.parts import Parts
    from demeanor.training.prepare import shape_frames
    from demeanor.training.runfile import Features

    parts = Parts(np.array([0]), np.array([1]), np.array([], int))
    column = [np.array([[1.0, 4.0], [3.0, 4.0]], np.float32), None]
    found = shape_frames(column, "audio", Features(moments=("audio",), normalise="none"), parts, {})
    assert found[1] is None
    np.testing.assert_allclose(found[0], [[2.0, 4.0, 1.0, 0.0]])


@pytest.mark.parametrize("per_speaker", [(), ("gsr",)])
@pytest.mark.parametrize("series", [set(), {"gsr"}])
def test_small_units_of_series_alone_are_scaled_and_constants_of_speakers_never(
    per_speaker: tuple[str, ...], series: set[str]
) -> None:
    import numpy as np

    from demeanor.features.parts import Parts
    from demeanor.training.prepare import Column, _shape
    from demeanor.training.runfile import Features
    from demeanor.types import Sample

    rng = np.random.default_rng(0)
    almost = np.float32(0.7) + np.float32(6e-8) * rng.integers(0, 2, (20, 5, 1))
    volts = rng.normal(2e-6, 3e-7, (20, 5, 1))
    columns: dict[str, Column] = {"gsr": list(np.concatenate([almost, volts], 2).astype(np.float32))}
    samples = [Sample(str(i), speaker="ab"[i % 2]) for i in range(20)]
    parts = Parts(np.arange(20), np.arange(0), np.arange(0))
    _shape(columns, Features(per_speaker=per_speaker), samples, parts, {}, series)
    made = np.concatenate([x for x in columns["gsr"] if x is not None])
    assert np.abs(made[:, 0]).max() < 1e-6
    assert made[:, 1].std() == (pytest.approx(1, abs=1e-3) if series else pytest.approx(3e-7, rel=0.2))


@pytest.mark.parametrize("speakers", [["a"] * 10 + list("bcdefghijk"), [None] * 20, list("abcde") * 4])
def test_small_units_of_speakers_with_few_samples_are_scaled_too(speakers: list[str | None]) -> None:
    import numpy as np

    from demeanor.features.parts import Parts
    from demeanor.training.prepare import Column, _shape
    from demeanor.training.runfile import Features
    from demeanor.types import Sample

    volts = np.random.default_rng(0).normal(2e-6, 3e-7, (20, 5, 1)).astype(np.float32)
    columns: dict[str, Column] = {"gsr": list(volts)}
    samples = [Sample(str(i), speaker=speaker) for i, speaker in enumerate(speakers)]
    parts = Parts(np.arange(20), np.arange(0), np.arange(0))
    _shape(columns, Features(per_speaker=("gsr",)), samples, parts, {}, {"gsr"})
    made = np.concatenate([x for x in columns["gsr"] if x is not None])
    assert made.std() == pytest.approx(1, abs=1e-3)


@pytest.mark.filterwarnings("error")
def test_what_is_not_finite_takes_no_part_in_a_mean_over_time() -> None:
    import numpy as np

    from demeanor.features.exported import over_time

    value = np.array([[1, np.inf, np.nan], [3, 4, -np.inf], [np.nan, 8, np.nan]], np.float32)
    found = over_time(value, False, True)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[2, 6, 0, 1, 2, 0]])
    np.testing.assert_allclose(over_time(value, True, False), [[2, 6, 0]])
    assert over_time(value[:0], False, True).tolist() == [[0.0] * 6]
    whole = np.random.default_rng(0).normal(size=(99, 3)).astype(np.float32)
    plain = np.concatenate([whole.mean(0), whole.std(0)])[None]
    assert np.array_equal(over_time(whole, False, True), plain), "to the last digit as models were trained on it"


def test_the_metric_of_the_table_is_the_one_that_is_drawn() -> None:
    from demeanor.experiments.missing_plot import chosen

    assert chosen(["accuracy", "uar", "macro_f1"]) == ["uar"]
    assert chosen(["accuracy", "uar", "macro_f1"], "accuracy") == ["accuracy"]
    both = ["score_mae", "score_corr", "own_accuracy", "own_uar"]
    assert chosen(both, "score_mae") == ["score_mae", "own_uar"]
    assert chosen(both, "own_accuracy") == ["score_mae", "own_accuracy"]


def test_a_row_of_other_metrics_stops_neither_table_nor_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    from demeanor.cli._lab import print_rows
    from demeanor.experiments.missing_plot import write_missing

    def row(entry: str, **metrics: float | None) -> dict[str, Any]:
        less = {"text": metrics, "audio": metrics, "frames lost 0": metrics, "frames lost 0.5": metrics}
        cost = {"params": 10.0, "seconds_per_epoch": 1.0}
        return {"entry": entry, "seeds": 2, "mean": metrics, "sd": metrics, "floor": metrics, "missing": less, **cost}

    rows = [row("concat", mae=0.5), row("mult", accuracy=0.7), row("tfn", mae=float("nan"))]
    print_rows(rows)
    out = capsys.readouterr().out
    assert "0.500 ± 0.500" in out
    assert "nan" not in out
    (tmp_path / "bench-one.json").write_text(json.dumps(plain(rows)))
    assert [p.name for p in write_missing(tmp_path / "bench-one.json")] == [
        "one-missing.md", "one-subsets.png", "one-frames-mae.png",
    ]  # fmt: skip
    assert "| concat | **0.500** |" in (tmp_path / "one-missing.md").read_text()
