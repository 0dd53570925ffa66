"""The words of a text as spans, so that each can be left out: words, signs such as "!!!", emoji.

What is written without spaces (Chinese, Japanese, Thai) is parted as the words expert's own tokenizer parts it, which
keeps common words whole and is the same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil

from demeanor.media.addresses import SPACELESS, URL

Span = tuple[int, int]
Parted = Callable[[str], Sequence[Span]]

MOST = 48
"""Units of one text; of a longer one neighbours are left out together."""

_EMOJI = r"\U0001f000-\U0001faff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3\U000e0020-\U000e007f"
_UNIT = re.compile(
    rf"(?P<alone>{URL}|\[[^\[\]\s]{{1,8}}\]|[{_EMOJI}]+|[:;=8][-'^o]?[)(\]\[DdPp/\\|*3]+(?!\w)|<3|\^_*\^"
    rf"|[!?！？~～]+|…+|\.{{3,}})"
    rf"|(?P<run>[{SPACELESS}]+)"
    rf"|(?P<word>[@#]?[^\W{SPACELESS}]+(?:['’.\-&][^\W{SPACELESS}]+)*)"
    r"|(?P<mark>\S)"
)


def units(text: str, parted: Parted | None = None) -> list[Span]:
    """Spans [from, to) that hold every character but white space, each in one, in order.

    Args:
        text: a sentence.
        parted: gives the spans of the words in a stretch written without spaces; without it each character is one.
    """
    found: list[Span] = []
    waiting: int | None = None  # an opening quote or bracket joins what follows
    for match in _UNIT.finditer(text):
        start, end = match.span()
        if match["mark"] is not None:
            if found and waiting is None and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            elif waiting is None:
                waiting = start
            continue
        parts = _run(match["run"], start, parted) if match["run"] else [(start, end)]
        if waiting is not None:
            parts[0], waiting = (waiting, parts[0][1]), None
        found += parts
    if waiting is not None:
        last = len(text.rstrip())
        found = [*found[:-1], (found[-1][0], last)] if found else [(waiting, last)]
    return _joined(found)


def left(text: str, spans: Sequence[Span], kept: Sequence[bool]) -> str:
    """The text without the spans that are not kept; a space stays where one was between two that are."""
    out, end = "", None
    for (start, stop), stays in zip(spans, kept, strict=True):
        if not stays:
            continue
        gap = "" if end is None or not any(c.isspace() for c in text[end:start]) else " "
        out += gap + text[start:stop]
        end = stop
    return out


def _run(run: str, start: int, parted: Parted | None) -> list[Span]:
    """A stretch without spaces in words: every character in one of them."""
    cuts = sorted({a for a, _ in parted(run)} - {0}) if parted is not None else list(range(1, len(run)))
    edges = [0, *(c for c in cuts if c < len(run)), len(run)]
    return [(start + a, start + b) for a, b in pairwise(edges) if a < b]


def _joined(spans: list[Span]) -> list[Span]:
    """At most `MOST` spans."""
    if len(spans) <= MOST:
        return spans
    size = ceil(len(spans) / MOST)
    groups = [spans[i : i + size] for i in range(0, len(spans), size)]
    return [(group[0][0], group[-1][1]) for group in groups]
