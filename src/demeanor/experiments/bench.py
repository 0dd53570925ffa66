"""Many runs side by side: models × seeds (× folds) of one run file, each tested once, then compared in pairs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import ConfigError, DivergedError
from demeanor.experiments import missing, records
from demeanor.experiments.compare import compare, still_true
from demeanor.experiments.evaluate import describe, evaluate, intervals, spec_of
from demeanor.experiments.rows import Entry, Spec, entries, place_of, pooled_at, rivals, spec_for
from demeanor.features.digest import of
from demeanor.features.store import Store
from demeanor.plugins import load as plugin
from demeanor.training import lab
from demeanor.training.measure import floor, measure, rehearsed
from demeanor.training.parallel import device_of
from demeanor.training.prepare import SECTIONS, Prepared, prepare, refuse_other_data
from demeanor.training.run import plain, provenance, read_run_file, save_arrays, with_manifest, write_json
from demeanor.training.runfile import RunFile, checked

Say = Callable[[str], None]


def bench(
    path: Path,
    root: Path,
    models: Sequence[str] = (),
    seeds: int | None = None,
    out: Path = Path("runs"),
    results: Path = records.DEFAULT,
    overrides: Sequence[str] = (),
    store: Store | None = None,
    say: Say = print,
    less: bool = False,
) -> list[dict[str, Any]]:
    """Train and test every model with every seed, over all folds; what is finished already is not done again.

    Args:
        path: the run file; its `[bench]` section gives models and seeds where the arguments do not.
        root: the folder of the data sets.
        models: names of fusion/.
        seeds: how many.
        out: run folders go to OUT/bench-NAME.
        results: where the records go; the leaderboard is written beside it.
        overrides: `section.key=value`.
        store: of features.
        say: where progress lines go.
        less: also measure the test part with modalities missing and frames lost, as a section `[missing]` asks.

    Returns:
        The summary rows: per entry mean and spread over seeds, and the paired difference to the baseline. One of which
        a run diverged has no row, and is named.

    Raises:
        ConfigError: a wrong run file, or the folder holds runs of other settings.
        DivergedError: of every row some run diverged.
    """
    from demeanor.experiments.leaderboard import write_leaderboard
    from demeanor.experiments.missing_plot import write_missing

    results.parent.mkdir(parents=True, exist_ok=True)
    base, run, rows = planned(path, models, overrides, less)
    count = seeds or run.bench.seeds
    folder = out / f"bench-{run.run.name}"
    jobs = [(e, s, f) for f in range(max(1, run.data.folds)) for e in rows for s in range(count)]
    refuse_other(base, folder, jobs)
    tested = all_tested(base, jobs, folder, root, results, store, say)
    pooled = {e.name: tested[e.name] for e in rows if len(tested[e.name]) == count}
    if not pooled:
        write_leaderboard(results)
        raise DivergedError("expected a row whose runs all end, got none: see above; lower training.learning_rate")
    runs = {e.name: lab.check(spec_for(base, e, 0, 0)) for e in rows if e.name in pooled}
    folders = {e.name: place_of(folder, e, 0, 0).parent for e in rows}
    summary = compare(runs, folders, [name for name in rivals(rows, run.bench.baselines) if name in pooled], pooled)
    told_in = results.parent / f"bench-{run.run.name}.json"
    write_json(told_in, [*summary, *still_true(told_in, summary, records.read(results))])
    write_leaderboard(results)
    if run.missing is not None and find_spec("matplotlib"):
        write_missing(told_in)
    for line in missing.untested(runs, pooled):
        say(line)
    if lost := [name for name in tested if name not in pooled]:
        say(f"no row of {', '.join(lost)}, of which a run diverged")
    return summary


def all_tested(
    base: Spec,
    jobs: Sequence[tuple[Entry, int, int]],
    folder: Path,
    root: Path,
    results: Path,
    store: Store | None,
    say: Say,
) -> dict[str, list[dict[str, Any]]]:
    """Entry → the records of its seeds, without those that diverged; each read is written down before it is told."""
    data: dict[str, Prepared] = {}
    out: dict[str, list[dict[str, Any]]] = {entry.name: [] for entry, _, _ in jobs}
    folds, diverged = 1 + max(fold for _, _, fold in jobs), set()
    for number, (entry, seed, fold) in enumerate(jobs, 1):
        if (entry.name, seed) in diverged:  # nothing can be pooled of it
            continue
        say(f"[{number}/{len(jobs)}] {entry.name}, seed {seed}" + (f", fold {fold}" if folds > 1 else ""))
        spec, place, record = spec_for(base, entry, seed, fold), place_of(folder, entry, seed, fold), None
        if not (place / "test.json").exists():
            try:
                record = carry_out(spec, place, root, data, store, say)
            except DivergedError as error:
                diverged.add((entry.name, seed))
                records.write_diverged(diverged_record(folder, entry, seed, fold, folds), results)
                say(f"    left out: {error}")
                continue
        if folds > 1 and not pooled_at(place).exists():  # also of one that was killed before it wrote this down
            one = json.loads((place / "test.json").read_text(encoding="utf-8"))
            records.write_down([{**one, "bench": bench_of(folder), "fold_of": entry.name}], results)
        if fold == folds - 1:
            out[entry.name].append(pool(folder, entry, seed, folds, base.get("bench", {}).get("metric")))
            records.write_down(out[entry.name][-1:], results)
        if record is not None:
            shown = shown_metric(lab.check(spec), list(record["metrics"]))
            value, seconds = record["metrics"][shown]["value"], record["seconds_per_epoch"]
            say(f"    {shown} {value:.4f}  ({seconds:.1f} s/epoch)")
    return out


def compared(base: Spec, models: Sequence[str]) -> list[str]:
    """The models asked for, else those of the run file; each is one of fusion/."""
    names = list(models) or list(base.get("bench", {}).get("models", ())) or [base["run"]["model"]]
    for name in names:
        plugin("fusion", name)
    return names


def planned(
    path: Path, models: Sequence[str] = (), overrides: Sequence[str] = (), less: bool = False
) -> tuple[Spec, RunFile, list[Entry]]:
    """The run file, and the rows of its comparison: all that it says is looked at before hours are spent on a part.

    Raises:
        UnknownNameError: a model, or settings of one, that is none.
        ConfigError: a wrong run file, or a row whose run would be wrong, or would lack the metric of the comparison.
    """
    base = with_manifest(read_run_file(path, overrides), path)
    base |= {"missing": base.get("missing", {})} if less else {}
    names = compared(base, models)
    run = checked({**base, "run": {**base["run"], "model": names[0]}, "model": {}})
    for name in (*run.bench.settings, *run.bench.modalities):
        plugin("fusion", name)
    rows = entries(run, names)
    for entry in rows:
        one = lab.check(spec_for(base, entry, 0, 0))
        shown_metric(one, list(rehearsed(one)), run.bench.metric)
    return base, run, rows


def refuse_other(base: Spec, folder: Path, jobs: Sequence[tuple[Entry, int, int]]) -> None:
    """Runs found there are taken, or gone on with, only under the settings they began with.

    Raises:
        ConfigError: some began with others.
    """

    def trained(spec: Mapping[str, Any]) -> str:  # [missing] changes what is read of a test part, and no weights
        return json.dumps({k: v for k, v in spec.items() if k != "missing"}, sort_keys=True)

    other: dict[str, None] = {}
    for entry, seed, fold in jobs:
        place = place_of(folder, entry, seed, fold)
        there = (place / "run.json").exists() and any(place.glob("*.pt"))  # one that diverged at once has no weights
        if there and trained(spec_of(place)["config"]) != trained(spec_for(base, entry, seed, fold)):
            other[str(place.parent)] = None
    if other:
        raise ConfigError(
            f"expected runs of this run file and these settings in {folder}, got others in {', '.join(other)}; "
            "give another folder with --out, or remove what is there"
        )


def carry_out(
    spec: Spec, folder: Path, root: Path, data: dict[str, Prepared], store: Store | None, say: Say
) -> dict[str, Any]:
    """One run and the record of its test; `data` keeps the arrays of the last run, for the next that wants the same.

    Raises:
        DivergedError: the run left no weights.
    """
    run = lab.check(spec)
    key = json.dumps({k: spec.get(k) for k in SECTIONS}, sort_keys=True)
    trained = (folder / "scores.json").exists()
    if not trained:
        device_of(run.training.device)
    if key not in data:
        data.clear()
        data[key] = prepare(run, root, store, lambda line: None)
    for place in folder.parent.parent.glob(f"*/seed-*{folder.name[folder.name.rindex('-fold-') :]}"):
        if (place / "run.json").exists() and _learns(spec_of(place)["config"]) == _learns(spec):
            refuse_other_data(place, data[key])  # rows of one table learn from the same, but where they say otherwise
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "run.json", provenance(spec))
    # What was pooled over the folds of this seed is of an earlier run, whose folder is gone.
    pooled_at(folder).unlink(missing_ok=True)
    if not trained:
        progress = lab.train(run, root, folder, say=lambda line: None, prepared=data[key])
        write_json(folder / "history.json", progress.history)
    return evaluate(folder, root, "test", None, data[key], say, resamples=0)  # intervals come with all folds together


def _learns(spec: Spec) -> str:
    """What a run file says of samples and labels."""
    return json.dumps([spec["data"], spec["tasks"]], sort_keys=True)


def pool(folder: Path, entry: Entry, seed: int, folds: int, metric: str | None = None) -> dict[str, Any]:
    """The record of one entry and seed: test predictions of all folds together, each row predicted once.

    One that is there is measured again where metrics or floors are defined otherwise by now; when its test part was
    read and what it cost stay. `metric` is what the bench is ordered by.
    """
    places = [place_of(folder, entry, seed, f) for f in range(folds)]
    stored = spec_of(places[0])
    run = lab.check(stored["config"], begins=False)
    path = pooled_at(places[0])
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        joined = dict(np.load(path.with_suffix(".npz")))
        if not as_now(run, found, joined):
            found = plain(found | scores_of(run, places, joined))
            write_json(path, found)
        return found | {"shown": shown_metric(run, list(found["metrics"]), metric)}
    parts = [dict(np.load(p / "test-predictions.npz")) for p in places]
    joined = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    scores = scores_of(run, places, joined)
    record = describe(run, stored, places[0], "test", scores["metrics"]) | scores
    read_at = [json.loads((p / "test.json").read_text(encoding="utf-8"))["test_read_at"] for p in places]
    record["test_read_at"] = max(read_at)
    record |= {"folds_read_at": read_at} if folds > 1 else {}
    record |= row_of(folder, entry, run, stored, folds)
    record |= {"n": len(joined["group"]), "shown": shown_metric(run, list(record["metrics"]), metric)}
    save_arrays(path.with_suffix(".npz"), joined)
    made: dict[str, Any] = plain(record)
    write_json(path, made)
    return made


def bench_of(folder: Path) -> str:
    """What records call the benchmark of that folder."""
    return folder.name.removeprefix("bench-")


def row_of(folder: Path, entry: Entry, run: RunFile, stored: Mapping[str, Any], folds: int) -> dict[str, Any]:
    """To which row of which table a record belongs; `stored` is of its first fold."""
    found = {"entry": entry.name, "bench": bench_of(folder), "settings_sha256": settings_sha256(stored["config"])}
    return found | ({"protocol": f"{run.data.protocol}, {folds} folds pooled"} if folds > 1 else {})


def diverged_record(folder: Path, entry: Entry, seed: int, fold: int, folds: int) -> dict[str, Any]:
    """That a run left no weights, so that the seeds of its row that did do not stand for all: nothing was read."""
    place = place_of(folder, entry, seed, fold)
    stored = spec_of(place)
    run = lab.check(stored["config"], begins=False)
    record = describe(run, stored, place, "test", {}) | {"test_read_at": None, "diverged": True}
    return record | row_of(folder, entry, run, spec_of(place_of(folder, entry, seed, 0)), folds)


def scores_of(run: RunFile, places: Sequence[Path], joined: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Whatever a record has from predictions: `metrics` with intervals, `floor`, `missing`, and `folds` of several."""
    predicted, labels = {t: joined[t] for t in run.tasks}, {t: joined[f"label/{t}"] for t in run.tasks}
    found: dict[str, Any] = {
        "metrics": intervals(run, predicted, labels, joined["group"]),
        "floor": floor(run, labels, labels),
    }
    if run.missing is not None:
        found["missing"] = missing.measured(run, places, labels)
    if len(places) > 1:
        found["folds"] = [fold_scores(run, dict(np.load(p / "test-predictions.npz"))) for p in places]
    return found


def as_now(run: RunFile, record: Mapping[str, Any], joined: Mapping[str, NDArray[Any]]) -> bool:
    """Whether the metrics and floor of a record are what is measured of its predictions today."""
    labels = {t: joined[f"label/{t}"] for t in run.tasks}
    with np.errstate(invalid="ignore"):
        now = (measure(run, joined, labels), floor(run, labels, labels))
    before = ({k: v["value"] for k, v in record["metrics"].items()}, record["floor"])
    return all(
        one.keys() == other.keys()
        and all(np.isclose(np.nan if one[k] is None else one[k], other[k], equal_nan=True) for k in one)
        for one, other in zip(before, now, strict=True)
    )


def settings_sha256(spec: Mapping[str, Any]) -> str:
    """What the seeds of one row share, on any machine; `[missing]` changes what is read of a test part, no weights."""
    training = {k: v for k, v in spec["training"].items() if k != "seed"}
    data = dict(spec["data"])
    if named := data.get("manifest"):
        data["manifest"] = [Path(place).name for place in ([named] if isinstance(named, str) else named)]
    return of({**{k: v for k, v in spec.items() if k != "missing"}, "training": training, "data": data})


def shown_metric(run: RunFile, known: Sequence[str], metric: str | None = None) -> str:
    """The metric a comparison is ordered by: `metric`, else what the run file says.

    Raises:
        ConfigError: the run has no such metric.
    """
    wanted = metric or run.bench.metric or run.run.select or known[0]
    if wanted not in known:
        raise ConfigError(f"bench.metric: unknown metric '{wanted}'; this run has {', '.join(sorted(known))}")
    return wanted


def fold_scores(run: RunFile, part: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """One fold's rows and metrics, and who was held back where folds are whole speakers or domains."""
    labels = {t: part[f"label/{t}"] for t in run.tasks}
    with np.errstate(invalid="ignore"):
        found: dict[str, Any] = {"n": len(part["group"]), "metrics": measure(run, part, labels)}
    if run.data.by == "speaker":
        found["held"] = sorted(set(part["speaker"].tolist()))
    return found
