r"""Any table or set of files, described by a short TOML manifest: data in a layout of their own.

name = "mosi"                          # what records call it
licence = "research only"
file = "mosi/utterances.csv"           # .csv, .tsv or .jsonl; "a.zip!member.csv" looks inside an archive,
                                       # "./rows.csv" beside the manifest itself
# or: files = "ravdess/audio/*/*.flac" with pattern = '(?P<emotion>\d\d)…', a regex over each path whose groups
#     become columns (also `files = "fer2013.zip!*.jpg"`); the column `path` is the file itself
columns = ["text", "labels", "id"]     # only for files without a header line; a row has no more cells than these
most = { each = "category", rows = 500 } # at most so many rows (of each value of a column), drawn by hash
duplicates = ["text", "image"]         # rows alike in any of these, directly or through others, are one group

[fields]                               # Sample field = template over the columns; a medium needs all of its own
id = "{id}"
text = "{text}"
image = "posts/images.zip!{image}"
group = "{id}"                         # rows of one group never sit on two sides of a split
group_pattern = '^(.*)_\d+$'          # optional: keep only this regex's first group

[split]
column = "mode"                        # or: shares = { train = 0.8, valid = 0.1, test = 0.1 } by hashed group
map = { dev = "valid" }

[labels.score]
column = "label"
scale = 0.33333
[labels.emotions]
column = "emotion"
map = { "3" = "joy" }                  # values that are not in the map give no label; a name or a number each
separator = ","                        # several labels in a cell

[series.audio]                         # ready-made features: rows of an .npz in the table's order,
file = "mosi/features.npz"             # or of a .csv, joined by a column; see datasets/_series.py
key = "audio"
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from demeanor.datasets._archives import Archives, in_archive
from demeanor.datasets._columns import MEDIA, label_of, number_of, split_of
from demeanor.datasets._files import columns_of, csv_lines, in_columns, json_lines
from demeanor.datasets._groups import digest, hashed_split, joined, text_key
from demeanor.datasets._series import read_series
from demeanor.datasets._spec import Label, Manifest, Most, Split, columns_in, filled, near, read_spec
from demeanor.errors import DataError
from demeanor.media.columns import SIGNS, decimal_points, separator, text_of, width
from demeanor.types import Sample

Row = dict[str, str]


def read_manifest(manifest: Path, root: Path) -> list[Sample]:
    """All samples of a manifest, in file order.

    Args:
        manifest: the TOML file.
        root: the folder that the manifest's paths are relative to.

    Raises:
        DataError: the manifest has a wrong key or value; a file or column is not there; says what was expected and
            what was found.
    """
    spec = read_spec(manifest)
    with Archives() as archives:
        beside = (spec.file or "").startswith("./")
        rows = list(_rows(spec, manifest.parent if beside else root, archives))
        if not rows:
            raise DataError(f"{manifest}: expected rows in {spec.file or spec.files}, found none")
        _check_columns(spec, rows)
        # Rows of an array are those of the whole table, so they are drawn together with it.
        series = read_series({m: s.model_dump(exclude_none=True) for m, s in spec.series.items()}, rows, root)
        kept = _drawn(rows, spec.most) if spec.most else range(len(rows))
        samples = [_sample(spec, rows[at], n, root, archives, series[at]) for n, at in enumerate(kept)]
    return _grouped(samples, spec)


def _check_columns(spec: Manifest, rows: Sequence[Row]) -> None:
    known = dict.fromkeys(column for row in rows for column in row)
    for key, column in spec.columns_asked():
        if column not in known:
            raise DataError(f"{spec.name}: {key}: expected a column, found no '{column}'; {near(column, known)}")


def _drawn(rows: Sequence[Row], most: Most) -> list[int]:
    """Places of the rows whose content has the lowest hashes, in file order: the same rows whatever the order."""
    order = sorted(range(len(rows)), key=lambda n: digest(json.dumps(rows[n], sort_keys=True)))
    kept: list[int] = []
    taken: Counter[str] = Counter()
    for n in order:
        value = "" if most.each is None else rows[n][most.each]
        if taken[value] < most.rows:
            taken[value] += 1
            kept.append(n)
    return sorted(kept)


def _grouped(samples: list[Sample], spec: Manifest) -> list[Sample]:
    """Groups of duplicates, where the manifest asks for them; parts by share are drawn over these groups."""
    if not spec.duplicates:
        return samples
    groups = joined([[f"{medium}:{_content(s, medium)}" for medium in spec.duplicates] for s in samples])
    named = [replace(s, group=f"{spec.name}:{g}") for s, g in zip(samples, groups, strict=True)]
    if (shares := spec.split.shares) is None:
        return named
    return [replace(s, split=hashed_split(s.group or s.id, shares)) for s in named]


def _content(sample: Sample, medium: str) -> str:
    """What two copies of a part have in common; a sample without it, or without its file, is like no other."""
    value = getattr(sample, medium)
    if medium == "text":
        value = "".join(c for c in text_key(value or "") if c.isalnum())
    elif isinstance(value, Path):
        value = value.read_bytes() if value.is_file() else None  # which costs it where it is decoded
    return digest(value) if value else f"none of {sample.id}"


def _rows(spec: Manifest, root: Path, archives: Archives) -> Iterator[Row]:
    """Rows that have the same columns each, filled or not."""
    from demeanor.media.encoding import decode_bytes

    if spec.files is not None:
        yield from _file_rows(spec, spec.files, root, archives)
        return
    name = spec.file or ""
    text = decode_bytes(archives.bytes(root, name)).removeprefix("\ufeff")
    if name.endswith((".jsonl", ".ndjson")):
        found = [{k: text_of(v) for k, v in row.items()} for _, row in json_lines(text, name)]
        columns = dict.fromkeys(column for row in found for column in row)
        yield from ({column: row.get(column, "") for column in columns} for row in found)
        return
    yield from _table_rows(spec, text, name)


def _table_rows(spec: Manifest, text: str, name: str) -> Iterator[Row]:
    tabs = name.endswith(".tsv")
    sign = "\t" if tabs else _sign(spec, text)
    lines = [line for line in csv_lines(text, name, delimiter=sign, quoted=not tabs) if line[1]]
    header = spec.columns or columns_of(lines.pop(0)[1] if lines else [], name)
    for number, cells in lines:
        if width(cells) > len(header):
            raise DataError(
                f"{name}, line {number}: expected {len(header)} cells, found more; "
                f"quote a text with {SIGNS[sign]} in it, or mend the columns"
            )
        row = in_columns(header, cells)
        yield decimal_points(row, spec.columns_of_numbers()) if sign == ";" else row


def _sign(spec: Manifest, text: str) -> str:
    """What parts the columns: their names tell it, or where the first line has none, how many cells it gives."""
    if spec.columns is None:
        return separator(text, {column for _, column in spec.columns_asked()})
    first = {sign: next(csv.reader(io.StringIO(text, newline=""), delimiter=sign), []) for sign in SIGNS}
    return next((s for s, cells in first.items() if width(cells) <= len(spec.columns) <= len(cells)), ",")


def _file_rows(spec: Manifest, files: str, root: Path, archives: Archives) -> Iterator[Row]:
    for path in archives.matching(root, files):
        match = spec.pattern.search(path)
        if match:
            yield {"path": path, **{k: v or "" for k, v in match.groupdict().items()}}


def _sample(spec: Manifest, row: Row, number: int, root: Path, archives: Archives, series: dict[str, Any]) -> Sample:
    values: dict[str, Any] = {"id": f"{spec.name}-{number}", **_fields(spec, row)}
    place = f"{spec.name}, row {number + 1}"
    for bound in ("start", "end"):
        if bound in values:
            values[bound] = _number(values[bound], f"{place}: {bound}: expected seconds")
    for medium in MEDIA:
        if path := values.get(medium):
            values[medium] = archives.bytes(root, path) if in_archive(root, path) else root / path
    pattern = spec.fields.group_pattern
    if pattern and (match := pattern.search(values.get("group", ""))):
        values["group"] = match.group(1)
    values.setdefault("group", values.get("text") and " ".join(values["text"].lower().split()))
    values["group"] = f"{spec.name}:{values['group'] or values['id']}"
    labels = {task: _label(task, label, row, place) for task, label in spec.labels.items()}
    values["labels"] = {task: label for task, label in labels.items() if label is not None}
    values["split"] = _split(spec.split, row, values["group"], place)
    return Sample(**values, series=series)


def _fields(spec: Manifest, row: Row) -> dict[str, str]:
    """What the templates make of a row; a medium needs every column of its template, or a folder would be left."""
    values = {}
    for name, template in spec.fields.templates().items():
        value = filled(template, row)
        if value and not (name in MEDIA and any(not row[c].strip() for c in columns_in(template))):
            values[name] = value
    return values


def _number(cell: str, expected: str) -> float:
    number = number_of(cell)
    if number is None:
        raise DataError(f"{expected}, found '{cell}'; leave the cell empty where there is none")
    return number


def _label(task: str, spec: Label, row: Row, place: str) -> float | str | None:
    """A cell's label: its parts, where there is a separator, each through the map; None where nothing is left."""
    cell = row[spec.column].strip()
    parts = [cell] if spec.separator is None else [c.strip() for c in cell.split(spec.separator)]
    known = [spec.map[c] for c in parts if c in spec.map] if spec.map is not None else [c for c in parts if c]
    if not known:
        return None
    value = known[0] if spec.separator is None else ",".join(map(str, known))
    if spec.map is None and spec.scale is not None:
        value = _number(str(value), f"{place}: {spec.column}: expected a number") * spec.scale
    return label_of(f"label_{task}", str(value), place) if task.startswith("score") else value


def _split(spec: Split, row: Row, group: str, place: str) -> str | None:
    if spec.column is not None:
        return split_of(spec.map.get(row[spec.column], row[spec.column]), place)
    if spec.shares is not None:
        return hashed_split(group, spec.shares)
    return spec.all
