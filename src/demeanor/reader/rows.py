"""The rows of a manifest: a table (.csv, .tsv) as spreadsheets, pandas and people write it, or lines of JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError
from demeanor.media.columns import SIGNS, decimal_points, named_columns, separator, width
from demeanor.media.text import decode_text

PARTS = ("text", "image", "audio", "video")
COLUMNS = ("id", *PARTS, "start", "end", "language", "speaker", "group", "time", "author", "split")
"""Columns of a manifest; `label_…` may follow them."""

LABEL = "label_"
_SAVED_AS = (".csv", ".tsv", ".jsonl", ".ndjson")
_OTHER_TABLES = (".xlsx", ".xls", ".ods", ".parquet", ".feather", ".arrow", ".json")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a manifest: its line, its cells by column, and what is wrong with it."""

    line: int
    cells: Mapping[str, Any]
    fault: str | None = None


def read_rows(source: Path, warnings: list[str]) -> list[Row]:
    """Rows of a file whose columns are known ones.

    Args:
        source: the manifest.
        warnings: gets, in words, what had to be guessed or was left out.

    Raises:
        ConfigError: no manifest by its name; a column missing, unknown, twice, or without a name.
    """
    kind = source.suffix.lower()
    if kind not in _SAVED_AS:
        how = "save it as .csv or .jsonl" if kind in _OTHER_TABLES else "rename it"
        raise ConfigError(
            f"{source.name}: expected a folder, or a manifest named .csv, .tsv or .jsonl, got '{kind}'; {how}, or "
            "name the folder of the files (a single one is for `demeanor analyze`)"
        )
    text = decode_text(source, warnings).removeprefix("\ufeff")
    if kind in (".csv", ".tsv"):
        sign = "\t" if kind == ".tsv" else separator(text, COLUMNS)
        rows, columns = _table_rows(text, sign, source.name, warnings)
    else:
        rows = list(_json_rows(text))
        columns = list(dict.fromkeys(column for row in rows for column in row.cells))
        if rows and not columns:
            return rows  # not one line can be read: each says why
    _check_columns(columns, source.name)
    return rows


def _check_columns(columns: Sequence[str], name: str) -> None:
    strange = [c for c in columns if c not in COLUMNS and not (c.startswith(LABEL) and len(c) > len(LABEL))]
    if strange:
        near = [c.lower() for c in strange if c.lower() in COLUMNS or c.lower().startswith(LABEL)]
        hint = f"did you mean {', '.join(near[:5])}? " if near else ""
        raise ConfigError(
            f"{name}: expected columns among {', '.join(COLUMNS)} and {LABEL}…, got "
            f"{', '.join(strange[:5])}; {hint}rename or drop them"
        )
    if "id" not in columns or not set(PARTS) & set(columns):
        raise ConfigError(
            f"{name}: expected a column 'id' and at least one of {', '.join(PARTS)}, got "
            f"{', '.join(columns) or 'none'}; add what is missing to the first line"
        )


def _table_rows(text: str, sign: str, name: str, warnings: list[str]) -> tuple[list[Row], list[str]]:
    """Rows down to the last with a filled cell, and the columns that have a name; others hold an index or nothing."""
    csv.field_size_limit(1 << 28)
    doubts: list[str] = []
    records = list(_records(list(io.StringIO(text, newline="")), sign, doubts))
    if doubts:
        others = f", and {len(doubts) - 1} more" if len(doubts) > 1 else ""
        warnings.append(f"{name}, {doubts[0]}{others}; close the quotation mark before them if they are rows")
    header = [c.strip() for c in records.pop(0)[1]] if records else []
    try:
        named, counting = named_columns(header, [cells for _, cells, fault in records if fault is None])
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None
    warnings += [f"{name}: column {at + 1} has no name and counts the rows; it was left out" for at in counting]
    rows: list[Row] = []
    for line, values, fault in records:
        padded = [*values, *[None] * len(header)]
        cells = {c: v for c, v in zip(header, padded, strict=False) if c in named}
        if fault is None and width(values) > len(header):
            fault = f"expected {len(header)} fields, got {len(values)}; quote a text with {SIGNS[sign]} in it"
        rows.append(Row(line, decimal_points(cells) if sign == ";" else cells, fault))
    while rows and rows[-1].fault is None and not any(v and v.strip() for v in rows[-1].cells.values()):
        rows.pop()  # a spreadsheet saves some that nobody filled
    return rows, named


def _records(lines: Sequence[str], sign: str, doubts: list[str]) -> Iterator[tuple[int, list[str], str | None]]:
    """Each record's first line, from 1, its cells, and what is wrong with it.

    A quotation mark that was not meant to open a quote takes in the lines down to the next one. Such a record is a
    fault, and each line below its first is a record by itself if it is a whole one, else a fault: none is lost. They
    are all faults where the first line has more quotation marks than that one, or the quote is closed as it should be:
    they may well be the text in it.

    A record of several lines that is as tables are written is taken as it stands; which of its lines look like records
    is appended to `doubts`.
    """
    reader, last, columns = csv.reader(lines, delimiter=sign), 0, 0
    for cells in reader:
        first, last = last + 1, reader.line_num
        columns = columns or len(cells)
        fault = _astray(lines[first - 1 : last], cells, columns, sign, last) if last > first else None
        if fault is None:
            if alike := [n for n in range(first + 1, last + 1) if len(_cells(lines[n - 1], sign)) == columns]:
                doubts.append(f"line {first}: the text in quotes has lines like rows in it (first: line {alike[0]})")
            if cells:  # an empty line has none
                yield first, cells, None
            continue
        opens = lines[first - 1].count('"') == 1 and not _is_closed(lines[first - 1 : last], sign)
        yield first, _cells(lines[first - 1], sign), fault
        for number, line in enumerate(lines[first:last], start=first + 1):
            own = _cells(line, sign)
            is_whole = opens and len(own) >= columns and not line.count('"') % 2
            told = f"expected a row of its own, got one in the quote that line {first} opens; mend line {first}"
            if own:
                yield number, own if opens and len(own) >= columns else [], None if is_whole else told


def _cells(line: str, sign: str) -> list[str]:
    return next(csv.reader([line], delimiter=sign))


def _is_closed(lines: Sequence[str], sign: str) -> bool:
    """Whether each quote of a record ends where its cell does; spaces behind it are nothing wrong."""
    close = re.sub(rf'" +(?=[{sign}\r\n])', '"', "".join(lines))
    try:
        list(csv.reader(io.StringIO(close, newline=""), delimiter=sign, strict=True))
    except csv.Error:
        return False
    return True


def _astray(lines: Sequence[str], cells: Sequence[str], columns: int, sign: str, last: int) -> str | None:
    """What is wrong with a record of several lines; None where it is as tables are written."""
    if not _is_closed(lines, sign):
        return f"expected the quote closed that is opened here, got all down to line {last} in it; close or double it"
    if width(cells) <= columns:
        return None
    got = f"expected {columns} fields, got {len(cells)}; quote a text with {SIGNS[sign]} in it"
    return f"{got}, and close a quote that now reaches down to line {last}"


def _json_rows(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line, parse_constant=_constant)
        except (ValueError, RecursionError) as error:
            yield Row(number, {}, f"expected JSON, got {error}; mend that line")
            continue
        is_object = isinstance(cells, dict)
        yield Row(number, cells) if is_object else Row(number, {}, f"expected an object, got {line[:60]}; mend it")


def _constant(name: str) -> float | None:
    """What stands in a line and is no JSON; tables write NaN where a cell is empty."""
    return None if name == "NaN" else float(name)
