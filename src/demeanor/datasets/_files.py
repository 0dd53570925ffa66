"""Text files of corpora, whatever their encoding, as rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from demeanor.datasets._dataset import Card
from demeanor.errors import DataError

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
    delimiter: str = ",", quoted: bool = True,
) -> list[dict[str, str]]:  # fmt: skip
    """Rows of a table by column name, cells as strings.

    Args:
        path: the file.
        card: named in messages.
        needs: columns that must be there.
        columns: names of the columns where the file has no header line.
        delimiter: between cells.
        quoted: whether a cell may stand in quotation marks; posts need False.

    Raises:
        DataError: a column is missing; says which are there.
    """
    csv.field_size_limit(_LONGEST_CELL)
    text = io.StringIO(read_text(path), newline="")
    lines = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
    header = [c.strip() for c in (columns or next(lines, []))]
    missing = [c for c in needs if c not in header]
    if missing:
        found = ", ".join(header) or "an empty file"
        raise DataError(f"{card.name}: {path}: expected columns {', '.join(missing)}; found {found}. {card.source}")
    return [dict(zip(header, line, strict=False)) for line in lines if any(line)]
