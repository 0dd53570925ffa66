"""One's own data as one table: CSV, TSV, JSON lines or Parquet, a row per sample, in the columns that `batch` reads.

Columns: id, text, image, audio, video (at least one of these four), start, end, language, speaker, group, time, author,
split, and `label_…` for each label. Media are paths relative to the table. Labels keep their names without the prefix:
`label_score` in [-1, 1], `label_polarity` (negative, neutral, positive), `label_emotions` (names separated by commas),
and any other of one's own.

    id,text,audio,speaker,label_score,split
    1,I loved it,clips/1.wav,ann,0.8,train

Tables in other layouts are described by a TOML manifest (see `_manifest.py`): `read(folder, manifest="posts.toml")`.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from demeanor.datasets._columns import COLUMNS, MEDIA, BadCell, groups_of, sample_of
from demeanor.datasets._dataset import Card, choose
from demeanor.datasets._files import csv_lines, in_columns, json_lines, read_text
from demeanor.datasets._gaps import Gaps
from demeanor.datasets._groups import hashed_split, without_overlap
from demeanor.datasets._manifest import read_manifest
from demeanor.errors import DataError
from demeanor.media.columns import SIGNS, decimal_points, named_columns, separator, width
from demeanor.types import Sample

__all__ = ["CARD", "COLUMNS", "hashed_split", "read", "read_manifest"]

CARD = Card(
    name="table",
    title="One's own table of samples",
    labels={"*": "every column label_NAME: score in [-1, 1], polarity, emotions, or one's own"},
    splits={"column split": "train, valid, test", "none": "by hash of the group when a run is prepared"},
    groups="column group; else speaker; else the file that rows share; else equal texts",
    licence="one's own",
    source=f"root: a .csv, .tsv, .jsonl or .parquet file with the columns {', '.join(COLUMNS)} and label_…",
)


def read(root: Path, *, manifest: str | Path | Sequence[str] | None = None, duplicates: str = "keep") -> list[Sample]:
    """All rows of a table, in its order. A path that leads nowhere costs its own row only, where it is decoded.

    Args:
        root: the table; with `manifest`, the folder that the manifest's paths are relative to.
        manifest: one TOML manifest or several, read one after the other.
        duplicates: drop what shares its group (speaker, file, equal text) with a later part, or keep, which a run
            refuses.

    Raises:
        DataError: no table there; a column is missing, unknown or stands twice; an id stands twice; a label is out of
            range.
        ConfigError: an option has no such value.
    """
    choose(CARD, "duplicates", duplicates, ("drop", "keep"))
    if manifest is not None:
        samples = _from_manifests([manifest] if isinstance(manifest, str | Path) else manifest, root)
    else:
        samples = _from_table(root)
    return without_overlap(samples) if duplicates == "drop" else samples


def _from_table(root: Path) -> list[Sample]:
    gaps = Gaps(CARD)
    rows = list(_rows(root, gaps))
    _check_columns(root, list(dict.fromkeys(c for _, row in rows for c in row)))
    samples = []
    for number, row in rows:
        try:
            samples.append(sample_of(row, root, number))
        except BadCell as error:
            gaps.add(str(error), f"line {number}")
    twice = [name for name, count in Counter(s.id for s in samples).items() if count > 1]
    if twice:
        raise DataError(f"{root.name}: expected every id once, found more of {', '.join(twice[:5])}; rename them")
    gaps.tell()
    return [replace(s, group=group) for s, group in zip(samples, groups_of(samples, root.parent), strict=True)]


def _from_manifests(manifests: Sequence[str | Path], root: Path) -> list[Sample]:
    """Ids that two manifests share are told apart by the manifest's name."""
    found = [(Path(m).stem, s) for m in manifests for s in read_manifest(Path(m), root)]
    if len({s.id for _, s in found}) < len(found):
        found = [(stem, replace(s, id=f"{stem}/{s.id}")) for stem, s in found]
    twice = [name for name, count in Counter(s.id for _, s in found).items() if count > 1]
    if twice:
        raise DataError(
            f"{', '.join(map(str, manifests))}: expected every id once, found more of {', '.join(twice[:5])}"
        )
    return [s for _, s in found]


def _rows(path: Path, gaps: Gaps) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows with the line they end on."""
    if not path.is_file():
        raise DataError(f"table: expected a file at {path}, found {'a folder' if path.is_dir() else 'nothing'}; {_HOW}")
    kind = path.suffix.lower()
    if kind in (".csv", ".tsv"):
        text = read_text(path)
        sign = "\t" if kind == ".tsv" else separator(text, COLUMNS)
        yield from _csv_rows(text, path.name, sign, gaps)
    elif kind in (".jsonl", ".ndjson"):
        yield from json_lines(read_text(path), path.name)
    elif kind == ".parquet":
        from demeanor.plugins import require

        polars = require("polars", "frames", "reading a Parquet table")
        yield from enumerate(polars.read_parquet(path).iter_rows(named=True), 1)
    else:
        raise DataError(f"table: expected .csv, .tsv, .jsonl or .parquet, found '{path.name}'; {_HOW}")


_HOW = CARD.source


def _csv_rows(text: str, name: str, sign: str, gaps: Gaps) -> Iterator[tuple[int, dict[str, str]]]:
    lines = csv_lines(text, name, delimiter=sign)
    header = [c.strip() for c in (lines.pop(0)[1] if lines else [])]
    try:
        named, counting = named_columns(header, [cells for _, cells in lines])
    except ValueError as error:
        raise DataError(f"{name}: {error}") from None
    for at in counting:
        gaps.add("column without a name that counts the rows, left out", f"column {at + 1}")
    for number, cells in lines:
        if width(cells) > len(header):
            raise DataError(
                f"{name}, line {number}: expected {len(header)} cells, found more; "
                f"quote a text with {SIGNS[sign]} in it"
            )
        if cells:
            row = {c: v for c, v in in_columns(header, cells).items() if c in named}
            yield number, decimal_points(row) if sign == ";" else row


def _check_columns(path: Path, columns: list[str]) -> None:
    if not columns:
        raise DataError(f"{path.name}: expected rows, found none; {_HOW}")
    if "id" not in columns or not {"text", *MEDIA} & set(columns):
        raise DataError(
            f"{path.name}: expected a column id and at least one of text, {', '.join(MEDIA)}; "
            f"found {', '.join(columns)}"
        )
    for strange in (c for c in columns if c not in COLUMNS and not c.startswith("label_")):
        near = difflib.get_close_matches(strange, (*COLUMNS, "label_score", "label_polarity", "label_emotions"), 1)
        hint = f"did you mean {near[0]}?" if near else "rename it to label_… or drop it"
        raise DataError(f"{path.name}: unknown column '{strange}'; {hint} Columns are {', '.join(COLUMNS)}, label_…")
