"""Worker processes seen from the service: started, given orders, watched, replaced."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demeanor.serve.log import log
from demeanor.serve.problem import Problem, fault
from demeanor.serve.settings import Settings

Told = Callable[[float, str], None]
"""Takes progress from 0 to 1, and what is being read."""

_START = 300.0  # seconds that loading the models may take, on a machine that is busy with other things
_ORDERS = 500  # after which a worker is replaced, whatever leaks it may have
_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is to read, and where it puts the result, with a report in each of these languages."""

    folder: Path
    out: Path
    seconds: float
    reports: tuple[str, ...] = ("en", "zh")


class Crash(Exception):
    """A worker died of an order."""


class Worker:
    """One process, started when first needed, and anew after it died or has worked long enough.

    Args:
        settings: of the service.
        threads: processor threads it may use.
        replaced: told why whenever it is replaced.
    """

    def __init__(self, settings: Settings, threads: int, replaced: Callable[[str], None]) -> None:
        self._settings, self._threads, self._replaced = settings, threads, replaced
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._orders = 0
        self._warming: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def ready(self) -> bool:
        """Whether it could read at once."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Of its process."""
        return self._process.pid if self.ready and self._process else None

    def warm(self) -> None:
        """Start it in the background."""
        if self._warming is None or self._warming.done():
            self._warming = asyncio.create_task(self.warmed())

    async def carry_out(
        self, order: Order, told: Told | None = None, begins: Callable[[], object] | None = None
    ) -> None:
        """Read one sample; the result lies in the order's folder then.

        Args:
            order: what to read.
            told: takes its progress.
            begins: called when its turn has come. Who calls it off before takes nothing from the others, later on the
                process has to be replaced.

        Raises:
            Problem: it cannot be read, took too long, too much memory, or killed the worker.
        """
        async with self._lock:
            if begins is not None:
                begins()
            await self._started()
            try:
                async with asyncio.timeout(order.seconds):
                    await self._follow(order, told)
            except TimeoutError as error:
                await self._replace("timeout")
                raise Problem(
                    413, "too-long", f"expected a sample that is read in {order.seconds:.0f} s, got one that takes "
                    "longer; cut it, or send it as a job"
                ) from error  # fmt: skip
            except Crash as error:
                await self._replace("crash")
                raise Problem(
                    422, "unreadable", "the process that read this sample died of it: it is damaged, or needs more "
                    "memory than a sample may take; check the file, or send a smaller one"
                ) from error  # fmt: skip
            except asyncio.CancelledError:
                await self._replace("cancelled")
                raise

    async def stop(self) -> None:
        """End the process, for good."""
        self._stopped = True
        if self._warming is not None:
            self._warming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._warming
        await self._kill()

    async def warmed(self) -> None:
        """Start it and wait until it is ready; a failure shows at the first order."""
        with contextlib.suppress(Problem):
            async with self._lock:
                await self._started()

    async def _started(self) -> None:
        if self.ready:
            return
        if self._stopped:
            raise Problem(503, "not-ready", "this service is about to stop; try again later")
        try:
            self._process = await self._spawned()
            self._orders = 0
            async with asyncio.timeout(_START):
                await self._line()
        except (OSError, Crash) as error:  # no memory, processes or files left; or it was not there in time
            await self._replace("no start", again=False)
            raise Problem(503, "not-ready", "no process could be started to read this; try again later") from error
        except asyncio.CancelledError:
            await asyncio.shield(self._kill())
            raise

    async def _spawned(self) -> asyncio.subprocess.Process:
        """A new process; whoever calls it off while it begins does not leave it behind."""
        own = self._settings
        beginning = asyncio.ensure_future(asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "demeanor.serve.worker",
            own.model, str(self._threads), str(own.memory), str(os.getpid()),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True, limit=_LINE, env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        ))  # fmt: skip
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                process = await beginning
                process.kill()
                await process.wait()
            raise

    async def _follow(self, order: Order, told: Told | None) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        said = {
            "folder": str(order.folder), "out": str(order.out), "seconds": order.seconds, "reports": order.reports,
            "media_seconds": self._settings.media_seconds, "longest": self._settings.longest,
        }  # fmt: skip
        with contextlib.suppress(ConnectionError):  # its death shows where it is to answer
            self._process.stdin.write(json.dumps(said).encode() + b"\n")
            await self._process.stdin.drain()
        self._orders += 1
        while True:
            answer = await self._line()
            if "progress" in answer:
                if told is not None:
                    told(answer["progress"], answer["stage"])
                continue
            if answer.get("spent") or self._orders >= _ORDERS or answer.get("resident", 0) > self._settings.memory / 2:
                await self._replace("worked long enough")
            if "fault" in answer:
                log("fault", where=answer["fault"])
                raise fault()
            if "error" in answer:
                raise Problem(answer["error"]["status"], answer["error"]["kind"], answer["error"]["message"])
            return

    async def _line(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            line = await self._process.stdout.readline()
        except ValueError as error:  # longer than any answer is
            raise Crash from error
        if not line.endswith(b"\n"):
            raise Crash
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _replace(self, why: str, again: bool = True) -> None:
        self._replaced(why)
        began = time.monotonic()
        await asyncio.shield(self._kill())
        log("worker", outcome=why, seconds=round(time.monotonic() - began, 2))
        if again:
            self.warm()

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
