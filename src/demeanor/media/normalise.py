"""One way to write a text, for the words expert: what it is trained on is what it reads.

Kept: words, case, emoji, hashtags, Weibo's [emoticons]. Changed, in this order:

1. Unicode NFC; HTML entities resolved; control and zero-width characters dropped (the emoji joiner stays).
2. Addresses become `http`; `@name` becomes `@user`.
3. A text of three or more words, all in capitals, is lower-cased with its first letter kept (old transcripts).
4. A letter four times or more in a row is written twice, a punctuation mark three times at the most.
5. White space becomes single spaces.
"""

from __future__ import annotations

import html
import re
import unicodedata

from demeanor.media.addresses import URL

_CONTROL = re.compile(
    r"[\ud800-\udfff\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b\u2060\ufeff\u00ad\u202a-\u202e]"
)
_URL = re.compile(URL, re.IGNORECASE)
_USER = re.compile(r"@[\w\-·.]*\w")
_LETTERS = re.compile(r"([^\W\d_])\1{3,}")
_MARKS = re.compile(r"([!?！？。.~～…,，、])\1{3,}")
_WORD = re.compile(r"[^\W\d_]+")
_SPACE = re.compile(r"\s+")


def normalise(text: str) -> str:
    """The text as the words expert sees it. Applying it twice changes nothing more."""
    for _ in range(8):  # one pass may uncover what an earlier rule looks for; it settles in two or three
        before, text = text, _one_pass(text)
        if text == before:
            break
    return text


def _one_pass(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    for _ in range(3):
        plain = html.unescape(text)
        if plain == text:
            break
        text = plain
    text = _CONTROL.sub("", unicodedata.normalize("NFC", text))
    text = _USER.sub("@user", _URL.sub("http", text))
    if _shouted(text):
        text = _sentence_case(text)
    text = _MARKS.sub(r"\1\1\1", _LETTERS.sub(r"\1\1", text))
    return _SPACE.sub(" ", text).strip()


def _shouted(text: str) -> bool:
    """Three or more words of a script with case, not one lower-case letter among them."""
    words = [w for w in _WORD.findall(text) if w.lower() != w.upper()]
    return len(words) >= 3 and not any(c.islower() for w in words for c in w if w not in ("http", "user"))


def _sentence_case(text: str) -> str:
    lowered = re.sub(r"\bi\b", "I", text.lower())
    first = next((i for i, c in enumerate(lowered) if c.isalpha()), 0)
    return lowered[:first] + lowered[first : first + 1].upper() + lowered[first + 1 :]
