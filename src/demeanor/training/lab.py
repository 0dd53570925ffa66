"""One run of the lab: a model of fusion/ over encoded features of a data set, from run file to run folder."""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from demeanor.batch import FeatureBatch
from demeanor.errors import ConfigError
from demeanor.features.arrays import load_arrays
from demeanor.features.store import Store
from demeanor.fusion._model import FusionConfig, Model, ModelConfig
from demeanor.plugins import load as plugin
from demeanor.training.data import Rows, collate
from demeanor.training.degrade import only, standing, subsets_of
from demeanor.training.folds import group_folds
from demeanor.training.loop import DIVERGED, Progress, device_of, fit, predict, save_atomically
from demeanor.training.measure import floor, measure, rehearsed, selected
from demeanor.training.parallel import join, nearest_device
from demeanor.training.prepare import LEARNED, Prepared, prepare, refuse_other_data, scored
from demeanor.training.pretrain import pretrain
from demeanor.training.refuse import (
    UNBUILT,
    modality_of,
    refuse_balance,
    refuse_kinds,
    refuse_lacking,
    refuse_modalities,
    refuse_names,
    refuse_settings,
    refuse_tasks,
)
from demeanor.training.runfile import RunFile, checked, explain
from demeanor.training.settings import Settings
from demeanor.training.sized import sized
from demeanor.training.sources import FITTED
from demeanor.training.start import start_from

__all__ = ["build", "check", "load", "predictions", "train"]

Say = Callable[[str], None]


def check(spec: Mapping[str, Any], builds: bool = True, begins: bool = True) -> RunFile:
    """The run file, its names looked up: model, data set, encoders, device, the metric that picks the epoch.

    Args:
        spec: the run file.
        builds: whether its model is built, too, without data and memory: values that it cannot have are found so.
        begins: whether it is to be trained; a finished run may say what counted for nothing, and was once let pass.

    Raises:
        ConfigError: an unknown key or name, says which are near; a model that cannot be built.
    """
    if expert := spec.get("run", {}).get("expert"):
        raise ConfigError(
            f"expected a run of a fusion model, got one of the expert '{expert}', which is no bundle by itself: "
            "recipes/make_model.py makes `base` and `open` of such runs"
        )
    run = checked(spec)
    plugin("datasets", run.data.dataset)
    for settings in run.encoders.values():
        if "name" not in settings:
            raise ConfigError(
                "encoders: expected a key name or preset in every [encoders.MODALITY]; `demeanor encoders` lists them"
            )
        plugin("encoders", str(settings["name"]))
    nearest_device(run.training.device)
    selected(run, rehearsed(run))
    module = plugin("fusion", run.run.model)
    known = set(module.Config.model_fields)
    presets = getattr(module, "PRESETS", {})
    if (wanted := run.model.get("preset")) is not None and wanted not in presets:
        raise ConfigError(
            f"model.preset: {run.run.model} has no preset '{wanted}'; it has {', '.join(presets) or 'none'}"
        )
    if unknown := sorted(set(run.model) - known - {"preset"}):
        raise ConfigError(
            f"model: {run.run.model} has no setting {', '.join(unknown)}; it has {', '.join(sorted(known))}"
        )
    if run.training.task_weights == "learned" and (len(run.tasks) < 2 or run.model.get("learned_weights")):
        raise ConfigError(
            'training.task_weights = "learned": expected two tasks or more, and no model.learned_weights beside it, '
            f"got {', '.join(run.tasks)}; leave one of the two out"
        )
    refuse_names(run, begins)
    if begins:
        refuse_balance(run)
        refuse_modalities(run, module)
    refuse_tasks(run, module)
    modality_of(run, module)
    refuse_lacking(run, module)
    refuse_kinds(run, module)
    if builds:
        refuse_settings(run, module)
    return run


BUILT = "model.json"
"""In a run folder: the settings of its model in full, by which it is built again under later defaults."""


def build(run: RunFile, prepared: Prepared, folder: Path | None = None) -> Model:
    """The model of a run: as its folder says, where weights lie there, else sized by its data.

    Raises:
        ConfigError: settings the model does not take, or modalities it cannot use.
    """
    config = _config(run, prepared, folder)
    try:
        model: Model = plugin("fusion", run.run.model).MODEL(config)
    except UNBUILT as error:
        raise ConfigError(f"model: {run.run.model} cannot be built: {error}; mend [model]") from error
    return model


def _config(run: RunFile, prepared: Prepared, folder: Path | None) -> ModelConfig:
    module = plugin("fusion", run.run.model)
    learned = folder is not None and any(folder.glob("*.pt"))
    if folder is not None and learned and (folder / BUILT).is_file():
        settings = json.loads((folder / BUILT).read_text(encoding="utf-8"))
    else:
        settings = sized(run, prepared, earlier=learned)
    try:
        config: ModelConfig = module.Config(**settings)
    except ValidationError as error:
        raise ConfigError("; ".join(f"model.{explain(e)}" for e in error.errors())) from None
    return config


def train(
    run: RunFile,
    root: Path,
    folder: Path,
    store: Store | None = None,
    say: Say = print,
    prepared: Prepared | None = None,
) -> Progress:
    """Train, and leave in the folder: weights.pt, features.npz (scales), fitted.json (ids that they and
    encoders were fitted on), data.json (the digest of the data), model.json (the model's settings), valid.npz
    (predictions), scores.json.

    `prepared` is the run's data, where it is at hand.

    Raises:
        ConfigError: the folder holds weights that learned from other data, or this machine has no such device.
        DivergedError: the first epoch left a model that says no numbers.
    """
    from demeanor.training.run import save_arrays, write_json

    started = time.time()
    device_of(run.training.device)  # before features are made for hours
    forget_peak()
    prepared = prepared or prepare(run, root, store, say)
    _begin(run, prepared, folder)
    torch.manual_seed(run.training.seed)
    model = build(run, prepared, folder)
    rows, valid = prepared.rows(prepared.parts.train, run.tasks), prepared.rows(prepared.parts.valid)
    settings = _pretrained(run.training, model, rows, folder, say)

    progress = fit(model, lambda epoch: rows, partial(_score, run, valid), settings, folder, say=say, tasks=run.tasks)
    if hasattr(model, "fit_stack"):
        stack(run, prepared, model, rows, folder, say)
    if not join(device_of(run.training.device)).leads:
        return progress
    save_atomically(model.state_dict(), folder / "weights.pt")
    save_states(prepared, folder)
    found = predictions(run, prepared, model, prepared.parts.valid)
    save_arrays(folder / "valid.npz", found)
    save_arrays(folder / "valid-labels.npz", valid.labels)
    best = measure(run, found, valid.labels)
    write_json(
        folder / "scores.json",
        {
            "valid": best,
            "subsets": subsets(run, prepared, model),
            "floor": floor(run, rows.labels, valid.labels),
            "sizes": {part: len(getattr(prepared.parts, part)) for part in ("train", "valid", "test")},
            "params": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "seconds_per_epoch": float(np.median([h["seconds"] for h in progress.history])),
            "peak_mb": peak_mb(),
            "seconds": time.time() - started,
            "best_epoch": progress.kept(run.training.keep)[0],
        },
    )
    return progress


def _score(run: RunFile, valid: Rows, model: Model) -> dict[str, float]:
    """The metrics of the validation part, and the one that decides; `DIVERGED` of predictions that are no numbers."""
    said = predict(model, valid, 256, run.training.device, run.training.precision)
    if not all(np.isfinite(said[task][scored(valid.labels[task])]).all() for task in run.tasks):
        return DIVERGED
    found = measure(run, said, valid.labels)
    return {**found, "score": selected(run, found)}


def _begin(run: RunFile, prepared: Prepared, folder: Path) -> None:
    """Write down what the weights of the folder learn from and how their model is built, before there are any."""
    from demeanor.training.run import write_json

    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.glob("*.pt")):
        refuse_other_data(folder, prepared)
    write_json(folder / LEARNED, {"sha256": prepared.digest()})
    write_json(folder / BUILT, _config(run, prepared, folder).model_dump(mode="json"))


def _pretrained(settings: Settings, model: Model, rows: Rows, folder: Path, say: Say) -> Settings:
    """The settings under which training starts from pretrained weights, where that is asked for."""
    if not settings.pretrain:
        return settings
    group, path = join(device_of(settings.device)), folder / "pretrained.pt"
    if not path.is_file():
        # By every process, all alike: they would only wait for the first, and waiting has a limit.
        say = say if group.leads else lambda line: None
        if settings.init_from:
            start_from(model, Path(settings.init_from), say)
        pretrain(model, rows, settings, say)
        if group.leads:
            folder.mkdir(parents=True, exist_ok=True)
            save_atomically(model.state_dict(), path)
    group.wait()
    return settings.model_copy(update={"init_from": str(path)})


STACK_FOLDS = 5


def stack(run: RunFile, prepared: Prepared, model: Any, rows: Rows, folder: Path, say: Say = print) -> None:
    """Fit a stacking model's combiner on what predictors say of training groups they did not learn from.

    One group alone leaves nothing to learn from outside it: the combiner stays the plain mean.
    """
    from demeanor.fusion.late_stack import out_of_fold

    folds = torch.from_numpy(group_folds(rows.group, STACK_FOLDS, run.training.seed))
    if len(folds.unique()) < 2:
        say("the training part is one group: what the modalities say is joined by its plain mean, not by stacking")
        return
    whole, group = collate(rows, np.arange(len(rows))), join(device_of(run.training.device))

    def learn(part: FeatureBatch) -> Any:
        assert part.index is not None
        torch.manual_seed(run.training.seed)
        fresh, chosen = build(run, prepared), rows.take(part.index.numpy())
        # Weights to start from may have seen the rows that are held out here.
        apart = {"keep": "last", "patience": 0, "track": (), "init_from": None}
        settings = run.training.model_copy(update=apart)
        with group.folder(folder) as place:
            fit(
                fresh,
                lambda epoch: chosen,
                lambda m: {"score": 0.0},
                settings,
                place,
                say=lambda line: None,
                tasks=run.tasks,
            )
        return fresh

    predicted, present = out_of_fold(learn, whole, folds)
    labels = {task: whole.labels[task] for task in run.tasks}
    model.fit_stack(predicted, labels, present)


def save_states(prepared: Prepared, folder: Path) -> None:
    """What scales and encoders learned, a file each encoder: the bundle takes them from here."""
    from demeanor.training.run import save_arrays, write_json

    save_arrays(
        folder / "features.npz", {f"{m}/{k}": v for m, s in prepared.scales.items() for k, v in s.state().items()}
    )
    if prepared.fitted_on is not None:
        write_json(folder / FITTED, {"ids": prepared.fitted_on})
    for modality, encoder in prepared.encoders.items():
        if state := encoder.state():
            save_arrays(folder / f"encoder-{modality}.npz", state)


def _refuse_other_encoders(prepared: Prepared, folder: Path) -> None:
    """Weights read the columns of the encoders that they learned with; a newer tokeniser may permute them."""
    for modality, encoder in prepared.encoders.items():
        path, state = folder / f"encoder-{modality}.npz", encoder.state()
        if not path.is_file():
            continue
        kept = load_arrays(path)
        if kept.keys() != state.keys() or not all(_alike(kept[k], state[k]) for k in kept):
            raise ConfigError(
                f"encoders.{modality}: expected the encoder that {folder} learned with, got another state: that one "
                "was fitted by another version of it, or on other data; train the run again, in another folder"
            )


def _alike(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Equal, but for what another machine's arithmetic does to numbers."""
    if one.shape != other.shape or "U" in (one.dtype.kind, other.dtype.kind):
        return np.array_equal(one, other)
    return np.allclose(one, other, rtol=1e-3, atol=1e-4)


PROCESS = Path("/proc/self")


def forget_peak() -> None:
    """Start measuring anew, where the system lets us: runs of one process must not count for each other."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):
        (PROCESS / "clear_refs").write_text("5", encoding="ascii")


def peak_mb() -> float:
    """Most memory this process held since `forget_peak`, data included, in MB (on a GPU: the device's)."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 2**20
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = (PROCESS / "status").read_text(encoding="ascii", errors="replace").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def predictions(
    run: RunFile, prepared: Prepared, model: Model, part: NDArray[np.intp]
) -> dict[str, NDArray[np.float32]]:
    """Raw outputs per task, in float32, for those rows: (rows,) or (rows, classes)."""
    found = predict(model, prepared.rows(part), 256, run.training.device, "float32")
    return {task: found[task] for task in run.tasks}


def subsets(run: RunFile, prepared: Prepared, model: Model) -> dict[str, dict[str, float]]:
    """Validation scores with only some of the modalities present, for models that take several: `a+b` → metrics."""
    names = standing(prepared.columns)
    if len(names) < 2 or not isinstance(getattr(model, "config", None), FusionConfig):
        return {}
    rows = prepared.rows(prepared.parts.valid)
    out = {}
    for chosen in subsets_of(names):
        found = predict(model, only(rows, chosen), 256, run.training.device, "float32")
        out["+".join(chosen)] = measure(run, found, rows.labels)
    return out


def load(run: RunFile, prepared: Prepared, folder: Path) -> Model:
    """The trained model of a run folder.

    Raises:
        ConfigError: the run did not end, or its encoders learned something else than those at hand.
    """
    path = folder / "weights.pt"
    if not path.is_file():
        raise ConfigError(
            f"expected the weights of a finished run at {path}; run `demeanor train` again to go on with it"
        )
    _refuse_other_encoders(prepared, folder)
    model = build(run, prepared, folder)
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    model.eval()
    return model
