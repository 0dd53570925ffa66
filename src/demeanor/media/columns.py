"""What parts the columns of a table: spreadsheets write semicolons where a comma is the decimal sign."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs"}
"""What may part columns, with its name."""

_DECIMAL = re.compile(r"(\s*[-+]?\d+),(\d+\s*)")


def separator(text: str, known: Collection[str]) -> str:
    """The sign by which most columns of the first line have known names; a comma where none does better."""
    header = text.removeprefix("\ufeff").partition("\n")[0]
    return max(SIGNS, key=lambda sign: len({c.strip(' "\r') for c in header.split(sign)} & set(known)))


def decimal_points(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table parted by semicolons, whose times and labels may have a decimal comma, with points."""
    return {
        c: ".".join(m.groups()) if (c in ("start", "end") or c.startswith("label_")) and (m := _decimal(v)) else v
        for c, v in row.items()
    }


def _decimal(value: Any) -> re.Match[str] | None:
    return _DECIMAL.fullmatch(value) if isinstance(value, str) else None
