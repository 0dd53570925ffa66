"""Many samples into one file of lines, in order; killed at any time, it goes on where it stopped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError
from demeanor.media.kind import KNOWN_EXTENSIONS, is_subtitles
from demeanor.media.source import is_regular, resolved
from demeanor.reader.executor import Executor, Line, Threads
from demeanor.reader.inputs import chosen_cues
from demeanor.reader.manifest import Item, read_items
from demeanor.reader.reader import Reader
from demeanor.reader.record import SCHEMA
from demeanor.types import CUES

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]

_TOGETHER = 256  # texts read in one batch
_CHARACTERS = 500_000  # of texts in one batch
# How the lines begin that a batch writes: of a reading, and of a failure, whose id a kill may cut.
_READING = f'{{"schema": "{SCHEMA}", '.encode()
_FAILURE = b'{"id": "'
_AFTER_ID = b', "error": {"type": "'
_CUT_FAILURE = re.compile(rb'\{"id": "(?:[^"\\]|\\.)*(?:\\|"(?P<rest>.*))?', re.DOTALL)

Progress = Callable[[int, int], None]
"""Called with how many samples are done, and of how many."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How a batch ended: samples read, samples that failed, samples that an earlier run had read.

    Attributes:
        changed: how many of those read or failed an earlier run had read as something else, or with something else.
        strange: lines of `out` that are of no sample of this input, and were left there.
        empty: ids of those samples, read now or by an earlier run, that have none of the cues asked for.
        warnings: what had to be guessed of the manifest or was left out of it, in words.
    """

    done: int
    failed: int
    skipped: int
    changed: int = 0
    strange: int = 0
    empty: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether not one sample says anything of what was asked."""
        return self.done + self.skipped == len(self.empty)


def run(
    source: str | Path,
    out: str | Path,
    *,
    reader: Reader,
    pair: bool = False,
    executor: Executor | None = None,
    cues: str | Iterable[str] | None = None,
    progress: Progress | None = None,
) -> BatchResult:
    """Read every sample of a manifest or folder; one line of JSON each in `out`, in the order of the input.

    A sample that fails, or whose line of the manifest is wrong, is a line `{"id", "error": {"type", "message"}}`.
    If `out` is there already, samples with a reading in it are skipped. Those that failed are tried again, and so
    are those whose text, stretch or language, or whose files' names or sizes, are others now, or that were read by
    another bundle or for other cues. What a manifest says beside that (labels, group) is brought up to date.

    Args:
        source: manifest (.csv, .tsv, .jsonl) or folder.
        out: the file of lines.
        reader: as `demeanor.load` gives it.
        pair: join files of a folder that differ in their extension only.
        executor: where and how many are read at the same time; None: one after the other, here.
        cues: those wanted; None takes all.
        progress: called after each sample.

    Raises:
        ConfigError: the manifest is none, or has wrong columns, or `out` is not the output of a batch, is the
            manifest itself, or is being written by another one.
        UnknownNameError: no such cue.
    """
    source, out, wanted = Path(source), Path(out), chosen_cues(cues)
    warnings: list[str] = []
    items = read_items(source, out, pair, warnings)
    if is_regular(source) and is_regular(out) and out.samefile(source):
        raise ConfigError(f"{out}: this file is the manifest, and would be overwritten; name another output")
    with _alone(out):
        result = _run(items, source.name, out, reader, wanted, executor or Threads(), progress)
    return replace(result, warnings=tuple(warnings))


def _run(
    items: Sequence[Item],
    source: str,
    out: Path,
    reader: Reader,
    wanted: frozenset[str],
    executor: Executor,
    progress: Progress | None,
) -> BatchResult:
    """What is not in `out` yet, into it."""
    asked = {item.id: _asked(item, reader.experts.bundle.name, wanted) for item in items}
    known, changed, strange, empty = _resumed(out, source, {item.id: item for item in items}, asked)
    left = [item for item in items if item.id not in known]
    total, finished, failed = len(items), len(items) - len(left), 0
    skipped = finished
    if progress is not None:
        progress(finished, total)
    try:
        file = out.open("ab")
    except OSError as error:
        raise ConfigError(f"{out}: expected a place to write to, got {error.strerror}; check the folder") from error
    with file:
        for line in chain.from_iterable(executor.lines(_groups(left), reader, wanted) if left else ()):
            if "provenance" in line:
                line["provenance"]["asked"] = asked[line["id"]]
            file.write(_written(line))
            file.flush()
            finished += 1
            failed += "error" in line
            empty += [line["id"]] if _is_empty(line) else []
            if progress is not None:
                progress(finished, total)
    if skipped:
        _put_in_order(out, [item.id for item in items])
    return BatchResult(total - skipped - failed, failed, skipped, changed, strange, tuple(empty))


def _groups(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Texts that follow one another together, everything else by itself."""
    group: list[Item] = []
    size = 0
    for item in items:
        if group and (not item.is_text or len(group) >= _TOGETHER or size + item.size > _CHARACTERS):
            yield group
            group, size = [], 0
        if item.is_text:
            group.append(item)
            size += item.size
        else:
            yield [item]
    if group:
        yield group


def _written(line: Line) -> bytes:
    return json.dumps(line, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n"


def _asked(item: Item, bundle: str, cues: frozenset[str]) -> str:
    """Digits that tell what is to be read, and with what, from anything else; media are known by name and size."""
    told: dict[str, Any] = {"bundle": bundle, "cues": sorted(cues), "language": item.language}
    told |= {"start": str(item.start or ""), "end": str(item.end or "")}
    for name, part in item.given.items():
        told[name] = str(part)
        if isinstance(part, Path):
            with contextlib.suppress(OSError, ValueError):  # what cannot be read, or be a path, fails when it is read
                size, kind = part.stat().st_size, KNOWN_EXTENSIONS.get(part.suffix.lower())
                short = size <= _CHARACTERS and (kind == "text" or is_subtitles(part))
                told[name] = [part.name, hashlib.sha256(part.read_bytes()).hexdigest() if short else size]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _is_empty(line: Line) -> bool:
    """Whether a reading has none of the cues that were asked for by name, as it then says itself."""
    vain = tuple(f"{cue} was asked for, but " for cue in CUES)
    return line.get("cues") == {} and any(str(told).startswith(vain) for told in line.get("warnings") or ())


def _resumed(
    out: Path, source: str, items: Mapping[str, Item], asked: Mapping[str, str]
) -> tuple[set[str], int, int, list[str]]:
    """Ids that `out` has a reading of; of how many it had another one; how many of its lines are of none of the items.

    The last are the ids of readings that have none of the cues asked for.

    What is read anew, failures of these items or of lines of this manifest (`source` is its name), and a line cut short
    by a kill are taken out of it.

    Raises:
        ConfigError: it holds something else than the lines of a batch.
    """
    if not out.exists():
        return set(), 0, 0, []
    if not out.is_file():
        raise ConfigError(f"{out}: expected a file of lines to write, got a folder or device; name a file")
    ids: set[str] = set()
    empty: list[str] = []
    whole, changed, strange = True, 0, 0
    with _replacing(out) as copy:
        for line, is_last in _raw_lines(out):
            found = _parsed(line)
            if found is None and not (is_last and _is_cut_short(line)):
                got = line[:60].decode("utf-8", "replace")
                raise ConfigError(
                    f"{out}: expected lines of an earlier batch, got {got!r}; it was left as it is: name another output"
                )
            if found is None or found["id"] in ids or _is_tried_again(found, source, items):
                whole = False
                continue
            item = items.get(found["id"])
            if item is not None and (found.get("provenance") or {}).get("asked") != asked[item.id]:
                whole, changed = False, changed + 1
                continue
            ids.add(found["id"])
            strange += item is None
            if item is not None and _is_empty(found):
                empty.append(item.id)
            if item is not None and item.sample is not None:
                told = _written({**found, "sample": item.sample})
                whole, line = whole and told == line, told
            whole = whole and line.endswith(b"\n")
            copy.write(line.rstrip(b"\r\n") + b"\n")
        if whole:
            raise _Unchanged
    return ids, changed, strange, empty


def _is_tried_again(line: Line, source: str, items: Mapping[str, Item]) -> bool:
    """Whether a line is a failure of one of the items, or of a line of their manifest, which may have a name by now."""
    if "error" not in line:
        return False
    told = line["error"].get("message") if isinstance(line["error"], dict) else None
    return line["id"] in items or str(told).startswith(f"{source}, line ")


def _raw_lines(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Lines that are not blank, each with whether it is the file's last."""
    with path.open("rb") as file:
        before: bytes | None = None
        for line in file:
            if not line.strip():
                continue
            if before is not None:
                yield before, False
            before = line
        if before is not None:
            yield before, True


def _is_cut_short(line: bytes) -> bool:
    """Whether bytes are the beginning of a line of a batch, as a kill leaves it: anything else is somebody's file."""
    if line.endswith(b"\n"):
        return False
    if _begins(line, _READING) or _FAILURE.startswith(line):
        return True
    failure = _CUT_FAILURE.fullmatch(line)
    return failure is not None and _begins(failure["rest"] or b"", _AFTER_ID)


def _begins(text: bytes, how: bytes) -> bool:
    """Whether a text begins like that, or ends on the way there."""
    return text[: len(how)] == how[: len(text)]


def _parsed(line: bytes) -> Line | None:
    """A line of a batch, None for anything else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    ours = isinstance(found, dict) and isinstance(found.get("id"), str) and ("overall" in found or "error" in found)
    return found if ours else None


def _put_in_order(out: Path, order: Sequence[str]) -> None:
    """Sort the lines as the input is, those of other inputs first, if they are not yet."""
    rank = {name: number for number, name in enumerate(order)}
    places: list[tuple[int, int, int]] = []
    with out.open("rb") as file:
        at = 0
        for line in file:
            found = _parsed(line)
            places.append((-1 if found is None else rank.get(found["id"], -1), at, len(line)))
            at += len(line)
        if places == sorted(places):
            return
        with _replacing(out) as copy:
            for _, start, length in sorted(places):
                file.seek(start)
                copy.write(file.read(length))


def _is_at(held: int, place: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(held), place.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """No other batch writes `out` meanwhile; the hold ends with the process, however that ends.

    `out` itself is replaced while a batch runs, so a hidden file beside it is held, and removed at the end.

    Raises:
        ConfigError: another batch writes it, or nothing can be written there.
    """
    if fcntl is None:  # Windows
        yield
        return
    real = out.resolve()
    place = real.with_name(f".{real.name}.lock")
    try:
        held = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigError(f"{out}: expected a place to write to, got {error.strerror}; check the folder") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_at(held, place):  # the batch that held it has just ended and removed it; another may have begun
            raise BlockingIOError
    except BlockingIOError as error:
        os.close(held)
        raise ConfigError(f"{out}: another batch is writing it; wait for its end, or name another output") from error
    try:
        yield
    finally:
        place.unlink(missing_ok=True)
        os.close(held)


class _Unchanged(Exception):
    """Raised inside `_replacing` to keep the file as it is."""


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Any]:
    """A file that takes the place of `path`, of a link that of its file, at once when the block ends well."""
    path = resolved(path)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as copy:
        temporary = Path(copy.name)
        try:
            yield copy
            copy.close()
            temporary.chmod(path.stat().st_mode & 0o7777)
            temporary.replace(path)
        except _Unchanged:
            pass
        finally:
            temporary.unlink(missing_ok=True)
