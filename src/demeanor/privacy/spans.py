"""Stretches of a text that hold personal data, and the text with placeholders in their place."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

KINDS = (
    "CARD", "IBAN", "ID", "MAIL", "URL", "IP", "ADDRESS", "BIRTHDATE", "PHONE", "ACCOUNT", "HANDLE", "NAME", "NUMBER",
)  # fmt: skip
"""What is told apart; where two of one length claim a stretch, the earlier one has it."""

PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(KINDS)})(?: [0-9a-f]{{1,12}})?\]")
"""`[MAIL]`, or with a pseudonym `[NAME 2]`; found in a text it is left as it is."""


class Span(NamedTuple):
    """Personal data in a text: characters `start` to `end` (exclusive), and its kind, one of `KINDS`."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its personal data.

    Attributes:
        text: with placeholders.
        spans: where it was in the text before, by position; they do not overlap.
    """

    text: str
    spans: tuple[Span, ...]


@dataclass(slots=True)
class Pseudonyms:
    """Gives the same value the same placeholder: `[NAME 1]` for one person, `[NAME 2]` for another.

    Values are told apart by their letters and digits, whatever their case, spacing and width (１３８ is 138).

    Attributes:
        key: secret from which the mark is made (HMAC-SHA256), so that it is the same in every text and tells nothing to
            those without the key; None counts, in the order of appearance.
    """

    key: bytes | None = field(default=None, repr=False)
    _known: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    _counted: dict[str, int] = field(default_factory=dict, repr=False)

    def of(self, kind: str, value: str) -> str:
        """The placeholder of a value."""
        plain = "".join(c for c in unicodedata.normalize("NFKC", value).casefold() if c.isalnum())
        if (kind, plain) not in self._known:
            self._known[kind, plain] = f"[{kind} {self._mark(kind, plain)}]"
        return self._known[kind, plain]

    def _mark(self, kind: str, plain: str) -> str:
        if self.key is not None:
            said = f"{kind}:{plain}".encode("utf-8", "surrogatepass")
            return hmac.new(self.key, said, hashlib.sha256).hexdigest()[:8]
        self._counted[kind] = self._counted.get(kind, 0) + 1
        return str(self._counted[kind])


def joined(found: Iterable[Span]) -> list[Span]:
    """Spans that do not overlap: those that do become one, of the kind of the longest, so that nothing is left over."""
    out: list[Span] = []
    longest = 0
    for span in sorted(found, key=lambda s: (s.start, -s.end, KINDS.index(s.kind))):
        length = span.end - span.start
        if length <= 0:
            continue
        if not out or span.start >= out[-1].end:
            out.append(span)
            longest = length
            continue
        last = out[-1]
        ahead = (length, -KINDS.index(span.kind)) > (longest, -KINDS.index(last.kind))
        out[-1] = Span(last.start, max(last.end, span.end), span.kind if ahead else last.kind)
        longest = max(longest, length)
    return out


class Marked(NamedTuple):
    """A span with its placeholder, which each piece of it has: of a number that goes over two lines both."""

    start: int
    end: int
    kind: str
    mark: str


def marked(text: str, spans: Iterable[Span], pseudonyms: Pseudonyms | None = None) -> list[Marked]:
    """The spans of a text with their placeholders."""
    return [
        Marked(*s, f"[{s.kind}]" if pseudonyms is None else pseudonyms.of(s.kind, text[s.start : s.end])) for s in spans
    ]


def within(spans: Iterable[Marked], begin: int, length: int) -> list[Marked]:
    """The spans as far as they lie in a piece of the text, from its start."""
    cut = (s._replace(start=max(0, s.start - begin), end=min(length, s.end - begin)) for s in spans)
    return [s for s in cut if s.start < s.end]


def filled(text: str, spans: Iterable[Marked]) -> str:
    """The text with the placeholder of each span (by position, not overlapping)."""
    pieces, at = [], 0
    for start, end, _, mark in spans:
        pieces += [text[at:start], mark]
        at = end
    return "".join([*pieces, text[at:]])


def replaced(text: str, spans: Iterable[Span], pseudonyms: Pseudonyms | None = None) -> str:
    """The text with a placeholder for each span (by position, not overlapping)."""
    return filled(text, marked(text, spans, pseudonyms))


_BARE = dict.fromkeys(chain(range(0x200B, 0x2010), range(0x2060, 0x2065), (0xAD, 0xFEFF)))  # seen by nobody
_PLAIN = (
    {0: 1}  # the mark of what is taken out must not come from outside
    | {0xFF10 + d: 0x30 + d for d in range(10)}
    | {0xFF21 + c: 0x41 + c for c in range(26)}
    | {0xFF41 + c: 0x61 + c for c in range(26)}
    | dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2007\u2009\u202f\u3000\t"), 0x20)
    | dict.fromkeys(map(ord, "‐‑‒–—―−－"), 0x2D)
    | {ord(a): ord(b) for a, b in zip("（）＋．／＠：＃，’＿", "()+./@:#,'_", strict=True)}
)


_ENDING = "，—―（）"  # of a page's address, which goes on behind their plain forms


class Working:
    """A text as the finders see it: full-width forms made plain, invisible characters and what is out already left out.

    What is taken out becomes one character that no finder takes for anything, so that what stays reads alike before
    and after a redaction: that makes redacting twice the same as redacting once.
    """

    OUT = "\0"

    def __init__(self, text: str, out: Sequence[Span]) -> None:
        plain = text.translate(_PLAIN)
        taken = joined([*out, *(Span(m.start(), m.end(), "NUMBER") for m in PLACEHOLDER.finditer(text))])
        bare = [i for i, c in enumerate(plain) if ord(c) in _BARE] if not plain.isascii() else []
        self._given = text
        self._starts: list[int] | range
        if not taken and not bare:
            self.text, self._starts, self._ends = plain, range(len(text)), range(1, len(text) + 1)
            return
        hidden, pieces, starts, ends, at = set(bare), [], [], [], 0
        for start, end, _ in [*taken, Span(len(text), len(text), "NUMBER")]:
            kept = [i for i in range(at, start) if i not in hidden]
            pieces.append("".join(plain[i] for i in kept))
            starts += kept
            ends += [i + 1 for i in kept]
            if end > start:
                pieces.append(self.OUT)
                starts.append(start)
                ends.append(end)
            at = end
        self.text, self._starts, self._ends = "".join(pieces), starts, ends

    _ends: list[int] | range

    def with_marks(self) -> str:
        """`self.text`, but with Chinese commas and brackets and long dashes as they were written."""
        if not any(mark in self._given for mark in _ENDING):
            return self.text
        given = (self._given[at] for at in self._starts)
        return "".join(g if g in _ENDING and c != self.OUT else c for c, g in zip(self.text, given, strict=True))

    def original(self, span: Span) -> Span:
        """A span of `self.text` in the text as it was given."""
        return Span(self._starts[span.start], self._ends[span.end - 1], span.kind)
