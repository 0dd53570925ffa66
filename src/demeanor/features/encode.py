"""Many samples through one encoder: what is stored already is read, the rest computed, in parallel where it pays."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from demeanor.encoders._encoder import Encoder
from demeanor.errors import ConfigError, DataError, InputError
from demeanor.features import digest
from demeanor.types import Sample

if TYPE_CHECKING:
    from demeanor.features.store import Store

_PAYS = 16
"""Samples to compute from which several processes start: each takes about a second to load."""

_CHUNK = 8
"""Samples a process takes at a time: neighbours, which often share a file."""

Value = NDArray[Any] | None
Jobs = list[tuple[int, Sample, str]]
"""(row, sample, key)."""

Done = tuple[int, Value, str | None, str | None]
"""(row, value, what is wrong with the sample, why the value could not be stored)."""


class EncodeWarning(UserWarning):
    """Some samples could not be encoded (the message counts and names them), or what was encoded not be stored."""


class Encoded(list[Value]):
    """One value per sample, in order; `warnings` says what could not be read, a line per sample."""

    def __init__(self, values: Iterable[Value] = (), warnings: Sequence[str] = ()) -> None:
        super().__init__(values)
        self.warnings = list(warnings)


def encode_all(
    samples: Sequence[Sample], encoder: Encoder, store: Store | None = None, workers: int | None = None,
    progress: bool | None = None, *, fitted_ids: Collection[str] = (),
) -> Encoded:  # fmt: skip
    """Every sample's value, from the store or into it.

    Args:
        samples: of any number.
        encoder: fitted, if it learns.
        store: default the user's.
        workers: processes for encoders that are worth it; default one per processor. Started from a script, the script
            must keep its work under `if __name__ == "__main__":`.
        progress: whether to show a bar on stderr; default where somebody watches.
        fitted_ids: the ids of the samples it was fitted on.

    Returns:
        A value per sample; None where it lacks the modality, or its file cannot be read: that is told by an
        `EncodeWarning` and in `warnings`. What cannot be stored is told by an `EncodeWarning` too.

    Raises:
        ConfigError: a value cannot be stored, and the store says that it must be.
    """
    from demeanor.features.store import Store as _Store

    store = store or _Store()
    values, jobs, faults = _from_store(samples, encoder, store, fitted_ids)
    if jobs:
        try:
            store.remember(encoder)
        except ConfigError as error:
            store.go_on(error)
    shown = sys.stderr.isatty() if progress is None else progress
    with _bar(digest.name_of(encoder), len(jobs), shown) as step:
        for row, value, fault, unkept in _computed(jobs, encoder, store, workers):
            values[row] = value
            if unkept:
                store.go_on(ConfigError(unkept))
            if fault:
                faults[row] = fault
            step()
    told = [f"{digest.name_of(encoder)}: {faults[row]}" for row in sorted(faults)]
    if told:
        more = f" … and {len(told) - 3} more" if len(told) > 3 else ""
        warnings.warn(
            f"{len(told)} of {len(samples)} samples could not be encoded: {'; '.join(told[:3])}{more}",
            EncodeWarning, stacklevel=2,
        )  # fmt: skip
    return Encoded(values, told)


def _from_store(
    samples: Sequence[Sample], encoder: Encoder, store: Store, ids: Collection[str]
) -> tuple[list[Value], Jobs, dict[int, str]]:
    """Values that are there, what is left to compute, and what cannot be read, by row."""
    name, keys = digest.name_of(encoder), store.keys(encoder, ids)
    values: list[Value] = [None] * len(samples)
    jobs: Jobs = []
    faults: dict[int, str] = {}
    for row, sample in enumerate(samples):
        try:
            key = keys.of(sample)
            if key is not None:
                values[row] = store.read(name, key)
        except KeyError:
            jobs.append((row, sample, str(key)))
        except (InputError, DataError, OSError) as error:
            faults[row] = _fault(sample, error)
    return values, jobs, faults


def _computed(jobs: Jobs, encoder: Encoder, store: Store, workers: int | None) -> Iterator[Done]:
    """What came of every job, in any order."""
    count = min(_processors() if workers is None else max(1, workers), len(jobs) // _CHUNK)
    if not encoder.parallel or count < 2 or (workers is None and len(jobs) < _PAYS):
        yield from (_one(job, encoder, store) for job in jobs)
        return
    here = [job for job in jobs if not _travels(job[1])]
    left = {job[0]: job for job in jobs if _travels(job[1])}
    name = digest.name_of(encoder)
    try:
        for done in _pooled(list(left.values()), encoder, store, count):
            row, _, fault, unkept = done
            job = left.pop(row)
            yield done if fault or unkept else (row, _read(store, name, job, encoder), None, None)
    except BrokenProcessPool:
        warnings.warn(
            f"{name}: the worker processes ended early (out of memory, or a script without "
            'if __name__ == "__main__":); the rest is encoded in this process',
            EncodeWarning, stacklevel=3,
        )  # fmt: skip
    yield from (_one(job, encoder, store) for job in [*left.values(), *here])


def _pooled(jobs: Jobs, encoder: Encoder, store: Store, count: int) -> Iterator[Done]:
    from multiprocessing import get_context

    # Forking would copy the threads' locks of numpy, OpenCV and FFmpeg.
    pool = ProcessPoolExecutor(count, get_context("spawn"), _start, (encoder, store))
    try:
        chunks = [jobs[i : i + _CHUNK] for i in range(0, len(jobs), _CHUNK)]
        for done in as_completed([pool.submit(_chunk, chunk) for chunk in chunks]):
            yield from done.result()
    finally:
        pool.shutdown(cancel_futures=True)


_HELD: dict[str, Any] = {}


def _start(encoder: Encoder, store: Store) -> None:
    """In a worker: one thread each, for there is a worker per processor."""
    import cv2

    cv2.setNumThreads(1)
    _HELD.update(encoder=encoder, store=store)


def _chunk(jobs: Jobs) -> list[Done]:
    """In a worker: values go to the store, where the parent finds them, or to the parent where that takes none."""
    done = (_one(job, _HELD["encoder"], _HELD["store"]) for job in jobs)
    return [(row, value if unkept else None, fault, unkept) for row, value, fault, unkept in done]


def _one(job: tuple[int, Sample, str], encoder: Encoder, store: Store) -> Done:
    row, sample, key = job
    try:
        value = encoder.encode(sample)
    except (InputError, DataError, OSError) as error:
        return row, None, _fault(sample, error), None
    try:
        store.write(digest.name_of(encoder), key, value)
    except ConfigError as error:
        if store.required:
            raise
        return row, value, None, str(error)
    return row, value, None, None


def _read(store: Store, name: str, job: tuple[int, Sample, str], encoder: Encoder) -> Value:
    try:
        return store.read(name, job[2])
    except KeyError:  # somebody emptied the store meanwhile
        return _one(job, encoder, store)[1]


def _travels(sample: Sample) -> bool:
    """Whether a sample can be sent to another process: not with an open file."""
    return not any(isinstance(s, io.IOBase) or hasattr(s, "read") for s in (sample.image, sample.audio, sample.video))


def _fault(sample: Sample, error: BaseException) -> str:
    text = str(error)
    return text if f"'{sample.id}'" in text else f"sample '{sample.id}': {text}"


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _bar(what: str, count: int, shown: bool) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr; nothing where there is nothing to do or nobody to see it."""
    if not shown or not count:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, transient=console.is_terminal) as progress:
        task = progress.add_task(what, total=count)
        yield lambda: progress.advance(task)
