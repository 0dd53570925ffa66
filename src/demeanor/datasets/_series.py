"""Ready-made features beside a manifest's rows: the `[series.NAME]` sections."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.datasets._files import columns_of, csv_lines, in_columns, read_text
from demeanor.datasets._spec import filled
from demeanor.errors import DataError

Found = list[NDArray[np.float32] | None]


def read_series(
    sections: Mapping[str, Mapping[str, Any]], rows: Sequence[Mapping[str, str]], root: Path
) -> list[dict[str, NDArray[np.float32]]]:
    """Per row its features by modality, each (time, dim); a row without any in a table has none.

    Args:
        sections: `file` is an .npz of arrays in the rows' order (`key` names the array: (N, dim) or (N, time, dim)),
            or a .csv whose `columns` (a pattern such as "AU*") are the features, joined where its column `by` (or the
            first group of `by_pattern` in it) equals the template `match` over the row: its rows, in their order, are
            the steps of time.
        rows: of the manifest's table.
        root: the folder the files' paths are relative to.

    Raises:
        DataError: a file, key or column is not there, the counts differ, or a cell is no number.
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
    lines = csv_lines(read_text(path), path.name)
    header = columns_of(lines.pop(0)[1] if lines else [], path.name)
    columns = [c for c in header if fnmatch.fnmatch(c, section["columns"])]
    if not columns or section["by"] not in header:
        raise DataError(f"series.{name}: expected columns {section['columns']} and {section['by']} in {path}")
    pattern = re.compile(section.get("by_pattern", "(.*)"))
    steps: defaultdict[str, list[list[float]]] = defaultdict(list)
    for number, cells in lines:
        line = in_columns(header, cells)
        if any(cells) and (match := pattern.search(line[section["by"]])):
            steps[match.group(1)].append([_number(line[c], c, f"{path.name}, line {number}") for c in columns])
    place = {key: np.array(values, np.float32) for key, values in steps.items()}
    return [place.get(filled(section["match"], row)) for row in rows]


def _number(cell: str, column: str, where: str) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise DataError(
            f"{where}: expected a number in column '{column}', got '{cell:.40}'; fill it (nan where it is unknown), or "
            "leave the row out"
        ) from error
