"""Text files of corpora, whatever their encoding, as rows."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from demeanor.datasets._dataset import Card
from demeanor.errors import DataError, LayoutError

_LONGEST_CELL = 1 << 28


def read_text(path: Path) -> str:
    """A file's text in UTF-8, UTF-16, GB18030, cp1252 …; never fails for a wrong byte; no byte-order mark."""
    from demeanor.media.encoding import decode_bytes

    return decode_bytes(path.read_bytes()).removeprefix("\ufeff")


def read_lines(path: Path) -> list[str]:
    """Lines without their ends; only line feeds part lines (posts hold every other separator Unicode has)."""
    lines = read_text(path).replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def read_rows(
    path: Path, card: Card, needs: Iterable[str] = (), *, columns: Sequence[str] | None = None,
    delimiter: str = ",", quoted: bool = True, first: bool = False,
) -> list[dict[str, str]]:  # fmt: skip
    """Rows of a table by column name, cells as strings.

    Args:
        path: the file.
        card: named in messages.
        needs: columns that must be there.
        columns: names of the columns where the file has no header line.
        delimiter: between cells.
        quoted: whether a cell may stand in quotation marks; posts need False.
        first: whether this is the table that a corpus is known by.

    Raises:
        LayoutError: a column of the first table is missing: the folder is not that corpus.
        DataError: a column is missing, and says which are there, or stands twice; a quotation mark is never closed.
    """
    lines = [cells for _, cells in csv_lines(read_text(path), path.name, delimiter=delimiter, quoted=quoted)]
    header = list(columns) if columns else columns_of(lines.pop(0) if lines else [], path.name)
    missing = [c for c in needs if c not in header]
    if missing:
        found = ", ".join(header) or "an empty file"
        kind = LayoutError if first else DataError
        raise kind(f"{card.name}: {path}: expected columns {', '.join(missing)}; found {found}. {card.source}")
    return [in_columns(header, line) for line in lines if any(line)]


def csv_lines(text: str, name: str, *, delimiter: str = ",", quoted: bool = True) -> list[tuple[int, list[str]]]:
    """Cells of each line of a table, with the number of the line that it ends on.

    What follows a closed quotation is the cell's too; between tabs a mark that is never closed is the text's own.

    Raises:
        DataError: a quotation mark is never closed; names the line.
    """
    csv.field_size_limit(_LONGEST_CELL)
    # An empty line at the end is a row of its own, unless a quotation mark is still open there.
    lines = chain(io.StringIO(text, newline=""), [""])
    reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
    found = [(reader.line_num, cells) for cells in reader]
    if not found.pop()[1]:
        return found
    if delimiter == "\t":
        return csv_lines(text, name, delimiter=delimiter, quoted=False)
    begins = found[-1][0] + 1 if found else 1
    raise DataError(
        f"{name}, line {begins}: expected cells, found a quotation mark that is never closed; "
        "close the quotation mark, and double those within a quoted text"
    )


def columns_of(header: Sequence[str], name: str) -> list[str]:
    """The columns of a table's first line; what has no name may be there more than once.

    Raises:
        DataError: a name stands twice.
    """
    columns = [c.strip() for c in header]
    if twice := [c for c, count in Counter(columns).items() if c and count > 1]:
        raise DataError(f"{name}: expected every column once, found more of {', '.join(twice)}; rename one")
    return columns


def in_columns(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Cells by column; a line that breaks off has empty ones, what is too much is dropped."""
    return dict(zip_longest(header, cells[: len(header)], fillvalue=""))


def json_lines(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The object of each line, with its number; only line feeds part lines.

    Raises:
        DataError: a line is no JSON, or no object.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{name}, line {number}: expected JSON, found {error}; mend that line") from error
        if not isinstance(row, dict):
            raise DataError(f"{name}, line {number}: expected an object, found {line[:60]}; mend that line")
        yield number, row
