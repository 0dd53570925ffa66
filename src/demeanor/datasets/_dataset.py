"""What every data-set reader says of itself, and the messages they share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demeanor.errors import ConfigError, LayoutError


@dataclass(frozen=True)
class Card:
    """What there is to know of a corpus before one has it.

    Attributes:
        name: the file's name.
        title: full name, with its paper.
        labels: label → what it holds (range or classes).
        splits: protocol → how the parts are made.
        groups: what must never be divided between parts (speaker, video, dialogue, duplicate group).
        licence: of the data, in a few words.
        source: what to download, from whom, and how the folder must look.
        on_disk: whether `read` reads files below its root.
        counts: part → number of samples of the complete corpus (`all` where it has no parts).
    """

    name: str
    title: str
    labels: Mapping[str, str]
    splits: Mapping[str, str]
    groups: str
    licence: str
    source: str
    on_disk: bool = True
    counts: Mapping[str, int] = field(default_factory=dict)


def expect(root: Path, paths: Iterable[str], card: Card) -> None:
    """Check that a folder looks like the corpus.

    Args:
        root: the folder.
        paths: files, folders or glob patterns that must be there.
        card: whose `source` the message ends with.

    Raises:
        LayoutError: something is missing; says what was expected, what was found, and where to get it.
    """
    missing = [p for p in paths if next(root.glob(p), None) is None] if root.is_dir() else list(paths)
    if missing:
        found = ", ".join(sorted(p.name for p in root.iterdir())[:8]) if root.is_dir() else "no such folder"
        raise LayoutError(
            f"{card.name}: expected {', '.join(missing)} in {root}; found {found or 'an empty folder'}. {card.source}"
        )


def choose(card: Card, option: str, value: str, allowed: Iterable[str]) -> str:
    """Check an option that has a few values.

    Raises:
        ConfigError: it is none of them; says which there are, and the near one.
    """
    known = [str(a) for a in allowed]
    if value in known:
        return value
    near = difflib.get_close_matches(str(value), known, 1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise ConfigError(f"{card.name}: option {option}: expected one of {', '.join(known)}, got {value!r}{hint}")
