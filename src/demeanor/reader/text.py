"""Text: which stretches are read, and how they make the reading of the whole.

The rule: sentences are the segments. The whole is read in passages – runs of sentences as long as the words
expert takes in one piece –, so that "I liked the start, but the rest was awful" is seen as a whole; a text
that fits is one passage. Several passages are averaged by length and reliability, at most `PASSAGES` of them, taken
evenly from a longer text: each of its sentences is read anyway. Speech follows the same rule, by duration.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import ceil
from typing import TYPE_CHECKING, TypeVar

from demeanor.media.language import detect_language
from demeanor.media.sentences import split_sentences
from demeanor.reader.cues._evidence import faded
from demeanor.types import Evidence, Utterance

if TYPE_CHECKING:
    from demeanor.reader.cues.words import Words

MOST = 8192
"""Segments of one text at most; of a longer one, neighbouring sentences are read together."""

PASSAGES = 64
"""Passages of one text that its reading as a whole is made of: about 24 000 letters."""

Span = tuple[int, int]
_ENOUGH = 0.2
"""Share of a text that must be readable: the little that is does not stand for a page of anything else."""
_JUDGED = 256  # sentences of one text that warnings are drawn from

T = TypeVar("T")
Average = Callable[[Sequence[Evidence], Sequence[float]], Evidence]


@dataclass(frozen=True, slots=True)
class TextPlan:
    """A text with the character spans that are read: `segments`, and `passages` for the whole.

    Attributes:
        language: a code, None where it could not be told.
        warnings: what is said about the text.
    """

    text: str
    language: str | None
    segments: tuple[Span, ...]
    passages: tuple[Span, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextRead:
    """What the words of a text say, per segment and as a whole; `notes`: what speaks against reading it."""

    segments: list[Evidence]
    whole: Evidence
    notes: list[str]


def tokens(text: str) -> int:
    """About how many tokens a text has: one for four Latin letters, three for four Chinese characters."""
    return len(text.encode("utf-8", "replace")) // 4 + 1


def runs(sizes: Sequence[int], window: int) -> list[Span]:
    """Neighbours joined into runs [first, last), alike in size, of at most `window` (one may be larger)."""
    target = sum(sizes) / max(1, ceil(sum(sizes) / window))
    found, start, filled = [], 0, 0
    for at, size in enumerate(sizes):
        if at > start and (filled + size > window or filled >= target):
            found.append((start, at))
            start, filled = at, 0
        filled += size
    return [*found, (start, len(sizes))] if sizes else []


def plan(text: str, window: int, language: str | None = None) -> TextPlan:
    """Which spans of a text to read; a text without a letter, digit or emoji has none.

    Args:
        text: as it came.
        window: tokens that the words expert takes in one piece.
        language: if known; else detected.
    """
    spans = split_sentences(text)
    code = language or detect_language(text)
    notes: tuple[str, ...] = ()
    if len(spans) > MOST:
        sizes = [tokens(text[a:b]) for a, b in spans]
        joined = _joined(spans, runs(sizes, max(window, ceil(2 * sum(sizes) / MOST))))
        notes = (f"a text of {len(spans)} sentences: neighbours were read together, in {len(joined)} pieces",)
        return TextPlan(text, None if code == "und" else code, joined, joined, notes)
    passages = _joined(spans, runs([tokens(text[a:b]) for a, b in spans], window))
    return TextPlan(text, None if code == "und" else code, tuple(spans), _evenly(passages, PASSAGES))


def read(plans: Sequence[TextPlan], words: Words, average: Average) -> list[TextRead]:
    """Read texts, none of them empty, all in one batch."""
    wanted = [list(dict.fromkeys((*p.segments, *p.passages))) for p in plans]
    texts = [p.text[a:b] for p, spans in zip(plans, wanted, strict=True) for a, b in spans]
    languages = [p.language for p, spans in zip(plans, wanted, strict=True) for _ in spans]
    found = iter(words.read(texts, None, languages))
    out = []
    for p, spans in zip(plans, wanted, strict=True):
        said = {span: next(found) for span in spans}
        passages = [_sound(said[span], span, said, p.segments, average) for span in p.passages]
        lengths = [float(b - a) for a, b in p.passages]
        whole = passages[0] if len(passages) == 1 else average(passages, lengths)
        readable = _readable(p.segments, [said[span] for span in p.segments])
        if readable < _ENOUGH and not whole.abstain:
            whole = faded(whole, readable, whole.reliability, True)
        some = _evenly(p.segments, _JUDGED)
        notes = doubts([p.text[a:b] for a, b in some], [p.language] * len(some), words)
        out.append(TextRead([said[span] for span in p.segments], whole, notes))
    return out


def _readable(spans: Sequence[Span], said: Sequence[Evidence]) -> float:
    """Share of the letters that stand in sentences which could be read."""
    lengths = [(b - a, not e.abstain) for (a, b), e in zip(spans, said, strict=True)]
    return sum(n for n, reads in lengths if reads) / max(1, sum(n for n, _ in lengths))


def _sound(
    found: Evidence, passage: Span, said: Mapping[Span, Evidence], segments: Sequence[Span], average: Average
) -> Evidence:
    """A passage's evidence; where that abstains but not all of its sentences do, what those say."""
    if not found.abstain:
        return found
    first = bisect_left(segments, passage[0], key=lambda s: s[0])
    inside = list(takewhile(lambda s: s[1] <= passage[1], segments[first:]))
    if all(said[s].abstain for s in inside):
        return found
    return average([said[s] for s in inside], [float(b - a) for a, b in inside])


def doubts(sentences: Sequence[str], languages: Sequence[str | None], words: Words) -> list[str]:
    """What speaks most often against reading sentences of one text, as a warning; none if nothing does."""
    found = Counter(d for d in map(words.doubt, sentences, languages) if d is not None)
    if not found:
        return []
    doubt, count = found.most_common(1)[0]
    where = f"{count} of {len(sentences)} sentences: " if count < len(sentences) else ""
    result = "what is read of that is not to be relied on" if doubt.abstain else "read with less trust"
    return [f"words: {where}{doubt.reason}; {result}"]


def read_speech(
    utterances: Sequence[Utterance], words: Words, average: Average, window: int, language: str | None
) -> tuple[dict[int, Evidence], Evidence | None, list[str]]:
    """What the words of utterances say.

    Args:
        utterances: in order of time; those without text say nothing.
        words: the expert.
        average: joins evidence.
        window: tokens that the expert takes in one piece.
        language: of all of them, where an utterance does not name its own.

    Returns:
        Evidence by index of the utterance, of the whole (passages are utterances of one speaker in a row), and what
        speaks against reading them.
    """
    spoken = [at for at, u in enumerate(utterances) if u.text.strip()]
    if not spoken:
        return {}, None, []
    passages = [part for turn in _turns(utterances, spoken) for part in _parts(utterances, turn, window)]
    groups = [(at,) for at in spoken] + [p for p in passages if len(p) > 1]
    texts = [" ".join(utterances[at].text.strip() for at in group) for group in groups]
    sure = [_probability([utterances[at] for at in group]) for group in groups]
    codes = [utterances[group[0]].language or language for group in groups]
    said = dict(zip(groups, words.read(texts, sure, codes), strict=True))
    seconds = [sum(max(0.01, utterances[at].end - utterances[at].start) for at in p) for p in passages]
    whole = average([said[p] for p in passages], seconds)
    some = _evenly(range(len(spoken)), _JUDGED)  # the first groups are the utterances by themselves
    notes = doubts([texts[at] for at in some], [codes[at] for at in some], words)
    return {at: said[(at,)] for at in spoken}, whole, notes


def _evenly(items: Sequence[T], most: int) -> tuple[T, ...]:
    """At most so many of them, the first and the last among them."""
    if len(items) <= most:
        return tuple(items)
    return tuple(items[round(i * (len(items) - 1) / (most - 1))] for i in range(most))


def _joined(spans: Sequence[Span], groups: Sequence[Span]) -> tuple[Span, ...]:
    return tuple((spans[first][0], spans[last - 1][1]) for first, last in groups)


def _turns(utterances: Sequence[Utterance], spoken: Sequence[int]) -> list[list[int]]:
    """Indices by turn: what one speaker says in a row."""
    turns: list[list[int]] = []
    for at in spoken:
        if turns and utterances[turns[-1][-1]].speaker == utterances[at].speaker:
            turns[-1].append(at)
        else:
            turns.append([at])
    return turns


def _parts(utterances: Sequence[Utterance], turn: Sequence[int], window: int) -> list[tuple[int, ...]]:
    sizes = [tokens(utterances[at].text) for at in turn]
    return [tuple(turn[first:last]) for first, last in runs(sizes, window)]


def _probability(utterances: Sequence[Utterance]) -> float | None:
    """Mean confidence of the recogniser by length of text; None for a given transcript."""
    known = [(u.probability, len(u.text)) for u in utterances if u.probability is not None]
    total = sum(length for _, length in known)
    return sum(p * length for p, length in known) / total if total else None
