"""Keys: made here, kept as hashes, compared in constant time.

A key is 256 random bits, so one round of SHA-256 hides it as well as any slow hash would.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from demeanor.errors import ConfigError
from demeanor.serve.log import log

PREFIX = "dmn_"
_LINE = re.compile(r"(?P<name>[\w.@-]{1,64})\s+sha256:(?P<hash>[0-9a-f]{64})(?:\s+rate=(?P<rate>\d+))?")


@dataclass(frozen=True, slots=True)
class Key:
    """One line of the file: who, and how many requests a minute (None: as the service says)."""

    name: str
    hash: str = field(repr=False)
    rate: int | None = None


class Keys:
    """The keys of a file, `NAME sha256:HASH [rate=N]` a line; read again when the file changes.

    What is no such line is an error when the service starts. Later on, the lines that can be read are what counts, so
    that a key whose line is gone is refused whatever else happened to the file.

    Raises:
        ConfigError: no such file, a line that is none of these, or not one key in it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._state()  # before it is read: what changes meanwhile is read again
        try:
            self._keys, broken = _parsed(self._text())
        except OSError as error:
            raise ConfigError(
                f"{path}: expected a file of keys, got {error.strerror}; make one with "
                f"`demeanor serve --new-key NAME --keys {path}`"
            ) from error
        if broken:
            raise ConfigError(f"{path}, line {broken[0]}: expected NAME sha256:HASH [rate=N], got something else")
        if not self._keys:
            raise ConfigError(f"{path}: expected at least one key, got none; `demeanor serve --new-key` makes one")

    def owner_of(self, key: str) -> Key | None:
        """Whose key this is. Takes as long for a wrong one as for a right one."""
        self._reread()
        given, found = _hash(key), None
        for known in self._keys:
            if hmac.compare_digest(known.hash, given):
                found = known
        return found

    def _reread(self) -> None:
        """Take over a change. A file that is gone or cannot be read lets nobody in until it can be read."""
        stamp = self._state()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys, broken = _parsed(self._text())
            log("keys", known=len(self._keys), broken_lines=broken)
        except OSError as error:
            self._keys = []
            log("keys", known=0, why=error.strerror)

    def _state(self) -> tuple[int, ...]:
        """Differs when the file was changed, replaced, or made readable; empty where there is none."""
        try:
            found = self._path.stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino

    def _text(self) -> str:
        return self._path.read_text(encoding="utf-8-sig", errors="replace")


def _parsed(text: str) -> tuple[list[Key], list[int]]:
    """The keys of a file, and the numbers of the lines that are none."""
    keys, broken = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        said = line.strip()
        if said and not said.startswith("#"):
            if match := _LINE.fullmatch(said):
                keys.append(Key(match["name"], match["hash"], int(match["rate"]) if match["rate"] else None))
            else:
                broken.append(number)
    return keys, broken


def new_key(path: Path, name: str) -> str:
    """Make a key, add its hash to the file (made if need be, for its owner only), and return it: it is nowhere else.

    Raises:
        ConfigError: a name that is none, that is taken, or a file that is not in UTF-8 or cannot be written.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    made = f"{name} sha256:{_hash(key)}"
    if not _LINE.fullmatch(made):
        raise ConfigError(f"--new-key: expected a name of letters, digits and . _ @ -, got {name!r}")
    try:
        known = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        if name in [words[0] for line in known.splitlines() if (words := line.split())]:  # in broken lines too
            raise ConfigError(f"{path}: there is a key named {name} already; delete its line, or take another name")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
            file.write(("\n" if known and not known.endswith("\n") else "") + made + "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected keys in UTF-8, got another encoding; save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; give another --keys") from error
    return key


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
