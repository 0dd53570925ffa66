"""What a manifest may say, checked before anything is read: unknown keys fail, near ones are named."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from demeanor.datasets._columns import SPLITS
from demeanor.errors import DataError


class Section(BaseModel):
    """A section of a manifest: frozen, unknown keys fail."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _part(name: str) -> str:
    if (part := SPLITS.get(name.strip().lower())) is None:
        raise ValueError("expected train, valid or test")
    return part


Part = Annotated[str, AfterValidator(_part)]
"""A part by any of its names, as train, valid or test."""


def _template(template: str) -> str:
    try:
        found = [field for field in Formatter().parse(template) if field[1] is not None]
    except ValueError as error:
        raise ValueError(f"expected a template such as 'clips/{{id}}.wav', found a fault: {error}") from None
    if any(not name or spec or conversion for _, name, spec, conversion in found):
        raise ValueError("expected the names of columns alone in braces, such as {id}")
    return template


Template = Annotated[str, AfterValidator(_template)]
"""A text with names of columns in braces."""


class Most(Section):
    """`most`: at most so many rows, of each value of a column where one is named."""

    rows: PositiveInt
    each: str | None = None


class Fields(Section):
    """`[fields]`: templates over the columns."""

    id: Template | None = None
    text: Template | None = None
    image: Template | None = None
    audio: Template | None = None
    video: Template | None = None
    start: Template | None = None
    end: Template | None = None
    language: Template | None = None
    speaker: Template | None = None
    group: Template | None = None
    time: Template | None = None
    author: Template | None = None
    group_pattern: re.Pattern[str] | None = None

    def templates(self) -> dict[str, str]:
        """Field → template."""
        return self.model_dump(exclude_none=True, exclude={"group_pattern"})


class Split(Section):
    """`[split]`: the part that a column names, parts by share, or one for all."""

    column: str | None = None
    map: dict[str, str] = {}
    shares: dict[Part, NonNegativeFloat] | None = Field(default=None, min_length=1)
    all: Part | None = None

    @model_validator(mode="before")
    @classmethod
    def _names_a_part_once(cls, split: Any) -> Any:
        shares = split.get("shares") if isinstance(split, dict) else None
        named = [str(SPLITS.get(n.strip().lower(), n)) for n in shares] if isinstance(shares, dict) else []
        if twice := {n for n in named if named.count(n) > 1}:
            raise ValueError(f"shares: expected every part once, found {', '.join(sorted(twice))} under two names")
        return split

    @model_validator(mode="after")
    def _has_one_origin(self) -> Split:
        named = [key for key in ("column", "shares", "all") if getattr(self, key) is not None]
        if self.model_fields_set and len(named) != 1:
            raise ValueError(f"expected one of the keys column, shares and all, found {', '.join(named) or 'none'}")
        return self


class Label(Section):
    """`[labels.TASK]`: a column, and how its cells are read."""

    column: str
    map: dict[str, str | int | float] | None = None
    separator: str | None = Field(default=None, min_length=1)
    scale: float | None = None


class Series(Section):
    """`[series.MODALITY]`: see `_series.read_series`."""

    file: str
    key: str | None = None
    columns: str | None = None
    by: str | None = None
    by_pattern: re.Pattern[str] | None = None
    match: Template | None = None

    @model_validator(mode="after")
    def _is_joined_by_something(self) -> Series:
        lacking = [k for k in ("columns", "by", "match") if getattr(self, k) is None]
        if lacking and not self.file.endswith(".npz"):
            raise ValueError(f"expected the keys columns, by and match of a table, found no {', '.join(lacking)}")
        return self


class Manifest(Section):
    """The whole of it; see `_manifest.py`."""

    name: str
    licence: str = "not stated"
    file: str | None = None
    files: str | None = None
    pattern: re.Pattern[str] = re.compile("")
    columns: list[str] | None = None
    most: Most | None = None
    duplicates: list[str] = []
    fields: Fields = Fields()
    split: Split = Split()
    labels: dict[str, Label] = {}
    series: dict[str, Series] = {}

    @model_validator(mode="after")
    def _names_files_and_fields(self) -> Manifest:
        if (self.file is None) == (self.files is None):
            raise ValueError("expected a key file or a key files, found " + ("both" if self.file else "none"))
        if strange := set(self.duplicates) - (set(Fields.model_fields) - {"group_pattern"}):
            raise ValueError(f"duplicates: expected fields, such as text or image, found {', '.join(sorted(strange))}")
        return self

    def columns_asked(self) -> list[tuple[str, str]]:
        """Every column that is named anywhere, after the key of the manifest that names it."""
        asked = [(f"labels.{task}.column", label.column) for task, label in self.labels.items()]
        if self.split.column is not None:
            asked.append(("split.column", self.split.column))
        if self.most is not None and self.most.each is not None:
            asked.append(("most.each", self.most.each))
        templates = {f"fields.{name}": template for name, template in self.fields.templates().items()}
        templates |= {f"series.{name}.match": series.match or "" for name, series in self.series.items()}
        return asked + [(key, column) for key, template in templates.items() for column in columns_in(template)]

    def columns_of_numbers(self) -> set[str]:
        """The columns that numbers are read from, whose decimal sign may be a comma."""
        times = [t for name, t in self.fields.templates().items() if name in ("start", "end")]
        plain = {s.column for s in self.labels.values() if s.map is None and s.separator is None}
        return plain | {c for t in times for c in columns_in(t)}


def columns_in(template: str) -> list[str]:
    """The columns that a template names."""
    return [name for _, name, _, _ in Formatter().parse(template) if name]


def filled(template: str, row: Mapping[str, str]) -> str:
    """A template with the cells of a row, which has all of its columns."""
    return "".join(text + (row[name] if name else "") for text, name, _, _ in Formatter().parse(template))


def read_spec(manifest: Path) -> Manifest:
    """A manifest, checked.

    Raises:
        DataError: no TOML; a key is missing, unknown or has no such value: names them, and near ones.
    """
    try:
        spec = tomllib.loads(manifest.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{manifest}: expected a manifest in TOML, found {error}; mend it") from error
    try:
        return Manifest.model_validate(spec)
    except ValidationError as error:
        raise DataError(f"{manifest.name}: {'; '.join(_explain(e) for e in error.errors())}") from None


_SECTIONS: dict[str, type[Section]] = {
    "most": Most,
    "fields": Fields,
    "split": Split,
    "labels": Label,
    "series": Series,
}


def _explain(error: Any) -> str:
    """One line for one of pydantic's findings."""
    path = [str(p) for p in error["loc"] if p != "[key]"]
    where = ".".join(path)
    if error["type"] == "extra_forbidden":
        known = (_SECTIONS[path[0]] if path[:-1] else Manifest).model_fields
        return f"unknown key {where}; {near(path[-1], known)}"
    if error["type"] == "missing":
        return f"expected a key {where}, found none; add it"
    said = str(error["msg"]).removeprefix("Value error, ")
    got = f", got {error['input']!r:.60}" if isinstance(error["input"], str | int | float | list) else ""
    return f"{where}: {said}{got}" if where else said


def near(name: str, known: Iterable[str]) -> str:
    """The near names among the known ones, or else all of these, as the end of a message."""
    names = sorted(known)
    found = difflib.get_close_matches(name, names, 2)
    return f"did you mean {' or '.join(found)}?" if found else f"there are {', '.join(names)}"
