"""What a running service holds; every route finds it at `request.app.state.service`."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

from starlette.requests import HTTPConnection

from demeanor.reader.reader import Reader, load
from demeanor.serve.database import open_database
from demeanor.serve.dispatch import Bell, Dispatch
from demeanor.serve.keys import Keys
from demeanor.serve.limits import Rates
from demeanor.serve.line import Line
from demeanor.serve.log import log
from demeanor.serve.metrics import Metrics
from demeanor.serve.pool import Worker
from demeanor.serve.queue import Queue
from demeanor.serve.sessions import Sessions
from demeanor.serve.settings import Settings
from demeanor.serve.spool import Spool
from demeanor.serve.texts import Texts
from demeanor.serve.worker import place


class Service:
    """The parts of a running service.

    Attributes:
        settings: as it was started.
        reader: in this process, for texts and for live readings; media of strangers are not decoded with it.
        texts: reads short texts in batches.
        keys: None where no key is asked for.
        rates: how often each owner may ask.
        lives: live sessions.
        line: who waits for an answer at once.
        metrics: what is counted.
        spool: uploads and results on disk.
        queue: the jobs.
        bell: rung when a job changes.
        now: reads what `POST /v1/analyze` brings.
        workers: all worker processes, `now` among them.
        warmed: whether the models are loaded, or could not be.
        failed: where in the code the loading of the models broke off; None where it did not.
    """

    def __init__(self, settings: Settings) -> None:
        settings.check()
        self.settings = settings
        self.keys = Keys(settings.keys) if settings.keys is not None else None
        self.rates, self.line, self.metrics = Rates(), Line(), Metrics()
        cores = _cores()
        self.reader: Reader = load(settings.model, settings.threads or 1)
        self.texts, self.lives = Texts(self.reader, cores), Sessions()
        self.spool = Spool(settings.folder, shared=settings.database is not None)
        self.queue = Queue(open_database(settings.database, self.spool.folder), settings.keep, settings.keep_fetched)
        each = settings.threads or max(1, cores // settings.workers)

        def replaced(why: str) -> None:
            self.metrics.replaced.labels(why).inc()

        self.workers = [Worker(settings, each, replaced) for _ in range(settings.workers + 1)]
        self.now = self.workers[0]
        self.warmed = False
        self.failed: str | None = None

    async def start(self) -> None:
        """Take up what an earlier service left, and begin to work."""
        self.bell = Bell()
        self._dispatch = Dispatch(self, self.workers[1:])
        for id in await asyncio.to_thread(self.queue.recover):
            self.spool.finished(id, None)
        self.spool.tidy(await asyncio.to_thread(self.queue.ids))
        self._warming = asyncio.create_task(self._warm())
        self._dispatch.start()

    async def stop(self) -> None:
        """End everything that was begun; jobs that are being read go back into the queue."""
        self._warming.cancel()
        with suppress(asyncio.CancelledError):
            await self._warming
        await self.lives.stop()
        await self._dispatch.stop()
        await asyncio.gather(*(worker.stop() for worker in self.workers))
        self.texts.close()
        self.queue.close()
        self.spool.close()

    async def _warm(self) -> None:
        if self.settings.warm:
            try:
                await asyncio.to_thread(lambda: self.reader.experts.words)
            except Exception as error:  # told again, to whom it concerns, when it is needed
                self.failed = place(error)
                log("fault", where=self.failed)
            for worker in self.workers:
                await worker.warmed()
        self.warmed = True


def service_of(connection: HTTPConnection) -> Service:
    """The service that a request or WebSocket belongs to."""
    found: Service = connection.app.state.service
    return found


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
