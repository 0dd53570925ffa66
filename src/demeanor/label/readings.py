"""What a reader says of items, from the lines of a batch or of the analyses that the items are segments of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError
from demeanor.label.analyses import Analyses, entries_in, gather
from demeanor.media.encoding import decode_with_name

Reading = Mapping[str, Any]
"""A reading as the analysis JSON has it."""

_TOLD_BY = ("id", "kind", "duration", "sample", "provenance", "overall")
"""What analyses are told apart by, and their reading."""


def read_readings(path: Path, warnings: list[str] | None = None) -> dict[str, Reading]:
    """Readings by id: of each analysis as a whole under its id, of its segment 3 under `id#3`.

    Ids are those that `read_analyses` gives. Lines that are no analysis are passed over, and so are pictures and
    recordings of one name, of which nobody can tell which file is whose.

    Args:
        path: of the lines or analyses.
        warnings: gets, in words, how many were passed over for their names.

    Raises:
        ConfigError: no such file, or not one analysis in it.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: expected the output of `demeanor batch`, found nothing there; run that first")
    text, _ = decode_with_name(path.read_bytes())
    analyses = Analyses()
    gather((_kept(e) for e in entries_in(text, path.suffix.lower()) if _is_analysis(e)), analyses)
    found: dict[str, Reading] = {}
    for analysis in analyses.items:
        if (name := analysis["id"]) not in analyses.alike:
            found[name] = analysis["overall"]
            for number, segment in enumerate(analysis["segments"]):
                found.setdefault(f"{name}#{number}", segment["reading"])
    if analyses.alike and warnings is not None:
        warnings.append(
            f"{path.name}: {len(analyses.alike)} readings of pictures or recordings of one name were passed over, for "
            "nobody can tell which file is whose; rename the files and read them again"
        )
    if not found:
        raise ConfigError(f"{path}: expected lines as `demeanor batch` writes them, found no analysis; check the file")
    return found


def _is_analysis(entry: Any) -> bool:
    return isinstance(entry, dict) and "id" in entry and isinstance(entry.get("overall"), dict)


def _kept(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An analysis without its cues, faces and words: those of a large batch would fill the memory."""
    segments = [{"text": s.get("text"), "reading": s["reading"]} for s in entry.get("segments") or ()]
    return {**{name: entry.get(name) for name in _TOLD_BY}, "segments": segments}
