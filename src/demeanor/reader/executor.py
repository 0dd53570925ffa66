"""Where a batch is read: here, by threads of this process; on other machines by `reader/cluster.py`."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from demeanor.reader.inputs import Parts, gather
from demeanor.reader.manifest import Item
from demeanor.reader.reader import Reader

Line = dict[str, Any]


class Executor(Protocol):
    """Reads samples that come in groups: texts together, media by themselves."""

    def lines(self, groups: Iterable[Sequence[Item]], reader: Reader, cues: frozenset[str]) -> Iterator[list[Line]]:
        """A line for each sample, in order, some at a time."""


@dataclass(frozen=True)
class Threads:
    """Reads here, `workers` groups at the same time."""

    workers: int = 1

    def lines(self, groups: Iterable[Sequence[Item]], reader: Reader, cues: frozenset[str]) -> Iterator[list[Line]]:
        """See `Executor`."""
        if self.workers == 1:
            for group in groups:
                yield read_group(group, reader, cues)
            return
        pool = ThreadPoolExecutor(self.workers)
        waiting: deque[Future[list[Line]]] = deque()
        try:
            for group in groups:
                waiting.append(pool.submit(read_group, group, reader, cues))
                if len(waiting) > 2 * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # stopped, nothing more is begun
            pool.shutdown(cancel_futures=True)


def read_group(group: Sequence[Item], reader: Reader, cues: frozenset[str]) -> list[Line]:
    """The lines of samples that are read together; one that fails costs its own only."""
    lines: dict[str, Line] = {}
    good: list[tuple[Item, Parts]] = []
    for item in group:
        try:
            item.check()
            start, end = item.seconds
            parts = gather(**item.given, language=item.language, start=start, end=end)
            if item.note is not None:
                parts = replace(parts, warnings=(*parts.warnings, item.note))
            good.append((item, parts))
        except Exception as error:  # whatever a sample does, it costs that sample only
            lines[item.id] = failure(item, error)
    if len(good) > 1:
        with contextlib.suppress(Exception):  # then one by one, to find out which it is
            read = reader.read_texts([p for _, p in good], cues, [i.id for i, _ in good], [i.sample for i, _ in good])
            lines.update((analysis.id, analysis.to_dict()) for analysis in read)
    for item, parts in good:
        if item.id not in lines:
            try:
                lines[item.id] = reader.read(parts, cues, id=item.id, sample=item.sample).to_dict()
            except Exception as error:
                lines[item.id] = failure(item, error)
    return [lines[item.id] for item in group]


def failure(item: Item, error: Exception) -> Line:
    """The line of a sample that failed."""
    message = " ".join(str(error).split()) or "no reason was given"
    return {"id": item.id, "error": {"type": type(error).__name__, "message": message}}
