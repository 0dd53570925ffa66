"""results/records.jsonl: one line per run and seed, appended whole, never rewritten."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demeanor.errors import DataError

KEYS = (
    "dataset", "protocol", "split", "model", "encoders", "seed", "metrics", "params", "seconds_per_epoch", "peak_mb",
    "command", "commit", "version", "test_read_at",
)  # fmt: skip
"""What every line holds at least."""

DEFAULT = Path("results") / "records.jsonl"


def append(record: Mapping[str, Any], path: Path = DEFAULT) -> None:
    """Add one line; lines of several processes do not mix.

    Raises:
        DataError: a key is missing.
    """
    if missing := [k for k in KEYS if k not in record]:
        raise DataError(f"expected a record with {', '.join(KEYS)}; missing {', '.join(missing)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(plain(record), ensure_ascii=False, default=float) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def read(path: Path = DEFAULT) -> list[dict[str, Any]]:
    """All lines that are whole; [] where there is no file."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def plain(value: Any) -> Any:
    """The same with NaN as null, which JSON has."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value
