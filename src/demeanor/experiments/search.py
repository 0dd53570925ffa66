"""Hyper-parameters by trial on the validation part alone; the test part is never opened."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError
from demeanor.features.store import Store
from demeanor.plugins import require
from demeanor.training import lab
from demeanor.training.prepare import SECTIONS, Prepared, prepare
from demeanor.training.run import provenance, read_run_file, with_manifest, write_json
from demeanor.training.runfile import RunFile


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
    prepared = preparing(root, store, say)
    if not any(key.partition(".")[0] in SECTIONS for key in space):
        prepared(spec)  # data that all trials share is seen to before a study begins

    def objective(trial: Any) -> float:
        chosen = {key: suggest(trial, key, range_) for key, range_ in space.items()}
        settings = with_settings(spec, chosen)
        one = lab.check(settings)
        place = folder / f"trial-{trial.number}"
        place.mkdir(exist_ok=True)
        write_json(place / "run.json", provenance(settings))
        progress = lab.train(one, root, place, say=lambda line: None, prepared=prepared(settings))
        say(f"trial {trial.number + 1}/{trials}: {progress.best:.4f}  {chosen}")
        return progress.best

    study = study_of(run, folder)
    done = len([t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE])
    study.optimize(objective, n_trials=max(0, trials - done))
    best = {"score": study.best_value, "settings": study.best_params, "trials": len(study.trials)}
    write_json(folder / "best.json", best)
    return best


def preparing(root: Path, store: Store | None, say: Callable[[str], None]) -> Callable[[Mapping[str, Any]], Prepared]:
    """Gives the data of a run file; of several that are alike in what data are made of, made once."""
    data: dict[str, Prepared] = {}

    def prepared(settings: Mapping[str, Any]) -> Prepared:
        key = json.dumps({k: settings.get(k) for k in SECTIONS}, sort_keys=True)
        if key not in data:
            data[key] = prepare(lab.check(settings), root, store, say)
        return data[key]

    return prepared


def study_of(run: RunFile, folder: Path) -> Any:
    """The study in the folder, a new one where it has none."""
    import optuna

    return optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=run.training.seed),
        storage=f"sqlite:///{(folder / 'study.db').resolve()}",
        study_name=run.run.name,
        load_if_exists=True,
    )


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
    """The run file with `section.key` settings replaced; sections may be nested, as in `encoders.text.name`.

    Raises:
        ConfigError: a key of no section, or one below a setting.
    """
    out = copy.deepcopy(dict(spec))
    for key, value in chosen.items():
        *sections, name = key.split(".")
        place: Any = out
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ConfigError(f'search: "{key}": expected a section {section}, got {place!r}; mend the key')
        place[name] = value
    return out
