"""A folder read as the data set it is, named or guessed by its layout."""

from __future__ import annotations

import inspect
import math
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from demeanor.datasets._dataset import Card
from demeanor.datasets._groups import without_overlap
from demeanor.datasets._manifest import read_manifest
from demeanor.datasets._spec import near, read_spec
from demeanor.errors import ConfigError, DataError, DemeanorError, LayoutError
from demeanor.plugins import load, names
from demeanor.types import Sample

_OWN_LAYOUT = ("folder", "mmsa_pickle", "synthetic", "table")  # read what is nobody's corpus


_TYPES = {
    bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path", Sequence: "a list",
    Mapping: "a table",
}  # fmt: skip


@dataclass
class Found:
    """A data set as read: `samples` as a run would get them, `whole` before twins in two parts were left out."""

    card: Card
    samples: list[Sample]
    whole: list[Sample]
    notes: list[str]


def read_any(
    root: Path, name: str | None = None, manifest: Path | None = None, options: Mapping[str, Any] | None = None
) -> Found:
    """Read a data set, guessing which it is where no name is given.

    Args:
        root: a folder or a table.
        name: a reader; guessed by the layout if not given.
        manifest: describes tables in the folder, in place of a reader.
        options: of the reader that is named. The counts of its card are those without any.

    Raises:
        DataError: no reader knows it, or the one named does not; says what was expected.
        UnknownNameError: there is no reader of that name.
        ConfigError: options without a name, one that the reader does not take, or of another type.
    """
    if options and (name is None or manifest is not None):
        raise ConfigError(f"options are those of a named data set, got {', '.join(options)} and no name; add --name")
    if manifest is not None:
        spec = read_spec(manifest)
        card = Card(spec.name, manifest.name, {}, {}, "as the manifest says", spec.licence, "")
        samples = read_manifest(manifest, root)
        return Found(card, samples, samples, [])
    if name is not None:
        return _read(load("datasets", name), root, options or {})
    return _guess(root)


def _guess(root: Path) -> Found:
    """The reader whose layout fits, and of several the one whose counts are nearest.

    A corpus that is laid out as it should be and cannot be read is refused with the reasons of all readers that know
    the layout, not taken for one's own folders; a feature file that cannot be read, where nothing else is found either.
    """
    if root.is_file():
        return _read(load("datasets", "mmsa_pickle" if root.suffix in (".pkl", ".npz") else "table"), root)
    fitting, reasons = _tried(root, [n for n in names("datasets") if n not in _OWN_LAYOUT])
    if fitting:
        return min(fitting, key=_distance)
    for name in ("mmsa_pickle", "folder") if not reasons else ():
        found, more = _tried(root, [name])
        if found:
            return found[0]
        reasons += more
    if reasons:
        told = "; ".join(dict.fromkeys(map(str, reasons)))
        raise DataError(f"{told}; if it is another data set, name it with --name") from reasons[0]
    known = ", ".join(names("datasets"))
    raise DataError(f"{root}: expected the layout of a known data set, found none; name one with --name: {known}")


def _tried(root: Path, readers: Iterable[str]) -> tuple[list[Found], list[DemeanorError]]:
    """What the readers read, and why those failed that know the layout."""
    fitting, reasons = [], []
    for name in readers:
        try:
            fitting.append(_read(load("datasets", name), root))
        except LayoutError:
            continue
        except DemeanorError as error:
            reasons.append(error)
    return fitting, reasons


def _distance(found: Found) -> float:
    counts, expected = counts_of(found.whole), found.card.counts
    return sum(abs(math.log((counts.get(p, 0) + 0.5) / n)) for p, n in expected.items()) / max(1, len(expected))


def _read(module: ModuleType, root: Path, options: Mapping[str, Any] | None = None) -> Found:
    """The whole corpus, its warnings caught; transcripts alone where the media are not there."""
    given, takes = dict(options or {}), inspect.signature(module.read).parameters
    _check_options(module, given)
    drops = "duplicates" in takes and takes["duplicates"].default == "drop" and "duplicates" not in given
    keep: dict[str, Any] = {**given, "duplicates": "keep"} if drops else given
    notes = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            whole = module.read(root, **keep)
        except DataError as error:
            if "text_only" not in takes:
                raise
            whole = _transcripts(module, root, given, error)
            notes.append("the media are not there: read with text_only = true")
    samples = without_overlap(whole) if drops else whole
    if len(samples) < len(whole):
        notes.append(f"{len(whole) - len(samples)} samples with a twin in a later part are left out by default")
    card = module.CARD
    if given and card.counts:
        card = replace(card, counts={})
        notes.append("options were given: samples were not counted against the card")
    return Found(card, samples, whole, notes + [str(w.message) for w in caught])


def _check_options(module: ModuleType, given: Mapping[str, Any]) -> None:
    """Refuse options that the reader does not take, and values of another type than it says."""
    types = get_type_hints(module.read)
    takes = list(inspect.signature(module.read).parameters)[1:]
    for option, value in given.items():
        if option not in takes:
            raise ConfigError(f"{module.CARD.name}: unknown option '{option}'; {near(option, takes)}")
        try:
            TypeAdapter(types[option]).validate_python(value, strict=True)
        except ValidationError:
            wants = _in_words(types[option])
            quoted = f"; a text that looks like something else stands in quotes: {option}='\"{value}\"'"
            hint = quoted if "text" in wants and not isinstance(value, str) else ""
            raise ConfigError(f"{module.CARD.name}: option {option}: expected {wants}, got {value!r}{hint}") from None


def _in_words(kind: Any) -> str:
    if isinstance(kind, UnionType):
        return " or ".join(_in_words(one) for one in get_args(kind) if one is not NoneType)
    return _TYPES.get(get_origin(kind) or kind, str(kind))


def _transcripts(module: ModuleType, root: Path, options: Mapping[str, Any], missing: DataError) -> list[Sample]:
    try:
        found: list[Sample] = module.read(root, **{**options, "text_only": True})
    except DataError:
        raise missing from None
    return found


def counts_of(samples: Iterable[Sample]) -> dict[str, int]:
    """Samples of each part, and of all."""
    counts = Counter(s.split for s in samples)
    return {"all": counts.total(), **{p: n for p, n in counts.items() if p}}
