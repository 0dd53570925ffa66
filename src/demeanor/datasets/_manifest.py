r"""Any table or set of files, described by a short TOML manifest: data in a layout of their own.

name = "mosi"                          # what records call it
licence = "research only"
file = "mosi/utterances.csv"           # .csv, .tsv or .jsonl; "a.zip!member.csv" looks inside an archive,
                                       # "./rows.csv" beside the manifest itself
# or: files = "ravdess/audio/*/*.flac" with pattern = '(?P<emotion>\d\d)…', a regex over each path whose groups
#     become columns (also `files = "fer2013.zip!*.jpg"`); the column `path` is the file itself
columns = ["text", "labels", "id"]     # only for files without a header line
most = { each = "category", rows = 500 } # at most so many rows (of each value of a column), drawn by hash
duplicates = ["text", "image"]         # rows alike in any of these, directly or through others, are one group

[fields]                               # Sample field = template over the columns
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
map = { "3" = "joy" }                  # values that are not in the map give no label
separator = ","                        # several labels in a cell

[series.audio]                         # ready-made features: rows of an .npz in the table's order,
file = "mosi/features.npz"             # or of a .csv, joined by a column; see datasets/_series.py
key = "audio"
"""

from __future__ import annotations

import fnmatch
import json
import re
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from demeanor.datasets._columns import label_of, number_of, split_of, text_of
from demeanor.datasets._files import csv_lines, in_columns, json_lines
from demeanor.datasets._groups import digest, hashed_split, joined, text_key
from demeanor.datasets._series import read_series
from demeanor.errors import DataError
from demeanor.types import Sample

Row = dict[str, str]
FIELDS = frozenset(Sample.__dataclass_fields__) - {"labels", "split", "series"}


def read_manifest(manifest: Path, root: Path) -> list[Sample]:
    """All samples of a manifest, in file order.

    Args:
        manifest: the TOML file.
        root: the folder that the manifest's paths are relative to.

    Raises:
        DataError: a file or column is not there; says what was expected and what was found.
    """
    spec = tomllib.loads(manifest.read_text(encoding="utf-8"))
    with _Archives() as archives:
        beside = str(spec.get("file", "")).startswith("./")
        rows = list(_rows(spec, manifest.parent if beside else root, archives))
        if not rows:
            raise DataError(f"{manifest}: expected rows in {spec.get('file') or spec.get('files')}, found none")
        if "most" in spec:
            rows = _drawn(rows, spec["most"])
        series = read_series(spec.get("series", {}), rows, root)
        samples = [_sample(spec, row, n, root, archives, series[n]) for n, row in enumerate(rows)]
    return _grouped(samples, spec)


def _drawn(rows: list[Row], most: dict[str, Any]) -> list[Row]:
    """The rows whose content has the lowest hashes, in file order: the same ones everywhere, whatever the order."""
    order = sorted(range(len(rows)), key=lambda n: digest(json.dumps(rows[n], sort_keys=True)))
    kept: list[int] = []
    taken: Counter[str] = Counter()
    for n in order:
        value = rows[n].get(most["each"], "") if "each" in most else ""
        if taken[value] < most["rows"]:
            taken[value] += 1
            kept.append(n)
    return [rows[n] for n in sorted(kept)]


def _grouped(samples: list[Sample], spec: dict[str, Any]) -> list[Sample]:
    """Groups of duplicates, where the manifest asks for them; parts by share are drawn over these groups."""
    if not (by := spec.get("duplicates")):
        return samples
    groups = joined([[f"{medium}:{_content(s, medium)}" for medium in by] for s in samples])
    named = [replace(s, group=f"{spec['name']}:{g}") for s, g in zip(samples, groups, strict=True)]
    if "shares" not in spec.get("split", {}):
        return named
    return [replace(s, split=hashed_split(s.group or s.id, spec["split"]["shares"])) for s in named]


def _content(sample: Sample, medium: str) -> str:
    """What two copies of a part have in common; a sample without it is like no other."""
    value = getattr(sample, medium)
    if medium == "text":
        value = "".join(c for c in text_key(value or "") if c.isalnum())
    elif isinstance(value, Path):
        value = value.read_bytes()
    return digest(value) if value else f"none of {sample.id}"


class _Archives:
    """Zip files opened once; a path may be `archive.zip!member`."""

    def __init__(self) -> None:
        self._open: dict[Path, zipfile.ZipFile] = {}

    def __enter__(self) -> _Archives:
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._open.values():
            archive.close()

    def archive(self, path: Path) -> zipfile.ZipFile:
        if path not in self._open:
            if not path.is_file():
                raise DataError(f"expected an archive at {path}; found nothing there")
            self._open[path] = zipfile.ZipFile(path)
        return self._open[path]

    def bytes(self, root: Path, path: str) -> bytes:
        archive, _, member = path.partition("!")
        if not member:
            if not (root / path).is_file():
                raise DataError(f"expected a file at {root / path}; found nothing there")
            return (root / path).read_bytes()
        try:
            return self.archive(root / archive).read(member)
        except KeyError as error:
            raise DataError(f"expected '{member}' in {root / archive}; it is not there") from error


def _rows(spec: dict[str, Any], root: Path, archives: _Archives) -> Iterator[Row]:
    from demeanor.media.encoding import decode_bytes

    if "files" in spec:
        yield from _file_rows(spec, root, archives)
        return
    name = spec["file"]
    text = decode_bytes(archives.bytes(root, name)).removeprefix("\ufeff")
    if name.endswith(".jsonl"):
        yield from ({k: text_of(v) for k, v in row.items()} for _, row in json_lines(text, name))
        return
    tabs = name.endswith(".tsv")
    lines = [cells for _, cells in csv_lines(text, name, delimiter="\t" if tabs else ",", quoted=not tabs) if cells]
    header = spec.get("columns") or (lines.pop(0) if lines else [])
    yield from (in_columns(header, cells) for cells in lines)


def _file_rows(spec: dict[str, Any], root: Path, archives: _Archives) -> Iterator[Row]:
    archive, _, glob = spec["files"].partition("!")
    if glob:
        found = [
            f"{archive}!{n}" for n in sorted(archives.archive(root / archive).namelist()) if fnmatch.fnmatch(n, glob)
        ]
    else:
        found = [str(p.relative_to(root)) for p in sorted(root.glob(spec["files"]))]
    pattern = re.compile(spec.get("pattern", ""))
    for path in found:
        match = pattern.search(path)
        if match:
            yield {"path": path, **{k: v or "" for k, v in match.groupdict().items()}}


def _sample(
    spec: dict[str, Any], row: Row, number: int, root: Path, archives: _Archives, series: dict[str, Any]
) -> Sample:
    fields = spec.get("fields", {})
    values: dict[str, Any] = {"id": f"{spec['name']}-{number}"}
    for name, template in fields.items():
        if name in FIELDS:
            try:
                value = template.format(**row)
            except KeyError as error:
                raise DataError(
                    f"{spec['name']}: expected a column {error} for '{name}'; columns are {sorted(row)}"
                ) from error
            if value:
                values[name] = value
    place = f"{spec['name']}, row {number + 1}"
    for bound in ("start", "end"):
        if bound in values:
            values[bound] = _number(values[bound], f"{place}: {bound}: expected seconds")
    for medium in ("image", "audio", "video"):
        if values.get(medium):
            values[medium] = archives.bytes(root, values[medium]) if "!" in values[medium] else root / values[medium]
    if "group_pattern" in fields and (match := re.search(fields["group_pattern"], values.get("group", ""))):
        values["group"] = match.group(1)
    values.setdefault("group", values.get("text") and " ".join(values["text"].lower().split()))
    values["group"] = f"{spec['name']}:{values['group'] or values['id']}"
    values["labels"] = _labels(spec.get("labels", {}), row, place)
    values["split"] = _split(spec.get("split", {}), row, values["group"], place)
    return Sample(**values, series=series)


def _number(cell: str, expected: str) -> float:
    number = number_of(cell)
    if number is None:
        raise DataError(f"{expected}, found '{cell}'; leave the cell empty where there is none")
    return number


def _labels(specs: dict[str, Any], row: Row, place: str) -> dict[str, float | str]:
    labels: dict[str, float | str] = {}
    for task, spec in specs.items():
        cell = row.get(spec["column"], "").strip()
        if "map" in spec:
            cells = cell.split(spec["separator"]) if "separator" in spec else [cell]
            known = [spec["map"][c] for c in cells if c in spec["map"]]
            if known:
                labels[task] = ",".join(known)
        elif "scale" in spec and cell:
            labels[task] = _number(cell, f"{place}: {spec['column']}: expected a number") * spec["scale"]
        elif cell and task.startswith("score"):
            labels[task] = label_of(f"label_{task}", cell, place)
        elif cell:
            labels[task] = cell
    return labels


def _split(spec: dict[str, Any], row: Row, group: str, place: str) -> str | None:
    if "column" in spec:
        value = row.get(spec["column"], "")
        return split_of(str(spec.get("map", {}).get(value, value)), place)
    if "shares" in spec:
        return hashed_split(group, spec["shares"])
    return spec.get("all")
