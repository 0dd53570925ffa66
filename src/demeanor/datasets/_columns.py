"""One row in the columns that a table and `batch` share, as a sample."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demeanor.datasets._groups import digest, text_key
from demeanor.errors import DataError
from demeanor.media.columns import text_fault, text_of
from demeanor.types import EMOTIONS, POLARITIES, Sample

MEDIA = ("image", "audio", "video")
COLUMNS = ("id", "text", *MEDIA, "start", "end", "language", "speaker", "group", "time", "author", "split")
"""Columns of a table; `label_…` may follow them."""

SPLITS = {
    "train": "train", "training": "train", "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What a part is called elsewhere → here."""

_EXACT = 2**53
_CLASSES = {"polarity": POLARITIES, "emotions": EMOTIONS}


class BadCell(ValueError):
    """A cell that costs its row."""


def sample_of(row: Mapping[str, Any], table: Path, number: int) -> Sample:
    """A sample of a row; its group is what the row says, see `groups_of`.

    Args:
        row: its cells by column.
        table: paths are relative to it.
        number: the row's line.

    Raises:
        BadCell: there is nothing to read, a text is none, or a time is no number: costs this row.
        DataError: a split or a label that cannot be meant: says what was expected.
    """
    if (fault := text_fault(row.get("text"))) is not None:
        raise BadCell(fault)
    cells = {c: text_of(row.get(c)) for c in COLUMNS}
    media: dict[str, Any] = {c: table.parent / cells[c] for c in MEDIA if cells[c]}
    if not cells["text"] and not media:
        raise BadCell("neither text nor medium")
    labels = {
        c.removeprefix("label_"): label_of(c, text_of(v), f"{table.name}, line {number}")
        for c, v in row.items()
        if c.startswith("label_") and text_of(v)
    }
    name = cells["id"] or f"line-{number}"
    start, end = _seconds(cells, "start"), _seconds(cells, "end")
    if (start or 0) < 0 or (end is not None and end <= (start or 0)):
        raise BadCell("start and end that are no stretch of time")
    kept: dict[str, Any] = {c: cells[c] or None for c in ("text", "language", "speaker", "group", "time", "author")}
    return Sample(
        id=name, start=start, end=end, labels=labels,
        split=split_of(cells["split"], f"{table.name}, line {number}"), **kept, **media,
    )  # fmt: skip


def groups_of(samples: Sequence[Sample], folder: Path) -> list[str]:
    """Per row of a table its group or speaker, else the medium that several rows have, else its text's digest.

    Args:
        samples: the rows of one table.
        folder: where it lies: media are named from there, so that a table is divided alike on every machine.
    """
    files = [[path for m in reversed(MEDIA) if (path := getattr(s, m)) is not None] for s in samples]
    times = Counter(path for paths in files for path in set(paths))
    shared = [next((_named(path, folder) for path in paths if times[path] > 1), "") for paths in files]
    return [
        s.group or s.speaker or file or digest(text_key(s.text or "") or s.id)
        for s, file in zip(samples, shared, strict=True)
    ]


def _named(path: str | Path, folder: Path) -> str:
    whole = Path(path)
    return (whole.relative_to(folder) if whole.is_relative_to(folder) else whole).as_posix()


def _seconds(cells: Mapping[str, str], column: str) -> float | None:
    if not cells[column]:
        return None
    seconds = number_of(cells[column])
    if seconds is None:
        raise BadCell(f"column {column}: expected seconds")
    return seconds


def number_of(cell: str) -> float | None:
    """None for what is no finite number ("nan" and "inf" are words)."""
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def split_of(value: str, place: str) -> str | None:
    """The part a cell names, whatever it is called elsewhere; None of an empty one."""
    if not value:
        return None
    try:
        return SPLITS[value.strip().lower()]
    except KeyError:
        raise DataError(f"{place}: column split: expected train, valid or test, found '{value}'") from None


def label_of(column: str, value: str, place: str) -> float | str:
    """The label in a cell of a column `label_…`."""
    name = column.removeprefix("label_")
    if name in _CLASSES:
        names = [n.strip().lower() for n in value.split(",")]
        for n in names:
            if n not in _CLASSES[name]:
                near = difflib.get_close_matches(n, _CLASSES[name], 1)
                raise DataError(
                    f"{place}: {column}: expected {', '.join(_CLASSES[name])}, found '{n}'"
                    f"{f'; did you mean {near[0]}?' if near else '; classes of your own go into label_NAME'}"
                )
        return ",".join(names)
    number = number_of(value)
    if name.startswith("score"):
        if number is None or not -1 <= number <= 1:
            hint = "leave the cell empty where there is none" if number is None else "divide (MOSI's scale by 3)"
            raise DataError(f"{place}: {column}: expected a number in [-1, 1], found {value}; {hint}")
        return number
    if number is None:
        return value
    return int(number) if number.is_integer() and abs(number) < _EXACT else number  # a class "5" stays "5"
