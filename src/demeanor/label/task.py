"""A labelling task on disk: what is labelled and what is asked."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demeanor.datasets import table
from demeanor.errors import ConfigError
from demeanor.label.store import LabelStore
from demeanor.reader.analysis import write_whole
from demeanor.types import Sample

SCHEMA = "demeanor.labels/1"
QUESTIONS = ("score", "polarity", "emotions")
"""What can be asked: seven steps from −1 to 1; negative, neutral, positive; any of the seven emotions."""

_MEDIA = ("image", "audio", "video")


@dataclass(frozen=True)
class Task:
    """An open task.

    Attributes:
        folder: where it lies.
        items: what is labelled, in the order of `items.csv`.
        asked: some of `QUESTIONS`.
        instructions: what raters are told, in the words of whoever made the task.
    """

    folder: Path
    items: tuple[Sample, ...] = field(repr=False)
    asked: tuple[str, ...]
    instructions: str = ""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def manifest(self) -> Path:
        """The items as a manifest, which `demeanor batch` reads too."""
        return self.folder / "items.csv"

    def store(self) -> LabelStore:
        """The labels given so far, and the place for more."""
        return LabelStore(self.folder / "labels.jsonl", [item.id for item in self.items], self.asked)

    def order(self) -> list[int]:
        """Indices of the items, those that were suggested first in front."""
        place = {item.id: number for number, item in enumerate(self.items)}
        try:
            said = json.loads((self.folder / "order.json").read_text(encoding="utf-8"))
            first = [place[name] for name in dict.fromkeys(said) if name in place]
        except FileNotFoundError:
            return list(range(len(self.items)))
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"{self.folder / 'order.json'}: expected a JSON list of ids, got {error}; delete it or suggest again"
            ) from error
        known = set(first)
        return first + [number for number in range(len(self.items)) if number not in known]

    def set_order(self, ids: Sequence[str]) -> None:
        """Label these first, in this order."""
        write_whole(self.folder / "order.json", json.dumps(list(ids), ensure_ascii=False, indent=0) + "\n")


def open_task(folder: Path) -> Task:
    """A task that was made before.

    Raises:
        ConfigError: there is none, or it is of another kind.
        DataError: its items cannot be read.
    """
    path = folder / "task.json"
    if not path.is_file():
        raise ConfigError(
            f"{folder}: expected a labelling task (a folder with task.json), found none; "
            f"make one with: demeanor label new SOURCE {folder}"
        )
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["schema"] != SCHEMA:
            raise ValueError(f"schema {said['schema']!r}, not {SCHEMA!r}")
        asked = _checked(said["asked"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: expected a task of {SCHEMA}, got one with {error}; make it anew") from error
    return Task(folder, tuple(table.read(folder / "items.csv")), asked, str(said.get("instructions", "")))


def create_task(folder: Path, items: Sequence[Sample], asked: Iterable[str], instructions: str = "") -> Task:
    """Write a new task.

    Args:
        folder: made if need be; must not hold a task.
        items: at least one; their media are paths.
        asked: some of `QUESTIONS`.
        instructions: for the raters.

    Raises:
        ConfigError: there is a task already, nothing to label, nothing asked, or the folder cannot be written.
        DataError: the items are no table: two of one id, a split that no part is called by.
    """
    if (folder / "task.json").exists():
        raise ConfigError(f"{folder}: there is a task already; take another folder, or delete that one and its labels")
    if not items:
        raise ConfigError(f"{folder}: expected something to label, got nothing; check the source")
    questions = _checked(asked)
    rows = [row_of(item, folder) for item in items]
    with tempfile.TemporaryDirectory() as draft:  # so that what is refused leaves nothing behind
        write_table(Path(draft) / "items.csv", rows)
        table.read(Path(draft) / "items.csv")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: expected a place for the task, got {error.strerror}; take another") from error
    write_table(folder / "items.csv", rows)
    said = {"schema": SCHEMA, "asked": list(questions), "instructions": instructions}
    write_whole(folder / "task.json", json.dumps(said, ensure_ascii=False, indent=2) + "\n")
    return open_task(folder)


def row_of(item: Sample, folder: Path) -> dict[str, Any]:
    """An item as a row of a manifest that lies in `folder`."""
    row = {column: getattr(item, column) for column in table.COLUMNS}
    for part in _MEDIA:
        if row[part] is not None:
            row[part] = _relative(Path(row[part]), folder)
    return row


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], always: Sequence[str] = ()) -> None:
    """A CSV with the columns that any row fills, or that are wanted `always`: the standard ones, then the others.

    Raises:
        ConfigError: the folder is not there or may not be written.
    """
    used = dict.fromkeys(n for row in rows for n, value in row.items() if value not in (None, "") or n in always)
    columns = [c for c in table.COLUMNS if c in used] + [c for c in used if c not in table.COLUMNS]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    write_whole(path, out.getvalue())


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    return "" if value is None else value


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()


def _checked(asked: Iterable[str]) -> tuple[str, ...]:
    """The questions in their order; the score says the polarity, so that only one of them is asked."""
    wanted = set(asked)
    if not wanted or wanted - set(QUESTIONS) or {"score", "polarity"} <= wanted:
        raise ConfigError(
            f"expected emotions, score or polarity to be asked (a score says the polarity), got "
            f"{', '.join(sorted(wanted)) or 'nothing'}; the usual choice is score,emotions"
        )
    return tuple(q for q in QUESTIONS if q in wanted)
