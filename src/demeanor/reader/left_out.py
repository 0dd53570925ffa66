"""What a live reading had to leave out, counted; told at once and again at the end."""

from __future__ import annotations

_MESSAGES = {
    "late": "{} pictures came with a time that is not after the last one's, and were left out",
    "dropped": "{} pictures were left out: they came faster than they could be looked at here",
    "damaged": "{} pictures could not be read and were left out; the first: {why}",
    "unheard": "{} turns of speech were heard late only, not while they were spoken: the machine was behind",
    "overlaps": "{:.1f} s of sound lay before what had come already, and were left out",
    "lost": "{:.1f} s of sound were lost: the machine was ten minutes behind; silence stands in for them",
    "jumps": "the times of the sound jumped ahead {} times by more than a gap can last; no pause was made of it",
    "leaps": "the times of the pictures jumped ahead {} times by more than a gap can last; no pause was made of it",
}

_ONE = {
    "late": "1 picture came with a time that is not after the last one's, and was left out",
    "dropped": "1 picture was left out: it came faster than it could be looked at here",
    "damaged": "1 picture could not be read and was left out: {why}",
    "unheard": "1 turn of speech was heard late only, not while it was spoken: the machine was behind",
    "jumps": "the time of the sound jumped ahead once by more than a gap can last; no pause was made of it",
    "leaps": "the time of the pictures jumped ahead once by more than a gap can last; no pause was made of it",
}


class LeftOut:
    """Counts by kind.

    Attributes:
        counts: `late`, `dropped` and `damaged` pictures, `unheard` turns, seconds in `overlaps` and `lost`,
            `jumps` of the sound's times and `leaps` of the pictures'.
    """

    def __init__(self) -> None:
        self.counts: dict[str, float] = dict.fromkeys(_MESSAGES, 0)
        self._told: dict[str, float] = dict.fromkeys(_MESSAGES, 0.0)
        self._why: dict[str, str] = {}

    def add(self, kind: str, count: float, why: str = "") -> str | None:
        """Count.

        Returns:
            A message where it is the first of its kind, or ten times as much as when it was told last.
        """
        if not count:
            return None
        self.counts[kind] += count
        self._why.setdefault(kind, why)
        if self.counts[kind] < 10 * self._told[kind]:
            return None
        self._told[kind] = self.counts[kind]
        return self._message(kind)

    def warnings(self) -> list[str]:
        """All that the final analysis lacks, in words; turns that were heard late are in it."""
        return [self._message(kind) for kind, count in self.counts.items() if count and kind != "unheard"]

    def _message(self, kind: str) -> str:
        message = _ONE.get(kind, _MESSAGES[kind]) if self.counts[kind] == 1 else _MESSAGES[kind]
        return message.format(self.counts[kind], why=self._why[kind])
