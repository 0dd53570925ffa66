"""The files of a folder that are samples, and those that are passed over."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from demeanor.media.kind import KNOWN_EXTENSIONS, SUBTITLES, is_subtitles
from demeanor.media.source import is_folder, is_regular, resolved

_READ = {**KNOWN_EXTENSIONS, **dict.fromkeys(SUBTITLES, "text")}
_LANGUAGE = re.compile(r"\.[a-z]{2,3}(?:-\w{2,4})?", re.IGNORECASE)  # `talk.en.srt` is of `talk.mp4`
_NAMED = 6  # extensions that a message names


def passed_over(folder: Path, out: Path) -> str:
    """Files of a folder that are not read, for their extension says nothing known: "3 files (.srt 2, .md 1)", or ""."""
    target = resolved(out)
    found = [p for p in _visible(folder) if p.suffix.lower() not in _READ and is_regular(p)]
    ends = Counter(p.suffix.lower() or "no extension" for p in found if resolved(p) != target)
    if not ends:
        return ""
    number = ends.total()
    named = ", ".join(f"{end} {count}" for end, count in ends.most_common(_NAMED))
    return f"{number} file{'s' if number > 1 else ''} ({named}{', …' if len(ends) > _NAMED else ''})"


def subtitles_beside(folder: Path, pair: bool = False) -> list[Path]:
    """Subtitles that belong to a recording beside them, and so are no samples: `talk.srt`, `talk.en.srt` to `talk.mp4`.

    Args:
        folder: is searched to the bottom.
        pair: those of the recording's very stem are joined to it, and not among them.
    """
    there = list(_visible(folder))
    recordings = {p.with_suffix("") for p in there if kind_by_name(p) in ("audio", "video")}
    found = []
    for path in filter(is_subtitles, there):
        stem = path.with_suffix("")
        in_a_language = _LANGUAGE.fullmatch(stem.suffix) is not None and stem.with_suffix("") in recordings
        if (stem in recordings and not pair) or (stem not in recordings and in_a_language):
            found.append(path)
    return found


def files(folder: Path, out: Path, pair: bool = False) -> Iterator[Path]:
    """Files to read, by their extension, by path, without the output; folders in it that may not be read."""
    left_out = {resolved(out), *map(resolved, subtitles_beside(folder, pair))}
    for path in _visible(folder):
        if is_folder(path) or (path.suffix.lower() in _READ and resolved(path) not in left_out):
            yield path


def _visible(folder: Path) -> Iterator[Path]:
    """Files, by path; nothing hidden.

    A folder in it that may not be read comes as itself, so that it is a sample that fails and says so.
    """
    closed: list[Path] = []
    for here, folders, names in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        yield from closed
        closed.clear()
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        yield from (Path(here) / name for name in sorted(names) if not name.startswith("."))
    yield from closed


def kind_by_name(path: Path) -> str:
    """What a file's extension promises: text, image, audio or video; "source" where it says nothing."""
    return _READ.get(path.suffix.lower(), "source")
