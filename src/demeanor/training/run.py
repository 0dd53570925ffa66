"""One training run: a run file in, a run folder out (weights, resolved config, history, validation outputs)."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import platform
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from demeanor.errors import ConfigError, UnknownNameError
from demeanor.features.read import data_root
from demeanor.plugins import require

EXPERTS = ("words", "face", "voice", "posts")


def read_run_file(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """A run file with `section.key=value` overrides applied; sections may be nested, values are TOML or plain strings.

    `lr` of `[training]` is `learning_rate`, in `[search]` and `[bench.settings.MODEL.training]` too.

    Raises:
        ConfigError: no such file, one that is no TOML in UTF-8, no [run] section, or an override that is not
            `section.key=value`.
    """
    if not path.is_file():
        raise ConfigError(f"expected a run file at {path}; found nothing there. The ones shipped are in recipes/")
    try:
        spec: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Notepad puts a mark before it
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected TOML in UTF-8, got another encoding ({error}); save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: expected TOML; {error}") from error
    _write_out_lr(spec)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or "." not in key:
            raise ConfigError(f"--set expects section.key=value, got '{override}'")
        *sections, name = key.split(".")
        try:
            parsed = tomllib.loads(f"x = {value}")["x"]
        except tomllib.TOMLDecodeError:
            parsed = value
        place = spec
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise ConfigError(f"--set {key}: expected a section {section}, got {place!r} in {path}")
        place["learning_rate" if name == "lr" and sections[-1] == "training" else name] = parsed
    if not {"expert", "model"} & set(spec.get("run", {})):
        raise ConfigError(
            f"{path}: expected a section [run] with a key model (`demeanor models` lists them), "
            f"or expert, one of {', '.join(EXPERTS)}"
        )
    return spec


def _write_out_lr(spec: Mapping[str, Any]) -> None:
    """`learning_rate` for `lr`, in place; what is no section is told of where the file is checked."""
    sections = [
        (spec.get("training"), "lr", "learning_rate"),
        (spec.get("search"), "training.lr", "training.learning_rate"),
    ]
    of_models = spec["bench"].get("settings") if isinstance(spec.get("bench"), dict) else None
    for settings in of_models.values() if isinstance(of_models, dict) else ():
        sections += [(settings.get("training"), "lr", "learning_rate")] if isinstance(settings, dict) else []
    for section, short, long in sections:
        if isinstance(section, dict) and short in section:
            section[long] = section.pop(short)


def provenance(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What must be known to make a run again: the resolved config, its hash, commit, versions, machine."""
    text = json.dumps(spec, sort_keys=True)
    return {
        "config": dict(spec),
        "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "commit": commit(),
        "versions": {name: version(name) for name in ("torch", "numpy", "demeanor")},
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def commit() -> str | None:
    """Of the repository whose program this is; None of an installed one, or where git is not installed."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "rev-parse", "HEAD", "--show-prefix"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")
    except OSError:
        return None
    # Installed below somebody's project, in .venv say, it stands in the repository of that one.
    return said[0] if said[1:2] == [f"src/demeanor/{here.name}/"] else None


def plain(value: Any) -> Any:
    """Plain data that JSON knows: numbers that are nan or infinite become None."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    number = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(number, float) and not np.isfinite(number) else number


def write_json(path: Path, value: Any) -> None:
    """Readable JSON, written whole, also where several processes of one run write it; see `plain`."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    text = json.dumps(plain(value), indent=1, ensure_ascii=False, default=float, allow_nan=False)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Named arrays as .npz, written whole."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part.npz")
    np.savez(temporary, **arrays)
    temporary.replace(path)


def train(path: Path, overrides: Sequence[str] = (), out: Path | None = None, data: Path | None = None) -> Path:
    """Carry out a run file.

    Args:
        path: the run file; its tables are looked for in `tables/` beside it.
        overrides: `section.key=value`.
        out: run folder; default `runs/NAME`. One that holds a stopped run is continued.
        data: the folder the tables' paths are relative to; default the environment's DEMEANOR_DATA. Not
            needed where the data set reads no files.

    Returns:
        The run folder: run.json, best.pt, history.json, valid.json.

    Raises:
        ConfigError: a wrong run file, or no data folder.
        MissingExtraError: the lab extra is not installed.
    """
    require("torch", "lab", "training")
    spec = read_run_file(path, overrides)
    expert = spec["run"].get("expert")
    if expert is not None and expert not in EXPERTS:
        raise UnknownNameError("expert", expert, EXPERTS)
    module = importlib.import_module(f"demeanor.training.{expert or 'lab'}")
    run = None if expert else module.check(with_manifest(spec, path))
    root = data_root(data, spec)
    folder = out or Path("runs") / str(spec["run"]["name"])
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_other(folder, spec)
    write_json(folder / "run.json", {**provenance(spec), "data_root": str(root.resolve())})
    if run is not None:
        progress = module.train(run, root, folder)
    else:
        progress = module.train(spec, path.parent / "tables", root, folder)
    write_json(folder / "history.json", progress.history)
    return folder


def with_manifest(spec: dict[str, Any], path: Path) -> dict[str, Any]:
    """The run file with its table manifest, if it names one, as a path from here: it stands beside the run file."""
    data = spec.get("data")
    if isinstance(data, dict) and "manifest" in data:
        named = data["manifest"]
        places = [str((path.parent / m).resolve()) for m in ([named] if isinstance(named, str) else named)]
        data["manifest"] = places[0] if isinstance(named, str) else places
    return spec


def _refuse_other(folder: Path, spec: Mapping[str, Any]) -> None:
    """What a stopped run left, in folders of its folds too, is gone on with only under the run file it began with."""
    path = folder / "run.json"
    if path.exists() and any(folder.rglob("*.pt")):
        before = json.loads(path.read_text(encoding="utf-8"))["config_sha256"]
        if before != provenance(spec)["config_sha256"]:
            raise ConfigError(
                f"{folder} holds a run of another run file or other settings; "
                "give another folder with --out, or remove it"
            )
