"""What a text is written with: so that no pattern is tried that cannot be in it."""

from __future__ import annotations

import re
from typing import NamedTuple

_LATIN = re.compile(r"[A-Za-z]")
_HAN = re.compile(r"[\u4e00-\u9fff〇]")
_DIGIT = re.compile(r"[0-9]")


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
