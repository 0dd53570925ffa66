"""Every label as it was given: one line of JSON each, written at once, never changed; an undo is a line too.

::

    {"rater": "Ann", "item": "clip-3", "values": {"score": 0.667, "emotions": ["joy"]}, "at": "2025-05-01T09:30:12Z"}
    {"rater": "Ann", "item": "clip-4", "values": {}, "skipped": true, "at": …}     cannot tell
    {"rater": "Ann", "undo": true, "at": …}                                        takes Ann's last line back
    {"rater": "Eve", "item": "clip-3", "values": {…}, "decides": true, "at": …}    settles a disagreement
"""

from __future__ import annotations

import json
import math
import os
import threading
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError
from demeanor.report.corrections import polarity_of, same_side
from demeanor.types import EMOTIONS, POLARITIES

Values = Mapping[str, Any]
"""Some of score (in [-1, 1]), polarity (a class), emotions (a list of names)."""

_LONGEST_NAME = 60
LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""What is said at no time that is known comes before all else."""


def moment(at: Any) -> datetime | None:
    """A time in ISO 8601, of UTC where it names no zone; None of anything else."""
    try:
        when = datetime.fromisoformat(at)
    except (TypeError, ValueError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mark:
    """What one rater says of one item.

    Attributes:
        values: the labels; may be empty.
        skipped: the rater cannot tell.
        at: when, ISO 8601.
    """

    values: Values
    skipped: bool = False
    at: str | None = None

    @property
    def moment(self) -> datetime:
        """When, to compare."""
        return moment(self.at) or LONG_AGO

    @property
    def score(self) -> float | None:
        """In [-1, 1]."""
        return self.values.get("score")

    @property
    def polarity(self) -> str | None:
        """The class that was given, else the sign of the score."""
        return self.values.get("polarity") or (None if self.score is None else polarity_of(self.score))

    @property
    def emotions(self) -> frozenset[str] | None:
        """None where none was given."""
        return frozenset(self.values.get("emotions") or ()) or None


def joined(before: Values, later: Values) -> dict[str, Any]:
    """What one rater says, with what the same rater said later laid over it.

    Of a class and a score on opposite sides the later one stays; of two that were said at once, the class.
    """
    values = {**before, **later}
    score: Any = values.get("score")
    polarity = values.get("polarity")
    if _is_score(score) and polarity in POLARITIES and not same_side(polarity, score):
        del values["score" if later.get("polarity") else "polarity"]
    return values


class LabelStore:
    """The labels of a task. Safe to use from several threads, and beside other programs that add lines."""

    def __init__(self, path: Path, items: Iterable[str], asked: Sequence[str]) -> None:
        self.path = path
        self.asked = tuple(asked)
        self._damaged, self._cut = 0, False
        self._items = frozenset(items)
        self._given: dict[tuple[str, bool], list[tuple[str, Mark]]] = {}
        self._read = 0
        self._lock = threading.Lock()

    def __contains__(self, item: str) -> bool:
        """Whether it is an item of the task."""
        return item in self._items

    @property
    def damaged(self) -> int:
        """Lines that could not be read, such as one cut off by a power failure, as far as the file was read."""
        return self._damaged + self._cut

    def raters(self, decides: bool = False) -> list[str]:
        """Names of who has labelled something; or of who has decided something."""
        with self._lock:
            self._refresh()
            return sorted(rater for (rater, role), lines in self._given.items() if role == decides and lines)

    def marks(self, rater: str, decides: bool = False) -> dict[str, Mark]:
        """What a rater says now, by item; items without labels are left out."""
        with self._lock:
            self._refresh()
            latest = dict(self._given.get((rater, decides), ()))
        return {item: m for item, m in latest.items() if item in self._items and (m.values or m.skipped)}

    def history(self, rater: str, item: str, decides: bool = False) -> list[Mark]:
        """All that a rater has said of an item and not taken back, the last word last."""
        with self._lock:
            self._refresh()
            return [mark for name, mark in self._given.get((rater, decides), ()) if name == item]

    def by_rater(self) -> dict[str, dict[str, Mark]]:
        """`marks` of every rater."""
        return {rater: self.marks(rater) for rater in self.raters()}

    def decisions(self) -> dict[str, Mark]:
        """What was decided, by item; of several who decide, the last one counts."""
        found: dict[str, Mark] = {}
        for rater in self.raters(decides=True):
            for item, mark in self.marks(rater, decides=True).items():
                if item not in found or mark.moment >= found[item].moment:
                    found[item] = mark
        return found

    def is_complete(self, mark: Mark | None) -> bool:
        """Whether everything that is asked was answered, or the rater cannot tell."""
        return mark is not None and (mark.skipped or all(mark.values.get(q) not in (None, []) for q in self.asked))

    def add(
        self, rater: str, item: str, values: Values, *,
        skipped: bool = False, decides: bool = False, at: str | None = None,
    ) -> None:  # fmt: skip
        """Write what a rater now says of an item, in place of what the same rater said of it before.

        Raises:
            ConfigError: no such item, a label that cannot be, or no name.
        """
        if item not in self._items:
            raise ConfigError(f"expected an item of this task, got '{item:.80}'; see items.csv")
        line: dict[str, Any] = {"rater": rater_name(rater), "item": item, "values": checked(values)}
        line |= {"skipped": True} if skipped else {}
        self._append(line, decides, at)

    def undo(self, rater: str, decides: bool = False) -> str | None:
        """Take a rater's last line back.

        Returns:
            The item it was about; None if there is nothing left to take back.
        """
        name = rater_name(rater)
        with self._lock:
            self._refresh()
            lines = self._given.get((name, decides))
            item = lines[-1][0] if lines else None
        if item is not None:
            self._append({"rater": name, "undo": True}, decides, None)
        return item

    def _append(self, line: dict[str, Any], decides: bool, at: str | None) -> None:
        line |= {"decides": True} if decides else {}
        line["at"] = at or datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        data = json.dumps(line, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n"
        with self._lock:
            try:
                with self.path.open("ab+") as file:
                    end = file.seek(0, os.SEEK_END)
                    if end and (file.seek(end - 1), file.read(1))[1] != b"\n":
                        data = b"\n" + data  # after a line that was cut off
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise ConfigError(
                    f"{self.path}: expected to add a label, got {error.strerror}; free some space, or check the folder"
                ) from error

    def _refresh(self) -> None:
        """Read what was added to the file since; the lock is held."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        if _is_json(data[whole:]):  # a last line without its end, as some editors leave it; half a line is no JSON
            whole = len(data)
        self._read += whole
        self._cut = bool(data[whole:].strip())
        for line in data[:whole].splitlines():
            if line.strip():
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            said = json.loads(line)
            given = self._given.setdefault((rater_name(said["rater"]), bool(said.get("decides"))), [])
            if said.get("undo"):
                if given:
                    given.pop()
            else:
                at = said.get("at")
                mark = Mark(checked(said["values"]), bool(said.get("skipped")), at if moment(at) else None)
                given.append((str(said["item"]), mark))
        except (ValueError, KeyError, TypeError, AttributeError, ConfigError):
            self._damaged += 1


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def rater_name(name: Any) -> str:
    """A name as it is kept: one spelling for what looks the same.

    Raises:
        ConfigError: it is empty or too long.
    """
    plain = " ".join(unicodedata.normalize("NFC", str(name)).split())
    if not 0 < len(plain) <= _LONGEST_NAME or not plain.isprintable():
        raise ConfigError(
            f"expected a rater's name of 1 to {_LONGEST_NAME} characters, got '{plain:.80}'; take another"
        )
    return plain


def checked(values: Values) -> dict[str, Any]:
    """Labels in their plain form.

    Raises:
        ConfigError: one that cannot be.
    """
    out: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or value == []:
            continue
        if name == "score" and _is_score(value):
            out[name] = round(float(value), 3) + 0.0
        elif name == "polarity" and value in POLARITIES:
            out[name] = value
        elif name == "emotions" and isinstance(value, list | tuple) and all(v in EMOTIONS for v in value):
            out[name] = [e for e in EMOTIONS if e in value]
        else:
            raise ConfigError(
                f"expected a score in [-1, 1], a polarity of {', '.join(POLARITIES)} or emotions of "
                f"{', '.join(EMOTIONS)}, got {name} = {value!r:.60}; mend it"
            )
    return out


def _is_score(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and -1 <= value <= 1
