"""A batch read on the machines of a Ray cluster."""

from __future__ import annotations

import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from demeanor import __version__
from demeanor.bundle import sha256, shipped
from demeanor.errors import ConfigError
from demeanor.plugins import require
from demeanor.reader.executor import Line, failure, read_group
from demeanor.reader.manifest import Item
from demeanor.reader.reader import Reader, load

_TRIES = 2  # readers that a sample may cost
_IN_VAIN = 6  # readers that may be lost one after another before they are ready
_AHEAD = 4  # groups per reader that may be read before their turn to be written


@dataclass(frozen=True)
class Cluster:
    """Reads on machines that have demeanor installed, with the same bundle, and find every file under the same path.

    A reader that is lost, by itself or with its machine, is replaced, and what it read and was reading is read again.

    Attributes:
        address: of the head (`host:6379`, `ray://host:10001`), `auto` for the cluster this machine belongs to,
            `local` for one of this machine alone, which ends with the batch.
        threads: processors of one reader.
        workers: readers; 0, or too many: as many as the cluster has room for.
        offline: False lets a machine download weights that are not on it.
    """

    address: str
    threads: int = 1
    workers: int = 0
    offline: bool = True

    def lines(self, groups: Iterable[Sequence[Item]], reader: Reader, cues: frozenset[str]) -> Iterator[list[Line]]:
        """See `Executor`.

        Raises:
            MissingExtraError: Ray is not installed here.
            ConfigError: no cluster answers, it has no room, its readers do not start, or what its machines have
                installed is another version or bundle.
        """
        with _joined(self.address) as ray:
            room = sum(int(m["Resources"].get("CPU", 0)) // self.threads for m in ray.nodes() if m["Alive"])
            if not room:
                raise ConfigError(
                    f"cluster {self.address}: expected a machine with {self.threads} processors for a reader, "
                    "got none; start one, or give fewer --threads"
                )
            folder = reader.experts.bundle.folder
            model = next((name for name, own in shipped().items() if own == folder), folder.absolute())
            hired = ray.remote(RemoteReader).options(num_cpus=self.threads)
            crew = _Crew(ray, self.address, partial(hired.remote, model, self.threads, self.offline), _what(reader))
            yield from crew.lines(groups, cues, min(self.workers or room, room))


class RemoteReader:
    """What reads on another machine; nothing is loaded before it is asked for."""

    def __init__(self, model: str | Path, threads: int, offline: bool) -> None:
        self._chosen = model, threads, offline

    def what(self) -> str:
        """Version and bundle there, which is loaded."""
        self._reader = load(*self._chosen)
        return _what(self._reader)

    def read(self, group: Sequence[Item], cues: frozenset[str]) -> list[Line]:
        """The lines of a group."""
        return read_group(group, self._reader, cues)


def _what(reader: Reader) -> str:
    bundle = reader.experts.bundle
    return f"demeanor {__version__} with {bundle.name} (bundle.json {sha256(bundle.folder / 'bundle.json')[:8]})"


class _Crew:
    """The readers of a batch: who is free, and what the others read.

    Attributes:
        hire: starts one.
        what: that reads here, which the others must be too.
    """

    def __init__(self, ray: Any, address: str, hire: Callable[[], Any], what: str) -> None:
        self._ray, self._address, self._start, self._what = ray, address, hire, what
        self._new: dict[Any, Any] = {}  # what a reader says of itself, still to come → that reader
        self._busy: dict[Any, Any] = {}  # lines still to come → the reader of them
        self._idle: list[Any] = []
        self._in_vain = 0  # readers lost before they could say what they are, one after another

    def lines(self, groups: Iterable[Sequence[Item]], cues: frozenset[str], workers: int) -> Iterator[list[Line]]:
        """Lines in order; a group whose reader was lost is read again, sample by sample."""
        waiting: deque[tuple[Sequence[Item], Any, int]] = deque()
        for _ in range(workers):
            self._hire()
        for group in groups:
            waiting.append((group, self._give(group, cues), 1))
            while len(waiting) > _AHEAD * workers:
                yield from self._first(waiting, cues)
        while waiting:
            yield from self._first(waiting, cues)

    def _first(self, waiting: deque[tuple[Sequence[Item], Any, int]], cues: frozenset[str]) -> Iterator[list[Line]]:
        """The lines of the first group, or, if they were lost with their reader, its samples in its place."""
        group, answer, tries = waiting.popleft()
        try:
            yield self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as error:
            yield [failure(item, error) for item in group]
        except self._ray.exceptions.RayError:
            if tries < _TRIES:
                waiting.extendleft([([item], self._give([item], cues), tries + 1) for item in group][::-1])
            else:
                lost = ConfigError(f"{tries} readers were lost over it; read it by itself, with more memory")
                yield [failure(item, lost) for item in group]

    def _give(self, group: Sequence[Item], cues: frozenset[str]) -> Any:
        """Have a group read by the next reader that is free: its lines to come."""
        while not self._idle:
            (answer, *_), _ = self._ray.wait([*self._new, *self._busy], num_returns=1, fetch_local=False)
            if answer in self._new:
                self._welcome(self._new.pop(answer), answer)
            else:
                self._dismiss(self._busy.pop(answer), answer)
        reader = self._idle.pop()
        answer = reader.read.remote([_absolute(item) for item in group], cues)
        self._busy[answer] = reader
        return answer

    def _hire(self) -> None:
        reader = self._start()
        self._new[reader.what.remote()] = reader

    def _welcome(self, reader: Any, answer: Any) -> None:
        """A new reader is free, if it is the same as here; one that was lost is replaced."""
        errors, why = self._ray.exceptions, f"cluster {self._address}: expected {self._what} on each machine, got "
        try:
            what = self._ray.get(answer)
        except errors.RayError as error:
            self._in_vain += 1
            unfit = isinstance(error, errors.RayTaskError) or getattr(error, "actor_init_failed", False)
            if unfit or self._in_vain > _IN_VAIN:
                raise ConfigError(f"{why}{str(error).strip().splitlines()[-1]}") from error
            self._hire()
            return
        if what != self._what:
            raise ConfigError(f"{why}{what}; install the same there")
        self._in_vain = 0
        self._idle.append(reader)

    def _dismiss(self, reader: Any, answer: Any) -> None:
        """A reader that has done its work is free; one that was lost is replaced."""
        try:
            self._ray.get(answer)
        except self._ray.exceptions.RayTaskError:
            pass  # its group says so
        except self._ray.exceptions.RayError:
            self._hire()
            return
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
