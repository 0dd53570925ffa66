"""Text: bytes of any encoding to a string, the normal form the words expert reads, sentences, language."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from demeanor.errors import InputError, LimitError
from demeanor.media.encoding import decode_bytes
from demeanor.media.language import detect_language
from demeanor.media.normalise import normalise
from demeanor.media.sentences import split_sentences
from demeanor.media.source import existing_file, name_of, open_source

if TYPE_CHECKING:
    from demeanor.types import Source

__all__ = ["MAX_BYTES", "decode_text", "detect_language", "normalise", "split_sentences"]

MAX_BYTES = 50_000_000
"""Largest text file read."""

_STEP = "read text"


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
            f"{name_of(source)}: cannot {_STEP}: expected at most {MAX_BYTES // 1_000_000} MB, got more; split the file"
        )
    return decode_bytes(data).replace("\r\n", "\n").replace("\r", "\n")
