"""Short texts, read in this process: what arrives while batches are read makes up the next ones."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from demeanor.reader.analysis import Analysis
from demeanor.reader.inputs import Parts
from demeanor.reader.reader import Reader

MOST = 16
"""Texts in one batch; larger ones cost as much a text, and make the first of them wait."""

FEW = 4
"""Texts that wait before another core takes a batch too."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    parts: Parts
    cues: frozenset[str]
    id: str
    answer: asyncio.Future[Analysis]


class Texts:
    """Reads texts in batches, so that many small requests cost less than each by itself.

    A text alone costs up to twice what it costs in a batch. So what arrives while one batch is read makes up the next,
    and another core reads one as well only where more than a few wait. Each is read on one thread: two on one batch
    wait busily for one another.

    Args:
        reader: whose words expert reads them; of one thread.
        cores: batches read at the same time, at most.
    """

    def __init__(self, reader: Reader, cores: int = 1) -> None:
        self._reader, self._cores = reader, cores
        self._waiting: list[_Waiting] = []
        self._threads = ThreadPoolExecutor(cores, thread_name_prefix="texts")
        self._active = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def depth(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def read(self, parts: Parts, cues: frozenset[str], id: str) -> Analysis:
        """The analysis of one text.

        Raises:
            InputError: it cannot be read.
        """
        answer: asyncio.Future[Analysis] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(parts, cues, id, answer))
        if self._active < self._wanted():
            self._active += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _wanted(self) -> int:
        """How many batches should be read at the same time."""
        return min(self._cores, 1 + len(self._waiting) // FEW) if self._waiting else 0

    async def _run(self) -> None:
        """Read batches until fewer are wanted."""
        loop = asyncio.get_running_loop()
        try:
            while self._active <= self._wanted():
                batch = self._batch()
                answers = await loop.run_in_executor(self._threads, self._read, batch)
                for waiting, found in zip(batch, answers, strict=True):
                    if waiting.answer.done():
                        continue  # its client has gone
                    if isinstance(found, Analysis):
                        waiting.answer.set_result(found)
                    else:
                        waiting.answer.set_exception(found)
        finally:
            self._active -= 1

    def _batch(self) -> list[_Waiting]:
        """The first of those that wait, and its share of the others that ask for the same."""
        cues = self._waiting[0].cues
        alike = [w for w in self._waiting if w.cues == cues]
        batch = alike[: min(MOST, max(FEW, -(-len(alike) // self._cores)))]
        taken = set(map(id, batch))
        self._waiting = [w for w in self._waiting if id(w) not in taken]
        return batch

    def _read(self, batch: list[_Waiting]) -> list[Analysis | Exception]:
        try:
            parts, ids = [w.parts for w in batch], [w.id for w in batch]
            return list(self._reader.read_texts(parts, batch[0].cues, ids, [None] * len(batch)))
        except Exception as error:
            if len(batch) == 1:
                return [error]
            return [found for waiting in batch for found in self._read([waiting])]
