"""What a text is written with: so that no pattern is tried that cannot be in it."""

from __future__ import annotations

import re
from typing import NamedTuple

_LATIN = re.compile(r"[A-Za-z]")
_HAN = re.compile(r"[\u4e00-\u9fff〇]")
_DIGIT = re.compile(r"[0-9]")


LETTERS = r"A-Za-zÀ-ÖØ-öø-ɏ\u0370-\u052fḀ-\u1fff"
"""Latin, Greek and Cyrillic letters with their kin, for the inside of a class of a pattern."""

MARKS = r"\u0300-\u036f"
"""Accents that stand behind the letter they belong to, likewise."""

_ALL = re.findall(f"[{LETTERS}]", "".join(map(chr, range(0x2000))))
UPPER = "".join(c for c in _ALL if c.istitle())
"""Those of the letters that a name may begin with, likewise."""

LOWER = "".join(c for c in _ALL if c.isalpha() and not c.istitle())
"""The rest of them, likewise."""


class Script(NamedTuple):
    """Whether there are Latin letters, Chinese characters, digits in a text."""

    latin: bool
    han: bool
    digits: bool

    @property
    def words(self) -> bool:
        """Whether anything in it could be a word."""
        return self.latin or self.han


def script_of(text: str) -> Script:
    """What a text is written with."""
    return Script(*(pattern.search(text) is not None for pattern in (_LATIN, _HAN, _DIGIT)))
