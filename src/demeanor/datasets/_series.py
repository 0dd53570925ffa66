"""Ready-made features beside a manifest's rows: the `[series.NAME]` sections."""

from __future__ import annotations

import csv
import fnmatch
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import DataError

Found = list[NDArray[np.float32] | None]


def read_series(
    sections: Mapping[str, Mapping[str, Any]], rows: Sequence[Mapping[str, str]], root: Path
) -> list[dict[str, NDArray[np.float32]]]:
    """Per row its features by modality, each (time, dim); a row without any in a table has none.

    Args:
        sections: `file` is an .npz of arrays in the rows' order (`key` names the array: (N, dim) or (N, time, dim)),
            or a .csv whose `columns` (a pattern such as "AU*") are the features, joined where its column `by` (or the
            first group of `by_pattern` in it) equals the template `match` over the row.
        rows: of the manifest's table.
        root: the folder the files' paths are relative to.

    Raises:
        DataError: a file, key or column is not there, or the counts differ.
    """
    out: list[dict[str, NDArray[np.float32]]] = [{} for _ in rows]
    for name, section in sections.items():
        path = root / section["file"]
        if not path.is_file():
            raise DataError(f"series.{name}: expected a file at {path}; found nothing there")
        found = (
            _stacked(name, section, path, len(rows)) if path.suffix == ".npz" else _joined(name, section, path, rows)
        )
        for row, values in zip(out, found, strict=True):
            if values is not None:
                row[name] = values
    return out


def _stacked(name: str, section: Mapping[str, Any], path: Path, count: int) -> Found:
    with np.load(path, allow_pickle=False) as stored:
        key = section.get("key", name)
        if key not in stored:
            raise DataError(f"series.{name}: expected an array '{key}' in {path}; it has {', '.join(stored)}")
        array = np.asarray(stored[key], np.float32)
    if len(array) != count:
        raise DataError(f"series.{name}: expected {count} rows in {path}, one per row of the table; got {len(array)}")
    return [np.atleast_2d(x) for x in array]


def _joined(name: str, section: Mapping[str, Any], path: Path, rows: Sequence[Mapping[str, str]]) -> Found:
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    columns = [c for c in (table[0] if table else {}) if fnmatch.fnmatch(c, section["columns"])]
    if not columns or section["by"] not in table[0]:
        raise DataError(f"series.{name}: expected columns {section['columns']} and {section['by']} in {path}")
    pattern = re.compile(section.get("by_pattern", "(.*)"))
    place: dict[str, NDArray[np.float32]] = {}
    for line in table:
        if match := pattern.search(line[section["by"]]):
            place[match.group(1)] = np.array([[float(line[c]) for c in columns]], np.float32)
    try:
        return [place.get(section["match"].format(**row)) for row in rows]
    except KeyError as error:
        raise DataError(
            f"series.{name}: expected a column {error} for 'match'; columns are {sorted(rows[0])}"
        ) from error
