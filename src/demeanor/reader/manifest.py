"""What a batch reads: the rows of a manifest, or the files of a folder."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError, InputError
from demeanor.media.kind import KNOWN_EXTENSIONS
from demeanor.media.text import decode_text

PARTS = ("text", "image", "audio", "video")
COLUMNS = ("id", *PARTS, "start", "end", "language", "speaker", "group", "time", "author", "split")
"""Columns of a manifest; `label_…` may follow them."""

_PASSED = ("speaker", "group", "time", "author", "split")
_LABEL = "label_"


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
    """

    id: str
    given: Mapping[str, Any]
    start: Any = None
    end: Any = None
    language: str = "auto"
    sample: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def is_text(self) -> bool:
        """Whether there is nothing but a text."""
        return set(self.given) == {"text"}

    @property
    def size(self) -> int:
        """About how many characters of text there are."""
        text = self.given.get("text")
        if isinstance(text, Path):
            return text.stat().st_size if text.is_file() else 0
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
            return None if value in (None, "") else float(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"column '{column}': expected seconds, got {value!r:.60}; mend the manifest") from error


def read_items(source: Path, out: Path, pair: bool = False) -> list[Item]:
    """The samples of a manifest (.csv, .tsv, .jsonl) or of a folder.

    Args:
        source: the manifest, or the folder that is searched.
        out: the output file, which is never read as input.
        pair: join files of a folder that differ in their extension only.

    Raises:
        ConfigError: no manifest; a column missing or unknown; an id missing or there twice; an empty folder.
    """
    if source.is_dir():
        items = list(_paired(source, out) if pair else _single(source, out))
        if not items:
            raise ConfigError(f"{source}: expected text, image, sound or video files, found none; check the folder")
        return items
    if not source.is_file():
        raise ConfigError(f"{source}: expected a manifest (.csv, .tsv, .jsonl) or a folder, found nothing there")
    if pair:
        raise ConfigError(f"{source.name}: only the files of a folder can be paired; name the parts in the manifest")
    rows = _rows(source)
    items = [_item(row, place, source.parent) for place, row in rows]
    twice = [name for name, count in Counter(i.id for i in items).items() if count > 1]
    if twice:
        raise ConfigError(
            f"{source.name}: expected every id once, got more of: {', '.join(twice[:5])}"
            f"{' …' if len(twice) > 5 else ''}; rename them"
        )
    return items


def _rows(source: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """Rows with their place in the file, columns checked."""
    kind = source.suffix.lower()
    text = decode_text(source).removeprefix("\ufeff")
    if kind in (".csv", ".tsv"):
        rows, columns = _csv_rows(text, "\t" if kind == ".tsv" else ",", source.name)
    elif kind in (".jsonl", ".ndjson"):
        rows, columns = _json_rows(text, source.name)
    else:
        raise ConfigError(f"{source.name}: expected a manifest named .csv, .tsv or .jsonl, got '{kind}'; rename it")
    strange = [c for c in columns if c not in COLUMNS and not (c.startswith(_LABEL) and len(c) > len(_LABEL))]
    if strange:
        raise ConfigError(
            f"{source.name}: expected columns among {', '.join(COLUMNS)} and {_LABEL}…, got "
            f"{', '.join(strange[:5])}; rename or drop them"
        )
    if "id" not in columns or not set(PARTS) & set(columns):
        raise ConfigError(
            f"{source.name}: expected a column 'id' and at least one of {', '.join(PARTS)}, got "
            f"{', '.join(columns) or 'none'}; add what is missing to the first line"
        )
    return rows


def _csv_rows(text: str, delimiter: str, name: str) -> tuple[list[tuple[str, Mapping[str, Any]]], list[str]]:
    csv.field_size_limit(1 << 28)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = [c.strip() for c in reader.fieldnames or ()]
    if len(set(columns)) < len(columns):
        raise ConfigError(f"{name}: expected every column once, got {', '.join(columns)}; rename one")
    reader.fieldnames = columns
    rows: list[tuple[str, Mapping[str, Any]]] = []
    for row in reader:
        if None in row:
            raise ConfigError(
                f"{name}, line {reader.line_num}: expected {len(columns)} fields, got more; "
                "quote a text with commas in it"
            )
        rows.append((f"{name}, line {reader.line_num}", row))
    return rows, columns


def _json_rows(text: str, name: str) -> tuple[list[tuple[str, Mapping[str, Any]]], list[str]]:
    rows: list[tuple[str, Mapping[str, Any]]] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"{name}, line {number}: expected JSON, got {error}; mend that line") from error
        if not isinstance(row, dict):
            raise ConfigError(f"{name}, line {number}: expected an object, got {line[:60]}; mend that line")
        columns.update(dict.fromkeys(row))
        rows.append((f"{name}, line {number}", row))
    return rows, list(columns)


def _item(row: Mapping[str, Any], place: str, folder: Path) -> Item:
    name = row.get("id")
    if name is None or not str(name).strip():
        name = place.rpartition(", ")[2].replace(" ", "-")  # a row without an id costs nothing: line-9
    given = {c: row[c] if c == "text" else folder / str(row[c]) for c in PARTS if row.get(c) not in (None, "")}
    sample: dict[str, Any] = {c: row.get(c) or None for c in _PASSED}
    sample["labels"] = {
        column[len(_LABEL) :]: _label(value)
        for column, value in row.items()
        if column.startswith(_LABEL) and value not in (None, "")
    }
    if "text" in given:
        given["text"] = str(given["text"])
    code = row.get("language") or "auto"
    return Item(str(name), given, row.get("start"), row.get("end"), str(code), sample)


def _label(value: Any) -> float | str:
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _files(folder: Path, out: Path) -> Iterator[Path]:
    """Files with a known extension, by path; nothing hidden, and not the output."""
    target = out.resolve()
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            path = Path(here) / name
            known = path.suffix.lower() in KNOWN_EXTENSIONS and not name.startswith(".")
            if known and path.resolve() != target:
                yield path


def _single(folder: Path, out: Path) -> Iterator[Item]:
    for path in sorted(_files(folder, out), key=lambda p: p.relative_to(folder).as_posix()):
        yield _file_item(folder, [path])


def _paired(folder: Path, out: Path) -> Iterator[Item]:
    """Files of one stem are one sample, unless two of them are of one kind."""
    groups: dict[Path, list[Path]] = {}
    for path in sorted(_files(folder, out), key=lambda p: p.relative_to(folder).as_posix()):
        groups.setdefault(path.with_suffix(""), []).append(path)
    for paths in groups.values():
        if len({_kind(p) for p in paths}) == len(paths):
            yield _file_item(folder, paths)
        else:
            yield from (_file_item(folder, [path]) for path in paths)


def _file_item(folder: Path, paths: Sequence[Path]) -> Item:
    """A sample of files; its id is the path in the folder, of joined files without the extension."""
    first = paths[0].relative_to(folder)
    name = first.as_posix() if len(paths) == 1 else first.with_suffix("").as_posix()
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if len(paths) == 1 and _kind(paths[0]) != "text":
        return Item(name, {"source": paths[0]})  # the content says what it is, whatever the extension promises
    return Item(name, {_kind(path): path for path in paths})


def _kind(path: Path) -> str:
    return KNOWN_EXTENSIONS[path.suffix.lower()]
