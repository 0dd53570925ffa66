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

    Raises:
        ConfigError: no such file, a line that is none of these, or not one key in it.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._stamp = path, -1
        self._keys: list[Key] = []
        self._read()

    def owner_of(self, key: str) -> Key | None:
        """Whose key this is. Takes as long for a wrong one as for a right one."""
        self._reread()
        given, found = _hash(key), None
        for known in self._keys:
            if hmac.compare_digest(known.hash, given):
                found = known
        return found

    def _reread(self) -> None:
        try:
            if self._path.stat().st_mtime_ns != self._stamp:
                self._read()
        except (OSError, ConfigError):
            return  # somebody is at it: what was read before holds

    def _read(self) -> None:
        try:
            stamp, text = self._path.stat().st_mtime_ns, self._path.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"{self._path}: expected a file of keys, got {error.strerror}; make one with "
                f"`demeanor serve --new-key NAME --keys {self._path}`"
            ) from error
        keys = []
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.startswith("#"):
                if not (match := _LINE.fullmatch(line.strip())):
                    raise ConfigError(
                        f"{self._path}, line {number}: expected NAME sha256:HASH [rate=N], got something else"
                    )
                keys.append(Key(match["name"], match["hash"], int(match["rate"]) if match["rate"] else None))
        if not keys:
            raise ConfigError(
                f"{self._path}: expected at least one key, got none; `demeanor serve --new-key` makes one"
            )
        self._keys, self._stamp = keys, stamp


def new_key(path: Path, name: str) -> str:
    """Make a key, add its hash to the file (made if need be, for its owner only), and return it: it is nowhere else.

    Raises:
        ConfigError: a name that is none, that is taken, or a file that cannot be written.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    line = f"{name} sha256:{_hash(key)}"
    if not _LINE.fullmatch(line):
        raise ConfigError(f"--new-key: expected a name of letters, digits and . _ @ -, got {name!r}")
    try:
        known = path.read_text(encoding="utf-8") if path.exists() else ""
        if re.search(rf"^{re.escape(name)}\s", known, re.MULTILINE):
            raise ConfigError(f"{path}: there is a key named {name} already; delete its line, or take another name")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
            file.write(("\n" if known and not known.endswith("\n") else "") + line + "\n")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}; give another --keys") from error
    return key


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
