"""A folder read as the data set it is, named or guessed by its layout."""

from __future__ import annotations

import inspect
import math
import tomllib
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from demeanor.datasets._dataset import Card
from demeanor.datasets._groups import without_overlap
from demeanor.errors import DataError, DemeanorError
from demeanor.plugins import load, names
from demeanor.types import Sample

_OWN_LAYOUT = ("folder", "mmsa_pickle", "synthetic", "table")  # read what is nobody's corpus


@dataclass
class Found:
    """A data set as read: `samples` as a run would get them, `whole` before twins in two parts were left out."""

    card: Card
    samples: list[Sample]
    whole: list[Sample]
    notes: list[str]


def read_any(root: Path, name: str | None = None, manifest: Path | None = None) -> Found:
    """Read a data set, guessing which it is where no name is given.

    Raises:
        DataError: no reader knows it, or the one named does not; says what was expected.
        UnknownNameError: there is no reader of that name.
    """
    if manifest is not None:
        from demeanor.datasets._manifest import read_manifest

        spec = tomllib.loads(manifest.read_text(encoding="utf-8"))
        card = Card(str(spec.get("name")), manifest.name, {}, {}, "as the manifest says", str(spec.get("licence")), "")
        samples = read_manifest(manifest, root)
        return Found(card, samples, samples, [])
    if name is not None:
        return _read(load("datasets", name), root)
    return _guess(root)


def _guess(root: Path) -> Found:
    """The reader whose layout fits, and of several the one whose counts are nearest."""
    if root.is_file():
        return _read(load("datasets", "mmsa_pickle" if root.suffix in (".pkl", ".npz") else "table"), root)
    fitting = []
    for name in (n for n in names("datasets") if n not in _OWN_LAYOUT):
        try:
            fitting.append(_read(load("datasets", name), root))
        except DemeanorError:
            continue
    if fitting:
        return min(fitting, key=_distance)
    for name in ("mmsa_pickle", "folder"):
        try:
            return _read(load("datasets", name), root)
        except DemeanorError:
            continue
    known = ", ".join(names("datasets"))
    raise DataError(f"{root}: expected the layout of a known data set, found none; name one with --name: {known}")


def _distance(found: Found) -> float:
    counts, expected = counts_of(found.whole), found.card.counts
    return sum(abs(math.log((counts.get(p, 0) + 0.5) / n)) for p, n in expected.items()) / max(1, len(expected))


def _read(module: ModuleType, root: Path) -> Found:
    """The whole corpus, its warnings caught; transcripts alone where the media are not there."""
    options = inspect.signature(module.read).parameters
    keep: dict[str, Any] = {"duplicates": "keep"} if "duplicates" in options else {}
    notes = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            whole = module.read(root, **keep)
        except DataError as error:
            if "text_only" not in options:
                raise
            whole = _transcripts(module, root, error)
            notes.append("the media are not there: read with text_only = true")
    samples = without_overlap(whole) if keep else whole
    if len(samples) < len(whole):
        notes.append(f"{len(whole) - len(samples)} samples with a twin in a later part are left out by default")
    return Found(module.CARD, samples, whole, notes + [str(w.message) for w in caught])


def _transcripts(module: ModuleType, root: Path, missing: DataError) -> list[Sample]:
    try:
        found: list[Sample] = module.read(root, text_only=True)
    except DataError:
        raise missing from None
    return found


def counts_of(samples: Iterable[Sample]) -> dict[str, int]:
    """Samples of each part, and of all."""
    counts = Counter(s.split for s in samples)
    return {"all": counts.total(), **{p: n for p, n in counts.items() if p}}
