"""Where jobs are written down: SQLite in a file, or PostgreSQL by URL, with the same statements."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from demeanor.errors import ConfigError
from demeanor.plugins import require

Row = dict[str, Any]
Execute = Callable[..., list[Row]]
"""Runs one statement with `?` for its values; the rows it gives."""


class Database(Protocol):
    """What holds tables. Every change of it happens in a transaction, one at a time."""

    shared: bool
    """Whether several services may work on it at once."""

    def transaction(self) -> Any:
        """A context that yields `Execute`; all of its statements count, or none."""

    def now(self, run: Execute) -> float:
        """Seconds since 1970, within a transaction; one clock for all services that work on it."""

    def close(self) -> None:
        """Let go of it."""


def open_database(url: str | None, folder: Path) -> Database:
    """PostgreSQL if there is a URL, else SQLite in the folder.

    Raises:
        ConfigError: a URL of another kind, or a server that does not answer.
        MissingExtraError: psycopg is not installed.
    """
    if url is None:
        return Sqlite(folder / "jobs.sqlite")
    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigError("--database: expected postgresql://USER@HOST/NAME, got another kind of URL; mend it")
    return Postgres(url)


class Sqlite:
    """One file; what is deleted is overwritten with zeros, and a commit is on disk when it returns."""

    shared = False

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "busy_timeout=5000"):
            self._connection.execute(f"PRAGMA {pragma}")

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        """See `Database`."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._execute
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _execute(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        return [dict(row) for row in self._connection.execute(statement, values).fetchall()]

    def now(self, run: Execute) -> float:
        """See `Database`."""
        return time.time()

    def close(self) -> None:
        """See `Database`."""
        with self._lock:
            self._connection.close()


class Postgres:
    """A server; the connection is made anew after it was lost, and transactions wait for one another."""

    shared = True
    _TURN = 0x64656D65  # the advisory lock that all services take: "deme"

    def __init__(self, url: str) -> None:
        self._url, self._lock = url, threading.Lock()
        self._psycopg = require("psycopg", "postgres", "--database")
        self._connection: Any = None
        try:
            self._connected()
        except self._psycopg.OperationalError as error:
            raise ConfigError(
                f"--database: expected a PostgreSQL server that answers, got {type(error).__name__}; "
                "check the address, the name and the password"
            ) from error

    def _connected(self) -> Any:
        if self._connection is None or self._connection.closed:
            rows = require("psycopg.rows", "postgres", "--database")
            self._connection = self._psycopg.connect(self._url, row_factory=rows.dict_row, connect_timeout=10)
        return self._connection

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        """See `Database`."""
        with self._lock:
            with suppress(self._psycopg.Error):
                self._connected().execute("SELECT 1")  # a lost connection shows here, before there is anything to lose
            connection = self._connected()
            try:
                with connection.transaction():
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", (self._TURN,))
                    yield lambda statement, values=(): self._execute(connection, statement, values)
                connection.commit()
            except self._psycopg.OperationalError:
                connection.close()
                raise

    def _execute(self, connection: Any, statement: str, values: Sequence[Any]) -> list[Row]:
        cursor = connection.execute(statement.replace("?", "%s"), values)
        return list(cursor.fetchall()) if cursor.description else []

    def now(self, run: Execute) -> float:
        """See `Database`."""
        return float(run("SELECT extract(epoch FROM clock_timestamp()) AS now")[0]["now"])

    def close(self) -> None:
        """See `Database`."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
