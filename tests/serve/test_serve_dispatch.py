"""A job whose reading breaks off, through no fault of its own, is begun anew, and not for ever."""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("fastapi", reason="the service's libraries are not installed here (extra serve)")

from demeanor.serve import dispatch
from demeanor.serve.database import open_database
from demeanor.serve.dispatch import Bell, Dispatch
from demeanor.serve.jobs import _error
from demeanor.serve.metrics import Metrics
from demeanor.serve.pool import Order, Worker
from demeanor.serve.problem import Problem
from demeanor.serve.queue import ATTEMPTS, Job, Queue
from demeanor.serve.settings import Settings
from demeanor.serve.spool import Spool, new_id


class Reads:
    """A worker that does what it is told to."""

    def __init__(self, work: Callable[[Order], Awaitable[None]]) -> None:
        self._work, self.orders = work, 0

    async def carry_out(self, order: Order, told: object) -> None:
        self.orders += 1
        await self._work(order)


async def well(order: Order) -> None:
    order.out.mkdir(parents=True)


async def no_start(_: Order) -> None:
    raise Problem(503, "not-ready", "no process could be started")


async def damaged(_: Order) -> None:
    raise Problem(422, "unreadable", "it is damaged")


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(dispatch, "_PAUSE", 0.01)
    monkeypatch.setattr(dispatch, "_EVERY", 0.01)
    queue, spool = Queue(open_database(None, tmp_path)), Spool(tmp_path / "s")
    yield SimpleNamespace(queue=queue, spool=spool, settings=Settings(), metrics=Metrics())
    queue.close()
    spool.close()


def ended(service: Any, worker: Reads) -> Job:
    """One job when it has ended, read by this worker."""
    id = new_id()
    service.spool.uploads(id).mkdir(parents=True)
    service.queue.submit(id, "ann")

    async def run() -> Job:
        service.bell = Bell()
        at_work = Dispatch(service, [cast(Worker, worker)])
        at_work.start()
        try:
            async with asyncio.timeout(30):
                while not (job := service.queue.get(id)).final:
                    await asyncio.sleep(0.01)
        finally:
            await at_work.stop()
        return cast(Job, job)

    return asyncio.run(run())


@pytest.mark.parametrize("method", ["renew", "finish", "put_back"])
def test_a_database_that_is_away_for_a_moment_costs_one_attempt(
    service: Any, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called, real = [], {name: getattr(service.queue, name) for name in (method, "finish")}

    def away(name: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            called.append(name)
            if called.count(name) == 1:
                raise sqlite3.OperationalError("database is locked")
            return real[name](*given)

        return call

    for name in real:
        monkeypatch.setattr(service.queue, name, away(name))
    worker = Reads(well)
    assert ended(service, worker).state == "done"
    assert worker.orders >= 2


def test_a_worker_that_cannot_start_does_not_fail_the_job(service: Any) -> None:
    async def work(order: Order) -> None:
        await (no_start(order) if worker.orders < 3 else well(order))

    worker = Reads(work)
    job = ended(service, worker)
    assert (job.state, job.attempts) == ("done", 3)


def test_one_that_can_never_start_does_in_the_end(service: Any) -> None:
    job = ended(service, worker := Reads(no_start))
    assert (job.state, job.attempts, worker.orders) == ("failed", ATTEMPTS, ATTEMPTS)
    assert _error(service, job).detail == "no process could be started"


def test_what_a_service_that_died_left_in_a_shared_folder_goes_and_what_a_living_one_has_stays(
    service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.spool = spool = Spool(tmp_path / "shared", shared=True)
    monkeypatch.setattr(type(service.queue), "shared", True)
    living, known, arriving = Spool(tmp_path / "shared", shared=True), new_id(), new_id()
    died = [spool.folder / "now" / "died", spool.job(new_id())]
    for folder in (*died, living.moment(), spool.job(known), spool.job(arriving)):
        (folder / "in").mkdir(parents=True)
        for touched in (folder / "in", folder, folder.parent):
            os.utime(touched, (0, 0))
    (spool.uploads(arriving) / "audio").write_bytes(b"as much as has come")
    living.alive()
    service.queue.submit(known, "bob")
    job = ended(service, Reads(well))
    left = {p.name for p in (spool.folder / "jobs").iterdir()}
    assert left == {known, arriving, job.id}
    assert [p.name for p in (spool.folder / "now").iterdir() if p != spool._own] == [living._instance]
    spool.close()
    living.close()


def test_a_full_disk_fails_the_job_without_its_reasons(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    job = ended(service, worker := Reads(damaged))
    assert (job.state, job.attempts, worker.orders) == ("failed", 1, 1)


def test_a_job_that_breaks_the_service_again_and_again_is_given_up_and_says_so(service: Any) -> None:
    async def breaks(_: Order) -> None:
        raise RuntimeError("unforeseen")

    job = ended(service, Reads(breaks))
    assert (job.state, job.attempts) == ("failed", ATTEMPTS)
    error = _error(service, job)
    assert (error.status, error.type) == (500, "urn:demeanor:problem:fault")
    assert "5 times" in error.detail
