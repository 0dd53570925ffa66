"""Short texts, read in this process: what arrives while batches are read makes up the next ones."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from demeanor.reader.analysis import Analysis
from demeanor.reader.inputs import Parts
from demeanor.reader.reader import Reader

MOST = 8
"""Texts in one batch; larger ones cost as much a text, and more memory."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    parts: Parts
    cues: frozenset[str]
    id: str
    answer: asyncio.Future[Analysis]


class Texts:
    """Reads texts in batches, so that many small requests cost less than each by itself.

    One batch per core, each on one thread: two threads on one batch take more processor time, for they wait busily
    for one another.

    Args:
        reader: whose words expert reads them; of one thread.
        cores: batches read at the same time.
    """

    def __init__(self, reader: Reader, cores: int = 1) -> None:
        self._reader, self._cores = reader, cores
        self._waiting: list[_Waiting] = []
        self._threads = ThreadPoolExecutor(cores, thread_name_prefix="texts")
        self._running: set[asyncio.Task[None]] = set()

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
        if len(self._running) < self._cores:
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await answer

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        """Read what waits until nothing does."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._batch()
            answers = await loop.run_in_executor(self._threads, self._read, batch)
            for waiting, found in zip(batch, answers, strict=True):
                if waiting.answer.done():
                    continue  # its client has gone
                if isinstance(found, Analysis):
                    waiting.answer.set_result(found)
                else:
                    waiting.answer.set_exception(found)

    def _batch(self) -> list[_Waiting]:
        """A fair part of what waits: the others may read at the same time."""
        cues = self._waiting[0].cues
        alike = [w for w in self._waiting if w.cues == cues]
        batch = alike[: min(MOST, -(-len(alike) // self._cores))]
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
