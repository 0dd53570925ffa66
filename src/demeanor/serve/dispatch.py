"""Takes jobs out of the queue and has them read; keeps the leases, and deletes what has had its time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from demeanor.serve.log import log
from demeanor.serve.pool import Order, Worker
from demeanor.serve.problem import Problem, fault
from demeanor.serve.queue import ATTEMPTS, LEASE, Job, State
from demeanor.serve.spool import delete
from demeanor.serve.worker import place

if TYPE_CHECKING:
    from demeanor.serve.service import Service

_EVERY = 0.5  # seconds between two looks at a running job: its progress is written down, a wish to stop it seen
_PURGE = 5.0
_SWEEP = 60.0  # seconds between two looks at what services that died have left in a folder they shared
_PAUSE = 5.0  # after a fault: a machine that is short of memory, or a database that is away, may come round
_LOOK = 1.0  # seconds between two looks into a queue that others fill too


class Bell:
    """Rung when something about a job has changed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake everyone who waits."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Until it rings, or so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)


class Dispatch:
    """One task per worker, and one that tidies up.

    Args:
        service: whose queue, spool and settings they are.
        workers: that read jobs.
    """

    def __init__(self, service: Service, workers: list[Worker]) -> None:
        self._service, self._workers = service, workers
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(_for_ever(lambda w=w: self._next(w))) for w in self._workers]  # type: ignore[misc]
        self._tasks.append(asyncio.create_task(_for_ever(self._tidy)))
        if self._service.queue.shared:
            self._tasks.append(asyncio.create_task(_for_ever(self._sweep)))

    async def stop(self) -> None:
        """Give back what is being read, and end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _next(self, worker: Worker) -> None:
        job = await asyncio.to_thread(self._service.queue.take)
        if job is None:
            await self._service.bell.wait(_LOOK if self._service.queue.shared else 60.0)
            return
        self._service.bell.ring()
        reading = asyncio.create_task(self._read(job, worker))
        try:
            await asyncio.shield(reading)
        except asyncio.CancelledError:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await asyncio.to_thread(self._service.queue.give_back, job)
            raise
        except Exception:  # the job is not left running with nobody who reads it
            await self._put_back(job)
            await asyncio.sleep(_PAUSE)
            raise

    async def _put_back(self, job: Job) -> None:
        """Let a job be begun anew, as soon as the database answers."""
        while True:
            try:
                await asyncio.to_thread(self._service.queue.put_back, job)
                self._service.bell.ring()
                return
            except Exception as error:
                log("fault", where=place(error))
                await asyncio.sleep(_PAUSE)

    async def _read(self, job: Job, worker: Worker) -> None:
        """Have one job read, and close it."""
        spool, began = self._service.spool, time.monotonic()
        assert job.claim is not None
        out = spool.result(job.id, job.claim)
        order = Order(spool.uploads(job.id), out, self._service.settings.seconds)
        state = await self._followed(job, worker, order)
        if state == "cancelled":
            delete(out)
        if not await asyncio.to_thread(self._service.queue.finish, job, state):
            delete(out)
            if await asyncio.to_thread(self._service.queue.get, job.id) is None:  # deleted by its owner meanwhile
                delete(spool.job(job.id))
        else:
            spool.finished(job.id, job.claim)
            self._service.metrics.finished.labels(state).inc()
            self._service.metrics.job_seconds.observe(time.monotonic() - began)
            log("job", key=job.owner, state=state, seconds=round(time.monotonic() - began, 2))
        self._service.bell.ring()

    async def _followed(self, job: Job, worker: Worker, order: Order) -> State:
        """Read, while the lease is renewed; how it ended. What went wrong lies in error.json."""
        far: list[tuple[float, str | None]] = [(0.0, None)]
        reading = asyncio.create_task(worker.carry_out(order, lambda part, stage: far.append((part, stage))))
        try:
            renewed = written = (time.monotonic(), far[-1])
            while not reading.done():
                await asyncio.wait([reading], timeout=_EVERY)
                now, latest = time.monotonic(), far[-1]
                far[:] = [latest]
                if not await asyncio.to_thread(self._service.queue.renew, job, *latest):
                    return "cancelled"
                if latest != written[1]:
                    written = (now, latest)
                    self._service.bell.ring()
                renewed = (now, latest) if now - renewed[0] > LEASE / 3 else renewed
            await reading
            return "done"
        except Problem as problem:
            if problem.kind == "not-ready" and job.attempts < ATTEMPTS:
                raise  # no process could be started, which is not the sample's fault
            return self._failed(order, problem)
        except OSError as error:
            log("fault", where=place(error))
            return self._failed(order, fault())
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    def _failed(self, order: Order, problem: Problem) -> State:
        delete(order.out)
        with contextlib.suppress(OSError):  # a full disk keeps no reasons
            order.out.mkdir(mode=0o700, parents=True, exist_ok=True)
            (order.out / "error.json").write_text(json.dumps(problem.to_dict()), encoding="utf-8")
        return "failed"

    async def _tidy(self) -> None:
        """Delete results and jobs that have had their time; take up what others left behind."""
        service = self._service
        for id in service.spool.with_uploads():
            job = await asyncio.to_thread(service.queue.get, id)
            if job is not None and job.final:  # a service that died between the end of a job and its tidying up
                service.spool.finished(id, job.result)
        results, whole = await asyncio.to_thread(service.queue.over)
        for id in results:
            service.spool.finished(id, None)
        for id in whole:
            delete(service.spool.job(id))
        if service.queue.shared:
            for id in await asyncio.to_thread(service.queue.recover):
                delete(service.spool.job(id))
        if results or whole:
            service.bell.ring()
        await asyncio.sleep(min(_PURGE, max(0.2, service.settings.keep_fetched), service.settings.keep))

    async def _sweep(self) -> None:
        """Delete what services that died have left in the folder they shared, and do not be taken for one of them."""
        await asyncio.to_thread(self._service.spool.alive)
        await asyncio.to_thread(self._service.spool.tidy, await asyncio.to_thread(self._service.queue.ids))
        await asyncio.sleep(_SWEEP)


async def _for_ever(step: Callable[[], Awaitable[None]]) -> None:
    """Again and again; a fault costs one turn and is logged."""
    while True:
        try:
            await step()
        except asyncio.CancelledError:
            raise
        except (Exception, sqlite3.Error) as error:
            log("fault", where=place(error))
            await asyncio.sleep(1.0)
