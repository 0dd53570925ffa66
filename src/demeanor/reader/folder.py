"""The files of a folder, to the bottom."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

_NAMED = 6  # extensions that a message names


def files_below(folder: Path) -> Iterator[Path]:
    """Files in it and in its folders; nothing hidden.

    Folders that are links are followed, after all others, and no folder is looked into twice, so that a loop ends and
    a file comes under its own path where it has one in the folder. A folder that may not be read comes as itself, so
    that whoever takes it fails and says so.
    """
    seen: set[tuple[int, int]] = set()
    closed: list[Path] = []
    left = [folder]
    for root in left:
        for here, folders, names in os.walk(root, onerror=lambda error: closed.append(Path(error.filename))):
            yield from closed
            closed.clear()
            if _is_known(here, seen):
                folders.clear()
                continue
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            left += [path for path in (Path(here) / f for f in folders) if path.is_symlink()]
            yield from (Path(here) / name for name in sorted(names) if not name.startswith("."))
        yield from closed
        closed.clear()


def _is_known(folder: str, seen: set[tuple[int, int]]) -> bool:
    """Whether this very folder has come before, under whatever name; from now on it has."""
    try:
        found = Path(folder).stat()
    except OSError:
        return False
    place = (found.st_dev, found.st_ino)
    known = place in seen
    seen.add(place)
    return known


def counted(files: Iterable[Path]) -> str:
    """How many files there are, by extension: "3 files (.srt 2, .md 1)"; "" for none."""
    ends = Counter(p.suffix.lower() or "no extension" for p in files)
    if not ends:
        return ""
    number = ends.total()
    named = ", ".join(f"{end} {count}" for end, count in ends.most_common(_NAMED))
    return f"{number} file{'s' if number > 1 else ''} ({named}{', …' if len(ends) > _NAMED else ''})"
