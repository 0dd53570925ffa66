"""Telephone numbers: international, and the national forms of English-speaking, European and Chinese networks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from demeanor.privacy.script import Script
from demeanor.privacy.spans import Span

_INTERNATIONAL = re.compile(r"(?<![A-Za-z0-9_+])\+ ?\(?[1-9](?:[ .\-/()]{0,3}\d){6,14}(?!\d)")
_PREFIXED = re.compile(r"(?<![A-Za-z0-9_.+\-])00[ \-]?[1-9]\d{0,2}(?:[ \-/]{1,2}\(?\d{1,9}\)?){1,6}(?![A-Za-z0-9_\-])")
_EXTENSION = r"(?:,? ?(?:ext\.?|extension|x|转|分机) ?\d{1,6})?"
_AMERICAN = re.compile(
    r"(?<![A-Za-z0-9_.$£€¥+\-/])(?:1[ .\-])?"
    r"(?:\([2-9]\d\d\) ?-?\d{3}[ .\-]\d{4}|[2-9]\d\d([.\-])\d{3}\1\d{4}|[2-9]\d\d [2-9]\d\d[ \-]\d{4}"
    rf"|(?:800|888|877|866|855|400)[ \-]\d{{3}}[ \-]?\d{{4}}|555-\d{{4}}){_EXTENSION}(?![A-Za-z0-9_%]|[.\-]\d)",
    re.IGNORECASE,
)
_CHINESE_MOBILE = re.compile(
    r"(?<![A-Za-z0-9_.+\-])(?:\(?(?:\+|00)?86\)?[ \-]?)?1[3-9]\d"
    r"(?:\d{8}|[ \-]\d{4}[ \-]\d{4}|[ \-]\d{3}[ \-]\d{5}|\d{2}[ \-]\d{3}[ \-]\d{3})"
    r"(?![\dA-Za-z_]|[.\-]\d)"
)
_CHINESE_LINE = re.compile(
    r"(?<![A-Za-z0-9_.+\-])(?:\(0\d{2,3}\) ?-?|0\d{2,3}[ \-]{1,2}|0(?:10|2\d))[2-9]\d{2,3}[ \-]?\d{4}"
    rf"(?:[ \-]\d{{1,4}}|{_EXTENSION})?(?![A-Za-z0-9_]|[.\-]\d)"
)
_TRUNK = re.compile(
    r"(?<![A-Za-z0-9_.,$£€¥+\-/])(?:\(0[1-9]\d{0,4}\)|0[1-9]\d{0,4})(?:[ .\-/]{1,2}\d{2,8}){1,5}"
    r"(?![A-Za-z0-9_]|[.,:\-/]\d)"
)
_SOLID = re.compile(r"(?<![A-Za-z0-9_.,+\-/])0[1-9]\d{8,9}(?![A-Za-z0-9_]|[.,:\-/]\d)")
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_A_DATE = (  # with spaces the day comes first: 2010 10 10 22 is a number
    rf"(?:{_DAY}(?: {_DAY} |([.\-/]){_DAY}\{{}})(?:19|20)?\d\d|(?:19|20)\d\d([.\-/])(?:0?[1-9]|1[0-2])\{{}}{_DAY})"
)
_DATE = re.compile(rf"{_A_DATE.format(1, 2)}(?: (?:[01]?\d|2[0-3])(?::[0-5]\d)?| ?- ?{_A_DATE.format(3, 4)})?")
# Where no word says that it is one: "05/06/2024 250 people".
_DATED = re.compile(rf"{_DAY}(?:([.\-/]){_DAY}\1(?:19|20)?\d\d| {_DAY} (?:19|20)\d\d)(?!\d)")
_PAIRS = re.compile(r"0[1-9](?P<gap>[ .\-/])\d\d(?:(?P=gap)\d\d){3}")  # as the French write them; begins like a date
_ASKED = re.compile(
    r"(?:\b(?:(?:tele)?phone|mobile|cell|tel|call(?: me)?|text me|dial|ring(?: me)?|"
    r"reach (?:me|us|him|her)|whats ?app|fax|"
    r"(?:my|his|her|their|our) number|contact)\b|电话|手机|联系方式|联系我|致电|拨打|座机|热线|短信|传真)"
    r"[^\d\n\0]{0,24}?(\(?\d(?:[ .\-/()]{0,2}\d){6,14})(?![A-Za-z0-9_%]|[.,:\-/]\d)",
    re.IGNORECASE,
)
_NO_CALL = re.compile(r"of duty|19\d\d ?- ?(?:19|20)\d\d|20\d\d ?- ?20\d\d|\$|£|€|¥", re.IGNORECASE)


def find(text: str, script: Script) -> Iterator[Span]:
    """Telephone numbers written in digits."""
    if not script.digits:
        return
    for pattern in (_INTERNATIONAL, _PREFIXED, _AMERICAN, _CHINESE_MOBILE, _CHINESE_LINE):
        for m in pattern.finditer(text):
            if 7 <= _count(m[0]) <= 20:
                yield _span(m)
    for pattern in (_TRUNK, _SOLID):
        for m in pattern.finditer(text):
            if 9 <= _count(m[0]) <= 12 and (_PAIRS.fullmatch(m[0]) or not _DATED.match(m[0])):
                yield _span(m)
    for m in _ASKED.finditer(text) if script.words else ():
        if not _NO_CALL.search(m[0]) and not _DATE.fullmatch(m[1]):
            yield Span(*m.span(1), "PHONE")


def _count(text: str) -> int:
    return sum(c.isdigit() for c in text)


def _span(match: re.Match[str]) -> Span:
    return Span(match.start(), match.start() + len(match[0].rstrip(" .-/(")), "PHONE")
