"""What a reader says of items, from the lines of a batch or of the analyses that the items are segments of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError

Reading = Mapping[str, Any]
"""A reading as the analysis JSON has it."""


def read_readings(path: Path) -> dict[str, Reading]:
    """Readings by id: of each analysis as a whole under its id, of its segment 3 under `id#3`.

    Raises:
        ConfigError: no such file, or not one analysis in it.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: expected the output of `demeanor batch`, found nothing there; run that first")
    found: dict[str, Reading] = {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        entries = [_parsed(lines.read())] if path.suffix.lower() == ".json" else map(_parsed, lines)
        for entry in (e for group in entries for e in (group if isinstance(group, list) else [group])):
            if isinstance(entry, dict) and isinstance(entry.get("overall"), dict):
                name = str(entry.get("id"))
                found[name] = entry["overall"]
                for number, segment in enumerate(entry.get("segments") or ()):
                    found.setdefault(f"{name}#{number}", segment["reading"])
    if not found:
        raise ConfigError(f"{path}: expected lines as `demeanor batch` writes them, found no analysis; check the file")
    return found


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
