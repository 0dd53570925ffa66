"""The texts in JSON data: words in lists as the sentences they make, and stretches of a transcript as one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_PAUSE = 5.0  # seconds: what is said after a longer one does not go on with what was said before
_CJK = "\u2e80"  # from here on scripts are written without spaces


def below(above: str, key: str, value: Any) -> str:
    """The key that a value is looked through by: lists in what stands under `words` are words, too."""
    return above if above == "words" and isinstance(value, list | tuple) else key


def said_under(value: Any, keys: Iterable[str]) -> str | None:
    """The first of the keys under which every item of a list has a text; None where there is none."""
    if not isinstance(value, list | tuple) or not value or not all(isinstance(v, Mapping) for v in value):
        return None
    return next((k for k in keys if all(isinstance(v.get(k), str) for v in value)), None)


def word_key(value: Any, under: str) -> str | None:
    """The key under which the items of a list hold a word each; None where it is no list of words."""
    key = said_under(value, ("word", "text") if under == "words" else ("word",))
    return key if key and not any(re.search(r"\s", v[key].strip()) for v in value) else None


def is_transcript(value: Any, under: str) -> bool:
    """Whether a list holds what is said in a recording, stretch by stretch."""
    return (
        under == "segments"
        and isinstance(value, list | tuple)
        and all(isinstance(v, Mapping) and "text" in v and isinstance(v["text"], str | None) for v in value)
    )


def texts(value: Any, key: str = "") -> Iterator[str]:
    """Every text in JSON data; of words the sentence they make, of a transcript not its whole text once more."""
    if isinstance(value, Mapping):
        is_whole = is_transcript(value.get("segments"), "segments")
        for k, inner in value.items():
            if not (is_whole and k == "text"):
                yield from texts(inner, below(key, k, inner))
    elif word := word_key(value, key):
        yield sentence(value, word)[0]
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner, key)
    elif isinstance(value, str):
        yield value


def sentence(words: Sequence[Mapping[str, Any]], key: str) -> tuple[str, list[int]]:
    """Words as one text, and where each begins: apart by a space unless they bring it or are written without."""
    whole, places = "", []
    for word in words:
        first = word[key][:1]
        whole += "" if not whole or first.isspace() or first >= _CJK else " "
        places.append(len(whole))
        whole += word[key]
    return whole, places


def laid_out(segments: Sequence[Mapping[str, Any]]) -> tuple[str, list[int]]:
    """All texts as one, and where each begins: apart by a space where one goes on with the other, else by lines."""
    pieces: list[str] = []
    places, at = [], 0
    before: Mapping[str, Any] | None = None
    for segment in segments:
        text = segment.get("text") or ""
        if before is not None:
            pieces.append(" " if _goes_on(before, segment) else "\n\n")
            at += len(pieces[-1])
        places.append(at)
        pieces.append(text)
        at += len(text)
        before = segment if text else before
    return "".join(pieces), places


def _goes_on(before: Mapping[str, Any], segment: Mapping[str, Any]) -> bool:
    if before.get("speaker") != segment.get("speaker"):
        return False
    start, end = segment.get("start"), before.get("end")
    if not isinstance(start, int | float) or not isinstance(end, int | float):
        return True
    return bool(start - end <= _PAUSE)
