"""Text said over and over, told as said a few times: "很好吃很好吃很好吃…" means no more the eightieth time."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

_KEPT = 3
# A unit of up to 120 characters, four times or more in a row; the last one may be cut short at the end.
_LOOP = re.compile(r"(?=(.{1,120}?)\1\1\1)(?:\1)+", re.DOTALL)


def condense(text: str) -> str:
    """The text with whatever stands in it more than three times in a row standing there three times.

    A unit of a single letter, and one without any letter (10000000, -----), stays: letters and marks in a row are
    `normalise`'s, and a number must not change.
    """
    pairs = Counter(pairwise(text))
    if not pairs or max(pairs.values()) <= _KEPT:  # most sentences: nothing can stand there four times
        return text
    return _LOOP.sub(_thrice, text)


def _thrice(match: re.Match[str]) -> str:
    unit = match[1]
    if len(unit.strip()) < 2 or not any(c.isalpha() for c in unit):
        return match[0]
    return unit * _KEPT
