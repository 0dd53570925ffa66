"""Text: bytes of any encoding to a string, the normal form the words expert reads, sentences, language."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from demeanor.errors import DecodeError, InputError, LimitError
from demeanor.media.encoding import decode_with_name
from demeanor.media.kind import refuse_markup
from demeanor.media.language import detect_language
from demeanor.media.normalise import normalise
from demeanor.media.sentences import split_sentences
from demeanor.media.source import existing_file, is_regular, name_of, open_source

if TYPE_CHECKING:
    from demeanor.types import Source

__all__ = ["MAX_BYTES", "decode_text", "detect_language", "normalise", "split_sentences"]

MAX_BYTES = 50_000_000
"""Largest text file read."""

_STEP = "read text"
_JUDGED = 65_536  # characters
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_MOST_CONTROL = 0.05
"""Share of control characters that a text may have: a stray one is no fault, and of other data they are a tenth."""


def decode_text(source: Source, warnings: list[str] | None = None) -> str:
    """The text of a file (open or not), of bytes, or of a string (a string that names no file is the text itself).

    UTF-8, UTF-16 and UTF-32 with or without mark, GB18030, Big5, Shift-JIS, EUC, cp1252 and what
    charset-normalizer finds. An empty file is an empty text. Line ends become line feeds. An encoding that had to be
    guessed is appended to `warnings`, in words.

    Raises:
        InputError: there is no such file, or it is no text source.
        DecodeError: its bytes are of something else, such as a film, a PDF or RTF.
        LimitError: it is larger than `MAX_BYTES`.
    """
    if isinstance(source, str) and not existing_file(source):
        return source
    if isinstance(source, io.TextIOBase):
        return _whole(source)
    if not isinstance(source, str | Path | bytes | bytearray | memoryview) and not hasattr(source, "read"):
        raise InputError(f"cannot {_STEP}: expected a path, bytes or a file, got {type(source).__name__}")
    if isinstance(source, str | Path) and is_regular(source) and not Path(source).stat().st_size:
        return ""
    if isinstance(source, bytes) and not source:
        return ""
    with open_source(source, _STEP) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise LimitError(
            f"{name_of(source)}: cannot {_STEP}: expected at most {MAX_BYTES // 1_000_000} MB, got more; split the file"
        )
    refuse_markup(data, name_of(source))
    text, encoding = decode_with_name(data)
    if warnings is not None and not encoding.startswith("utf"):
        warnings.append(f"{name_of(source)}: not UTF-8; read as {encoding}; save it as UTF-8 if that is another one")
    start = text[:_JUDGED]
    if len(_CONTROL.findall(start)) > _MOST_CONTROL * len(start):
        raise DecodeError(
            f"{name_of(source)}: cannot {_STEP}: expected text, got data of another kind; give a film, sound or "
            "picture a name of its kind"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _whole(file: io.TextIOBase) -> str:
    """All that an open text file holds, from its beginning; the file stands where it stood.

    Of a stream, and of a file whose lines are being gone through, which cannot tell where it stands, the rest.
    """
    try:
        before = file.tell() if file.seekable() else None
    except OSError:
        before = None
    if before is None:
        return file.read()
    file.seek(0)
    try:
        return file.read()
    finally:
        file.seek(before)
