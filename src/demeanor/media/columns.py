"""What parts the columns of a table: spreadsheets write semicolons where a comma is the decimal sign."""

from __future__ import annotations

from collections.abc import Collection

SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs"}
"""What may part columns, with its name."""


def separator(text: str, known: Collection[str]) -> str:
    """The sign by which most columns of the first line have known names; a comma where none does better."""
    header = text.removeprefix("\ufeff").partition("\n")[0]
    return max(SIGNS, key=lambda sign: len({c.strip(' "\r') for c in header.split(sign)} & set(known)))
