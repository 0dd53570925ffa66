"""Files that are there whole, or not at all."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from demeanor.errors import ConfigError
from demeanor.media.source import is_device, resolved


@contextlib.contextmanager
def written_whole(path: Path, source: object = None) -> Iterator[Path]:
    """A file to write into, which takes the place of `path` when all went well and is gone when not.

    Args:
        path: where it is to be in the end; of a link the file it leads to.
        source: what it is made from, which must not be written over.

    Raises:
        ConfigError: the folder is not there or may not be written, or `path` is a folder, a device or the source.
    """
    if path.is_dir():
        raise ConfigError(f"{path}: expected a file's name, got a folder; add a name")
    if is_device(path):
        raise ConfigError(f"{path}: expected a file's name, got a device or pipe; name a file")
    if isinstance(source, str | Path) and path.exists() and Path(source).exists() and path.samefile(source):
        raise ConfigError(f"{path}: this file is the input, and would be overwritten; name another")
    place = resolved(path)
    draft = place.with_name(f".{path.stem[:40]}.{secrets.token_hex(4)}{path.suffix}")
    try:
        draft.open("xb").close()
    except OSError as error:
        raise ConfigError(
            f"{path}: expected a place to write to, got {error.strerror or error}; check the folder"
        ) from error
    try:
        yield draft
        draft.replace(place)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
