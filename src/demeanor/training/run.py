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
from demeanor.plugins import require

EXPERTS = ("words", "face", "voice", "posts")


def read_run_file(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """A run file with `section.key=value` overrides applied; values are TOML, or plain strings.

    Raises:
        ConfigError: no such file, no [run] section, or an override that is not `section.key=value`.
    """
    if not path.is_file():
        raise ConfigError(f"expected a run file at {path}; found nothing there. The ones shipped are in recipes/")
    try:
        spec: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: expected TOML; {error}") from error
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or "." not in key:
            raise ConfigError(f"--set expects section.key=value, got '{override}'")
        section, name = key.split(".", 1)
        try:
            parsed = tomllib.loads(f"x = {value}")["x"]
        except tomllib.TOMLDecodeError:
            parsed = value
        spec.setdefault(section, {})[name] = parsed
    if "run" not in spec or "expert" not in spec["run"]:
        raise ConfigError(f"{path}: expected a section [run] with a key expert, one of {', '.join(EXPERTS)}")
    return spec


def provenance(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What must be known to make a run again: the resolved config, its hash, commit, versions, machine."""
    text = json.dumps(spec, sort_keys=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    return {
        "config": dict(spec),
        "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "commit": commit or None,
        "versions": {name: version(name) for name in ("torch", "numpy", "demeanor")},
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def write_json(path: Path, value: Any) -> None:
    """Readable JSON, written whole."""
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False, default=float), encoding="utf-8")
    temporary.replace(path)


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Named arrays as .npz, written whole."""
    temporary = path.with_suffix(".part.npz")
    np.savez(temporary, **arrays)
    temporary.replace(path)


def train(path: Path, overrides: Sequence[str] = (), out: Path | None = None, data: Path | None = None) -> Path:
    """Carry out a run file.

    Args:
        path: the run file; its tables are looked for in `tables/` beside it.
        overrides: `section.key=value`.
        out: run folder; default `runs/NAME`. One that holds a stopped run is continued.
        data: the folder the tables' paths are relative to; default the environment's DEMEANOR_DATA.

    Returns:
        The run folder: run.json, best.pt, history.json, valid.json.

    Raises:
        ConfigError: a wrong run file, or no data folder.
        MissingExtraError: the lab extra is not installed.
    """
    require("torch", "lab", "training")
    spec = read_run_file(path, overrides)
    root = data or Path(os.environ.get("DEMEANOR_DATA", ""))
    if not root.is_dir() or root == Path():
        raise ConfigError(
            f"expected a data folder, got '{root}'; give --data DIR or set DEMEANOR_DATA; {path} names the files"
        )
    expert = spec["run"]["expert"]
    if expert not in EXPERTS:
        raise UnknownNameError("expert", expert, EXPERTS)
    folder = out or Path("runs") / str(spec["run"]["name"])
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "run.json", provenance(spec))
    progress = importlib.import_module(f"demeanor.training.{expert}").train(spec, path.parent / "tables", root, folder)
    write_json(folder / "history.json", progress.history)
    return folder
