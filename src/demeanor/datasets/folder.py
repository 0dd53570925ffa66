"""One's own media in folders: a folder per class, or clips with a table of labels beside them.

    mine/joy/a.wav                     mine/train/positive/1.txt        mine/labels.csv   file,label,speaker
    mine/anger/b.mp4                   mine/test/negative/2.txt         mine/clips/1.mp4  clips/1.mp4,joy,ann

Folders named train, valid (val, dev) and test above the classes are the parts. Classes named as polarities or emotions
become those labels, any others the label `label`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from demeanor.datasets._columns import COLUMNS, SPLITS, BadCell, groups_of, sample_of
from demeanor.datasets._dataset import Card, choose
from demeanor.datasets._files import read_rows, read_text
from demeanor.datasets._gaps import Gaps
from demeanor.datasets._groups import digest, text_key, without_overlap
from demeanor.errors import ConfigError, DataError, LayoutError
from demeanor.media.columns import decimal_points, separator
from demeanor.media.kind import KNOWN_EXTENSIONS
from demeanor.types import EMOTIONS, POLARITIES, Sample

CARD = Card(
    name="folder",
    title="One's own folders of media",
    labels={"*": "polarity or emotions where the classes are named so, else label; label_… columns of a label table"},
    splits={"folders": "train/, valid/, test/ above the classes", "none": "made when a run is prepared"},
    groups="what group_pattern finds in a path; else equal contents",
    licence="one's own",
    source="root: a folder per class (above them, if wanted, train/, valid/, test/), or any folder with a table of the "
    "columns file and label (and, if wanted, those of a table: text, speaker, group, split, start, end, label_…) "
    "named by the option labels. Stretches of one file are rows of their own, told apart by start.",
)


def read(
    root: Path,
    *,
    labels: str = "labels.csv",
    group_pattern: str | None = None,
    pair: bool = False,
    duplicates: str = "keep",
) -> list[Sample]:
    r"""Every known file of every class, by path; or every row of the label table.

    Args:
        root: the folder.
        labels: the label table, relative to root; where it is not there, folders are classes.
        group_pattern: a regular expression searched in each path; its first group (or all it matched) is the group,
            such as `actor_\d+`.
        pair: join files of a class that differ in their extension only (a.jpg with a.txt).
        duplicates: drop what shares its group (speaker, equal contents) with a later part, or keep, which a run
            refuses.

    Raises:
        DataError: there is nothing to read; the label table lacks a column.
        ConfigError: the pattern is none; an option has no such value.
    """
    choose(CARD, "duplicates", duplicates, ("drop", "keep"))
    try:
        pattern = re.compile(group_pattern) if group_pattern else None
    except re.error as error:
        raise ConfigError(
            f"folder: group_pattern: expected a regular expression, got {group_pattern!r}: {error}"
        ) from None
    table = root / labels
    samples = _from_table(table, pattern) if table.is_file() else _from_classes(root, pattern, pair)
    return without_overlap(samples) if duplicates == "drop" else samples


def _from_classes(root: Path, pattern: re.Pattern[str] | None, pair: bool) -> list[Sample]:
    classes = _class_folders(root)
    task = task_of([name for _, name, _ in classes])
    samples: list[Sample] = []
    hashes = _Contents()
    for split, name, folder in classes:
        files = _media(folder)
        for paths in _paired(files) if pair else ([p] for p in files):
            relative = paths[0].relative_to(root)
            found = pattern.search(relative.as_posix()) if pattern else None
            group = (found.group(1) if found.re.groups else found.group()) if found else hashes.of(paths)
            samples.append(
                Sample(
                    id=(relative.with_suffix("") if len(paths) > 1 else relative).as_posix(),
                    group=group, labels={task: name.lower() if task != "label" else name}, split=split, **_parts(paths),
                )
            )  # fmt: skip
    if not samples:
        raise LayoutError(
            f"folder: expected text, pictures, sound or films in the folders of {root}, found none. {CARD.source}"
        )
    return samples


def _class_folders(root: Path) -> list[tuple[str | None, str, Path]]:
    """(part, class, folder); a level of folders all named as parts is the level of parts."""
    level = _folders(root)
    tops = [t for t in level if _media(t)] or level
    if not tops:
        found = "no such folder" if not root.is_dir() else "no folders in it"
        raise LayoutError(f"folder: expected a folder per class or {root / 'labels.csv'}; found {found}. {CARD.source}")
    parts = {SPLITS[t.name.lower()] for t in tops if t.name.lower() in SPLITS}
    others = [t.name for t in tops if t.name.lower() not in SPLITS]
    if len(parts) > 1 and others:  # one alone may be a class: a train beside cars
        raise DataError(
            f"folder: expected every folder of {root} to be a part or none, found {', '.join(sorted(parts))} beside "
            f"{', '.join(others[:5])}; move or rename one or the other"
        )
    if not others:
        return [(SPLITS[t.name.lower()], c.name, c) for t in tops for c in _folders(t)]
    return [(None, t.name, t) for t in tops]


def _folders(root: Path) -> list[Path]:
    """Folders in a folder, but for hidden ones and what macOS leaves in archives."""
    found = root.iterdir() if root.is_dir() else ()
    return sorted(p for p in found if p.is_dir() and not p.name.startswith(".") and p.name != "__MACOSX")


def _media(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in KNOWN_EXTENSIONS and p.is_file()]


def task_of(names: Iterable[str]) -> str:
    """The label that a set of classes stands for: polarity, emotions, or plain `label`."""
    classes = {n.lower() for n in names}
    if classes <= set(POLARITIES):
        return "polarity"
    return "emotions" if classes <= set(EMOTIONS) else "label"


def _paired(files: Sequence[Path]) -> list[list[Path]]:
    """Files of one stem together, unless two of them are of one kind."""
    stems: dict[Path, list[Path]] = {}
    for path in files:
        stems.setdefault(path.with_suffix(""), []).append(path)
    out: list[list[Path]] = []
    for paths in stems.values():
        kinds = {KNOWN_EXTENSIONS[p.suffix.lower()] for p in paths}
        out += [paths] if len(kinds) == len(paths) else [[p] for p in paths]
    return out


def _parts(paths: Sequence[Path]) -> dict[str, Any]:
    """Sample fields of files: text is read, the rest stays a path; a film brings its sound."""
    parts: dict[str, Any] = {}
    for path in paths:
        kind = KNOWN_EXTENSIONS[path.suffix.lower()]
        parts[kind] = read_text(path) if kind == "text" else path
    if "video" in parts:
        parts.setdefault("audio", parts["video"])
    return parts


class _Contents:
    """Groups of equal contents; large files are hashed once each."""

    def of(self, paths: Sequence[Path]) -> str:
        texts = [p for p in paths if KNOWN_EXTENSIONS[p.suffix.lower()] == "text"]
        if texts and len(texts) == len(paths):
            return digest(text_key(read_text(texts[0])) or str(paths[0]))
        return digest(next(p for p in paths if p not in texts).read_bytes())


def _from_table(table: Path, pattern: re.Pattern[str] | None) -> list[Sample]:
    sign = "\t" if table.suffix.lower() == ".tsv" else separator(read_text(table), ("file", "label", *COLUMNS))
    rows = read_rows(table, CARD, ("file",), delimiter=sign)
    task = task_of(r["label"].strip() for r in rows if r.get("label", "").strip())
    gaps, samples = Gaps(CARD), []
    times = Counter(r["file"].strip() for r in rows)
    for number, row in enumerate(rows, 2):
        try:
            columns = _as_columns(decimal_points(row) if sign == ";" else row, table.parent, task, pattern)
            if times[columns["id"]] > 1:
                _name_stretch(columns, (row.get("start") or "").strip())
            samples.append(sample_of(columns, table, number))
        except BadCell as error:
            gaps.add(str(error), f"line {number}")
    twice = [name for name, count in Counter(s.id for s in samples).items() if count > 1]
    if twice:
        raise DataError(
            f"{table.name}: expected every file once, or once per `start`, found more of {', '.join(twice[:5])}"
        )
    gaps.tell()
    return [replace(s, group=group) for s, group in zip(samples, groups_of(samples, table.parent), strict=True)]


def _name_stretch(columns: dict[str, str], start: str) -> None:
    """A stretch of a file that has several is named by its start; stretches of one file stand on one side."""
    if not (columns.get("group") or columns.get("speaker")):
        columns["group"] = columns["id"]
    columns["id"] += f"#{start}" if start else ""


def _as_columns(row: Mapping[str, str], folder: Path, task: str, pattern: re.Pattern[str] | None) -> dict[str, str]:
    """A row of `file` and `label` in the columns of a table."""
    file = row["file"].strip()
    kind = KNOWN_EXTENSIONS.get(Path(file).suffix.lower())
    if kind is None:
        raise BadCell("file of no known kind")
    out = {k: v for k, v in row.items() if k not in ("file", "label", "id")}
    out["id"] = file
    if kind == "text":
        if not (folder / file).is_file():
            raise BadCell("no such text file")
        out["text"] = read_text(folder / file)
    else:
        out[kind] = file
        if kind == "video":
            out.setdefault("audio", file)
    if row.get("label", "").strip():
        out[f"label_{task}"] = row["label"].strip()
    if pattern and not out.get("group") and (found := pattern.search(file)):
        out["group"] = found.group(1) if found.re.groups else found.group()
    return out
