"""Text: bytes of any encoding to a string, the normal form the words expert reads, sentences, language."""

from __future__ import annotations

import html
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from demeanor.errors import InputError, LimitError
from demeanor.media.encoding import decode_bytes
from demeanor.media.language import detect_language
from demeanor.media.sentences import split_sentences
from demeanor.media.source import existing_file, name_of, open_source

if TYPE_CHECKING:
    from demeanor.types import Source

__all__ = ["MAX_BYTES", "decode_text", "detect_language", "normalise", "split_sentences"]

MAX_BYTES = 50_000_000
"""Largest text file read."""

_STEP = "read text"
_URL = re.compile(
    r"(?:https?://|www\.(?=\w))[\w\-.~:/?#\[\]@!$&'()*+,;=%]*[\w/#=&~-]", re.ASCII | re.IGNORECASE
)
_MENTION = re.compile(r"(?<![\w.@])@\w+")
_STRETCHED = re.compile(r"([^\d\s.]\ufe0f?)\1{2,}")
_DOTS = re.compile(r"\.{4,}")
_PLACEHOLDER = re.compile(r"@user|http")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_START = re.compile(r"(?:^|[.!?…。！？]\s+)[\"'“‘(\[]*([^\W\d_])")
# Joiners that emoji and Indic and Persian words are made with, and the tags of regional flags.
_KEPT_FORMAT = frozenset("\u200c\u200d") | {chr(code) for code in range(0xE0020, 0xE0080)}


def decode_text(source: Source) -> str:
    """The text of a file, of bytes, or of a string (a string that names no file is the text itself).

    UTF-8, UTF-16 and UTF-32 with or without mark, GB18030, Big5, Shift-JIS, EUC, cp1252 and what
    charset-normalizer finds. An empty file is an empty text. Line ends become line feeds.

    Raises:
        InputError: there is no such file, or it is no text source.
        LimitError: it is larger than `MAX_BYTES`.
    """
    if isinstance(source, str) and not existing_file(source):
        return source
    if not isinstance(source, str | Path | bytes | bytearray | memoryview) and not hasattr(source, "read"):
        raise InputError(f"cannot {_STEP}: expected a path, bytes or a file, got {type(source).__name__}")
    if isinstance(source, str | Path) and Path(source).is_file() and not Path(source).stat().st_size:
        return ""
    if isinstance(source, bytes) and not source:
        return ""
    with open_source(source, _STEP) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise LimitError(
            f"{name_of(source)}: cannot {_STEP}: expected at most {MAX_BYTES // 1_000_000} MB, got more; "
            "split the file"
        )
    return decode_bytes(data).replace("\r\n", "\n").replace("\r", "\n")


def normalise(text: str) -> str:
    """The form that the words expert is trained on and reads; applying it twice changes nothing.

    1. HTML entities become characters (`&amp;` → &), however often they were escaped.
    2. Unicode composition (NFC); broken surrogates, control and invisible formatting characters go (joiners
       of emoji and of Indic and Persian words stay); any white space, also line ends, becomes one space.
    3. A URL becomes `http`, a user's name `@user`; hashtags and emoji stay as they are.
    4. A character repeated three times or more is kept twice (soooo → soo, !!!! → !!, 哈哈哈 → 哈哈), digits
       excepted; four dots or more become three.
    5. A text of three words or more all in capitals becomes sentence case, for shouting hides which words are
       said.
    """
    for _ in range(8):  # one pass may uncover what an earlier rule looks for; it settles in two or three
        before, text = text, _one_pass(text)
        if text == before:
            break
    return text


def _one_pass(text: str) -> str:
    while (plain := html.unescape(text)) != text:
        text = plain
    text = unicodedata.normalize("NFC", text).translate(_VISIBLE)
    text = " ".join(text.split())
    text = _MENTION.sub("@user", _URL.sub("http", text))
    text = _DOTS.sub("...", _STRETCHED.sub(r"\1\1", text))
    return _unshouted(text)


class _Visible(dict[int, str]):
    """For `str.translate`: what becomes of each character, found once and kept."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        kept = char
        if category in ("Zs", "Zl", "Zp") or char in "\t\n\r\v\f\x85":
            kept = " "
        elif category in ("Cc", "Cs") or char == "\ufffd" or (category == "Cf" and char not in _KEPT_FORMAT):
            kept = ""
        self[code] = kept
        return kept


_VISIBLE = _Visible()


def _unshouted(text: str) -> str:
    said = _PLACEHOLDER.sub(" ", text)
    upper = sum(c.isupper() for c in said)
    uncased = sum(c.isalpha() for c in said) - upper
    # An abbreviation or two in a text of a script without capitals is no shouting.
    if any(c.islower() for c in said) or uncased > 0.2 * upper:
        return text
    if sum(1 for word in _WORD.findall(said) if word.isupper()) < 3:
        return text
    text = re.sub(r"\bi\b(?!\.)", "I", text.lower())
    return _SENTENCE_START.sub(lambda m: m.group()[:-1] + m.group()[-1].upper(), text)
