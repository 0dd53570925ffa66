"""Sentences of a text as spans of the original, in English, Chinese and their kin; with no model.

A boundary is an end mark (with the quotes, brackets and emoji that follow it) or a line's end. Full stops of
abbreviations, initials, numbers and addresses are none. What is longer than `LONGEST` is cut at a clause.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from demeanor.media.addresses import URL

LONGEST = 360
"""Longest span in bytes of UTF-8, which is 360 letters or 120 Chinese characters: about 90 tokens, what a words expert
takes in one piece. Longer sentences are cut where a clause ends, at worst between words."""

_EMOJI = (
    r"\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff"
    r"\ufe0f\u200d\u20e3\U000e0020-\U000e007f"
)
_CLOSERS = r"\"'”’»›\)\]\}」』）】》〉"
_END = re.compile(
    rf"(?P<mark>[。！？｡!?؟۔।॥‽]+[。！？｡!?.…~～]*|；+|…+|\.+)(?P<after>[{_CLOSERS}]*(?:[ \t]*[{_EMOJI}]+)*)"
    r"|(?P<line>(?<![ \t])[ \t]*(?:\r\n|[\n\r\v\f\x85\u2028\u2029])\s*)"
)
_JOINER = "\u200d"
_ATTACHED = re.compile(r"[\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")  # tones of skin, and tags of flags
_FLAG = re.compile(r"[\U0001f1e6-\U0001f1ff]")
_QUOTES = frozenset("\"'”’»›)]}」』）】》〉")
_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
# Each run of letters is tried from its start only, and no further than such names go: else a long run costs its square.
_ADDRESS = re.compile(
    URL + r"|(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9-]{1,63}\.[A-Za-z0-9.-]+"
    r"|(?<![A-Za-z0-9.-])[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*"
    r"\.(?:com|net|org|edu|gov|io|cn|co|uk|de|fr|jp|tv|me|ly)(?![A-Za-z0-9])(?:/[!-~]*)?"
)
# After these a full stop ends nothing, whatever follows …
_TITLES = frozenset(
    "mr mrs ms mx dr prof st sr sra fr rev hon gen col capt lt sgt maj cpl gov sen rep pres supt vs v cf "  # noqa: SIM905
    "e.g i.e eg ie viz approx no nos vol pp fig figs eq eds al ca bzw z.b d.h u.a evtl ggf nr mme mlle "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri".split()
)
# … and after these only if a lower-case word or a number follows.
_MAYBE = frozenset(
    "etc inc ltd co corp jr bros dept est u.s u.k u.n d.c a.m p.m am pm ph.d b.a m.a usw".split()  # noqa: SIM905
)
_CLAUSE = re.compile(r"[,;:，；：、—–)）」』”]\s*|\s+(?=(?:and|but|or|so|because|which|while|und|y|et)\s)|\s+")
_STRONG = re.compile(r"[,;:，；：、—–]\s*")


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Character spans [from, to) of the sentences of `text`, in order, without overlap or blank edges.

    Every character that is not white space lies in exactly one span; a fragment without a letter or digit (a
    lone quote or emoji) joins the span before it.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for end in (*_boundaries(text), len(text)):
        low, high = _trimmed(text, start, end)
        start = end
        if low == high:
            continue
        if spans and not any(c.isalnum() for c in text[low:high]) and _fits(text, spans[-1][0], high):
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((low, high))
    return [piece for span in spans for piece in _cut(text, *span)]


def _trimmed(text: str, low: int, high: int) -> tuple[int, int]:
    while low < high and text[low].isspace():
        low += 1
    while low < high and text[high - 1].isspace():
        high -= 1
    return low, high


def _boundaries(text: str) -> Iterator[int]:
    addresses = [m.span() for m in _ADDRESS.finditer(text)]
    start = at = 0
    for match in _END.finditer(text):
        while at < len(addresses) and addresses[at][1] <= match.start():
            at += 1
        if at < len(addresses) and addresses[at][0] < match.start() and match.end() < addresses[at][1]:
            continue
        if _ends(text, start, match):
            start = match.end()
            yield start


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether a mark or line end found in `text` closes the sentence that began at `start`."""
    following = text[match.end() : match.end() + 1]
    if match["line"] is not None:
        # A single line end before a lower-case word is mere wrapping.
        return match["line"].count("\n") > 1 or not following.islower()
    mark, after = match["mark"], match["after"]
    rest = text[match.end() : match.end() + 80].lstrip(" \t")
    if mark[0] in "。！？｡؟۔।॥‽；":
        return not (mark[0] == "；" and match.end() - start < 8)
    if mark[0] in "!?":
        spoken = any(c in _QUOTES for c in after) and rest[:1].islower()  # "Really?" she asked
        return not spoken and (not following or following.isspace() or bool(after) or following.isalpha())
    if mark[0] == "…" or len(mark) > 1:  # an ellipsis, which often only pauses
        if not rest or rest[0] in "\r\n":
            return True
        return rest[0].isupper() or (bool(_CJK.match(rest)) and match.end() - start >= 10)
    return _full_stop_ends(text, start, match.start(), following, rest, bool(after))


def _full_stop_ends(text: str, start: int, dot: int, following: str, rest: str, closed: bool) -> bool:
    word = re.search(r"[\w.'’-]*$", text[max(start, dot - 24) : dot])
    token = word.group().lower().strip("'’-") if word else ""
    if following and not following.isspace() and not closed:
        # "great.I love it": a forgotten space, told from "Node.js" and "3.14" by the capital after a plain
        # word.
        glued = re.fullmatch(r"[^\W\d_]{3,}", token) is not None and text[dot - 1].islower()
        return bool(_CJK.match(following)) or (glued and re.match(r"[A-Z](?:[a-z'’]|\s)", rest) is not None)
    if not rest or not token:
        return True
    if token in _TITLES:
        return token == "no" and rest[0].isupper()  # "I said no. We left." but "No. 5"
    if len(token) == 1 and token.isalpha() and token != "i":  # an initial
        return False
    if re.fullmatch(r"(?:[a-z]\.)+[a-z]", token) or token in _MAYBE:
        return not rest[:1].islower() and not rest[:1].isdigit()
    return not (token.isdigit() and dot - start == len(token))  # "1. First" is one


def _fits(text: str, low: int, high: int) -> bool:
    return high - low <= LONGEST // 4 or (
        high - low <= LONGEST and len(text[low:high].encode("utf-8", "replace")) <= LONGEST
    )


def _start(text: str, low: int) -> str:
    """As many characters from `low` on as `LONGEST` bytes hold."""
    return text[low : low + LONGEST].encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore")


def _cut(text: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    """A span in pieces of at most `LONGEST`, cut after a comma, else before a word, else anywhere."""
    while not _fits(text, low, high):
        window = _start(text, low)
        enough = len(window) // 4
        ends = [m.end() for m in _STRONG.finditer(window) if m.end() >= enough]
        ends = ends or [m.end() for m in _CLAUSE.finditer(window) if m.end() >= enough]
        ends = ends or [_whole(text, low, low + len(window)) - low]
        a, b = _trimmed(text, low, low + ends[-1])
        if a < b:
            yield a, b
        low = low + ends[-1]
    a, b = _trimmed(text, low, high)
    if a < b:
        yield a, b


def _whole(text: str, low: int, at: int) -> int:
    """A cut after `low` moved back to where it parts no character from its marks and no emoji; `at` if all is one."""
    for end in range(at, low, -1):
        if not _parts(text, low, end):
            return end
    return at


def _parts(text: str, low: int, at: int) -> bool:
    """Whether a cut falls inside what is seen as one character: marks, joiners, tones of skin, flags."""
    before, after = text[at - 1 : at], text[at : at + 1]
    if not after:
        return False
    if before == _JOINER or after == _JOINER or unicodedata.category(after)[0] == "M" or _ATTACHED.match(after):
        return True
    if not (_FLAG.match(before) and _FLAG.match(after)):
        return False
    letters = next((i for i in range(at - low) if not _FLAG.match(text[at - 1 - i])), at - low)
    return letters % 2 == 1  # two letters are one flag
