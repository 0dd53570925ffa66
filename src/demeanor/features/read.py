"""What a run file names – a data set, encoders – as samples and encoder objects; training and `encode` share it."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from demeanor import plugins
from demeanor.encoders._encoder import Encoder
from demeanor.errors import ConfigError
from demeanor.types import Sample

DATA_KEYS = frozenset({"dataset", "name", "root", "protocol", "valid", "folds", "fold", "fold_seed", "by", "also"})
"""Keys of `[data]` that are not options of the data set's reader."""


def encoders_of(spec: Mapping[str, Mapping[str, Any]], root: Path | None = None) -> dict[str, Encoder]:
    """The encoders of a run file, not fitted yet, by modality.

    Args:
        spec: the section `[encoders]`: per modality `name` and settings.
        root: where files that settings name are looked for, if they are not found from here.

    Raises:
        UnknownNameError: no encoder of that name.
        ConfigError: no name, or a setting that the encoder does not take.
    """
    found = {}
    for modality, settings in spec.items():
        if "name" not in settings:
            raise ConfigError(f"encoders.{modality}: expected a key name or preset; `demeanor encoders` lists them")
        kind: type[Encoder] = plugins.load("encoders", str(settings["name"])).ENCODER
        own = {key: value for key, value in settings.items() if key != "name"}
        if settings["name"] == "series":
            own.setdefault("key", modality)
        found[modality] = kind(_config(kind, own, modality, root))
    return found


def _config(kind: type[Encoder], settings: Mapping[str, Any], modality: str, root: Path | None) -> Any:
    known = list(kind.Config.model_fields)
    for key in settings:
        if key not in known:
            near = difflib.get_close_matches(key, known, 3, 0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known) or 'none'}"
            raise ConfigError(f"encoders.{modality}: unknown setting '{key}'; {hint}")
    paths = path_settings(kind)
    placed = {key: _placed(value, root) if key in paths else value for key, value in settings.items()}
    try:
        return kind.Config(**placed)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}, got {e['input']!r}" for e in error.errors())
        raise ConfigError(f"encoders.{modality}: {faults}") from None


def path_settings(kind: type[Encoder]) -> list[str]:
    """Names of an encoder's settings that are files or folders."""
    return [key for key, field in kind.Config.model_fields.items() if Path in _types(field.annotation)]


def _types(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) or (annotation,)


def _placed(value: Any, root: Path | None) -> Any:
    """A path below `root` if there is such a file there and none here."""
    if root is None or not isinstance(value, str) or not value or Path(value).is_absolute() or Path(value).exists():
        return value
    try:
        return str(root / value) if (root / value).exists() else value
    except OSError:  # too long for a name: no path
        return value


def reads_files(config: Mapping[str, Any]) -> bool:
    """Whether a run file's data lie below a data folder: not so where all of them are drawn, as `synthetic` is.

    Raises:
        UnknownNameError: no data set of that name.
    """
    data = config.get("data")
    if not isinstance(data, Mapping) or "dataset" not in data or data.get("also"):
        return True
    return bool(plugins.load("datasets", str(data["dataset"])).CARD.on_disk)


def data_root(given: Path | None, config: Mapping[str, Any]) -> Path:
    """The folder of the data sets: the one given, else DEMEANOR_DATA.

    Raises:
        ConfigError: the one that was named is not there; or none was, and the run file's data set reads files.
    """
    named = given or os.environ.get("DEMEANOR_DATA")
    if named and Path(named).is_dir():
        return Path(named)
    if named or reads_files(config):
        raise ConfigError(
            f"expected the folder of the data sets, got {f'no folder {named}' if named else 'none'}; give --data DIR "
            "or set DEMEANOR_DATA"
        )
    return Path()


def samples_of(spec: Mapping[str, Any], root: Path) -> list[Sample]:
    """The samples of a run file's data set.

    Args:
        spec: the section `[data]`: `dataset`, `root` (relative to the data folder) and the reader's options.
        root: the data folder.

    Raises:
        UnknownNameError: no data set of that name.
        ConfigError: an option that its reader does not take.
        DataError: the data set is not there.
    """
    if "dataset" not in spec:
        raise ConfigError("data: expected a key dataset; `demeanor datasets` lists them")
    reader = plugins.load("datasets", str(spec["dataset"])).read
    takes = list(inspect.signature(reader).parameters)[1:]
    options = {key: value for key, value in spec.items() if key in takes or key not in DATA_KEYS}
    for key in options:
        if key not in takes:
            known = [*takes, *sorted(DATA_KEYS)]
            near = difflib.get_close_matches(key, known, 3, 0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"keys are {', '.join(known)}"
            raise ConfigError(f"data: the data set {spec['dataset']} has no option '{key}'; {hint}")
    found: list[Sample] = reader(root / spec.get("root", "."), **options)
    return found
