"""Keys of JSON objects without personal data: numbered placeholders, so that two keys stay two."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from demeanor.privacy.spans import Pseudonyms
from demeanor.privacy.speakers import is_role
from demeanor.privacy.text import NameFinder, find_personal

_OWN = re.compile(r"demeanor\.\w+/\d+")
_PLAIN = re.compile(r"[a-z][a-z0-9_]*")
_KEPT = frozenset(("segments", "speaker", "text", "word", "words", "start", "end", "author", "name", "user", "by"))
"""Keys that say what the data are, whoever is called so."""


def is_own(data: Any) -> bool:
    """Whether data are of one of the program's own schemas, whose keys are in small letters."""
    return isinstance(data, Mapping) and _OWN.fullmatch(str(data.get("schema"))) is not None


class Keys:
    """What keys are from now on; one key is the same in all objects.

    Args:
        names: of people, to be found wherever they stand; more may be added meanwhile.
        recogniser: finds further names.
        pseudonyms: gives the same value the same mark; None numbers the values of keys.
        speakers: what they are called to what they will be called.
        own: the data are of a schema of the program: keys in small letters stay.
        counts: what is found is added to it, by kind, each key once.
    """

    def __init__(
        self,
        names: set[str],
        recogniser: NameFinder | None,
        pseudonyms: Pseudonyms | None,
        speakers: Mapping[str, str],
        own: bool,
        counts: Counter[str],
    ) -> None:
        self._names, self._recogniser, self._marks = names, recogniser, pseudonyms or Pseudonyms()
        self._speakers, self._own, self._counts = speakers, own, counts
        self._known: dict[str, str] = {}

    def of(self, keys: Iterable[str]) -> dict[str, str]:
        """The keys of one object to what they are from now on; no two become one."""
        marks = {key: self._mark(key) for key in keys}
        taken = {key for key, mark in marks.items() if key == mark}
        for key, mark in marks.items():
            if key != mark:
                number = 1
                while marks[key] in taken:  # "A@x.org" beside "a@x.org", which are one address
                    number += 1
                    marks[key] = f"{mark} ({number})"
                taken.add(marks[key])
        return marks

    def _mark(self, key: str) -> str:
        if key not in self._known:
            self._known[key] = self._without(key)
        return self._known[key]

    def _without(self, key: str) -> str:
        if key in _KEPT or (self._own and _PLAIN.fullmatch(key)):
            return key
        if key in self._speakers and not is_role(key):
            return self._speakers[key]
        words = key.replace("_", " ") if " " not in key else key
        spans = find_personal(words, names=self._names, recogniser=self._recogniser)
        self._counts.update(span.kind for span in spans)
        pieces, at = [], 0
        for start, end, kind in spans:  # "Bob_score" says who, as "speaker": "Bob" does
            mark = self._speakers.get(words[start:end]) if kind == "NAME" else None
            pieces += [key[at:start], mark or self._marks.of(kind, key[start:end])]
            at = end
        return "".join([*pieces, key[at:]])
