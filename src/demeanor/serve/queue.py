"""Jobs: handed in, taken fairly, finished once. No content is in here, only states and times.

A job is `queued`, then `running` under a claim that only its worker knows, then `done`, `failed` or `cancelled`.
Finishing asks for the claim: whoever lost it (another service took the job over) finishes nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields
from typing import Any, Literal

from demeanor.serve.database import Database, Execute

State = Literal["queued", "running", "done", "failed", "cancelled"]
FINAL = ("done", "failed", "cancelled")
LEASE = 30.0
"""Seconds after which a job of a service that no longer says anything is given to another one."""
ATTEMPTS = 5
"""How often a service may end in the middle of a job before the job is held to be the reason."""

_TABLE = """
CREATE TABLE IF NOT EXISTS demeanor_jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, state TEXT NOT NULL, stage TEXT,
    progress DOUBLE PRECISION NOT NULL DEFAULT 0, created DOUBLE PRECISION NOT NULL, started DOUBLE PRECISION,
    finished DOUBLE PRECISION, expires DOUBLE PRECISION, fetched DOUBLE PRECISION,
    attempts INTEGER NOT NULL DEFAULT 0, claim TEXT, lease DOUBLE PRECISION, result TEXT,
    cancel INTEGER NOT NULL DEFAULT 0, idempotency TEXT, fingerprint TEXT, UNIQUE (owner, idempotency)
)"""
_INDEX = "CREATE INDEX IF NOT EXISTS demeanor_jobs_state ON demeanor_jobs (state, owner)"


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it stands; times are seconds since 1970.

    Attributes:
        owner: whose it is.
        stage: what is being read: `pictures`, `sound`, `words`, `reasons`, `copy` or nothing yet.
        progress: from 0 to 1.
        claim: of the worker that has it.
        result: under which claim its result lies; None where there is none, or no longer one.
        cancel: whether it is to be stopped.
    """

    id: str
    owner: str
    state: State
    stage: str | None
    progress: float
    created: float
    started: float | None
    finished: float | None
    expires: float | None
    fetched: float | None
    attempts: int
    claim: str | None
    result: str | None
    cancel: int
    fingerprint: str | None

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL


_COLUMNS = ", ".join(f.name for f in fields(Job))


class Full(Exception):
    """An owner has as many jobs that wait or run as he may have."""


class Queue:
    """The table of jobs.

    Args:
        database: where it is.
        keep: seconds that a finished job is kept.
        keep_fetched: seconds that a result is kept once it was fetched.
    """

    def __init__(self, database: Database, keep: float = 3600.0, keep_fetched: float = 60.0) -> None:
        self._database, self._keep, self._keep_fetched = database, keep, keep_fetched
        with database.transaction() as run:
            run(_TABLE)
            run(_INDEX)

    @property
    def shared(self) -> bool:
        """Whether other services may work on it."""
        return self._database.shared

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def submit(
        self, id: str, owner: str, key: str | None = None, fingerprint: str | None = None, most: int | None = None
    ) -> Job:
        """Hand in a job; where the owner has handed in one under this key already, that one comes back.

        Raises:
            Full: as many as `most` of the owner wait or run already.
        """
        with self._database.transaction() as run:
            known = None if key is None else _maybe(run, "owner = ? AND idempotency = ?", (owner, key))
            full = most is not None and _active(run, owner) >= most
            if not known and not full:
                run(
                    "INSERT INTO demeanor_jobs (id, owner, state, created, idempotency, fingerprint) "
                    "VALUES (?, ?, 'queued', ?, ?, ?)",
                    (id, owner, self._database.now(run), key, fingerprint),
                )
                return _one(run, "id = ?", (id,))
        if not known:
            raise Full
        return known

    def handed_in(self, owner: str, key: str) -> Job | None:
        """The job that an owner has handed in under a key."""
        with self._database.transaction() as run:
            return _maybe(run, "owner = ? AND idempotency = ?", (owner, key))

    def take(self) -> Job | None:
        """The next job, for a worker: of the owner with the fewest running, then of who waited longest for a turn."""
        claim = secrets.token_hex(8)
        with self._database.transaction() as run:
            now = self._database.now(run)
            found = run(
                "SELECT j.id FROM demeanor_jobs j WHERE j.state = 'queued' ORDER BY "
                "(SELECT count(*) FROM demeanor_jobs r WHERE r.owner = j.owner AND r.state = 'running'), "
                "(SELECT coalesce(max(s.started), 0) FROM demeanor_jobs s WHERE s.owner = j.owner), "
                "j.created, j.id LIMIT 1"
            )
            if not found:
                return None
            run(
                "UPDATE demeanor_jobs SET state = 'running', claim = ?, lease = ?, started = ?, progress = 0, "
                "stage = NULL, attempts = attempts + 1 WHERE id = ?",
                (claim, now + LEASE, now, found[0]["id"]),
            )
            return _one(run, "id = ?", (found[0]["id"],))

    def renew(self, job: Job, progress: float, stage: str | None) -> bool:
        """Say that a job is still being worked on, and how far; False where it is to be stopped."""
        with self._database.transaction() as run:
            found = run(
                "UPDATE demeanor_jobs SET lease = ?, progress = ?, stage = ? "
                "WHERE id = ? AND claim = ? AND state = 'running' RETURNING cancel",
                (self._database.now(run) + LEASE, progress, stage, job.id, job.claim),
            )
        return bool(found) and not found[0]["cancel"]

    def finish(self, job: Job, state: State) -> bool:
        """Close a job; False where it is no longer ours, and what was made of it counts for nothing."""
        with self._database.transaction() as run:
            now = self._database.now(run)
            found = run(
                "UPDATE demeanor_jobs SET state = ?, finished = ?, expires = ?, result = ?, claim = NULL, "
                "lease = NULL, stage = NULL, progress = CASE WHEN ? = 'done' THEN 1 ELSE progress END "
                "WHERE id = ? AND claim = ? AND state = 'running' RETURNING id",
                (state, now, now + self._keep, None if state == "cancelled" else job.claim, state, job.id, job.claim),
            )
        return bool(found)

    def give_back(self, job: Job) -> None:
        """Put a job back in the queue, because this service stops."""
        with self._database.transaction() as run:
            run(
                "UPDATE demeanor_jobs SET state = 'queued', claim = NULL, lease = NULL, progress = 0, "
                "attempts = attempts - 1 WHERE id = ? AND claim = ? AND state = 'running'",
                (job.id, job.claim),
            )

    def put_back(self, job: Job) -> None:
        """Put a job back in the queue, because its reading broke off, which counts as an attempt."""
        with self._database.transaction() as run:
            self._begun_anew(run, "id = ? AND claim = ?", (job.id, job.claim))

    def recover(self) -> list[str]:
        """Take up what services that died had begun; the ids of jobs that are given up.

        SQLite has one service, which has just started: whatever runs there has been left behind.
        """
        with self._database.transaction() as run:
            before = self._database.now(run) if self.shared else float(2**62)
            return self._begun_anew(run, "(lease IS NULL OR lease < ?)", (before,))

    def _begun_anew(self, run: Execute, left: str, which: tuple[Any, ...]) -> list[str]:
        """Put running jobs back, but those to be stopped and those tried often enough; the ids of the latter."""
        now, left = self._database.now(run), f"state = 'running' AND {left}"
        run(
            "UPDATE demeanor_jobs SET state = 'cancelled', claim = NULL, finished = ?, expires = ? "
            f"WHERE cancel = 1 AND {left}",
            (now, now + self._keep, *which),
        )
        given_up = run(
            "UPDATE demeanor_jobs SET state = 'failed', claim = NULL, finished = ?, expires = ? "
            f"WHERE attempts >= ? AND {left} RETURNING id",
            (now, now + self._keep, ATTEMPTS, *which),
        )
        run(f"UPDATE demeanor_jobs SET state = 'queued', claim = NULL, lease = NULL WHERE {left}", which)
        return [row["id"] for row in given_up]

    def cancel(self, id: str, owner: str) -> Job | None:
        """Stop a job: at once if it waits, else its worker is told."""
        with self._database.transaction() as run:
            now = self._database.now(run)
            run(
                "UPDATE demeanor_jobs SET state = 'cancelled', finished = ?, expires = ? "
                "WHERE id = ? AND owner = ? AND state = 'queued'",
                (now, now + self._keep, id, owner),
            )
            run("UPDATE demeanor_jobs SET cancel = 1 WHERE id = ? AND owner = ? AND state = 'running'", (id, owner))
            return _maybe(run, "id = ? AND owner = ?", (id, owner))

    def get(self, id: str, owner: str | None = None) -> Job | None:
        """A job; None where there is none, or it is another owner's."""
        with self._database.transaction() as run:
            if owner is None:
                return _maybe(run, "id = ?", (id,))
            return _maybe(run, "id = ? AND owner = ?", (id, owner))

    def page(self, owner: str, limit: int, before: tuple[float, str] | None, state: str | None) -> list[Job]:
        """An owner's jobs, newest first, from before a (time, id) on."""
        where, values = "owner = ?", [owner]
        if state is not None:
            where, values = f"{where} AND state = ?", [*values, state]
        if before is not None:
            where = f"{where} AND (created < ? OR (created = ? AND id < ?))"
            values = [*values, before[0], before[0], before[1]]  # type: ignore[list-item]
        with self._database.transaction() as run:
            rows = run(
                f"SELECT {_COLUMNS} FROM demeanor_jobs WHERE {where} ORDER BY created DESC, id DESC LIMIT ?",
                (*values, limit),
            )
        return [Job(**row) for row in rows]

    def active(self, owner: str) -> int:
        """How many jobs of an owner wait or run."""
        with self._database.transaction() as run:
            return _active(run, owner)

    def counts(self) -> dict[str, int]:
        """Jobs by state."""
        with self._database.transaction() as run:
            rows = run("SELECT state, count(*) AS n FROM demeanor_jobs GROUP BY state")
        return {row["state"]: int(row["n"]) for row in rows}

    def fetched(self, job: Job) -> None:
        """Note the first time that a result was handed over."""
        with self._database.transaction() as run:
            run(
                "UPDATE demeanor_jobs SET fetched = ? WHERE id = ? AND fetched IS NULL",
                (self._database.now(run), job.id),
            )

    def delete(self, id: str) -> None:
        """Forget a job; its worker, if it has one, will find that it is no longer its own."""
        with self._database.transaction() as run:
            run("DELETE FROM demeanor_jobs WHERE id = ?", (id,))

    def ids(self) -> set[str]:
        """Of all jobs."""
        with self._database.transaction() as run:
            return {row["id"] for row in run("SELECT id FROM demeanor_jobs")}

    def over(self) -> tuple[list[str], list[str]]:
        """Jobs whose results have had their time, and jobs whose own time is over, which are forgotten here."""
        with self._database.transaction() as run:
            now = self._database.now(run)
            results = run(
                "UPDATE demeanor_jobs SET result = NULL WHERE result IS NOT NULL AND fetched < ? RETURNING id",
                (now - self._keep_fetched,),
            )
            whole = run("DELETE FROM demeanor_jobs WHERE expires < ? RETURNING id", (now,))
        return [r["id"] for r in results], [r["id"] for r in whole]


def _active(run: Execute, owner: str) -> int:
    rows = run("SELECT count(*) AS n FROM demeanor_jobs WHERE owner = ? AND state IN ('queued', 'running')", (owner,))
    return int(rows[0]["n"])


def _maybe(run: Execute, where: str, values: tuple[Any, ...]) -> Job | None:
    rows = run(f"SELECT {_COLUMNS} FROM demeanor_jobs WHERE {where}", values)
    return Job(**rows[0]) if rows else None


def _one(run: Execute, where: str, values: tuple[Any, ...]) -> Job:
    job = _maybe(run, where, values)
    assert job is not None, "a row just written is there"
    return job
