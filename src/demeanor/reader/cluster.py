"""A batch read on the machines of a Ray cluster."""

from __future__ import annotations

import contextlib
import os
import socket
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demeanor import __version__
from demeanor.errors import ConfigError
from demeanor.plugins import require
from demeanor.reader.executor import Line, failure, read_group
from demeanor.reader.manifest import Item
from demeanor.reader.reader import Reader, load

_TRIES = 2  # readers that a sample may cost
_AHEAD = 4  # groups per reader that may be read before their turn to be written


@dataclass(frozen=True)
class Cluster:
    """Reads on machines that have demeanor installed and find every file under the same path.

    A reader that is lost with its machine is replaced, and what it was reading is read again.

    Attributes:
        address: of the head (`host:6379`, `ray://host:10001`), `auto` for the cluster this machine belongs to,
            `local` for one of this machine alone, which ends with the batch.
        model: name or folder of the bundle, there as here.
        threads: processors of one reader.
        workers: readers; 0, or too many: as many as the cluster has room for.
    """

    address: str
    model: str = "base"
    threads: int = 1
    workers: int = 0

    def lines(self, groups: Iterable[Sequence[Item]], reader: Reader, cues: frozenset[str]) -> Iterator[list[Line]]:
        """See `Executor`.

        Raises:
            MissingExtraError: Ray is not installed here.
            ConfigError: no cluster answers, it has no room, or what its machines have installed is another version or
                bundle.
        """
        with _joined(self.address) as ray:
            room = sum(int(m["Resources"].get("CPU", 0)) // self.threads for m in ray.nodes() if m["Alive"])
            if not room:
                raise ConfigError(
                    f"cluster {self.address}: expected a machine with {self.threads} processors for a reader, "
                    "got none; start one, or give fewer --threads"
                )
            crew = _Crew(ray, self, reader.experts.bundle.name, min(self.workers or room, room))
            yield from crew.lines(groups, cues)


class RemoteReader:
    """What reads on another machine; nothing is loaded before it is asked for."""

    def __init__(self, model: str, threads: int) -> None:
        self._model, self._threads = model, threads

    def about(self) -> tuple[str, str]:
        """Version of demeanor and name of the bundle there, which is loaded."""
        self._reader = load(self._model, threads=self._threads)
        return __version__, self._reader.experts.bundle.name

    def read(self, group: Sequence[Item], cues: frozenset[str]) -> list[Line]:
        """The lines of a group."""
        return read_group(group, self._reader, cues)


class _Crew:
    """The readers of a batch: who is free, and what the others read."""

    def __init__(self, ray: Any, cluster: Cluster, bundle: str, workers: int) -> None:
        self._ray, self._cluster, self._bundle, self._workers = ray, cluster, bundle, workers
        self._hired = ray.remote(RemoteReader).options(num_cpus=cluster.threads)
        self._new: dict[Any, Any] = {}  # what a reader says of itself, still to come → that reader
        self._busy: dict[Any, Any] = {}  # lines still to come → the reader of them
        self._idle: list[Any] = []
        for _ in range(workers):
            self._hire()

    def lines(self, groups: Iterable[Sequence[Item]], cues: frozenset[str]) -> Iterator[list[Line]]:
        """Lines in order; a group whose reader was lost is read again, sample by sample."""
        waiting: deque[tuple[Sequence[Item], Any, int]] = deque()
        for group in groups:
            waiting.append((group, self._give(group, cues), 1))
            while len(waiting) > _AHEAD * self._workers:
                yield from self._first(waiting, cues)
        while waiting:
            yield from self._first(waiting, cues)

    def _first(self, waiting: deque[tuple[Sequence[Item], Any, int]], cues: frozenset[str]) -> Iterator[list[Line]]:
        """The lines of the first group, or, if its reader was lost, its samples in its place."""
        group, answer, tries = waiting.popleft()
        try:
            yield self._ray.get(answer)
        except self._ray.exceptions.RayActorError:
            if tries < _TRIES:
                waiting.extendleft([([item], self._give([item], cues), tries + 1) for item in group][::-1])
            else:
                lost = ConfigError(f"{tries} readers were lost over it; read it by itself, with more memory")
                yield [failure(item, lost) for item in group]
        except self._ray.exceptions.RayError as error:
            yield [failure(item, error) for item in group]

    def _give(self, group: Sequence[Item], cues: frozenset[str]) -> Any:
        """Have a group read by the next reader that is free: its lines to come."""
        while not self._idle:
            (answer, *_), _ = self._ray.wait([*self._new, *self._busy], num_returns=1)
            if answer in self._new:
                self._welcome(self._new.pop(answer), answer)
            else:
                self._dismiss(self._busy.pop(answer), answer)
        reader = self._idle.pop()
        answer = reader.read.remote([_absolute(item) for item in group], cues)
        self._busy[answer] = reader
        return answer

    def _hire(self) -> None:
        reader = self._hired.remote(self._cluster.model, self._cluster.threads)
        self._new[reader.about.remote()] = reader

    def _welcome(self, reader: Any, answer: Any) -> None:
        """A new reader is free, if it is the same as here."""
        errors = self._ray.exceptions
        ours, place = (f"demeanor {__version__}", self._bundle), f"cluster {self._cluster.address}"
        try:
            version, bundle = self._ray.get(answer)
            theirs = (f"demeanor {version}", bundle)
        except errors.RayError as error:
            if isinstance(error, errors.RayActorError) and not error.actor_init_failed:  # its machine was lost
                self._hire()
                return
            why = str(error).strip().splitlines()[-1]
            raise ConfigError(f"{place}: expected {' with '.join(ours)} on each machine, got {why}") from error
        if theirs != ours:
            got = " with ".join(theirs)
            raise ConfigError(
                f"{place}: expected {' with '.join(ours)} on each machine, got {got}; install the same there"
            )
        self._idle.append(reader)

    def _dismiss(self, reader: Any, answer: Any) -> None:
        """A reader that has done its work is free; one that was lost is replaced."""
        try:
            self._ray.get(answer)
        except self._ray.exceptions.RayActorError:
            self._hire()
            return
        except self._ray.exceptions.RayError:
            pass  # its group says so
        self._idle.append(reader)


def _absolute(item: Item) -> Item:
    """The sample with paths that mean the same in every working folder."""
    given = {name: part.absolute() if isinstance(part, Path) else part for name, part in item.given.items()}
    return replace(item, given=given)


@contextlib.contextmanager
def _joined(address: str) -> Iterator[Any]:
    """Ray, connected to a cluster; a connection of the program's own is used and left as it is."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else a cluster begun here reports to its maker
    ray = require("ray", "ray", "reading on a cluster")
    if ray.is_initialized():
        yield ray
        return
    try:
        _knock(address)
        ray.init(address=address, logging_level="error", log_to_driver=False)
    except (OSError, RuntimeError, ValueError) as error:
        why = " ".join(str(error).split())
        raise ConfigError(
            f"cluster {address}: expected a Ray cluster to answer there, got: {why:.200}; `ray start --head` begins one"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Fail at once where nothing listens, for which Ray waits minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host:
        socket.create_connection((host, int(port)), timeout=10).close()
