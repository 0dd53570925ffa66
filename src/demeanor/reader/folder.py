"""The files of a folder that are samples, and those that are passed over."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from demeanor.media.kind import KNOWN_EXTENSIONS, SUBTITLES, is_subtitles
from demeanor.media.source import is_folder, is_regular, resolved

_READ = {**KNOWN_EXTENSIONS, **dict.fromkeys(SUBTITLES, "text")}
_MARK = re.compile(r"\.(?:[a-z]{2,3}(?:-\w{2,4})?|forced)", re.IGNORECASE)  # `talk.en.sdh.srt` is of `talk.mp4`
_NAMED = 6  # extensions that a message names


def passed_over(folder: Path, out: Path) -> str:
    """Files of a folder that are not read, for their extension says nothing known: "3 files (.srt 2, .md 1)", or ""."""
    target = resolved(out)
    found = [p for p in files_below(folder) if p.suffix.lower() not in _READ and is_regular(p)]
    return counted(p for p in found if resolved(p) != target)


def subtitles_beside(folder: Path, pair: bool = False) -> list[Path]:
    """Subtitles that belong to a recording beside them, and so are no samples: `talk.srt`, `talk.en.srt` to `talk.mp4`.

    Between the recording's stem and `.srt` languages and marks may stand: en, pt-BR, sdh, cc, forced.

    Args:
        folder: is searched to the bottom.
        pair: those of the recording's very stem are joined to it, and not among them.
    """
    there = list(files_below(folder))
    recordings = {p.with_suffix("") for p in there if kind_by_name(p) in ("audio", "video")}
    found = []
    for path in filter(is_subtitles, there):
        stem = path.with_suffix("")
        own = stem
        while own not in recordings and _MARK.fullmatch(own.suffix):
            own = own.with_suffix("")
        if own in recordings and not (pair and own == stem):
            found.append(path)
    return found


def files(folder: Path, out: Path, pair: bool = False) -> Iterator[Path]:
    """Files to read, by their extension, by path, without the output; folders in it that may not be read."""
    left_out = {resolved(out), *map(resolved, subtitles_beside(folder, pair))}
    for path in files_below(folder):
        if is_folder(path) or (path.suffix.lower() in _READ and resolved(path) not in left_out):
            yield path


def files_below(folder: Path) -> Iterator[Path]:
    """Files in it and in its folders; nothing hidden.

    Folders that are links are followed, after all others, and no folder is looked into twice, so that a loop ends and
    a file comes under its own path where it has one in the folder; but no link that leads up, to a folder that holds
    the link or the whole, for what is beside the folder was not named. A folder that may not be read comes as itself,
    so that whoever takes it fails and says so.
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
            linked = [path for path in (Path(here) / f for f in folders) if path.is_symlink()]
            above = {place for low in map(resolved, (folder, Path(here))) for place in (low, *low.parents)}
            left += [path for path in linked if resolved(path) not in above]
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


def kind_by_name(path: Path) -> str:
    """What a file's extension promises: text, image, audio or video; "source" where it says nothing."""
    return _READ.get(path.suffix.lower(), "source")
