"""The folder is the registry: a plug-in's file name is its public name; entry points add outside packages."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from demeanor.errors import MissingExtraError, UnknownNameError


def names(kind: str) -> list[str]:
    """Public names of every plug-in of a kind (`fusion`, `datasets`, …): the folder's files and the entry points."""
    package = importlib.import_module(f"demeanor.{kind}")
    here = {m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}
    return sorted(here | {e.name for e in entry_points(group=f"demeanor.{kind}")})


def load(kind: str, name: str) -> ModuleType:
    """The plug-in's module.

    Raises:
        UnknownNameError: no plug-in of that kind has that name; the message lists near ones.
    """
    for entry in entry_points(group=f"demeanor.{kind}"):
        if entry.name == name:
            module: ModuleType = entry.load()
            return module
    if name not in names(kind):
        raise UnknownNameError(kind, name, names(kind))
    return importlib.import_module(f"demeanor.{kind}.{name}")


def require(library: str, extra: str | None, purpose: str) -> Any:
    """Import an optional library, or say which extra brings it (None: it is installed by its own name).

    Raises:
        MissingExtraError: the library is not installed.
    """
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] != library.split(".")[0]:
            raise
        raise MissingExtraError(library.split(".")[0], extra, purpose) from error
