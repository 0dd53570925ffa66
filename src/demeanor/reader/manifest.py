"""What a batch reads: the rows of a manifest, or the files of a folder."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError, InputError
from demeanor.media.columns import text_fault, text_of
from demeanor.media.kind import is_subtitles
from demeanor.media.source import is_regular, is_url
from demeanor.reader.folder import files, kind_by_name, passed_over
from demeanor.reader.rows import LABEL, PARTS, Row, read_rows

_PASSED = ("speaker", "group", "time", "author", "split")
_STRETCH = ("start", "end")  # told where they are named: segments are on the clock of the stretch


@dataclass(frozen=True, slots=True)
class Item:
    """One sample of a batch.

    Attributes:
        id: unique in the batch.
        given: arguments for `Reader.analyze` that name the parts.
        start: as it stands in the manifest, None if empty.
        end: likewise.
        language: a code, or "auto".
        sample: what the manifest says beside the media; None for a folder.
        fault: why its line cannot be read; None if it can.
        note: what is to be said of how it was found; None for nothing.
    """

    id: str
    given: Mapping[str, Any]
    start: Any = None
    end: Any = None
    language: str = "auto"
    sample: Mapping[str, Any] | None = field(default=None, compare=False)
    fault: str | None = None
    note: str | None = None

    def check(self) -> None:
        """Fail where the manifest's line cannot be read.

        Raises:
            InputError: it cannot; says why.
        """
        if self.fault is not None:
            raise InputError(self.fault)

    @property
    def is_text(self) -> bool:
        """Whether there is nothing but a text."""
        return set(self.given) == {"text"}

    @property
    def size(self) -> int:
        """About how many characters of text there are."""
        text = self.given.get("text")
        if isinstance(text, Path):
            return text.stat().st_size if is_regular(text) else 0
        return len(text or "")

    @property
    def seconds(self) -> tuple[float | None, float | None]:
        """`start` and `end` as numbers.

        Raises:
            InputError: one is not a number.
        """
        return self._number("start", self.start), self._number("end", self.end)

    @staticmethod
    def _number(column: str, value: Any) -> float | None:
        try:
            return None if value in (None, "") else float(str(value))  # so that true is no number
        except (TypeError, ValueError) as error:
            raise InputError(f"column '{column}': expected seconds, got {value!r:.60}; mend the manifest") from error


def read_items(source: Path, out: Path, pair: bool = False, warnings: list[str] | None = None) -> list[Item]:
    """The samples of a manifest (.csv, .tsv, .jsonl) or of a folder.

    A line that cannot be read, or whose id an earlier one has, is an item with a `fault`. Ids are unique, in a folder
    too.

    Args:
        source: the manifest, or the folder that is searched.
        out: the output file, which is never read as input.
        pair: join files of a folder that differ in their extension only.
        warnings: gets, in words, what had to be guessed of a manifest or was left out of it.

    Raises:
        ConfigError: no manifest; a column missing or unknown; an empty folder or manifest; one that may not be read.
    """
    _reachable(source)
    if source.is_dir():
        _readable(source)
        items = _told_apart(list(_paired(source, out) if pair else _single(source, out)))
        if not items:
            others = passed_over(source, out)
            found = f"none, but {others} of no known kind" if others else "none"
            raise ConfigError(f"{source}: expected text, image, sound or video files, found {found}; check the folder")
        return items
    if not source.is_file():
        raise ConfigError(f"{source}: expected a manifest (.csv, .tsv, .jsonl) or a folder, found nothing there")
    if pair:
        raise ConfigError(f"{source.name}: only the files of a folder can be paired; name the parts in the manifest")
    rows = read_rows(source, [] if warnings is None else warnings)
    if not rows:
        raise ConfigError(
            f"{source.name}: expected a row for each sample, got the names of the columns alone; add rows"
        )
    return _once(rows, source)


def _once(rows: Sequence[Row], source: Path) -> list[Item]:
    """An item per row; of those with one id the later ones fail, under ids of their own."""
    items = [_item(row, source) for row in rows]
    lines: dict[str, int] = {}
    for at in sorted(range(len(rows)), key=lambda i: items[i].fault is not None):  # a bad line takes no good one's id
        name, line = items[at].id, rows[at].line
        if name in lines:
            fault = items[at].fault or (
                f"{source.name}, line {line}: expected every id once, got '{name}' again, as line {lines[name]} has; "
                "rename one"
            )
            while name in lines:
                name = f"{name} (line {line})"
            items[at] = replace(items[at], id=name, fault=fault)
        lines[name] = line
    return items


def _item(row: Row, source: Path) -> Item:
    cells = {column: cell for column, cell in row.cells.items() if text_of(cell)}
    name = cells.get("id")
    if (fault := row.fault or text_fault(cells.get("text"))) is not None:
        fault = f"{source.name}, line {row.line}: {fault}" + ("" if row.fault else "; mend it")
        return Item(_writable(name) if _filled(name) else f"line {row.line}", {}, fault=fault)
    if not _filled(name):
        name = f"line-{row.line}"  # a row without an id costs nothing
    given = {c: str(cells[c]) if c == "text" else _place(cells[c], source) for c in PARTS if c in cells}
    sample: dict[str, Any] = {c: _passed(cells.get(c)) for c in _PASSED}
    sample |= {c: _label(cells[c]) for c in _STRETCH if c in cells}
    sample["labels"] = {c[len(LABEL) :]: _label(value) for c, value in cells.items() if c.startswith(LABEL)}
    code = cells.get("language") or "auto"
    return Item(_writable(name), given, cells.get("start"), cells.get("end"), str(code), sample)


def _filled(cell: Any) -> bool:
    return cell is not None and bool(str(cell).strip())


def _writable(name: Any) -> str:
    """An id as it is written, so that a resumed batch finds it again: half of a surrogate pair has no bytes."""
    return str(name).encode("utf-8", "replace").decode("utf-8")


def _passed(cell: Any) -> Any:
    """A cell that goes into the output as it is; a number that JSON cannot hold, wherever in it, is null."""
    if cell is None or isinstance(cell, str):
        return cell or None
    return json.loads(json.dumps(cell), parse_constant=lambda _: None)


def _place(cell: Any, source: Path) -> Path | str:
    """A path from the manifest's folder; a URL as it stands, so that what refuses it can name it."""
    return str(cell) if is_url(str(cell)) else source.parent / str(cell)


def _label(value: Any) -> float | str:
    text = text_of(value)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _reachable(source: Path) -> None:
    """Fail where a folder on the way may not be looked into; that nothing is there is told elsewhere."""
    try:
        source.stat()
    except PermissionError as error:
        raise ConfigError(f"{source}: expected a manifest or folder that may be read, got {error.strerror}") from error
    except (OSError, ValueError):
        return


def _readable(folder: Path) -> None:
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise ConfigError(f"{folder}: expected a folder that may be read, got {error.strerror}; check it") from error


def _single(folder: Path, out: Path) -> Iterator[Item]:
    for path in sorted(files(folder, out), key=lambda p: p.relative_to(folder).as_posix()):
        yield _file_item(folder, [path])


def _paired(folder: Path, out: Path) -> Iterator[Item]:
    """Files of one stem are one sample, unless two of them are of one kind."""
    groups: dict[Path, list[Path]] = {}
    for path in sorted(files(folder, out, pair=True), key=lambda p: p.relative_to(folder).as_posix()):
        groups.setdefault(path.with_suffix(""), []).append(path)
    for group in groups.values():
        paths, note = _without_spare(group)
        if len({kind_by_name(p) for p in paths}) == len(paths):
            yield replace(_file_item(folder, paths), note=note)
        else:
            alone = [p for p in paths if not (is_subtitles(p) and _has_recording(paths))]
            note = f"expected one file of a kind to pair, got {', '.join(p.name for p in paths)}; "
            note += "each was read by itself" + ", without the subtitles" * (len(alone) < len(paths))
            yield from (replace(_file_item(folder, [path]), note=note) for path in alone)


def _has_recording(paths: Sequence[Path]) -> bool:
    return any(kind_by_name(p) in ("audio", "video") for p in paths)


def _without_spare(group: list[Path]) -> tuple[list[Path], str | None]:
    """The files of one stem without subtitles of a recording that has its words already, and what is said of that."""
    written = sorted((p for p in group if kind_by_name(p) == "text"), key=is_subtitles)
    spare = [p for p in written[1:] if is_subtitles(p)]
    if not spare or not _has_recording(group):
        return group, None
    left = f"{', '.join(p.name for p in spare)}: left aside, for the words are those of {written[0].name}"
    return [p for p in group if p not in spare], left


def _told_apart(items: Sequence[Item]) -> list[Item]:
    """Items of a folder under ids that can be written and that no other one has.

    `a.txt.jpg` and `a.txt.wav` are joined to `a.txt`, which may be a file too, and two names that are no Unicode
    may differ in what is replaced. A file whose path is its id keeps it; of the others the later gets digits that
    hang on its own name, so that a resumed batch finds it again.
    """
    named = list(items)
    raw = [item.id.encode("utf-8", "surrogateescape") for item in items]
    shown = [name.decode("utf-8", "replace") for name in raw]
    taken: set[str] = set()
    for at in sorted(range(len(items)), key=lambda i: (len(items[i].given) > 1, shown[i].encode() != raw[i])):
        name = shown[at]
        while name in taken:
            name = f"{name} ({hashlib.sha256(raw[at]).hexdigest()[:8]})"
        taken.add(name)
        named[at] = replace(items[at], id=name)
    return named


def _file_item(folder: Path, paths: Sequence[Path]) -> Item:
    """A sample of files; its id is the path in the folder, of joined files without the extension.

    Bytes that are no Unicode are still in it: see `_told_apart`.
    """
    first = paths[0].relative_to(folder)
    name = first.as_posix() if len(paths) == 1 else first.with_suffix("").as_posix()
    if len(paths) == 1 and (kind_by_name(paths[0]) != "text" or is_subtitles(paths[0])):
        return Item(name, {"source": paths[0]})  # the content says what it is, whatever the extension promises
    return Item(name, {kind_by_name(path): path for path in paths})
