"""Personal data in texts: found, and replaced by what it is.

By form, check digits and the words around it; English and Chinese first, numbers and mail in any language. Names only
where the words around them tell, where they are given, or where a recogniser of names is passed. What this misses and
what it takes wrongly is measured: see docs/privacy.md. It is no anonymisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from demeanor.privacy import names as _names
from demeanor.privacy import numbers, online, pages, phones, places, spoken
from demeanor.privacy.script import script_of
from demeanor.privacy.spans import Pseudonyms, Redacted, Span, Working, joined, replaced

NameFinder = Callable[[str], Iterable[tuple[int, int]]]
"""A recogniser of names: a text in, (start, end) of each person's name in it out."""

_FINDERS = (numbers.find, phones.find, online.find, places.find, spoken.find, _names.find)
_ROUNDS = 6


def find_personal(
    text: str, *, names: Iterable[str] = (), recogniser: NameFinder | None = None, kinds: Iterable[str] | None = None
) -> list[Span]:
    """Where a text holds personal data.

    Looked for again after what was found is taken out, until nothing more turns up: so that the redacted text, looked
    through once more, gives nothing.

    Args:
        text: of any length; the time is proportional to it.
        names: of people, to be found wherever they stand.
        recogniser: finds further names; what it gives outside of the text is cut off.
        kinds: those wanted, of `KINDS`; None takes all.

    Returns:
        Spans by position; none overlap.
    """
    wanted = None if kinds is None else frozenset(kinds)
    known = set(chain.from_iterable(_names.variants(n) | {n} for n in _names.several(names)))
    found = [Span(max(0, a), min(len(text), b), "NAME") for a, b in recogniser(text)] if recogniser else []
    found = joined(s for s in found if wanted is None or s.kind in wanted)
    for _ in range(_ROUNDS):
        working = Working(text, found)
        new = [s for s in joined(_once(working, known)) if wanted is None or s.kind in wanted]
        if not new:
            break
        known |= _names.told_names(working.text, new)
        found = joined([*found, *(working.original(s) for s in new)])
    return found


def redact_text(
    text: str,
    *,
    names: Iterable[str] = (),
    recogniser: NameFinder | None = None,
    kinds: Iterable[str] | None = None,
    pseudonyms: Pseudonyms | None = None,
) -> Redacted:
    """A text with `[MAIL]`, `[PHONE]`, … in place of personal data.

    Args:
        text: of any length.
        names: of people, to be found wherever they stand.
        recogniser: finds further names.
        kinds: those wanted, of `KINDS`; None takes all.
        pseudonyms: gives the same value the same mark, `[NAME 1]`; keep it to have it so over several texts.
    """
    spans = find_personal(text, names=names, recogniser=recogniser, kinds=kinds)
    return Redacted(replaced(text, spans, pseudonyms), tuple(spans))


def _once(working: Working, known: set[str]) -> list[Span]:
    text = working.text
    script = script_of(text)
    found = [span for finder in _FINDERS for span in finder(text, script)]
    found += pages.find(working.with_marks(), script)
    return [*found, *_names.given(text, known | _names.told_names(text, found))]
