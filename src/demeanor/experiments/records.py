"""results/records.jsonl: one line per run and seed, appended whole, never rewritten."""

from __future__ import annotations

import json
import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from demeanor.errors import DataError
from demeanor.training.run import plain

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
    line = json.dumps(plain(record), ensure_ascii=False, default=float, allow_nan=False) + "\n"
    with path.open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size and (file.seek(size - 1), file.read(1))[1] != b"\n":  # a line that a killed process left unfinished
            line = "\n" + line
        rest = memoryview(line.encode())
        while rest:
            rest = rest[file.write(rest) :]


def read(path: Path = DEFAULT) -> list[dict[str, Any]]:
    """All lines that are whole; [] where there is no file. Of a torn one it is warned: a test read may be lost."""
    found = []
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError as error:
            warnings.warn(
                f"{path}:{number}: expected a record, got {line[:40]!r} ({error.msg}); it is left out, and if a test "
                "part was read for it, count that read by hand",
                RuntimeWarning,
                stacklevel=2,
            )
    return found


def write_down(found: Sequence[Mapping[str, Any]], path: Path = DEFAULT) -> None:
    """Add to the records what they do not hold yet; of a read that they hold, what was `measured_again` since."""
    told = {told_of(r): (r["metrics"], r.get("floor")) for r in read(path)}
    for record in found:
        before = told.get(told_of(record))
        if before is None:
            append(record, path)
        elif before != (record["metrics"], record["floor"]):
            append({**record, "measured_again": True}, path)


def told_of(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells one read of a test part from every other: it is recorded once in each file of records."""
    return tuple(record.get(k) for k in ("bench", "entry", "fold_of", "seed", "config_sha256", "test_read_at"))


def write_diverged(record: Mapping[str, Any], path: Path = DEFAULT) -> None:
    """Add that a run of a row diverged, unless this is what the newest records of the row say of its seed."""
    place = ("dataset", "protocol", "bench", "entry")
    row = [r for r in read(path) if all(r.get(k) == record[k] for k in place)]
    known = latest(row).get(record["entry"], [])
    if not any(has_diverged(r) and r.get("config_sha256") == record["config_sha256"] for r in known):
        append(record, path)


def has_diverged(record: Mapping[str, Any]) -> bool:
    """Whether it says that a run left no weights, and nothing of a test part: its row has no mean over seeds."""
    return bool(record.get("diverged"))


def latest(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Per entry a record a seed, all under the settings of the newest: a rerun of a seed is a further test read.

    Records were written without their settings once; those may be any.
    """
    newest: dict[str, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    settings: dict[str, str] = {}
    for row in rows:
        if told := row.get("settings_sha256"):
            if settings.setdefault(row["entry"], told) != told:
                newest[row["entry"]].clear()
            settings[row["entry"]] = told
        newest[row["entry"]][row["seed"]] = row
    return {entry: list(by_seed.values()) for entry, by_seed in newest.items()}


def spread(values: Sequence[float | None]) -> str:
    """Mean ± standard deviation (n − 1) of those that are known, and how many they are where some are not."""
    known = [v for v in values if v is not None]
    if not known:
        return "–"
    if len(known) < len(values):
        return f"{np.mean(known):.3f} ({len(known)} of {len(values)})"
    sd = f" ± {np.std(known, ddof=1):.3f}" if len(known) > 1 else ""
    return f"{np.mean(known):.3f}{sd}"
