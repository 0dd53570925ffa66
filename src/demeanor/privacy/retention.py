"""How long things are kept, temporary folders that leave nothing behind, and a sweeper for what is past its time.

Erased files are overwritten once before they are removed. On a magnetic disk that is the end of them. Solid-state
disks, copy-on-write file systems, snapshots and backups may hold old blocks all the same: there, only a disk that is
encrypted as a whole keeps what was erased from being read.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from demeanor.errors import ConfigError

PREFIX = "demeanor-private-"
"""Names of temporary folders begin so; nothing else in the system's temporary folder is ever touched."""

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Retention:
    """How long uploads and results are kept.

    Attributes:
        minutes: after which they are erased; 0 keeps nothing: they go when they were fetched, or at the next sweep.
        overwrite: whether their blocks are overwritten before they are removed.
    """

    minutes: float = 0.0
    overwrite: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.minutes < 1e7:
            raise ConfigError(f"expected minutes of retention from 0 to 10 million, got {self.minutes}; mend it")

    def is_past(self, since: float, now: float) -> bool:
        """Whether what was last changed at `since` is to go at `now` (both in seconds of one clock)."""
        return now - since >= 60 * self.minutes


@contextlib.contextmanager
def private_folder(overwrite: bool = True, parent: Path | None = None) -> Iterator[Path]:
    """A temporary folder that only its owner may look into, and that is erased whatever happens.

    Args:
        overwrite: whether files are overwritten before they are removed.
        parent: where it is made; None takes the system's temporary folder.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        yield folder
    finally:
        erase(folder, overwrite)


def erase(path: Path, overwrite: bool = True) -> None:
    """Remove a file or a folder with all that is in it; its name and the lengths of its files are hidden first.

    Links are removed and never followed. A file that has a second name elsewhere is not overwritten, for that would
    destroy it there too. What is not there, or is removed meanwhile, is no error.

    Raises:
        OSError: something could not be removed; all else was.
    """
    path = Path(path)
    try:
        kind = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(kind.st_mode):
        _erase_file(path, kind, overwrite)
        return
    faults: list[OSError] = []
    for inner in list(path.iterdir()):
        try:
            erase(inner, overwrite)
        except OSError as error:
            faults.append(error)
    if faults:
        raise faults[0]
    shutil.rmtree(_renamed(path))


def _erase_file(path: Path, kind: os.stat_result, overwrite: bool) -> None:
    with contextlib.suppress(FileNotFoundError):
        if overwrite and stat.S_ISREG(kind.st_mode) and kind.st_nlink == 1 and kind.st_size:
            _overwrite(path, kind.st_size)
        _renamed(path).unlink()


def _overwrite(path: Path, size: int) -> None:
    with contextlib.suppress(PermissionError):
        path.chmod(0o600)
    flags = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    file = os.open(path, flags)
    try:
        left, block = size, secrets.token_bytes(_BLOCK)
        while left > 0:
            left -= os.write(file, block[: min(left, _BLOCK)])
        os.fsync(file)
        os.ftruncate(file, 0)
    finally:
        os.close(file)


def _renamed(path: Path) -> Path:
    """The path under a name that tells nothing; as it was where that is not allowed."""
    hidden = path.with_name(secrets.token_hex(8))
    try:
        path.rename(hidden)
    except OSError:
        return path
    return hidden


class Sweeper:
    """Erases what is past its time in one folder: its files and folders of the first level, each as a whole.

    Call `sweep` when something was fetched, from time to time, and when the program starts (for what an earlier run
    that was killed left behind).

    Args:
        folder: where the entries lie; it is made if it is not there.
        retention: how long they stay.
        is_busy: says of an entry's name that it is still worked with and has to stay.
    """

    def __init__(self, folder: Path, retention: Retention, is_busy: Callable[[str], bool] = lambda _: False) -> None:
        self._folder, self._retention, self._is_busy = Path(folder), retention, is_busy
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def sweep(self, now: float | None = None) -> list[str]:
        """Erase what is past its time; the names of what is gone.

        Args:
            now: seconds since the epoch; None asks the clock.
        """
        now = time.time() if now is None else now
        gone = []
        for entry in sorted(self._folder.iterdir()):
            if self._is_busy(entry.name):
                continue
            with contextlib.suppress(OSError):  # gone meanwhile, or not ours to remove: the next sweep tries again
                if self._retention.is_past(_changed(entry), now):
                    erase(entry, self._retention.overwrite)
                    gone.append(entry.name)
        return gone

    def forget(self, name: str) -> None:
        """Erase one entry now: it was fetched, or its owner asked for it.

        Raises:
            ConfigError: a name that leads out of the folder.
        """
        if name in ("", ".", "..") or Path(name).name != name:
            raise ConfigError(f"expected the name of an entry, got {name!r}; give a name without a path")
        erase(self._folder / name, self._retention.overwrite)


def sweep_left_behind(older_than: float = 24 * 60.0, parent: Path | None = None, now: float | None = None) -> list[str]:
    """Erase private folders that runs which were killed left behind.

    Args:
        older_than: minutes since anything in them was changed.
        parent: where they lie; None takes the system's temporary folder.
        now: seconds since the epoch; None asks the clock.
    """
    now, gone = time.time() if now is None else now, []
    for folder in sorted(Path(parent or tempfile.gettempdir()).glob(f"{PREFIX}*")):
        with contextlib.suppress(OSError):
            if Retention(older_than).is_past(_changed(folder), now):
                erase(folder)
                gone.append(folder.name)
    return gone


def _changed(path: Path) -> float:
    """When an entry or anything in it was last changed."""
    latest = path.lstat().st_mtime
    if stat.S_ISDIR(path.lstat().st_mode):
        for inner in path.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                latest = max(latest, inner.lstat().st_mtime)
    return latest
