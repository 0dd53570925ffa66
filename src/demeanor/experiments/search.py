"""Hyper-parameters by trial on the validation part alone; the test part is never opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError
from demeanor.features.store import Store
from demeanor.plugins import require
from demeanor.training import lab
from demeanor.training.prepare import prepare
from demeanor.training.run import provenance, read_run_file, with_manifest, write_json


def search(
    path: Path,
    root: Path,
    trials: int,
    out: Path = Path("runs"),
    store: Store | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Try settings of the `[search]` section and keep what scores best on validation.

    `[search]` names keys of the run file and their ranges: `"training.learning_rate" = {low = 1e-5, high = 1e-2,
    log = true}`, `"model.width" = {choices = [32, 64]}`; whole numbers give whole numbers. A stopped search goes on.

    Args:
        path: the run file.
        root: the folder of the data sets.
        trials: how many in all, those of a stopped search counted in.
        out: the study and its trials go to OUT/search-NAME.
        store: of features.
        say: where progress lines go.

    Returns:
        `score`, `settings` (key → value) and `trials`; also in best.json of the study's folder.

    Raises:
        ConfigError: no `[search]` section, or a range that is none.
    """
    optuna = require("optuna", "lab", "searching hyper-parameters")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spec = with_manifest(read_run_file(path), path)
    space = spec.pop("search", {})
    if not space:
        raise ConfigError(
            f'{path}: expected a section [search], such as "training.learning_rate" = {{low=1e-5, high=1e-2}}'
        )
    run = lab.check(spec)
    folder = out / f"search-{run.run.name}"
    folder.mkdir(parents=True, exist_ok=True)
    prepared = prepare(run, root, store, say)

    def objective(trial: Any) -> float:
        chosen = {key: suggest(trial, key, range_) for key, range_ in space.items()}
        one = lab.check(with_settings(spec, chosen))
        place = folder / f"trial-{trial.number}"
        place.mkdir(exist_ok=True)
        write_json(place / "run.json", provenance(with_settings(spec, chosen)))
        progress = lab.train(one, root, place, say=lambda line: None, prepared=prepared)
        say(f"trial {trial.number + 1}/{trials}: {progress.best:.4f}  {chosen}")
        return progress.best

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=run.training.seed),
        storage=f"sqlite:///{(folder / 'study.db').resolve()}",
        study_name=run.run.name,
        load_if_exists=True,
    )
    done = len([t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE])
    study.optimize(objective, n_trials=max(0, trials - done))
    best = {"score": study.best_value, "settings": study.best_params, "trials": len(study.trials)}
    write_json(folder / "best.json", best)
    return best


def suggest(trial: Any, key: str, given: Any) -> Any:
    """One value of a key's range."""
    if not isinstance(given, Mapping) or not ({"choices"} <= set(given) or {"low", "high"} <= set(given)):
        raise ConfigError(f'search: expected {{low, high}} or {{choices}} for "{key}", got {given!r}')
    if "choices" in given:
        return trial.suggest_categorical(key, list(given["choices"]))
    if isinstance(given["low"], int) and isinstance(given["high"], int):
        return trial.suggest_int(key, given["low"], given["high"], log=bool(given.get("log")))
    return trial.suggest_float(key, float(given["low"]), float(given["high"]), log=bool(given.get("log")))


def with_settings(spec: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The run file with `section.key` settings replaced."""
    out = {k: dict(v) if isinstance(v, Mapping) else v for k, v in spec.items()}
    for key, value in chosen.items():
        section, _, name = key.partition(".")
        out.setdefault(section, {})[name] = value
    return out
