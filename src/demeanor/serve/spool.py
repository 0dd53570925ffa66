"""Uploads and results on disk, for as long as they are needed. Names in here are all our own.

::

    jobs/<id>/in/        what was sent: request.json and a file per part; gone when the job is finished
    jobs/<id>/<claim>/   analysis.json, report-en.html, report-zh.html, explanation.json if asked for; or a copy and
                         found.json; or error.json; gone after its time
    now/<instance>/      what POST /v1/analyze, /v1/explain and /v1/redact brought, for the moment that it is read
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from demeanor.errors import ConfigError
from demeanor.weights import expanded

_ID = re.compile(r"[0-9a-f]{32}")
_STALE = 600.0  # seconds; in a shared folder, what nobody has touched for so long was left by a service that died


def new_id() -> str:
    """A name that nobody can guess."""
    return secrets.token_hex(16)


def is_id(text: str) -> bool:
    """Whether a text from outside can be the name of a job; nothing else ever becomes part of a path."""
    return _ID.fullmatch(text) is not None


def state_folder(port: int) -> Path:
    """Where a service keeps its jobs unless told otherwise: `DEMEANOR_STATE`, else the user's state folder."""
    own = os.environ.get("DEMEANOR_STATE")
    state = own or Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "demeanor"
    root = expanded(state, "DEMEANOR_STATE, --folder")
    return root / f"serve-{port}"


class Spool:
    """The folder of one service.

    Args:
        folder: made if it is not there, for its owner only; None takes a temporary one, deleted at the end.
        shared: whether other services use it too; otherwise it is locked.

    Raises:
        ConfigError: another service uses it, or it cannot be written.
    """

    def __init__(self, folder: Path | None, shared: bool = False) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="demeanor-serve-") if folder is None else None
        self.folder = Path(self._temporary.name) if self._temporary else Path(folder or "").absolute()
        self._instance = secrets.token_hex(8)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("w")
            if not shared:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (self.folder / "jobs").mkdir(mode=0o700, exist_ok=True)
        except BlockingIOError as error:
            self._lock.close()
            raise ConfigError(
                f"{self.folder}: expected a folder of this service's own, but another service uses it; stop that one, "
                "or give --folder"
            ) from error
        except OSError as error:
            raise ConfigError(f"{self.folder}: cannot be written: {error.strerror}; give another --folder") from error
        self._shared = shared

    def tidy(self, known: set[str]) -> None:
        """Delete what other services left: halves of uploads, and jobs that nobody knows any more.

        Of a shared folder that is what nobody has touched for `_STALE` seconds: whoever lives calls `alive` meanwhile.

        Args:
            known: ids of all jobs.
        """
        for left in [*(self.folder / "now").glob("*"), *(self.folder / "jobs").glob("*")]:
            if left.name in known or left.name == self._instance:
                continue
            if not self._shared or _touched(self._own) - _touched(left) > _STALE:
                shutil.rmtree(left, ignore_errors=True)

    def alive(self) -> None:
        """Show other services that this one is alive; by the clock of the file system, which they all share."""
        self._own.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(self._own)

    @property
    def _own(self) -> Path:
        return self.folder / "now" / self._instance

    def moment(self) -> Path:
        """A folder for one request, to be made if it is needed, and deleted by whoever asked for it."""
        return self._own / new_id()

    def job(self, id: str) -> Path:
        """The folder of a job."""
        if not is_id(id):
            raise ValueError("not the name of a job")
        return self.folder / "jobs" / id

    def uploads(self, id: str) -> Path:
        """What was sent with a job."""
        return self.job(id) / "in"

    def with_uploads(self) -> list[str]:
        """The jobs of which what was sent is still here."""
        return [uploads.parent.name for uploads in (self.folder / "jobs").glob("*/in")]

    def result(self, id: str, claim: str) -> Path:
        """What a worker made of it."""
        return self.job(id) / claim

    def finished(self, id: str, claim: str | None) -> None:
        """Delete everything of a job but its result."""
        for part in self.job(id).glob("*"):
            if part.name != claim:
                delete(part)

    def close(self) -> None:
        """Let go of the folder; nothing of a moment stays."""
        delete(self._own)
        self._lock.close()
        if self._temporary:
            self._temporary.cleanup()


def _touched(folder: Path) -> float:
    """When anything in a folder was last changed, seconds; 0 where it is gone."""
    latest = 0.0
    for at, _, files in os.walk(folder):
        for name in (".", *files):
            with suppress(FileNotFoundError):
                latest = max(latest, (Path(at) / name).stat().st_mtime)
    return latest


def delete(path: Path) -> None:
    """Delete a file or a folder with all in it, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
