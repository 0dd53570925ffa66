"""The columns of a table as spreadsheets and pandas write it: what parts them, which have a name, decimal commas."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs"}
"""What may part columns, with its name."""

_UNNAMED = re.compile(r"(Unnamed: \d+)?")  # what pandas makes of an index that was saved without a name
_DECIMAL = re.compile(r"(\s*[-+]?\d+),(\d+\s*)")


def separator(text: str, known: Collection[str]) -> str:
    """The sign by which most columns of the first line have known names; a comma where none does better."""
    header = text.removeprefix("\ufeff").partition("\n")[0]
    return max(SIGNS, key=lambda sign: len({c.strip(' "\r') for c in header.split(sign)} & set(known)))


def decimal_points(row: Mapping[str, Any], numbers: Collection[str] | None = None) -> dict[str, Any]:
    """A row of a table parted by semicolons, whose numbers may have a decimal comma, with points.

    Args:
        row: cells by column.
        numbers: the columns that hold numbers; if not given start, end and `label_…`.
    """

    def has_numbers(column: str) -> bool:
        return column in ("start", "end") or column.startswith("label_") if numbers is None else column in numbers

    return {c: ".".join(m.groups()) if has_numbers(c) and (m := _decimal(v)) else v for c, v in row.items()}


def named_columns(header: Sequence[str], records: Sequence[Sequence[str]]) -> tuple[list[str], list[int]]:
    """The columns that have a name, and the places, from 0, of those without one that count the rows.

    Spreadsheets and pandas write columns without a name, which hold nothing or such an index: both are left out.

    Args:
        header: the names as they stand in the first line, without spaces around them.
        records: the cells of each row.

    Raises:
        ValueError: a column stands twice, or one without a name holds something else.
    """
    named = [c for c in header if not _UNNAMED.fullmatch(c)]
    if len(set(named)) < len(named):
        raise ValueError(f"expected every column once, got {', '.join(header)}; rename one")
    counting = []
    for at in (n for n, c in enumerate(header) if _UNNAMED.fullmatch(c)):
        filled = [values[at] for values in records if len(values) > at and values[at].strip()]
        if any(not cell.strip().isdecimal() for cell in filled) or len(set(filled)) < len(filled):
            raise ValueError(f"expected a name for every column, got none for column {at + 1}; name or drop it")
        if filled:
            counting.append(at)
    return named, counting


def width(values: Sequence[str]) -> int:
    """How many cells there are up to the last filled one."""
    return max((n for n, value in enumerate(values, start=1) if value.strip()), default=0)


def text_of(cell: Any) -> str:
    """A cell of a table or of JSON as text: null, NaN and an empty list are empty, of a list the parts with commas."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return ",".join(map(str, cell)) if isinstance(cell, list) else str(cell)


def text_fault(cell: Any) -> str | None:
    """What is wrong with a text that JSON gives as something else; a number may be one, and it may be empty."""
    if not text_of(cell) or (isinstance(cell, str | int | float) and not isinstance(cell, bool)):
        return None
    return f"column 'text': expected a string or a number, got {json.dumps(cell, default=str, ensure_ascii=False):.60}"


def _decimal(value: Any) -> re.Match[str] | None:
    return _DECIMAL.fullmatch(value) if isinstance(value, str) else None
