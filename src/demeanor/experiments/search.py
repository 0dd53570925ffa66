"""Hyper-parameters by trial on the validation part alone; the test part is never opened."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError
from demeanor.features.store import Store
from demeanor.plugins import require
from demeanor.training import lab
from demeanor.training.parallel import device_of
from demeanor.training.prepare import SECTIONS, Prepared, prepare
from demeanor.training.run import provenance, read_run_file, with_manifest, write_json
from demeanor.training.runfile import Range, RunFile


def search(
    path: Path,
    root: Path,
    trials: int,
    out: Path = Path("runs"),
    store: Store | None = None,
    say: Callable[[str], None] = print,
    overrides: Sequence[str] = (),
) -> dict[str, Any]:
    """Try settings of the `[search]` section and keep what scores best on validation.

    `[search]` names keys of the run file and their ranges: `"training.learning_rate" = {low = 1e-5, high = 1e-2,
    log = true}`, `"model.width" = {choices = [32, 64]}`; whole numbers give whole numbers, `step` parts them. A stopped
    search goes on.

    Args:
        path: the run file.
        root: the folder of the data sets.
        trials: how many in all, those of a stopped search counted in.
        out: the study and its trials go to OUT/search-NAME.
        store: of features.
        say: where progress lines go.
        overrides: `section.key=value`, over the run file.

    Returns:
        `score`, `settings` (key → value) and `trials`; also in best.json of the study's folder.

    Raises:
        ConfigError: no `[search]` section, a range that is none, a key or value that no run takes, settings of which
            none can be trained, or the folder has a study of another run file or other data.
    """
    optuna = require("optuna", "lab", "searching hyper-parameters")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spec = searched(path, overrides)
    run = lab.check(spec)
    space, began = run.search, {"config_sha256": provenance(spec)["config_sha256"]}
    del spec["search"]
    for settings in ends(spec, space):
        lab.check(settings, builds=False)  # values that do not go together may each go with others
    device_of(run.training.device)
    (folder := out / f"search-{run.run.name}").mkdir(parents=True, exist_ok=True)
    prepared = preparing(root, store, say)
    if not any(key.partition(".")[0] in SECTIONS for key in space):
        began["data_sha256"] = prepared(spec).digest()  # data that all trials share is seen to before a study begins

    def objective(trial: Any) -> float:
        chosen = {key: suggest(trial, key, range_) for key, range_ in space.items()}
        settings, place = with_settings(spec, chosen), folder / f"trial-{trial.number}"
        try:
            score = score_of(settings, root, place, prepared)
        except ConfigError as error:  # each value is right, together they are not: no reason to end a search
            say(f"trial {trial.number + 1}/{trials}: left out  {chosen}: {error}")
            raise optuna.TrialPruned from error
        say(f"trial {trial.number + 1}/{trials}: {score:.4f}  {chosen}")
        return score

    study = study_of(run, folder, began)
    study.optimize(objective, n_trials=max(0, trials - finished(study)))
    write_json(folder / "best.json", best := best_of(study, trials, folder))
    return best


def score_of(
    settings: dict[str, Any], root: Path, folder: Path, prepared: Callable[[dict[str, Any]], Prepared]
) -> float:
    """What a run of these settings, trained into a folder of its own, reaches on validation.

    Raises:
        ConfigError: they do not go together.
    """
    folder.mkdir(exist_ok=True)
    write_json(folder / "run.json", provenance(settings))
    run = lab.check(settings)
    progress = lab.train(run, root, folder, say=lambda line: None, prepared=prepared(settings))
    return progress.kept(run.training.keep)[1]


def best_of(study: Any, trials: int, folder: Path) -> dict[str, Any]:
    """What scored best, of how many.

    Raises:
        ConfigError: none could be trained.
    """
    if not any(t.state.name == "COMPLETE" for t in study.trials):
        raise ConfigError(
            f"expected a trial that could be trained, got none of {trials}; mend the ranges of [search], and begin "
            f"anew: remove {folder}"
        )
    return {"score": study.best_value, "settings": study.best_params, "trials": finished(study)}


def searched(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """A run file with a section `[search]`."""
    spec = with_manifest(read_run_file(path, overrides), path)
    if not spec.get("search"):
        raise ConfigError(
            f'{path}: expected a section [search], such as "training.learning_rate" = {{low=1e-5, high=1e-2}}'
        )
    return spec


def preparing(root: Path, store: Store | None, say: Callable[[str], None]) -> Callable[[Mapping[str, Any]], Prepared]:
    """Gives the data of a run file; those of the last one are kept for the next that wants the same."""
    data: dict[str, Prepared] = {}

    def prepared(settings: Mapping[str, Any]) -> Prepared:
        key = json.dumps({k: settings.get(k) for k in SECTIONS}, sort_keys=True)
        if key not in data:
            data.clear()  # trials of one's data lie rarely side by side, and memory would fill with all of them
            data[key] = prepare(lab.check(settings), root, store, say)
        return data[key]

    return prepared


def study_of(run: RunFile, folder: Path, began: Mapping[str, str]) -> Any:
    """The study in the folder, a new one where it has none; `began` names what it hangs on.

    Raises:
        ConfigError: it began with something else.
    """
    import optuna

    study = optuna.create_study(
        direction="maximize",
        storage=f"sqlite:///{(folder / 'study.db').resolve()}",
        study_name=run.run.name,
        load_if_exists=True,
    )
    for key, value in began.items():
        if study.user_attrs.get(key, value) != value:
            raise ConfigError(
                f"expected the run file, the ranges and the data that the search in {folder} began with, got others; "
                "give another folder with --out, or remove it"
            )
        study.set_user_attr(key, value)
    # A seed draws the same values again: what goes on draws further ones.
    study.sampler = optuna.samplers.TPESampler(seed=run.training.seed + len(study.trials))
    return study


def finished(study: Any) -> int:
    """How many trials came to an end, those left out counted in: those of a killed search did not."""
    return sum(t.state.name in ("COMPLETE", "PRUNED") for t in study.trials)


def ends(spec: Mapping[str, Any], space: Mapping[str, Range]) -> Iterator[dict[str, Any]]:
    """Run files in which every option of every key comes up: a study must not find after hours that one is wrong."""
    tried = {key: [r.low, r.high] if r.choices is None else r.choices for key, r in space.items()}
    for number in range(max(map(len, tried.values()))):
        yield with_settings(spec, {key: values[min(number, len(values) - 1)] for key, values in tried.items()})


def suggest(trial: Any, key: str, given: Range) -> Any:
    """One value of a key's range."""
    if given.choices is not None:
        return trial.suggest_categorical(key, list(given.choices))
    if all(isinstance(x, int) for x in (given.low, given.high, given.step or 1)):
        return trial.suggest_int(key, given.low, given.high, log=given.log, step=given.step or 1)
    return trial.suggest_float(key, given.low, given.high, log=given.log, step=given.step)


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
