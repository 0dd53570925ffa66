"""An analysis without personal data in its texts, words and speakers; and which seconds of its sound hold any."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from demeanor.privacy.fields import as_line, kind_of_value, names_under, whole_names_under
from demeanor.privacy.json_texts import below, is_transcript, laid_out, said_under, sentence, texts, word_key
from demeanor.privacy.keys import Keys, is_own
from demeanor.privacy.labels import speakers_in
from demeanor.privacy.names import given, several, told_names
from demeanor.privacy.spans import Marked, Pseudonyms, Span, filled, marked, replaced, within
from demeanor.privacy.speakers import (
    about_speaker,
    called_in,
    corrected_speakers,
    numbered,
    sought,
    speakers_of,
)  # fmt: skip
from demeanor.privacy.text import NameFinder, find_personal

_READ = frozenset((
    "schema", "id", "source", "kind", "duration", "language", "overall", "cues", "segments", "people", "missing",
    "warnings", "provenance", "trend",
))  # fmt: skip
"""Keys of an analysis that have texts of their own form, or none; any other is looked through whole."""


class Stretch(NamedTuple):
    """Seconds of sound in which personal data is said, and its kind."""

    start: float
    end: float
    kind: str


@dataclass(frozen=True, slots=True)
class RedactedAnalysis:
    """An analysis as JSON data without personal data, where in the sound it is said, by time, and how often by kind."""

    data: dict[str, Any]
    stretches: tuple[Stretch, ...]
    counts: Mapping[str, int]


def redact_analysis(
    data: Mapping[str, Any],
    *,
    names: Iterable[str] = (),
    recogniser: NameFinder | None = None,
    pseudonyms: Pseudonyms | None = None,
    hide_source: bool = False,
) -> RedactedAnalysis:
    """An analysis (`demeanor.analysis/1`) with placeholders for personal data in everything that is text.

    Segments are looked through together, so that a number said in two of them is found. Speakers that carry names
    become S1, S2, … and their names are looked for in what is said, those that a correction gives too. The numbers of
    the readings stay as they are.

    Args:
        data: as `Analysis.to_dict` gives it; not changed.
        names: of people to be found wherever they stand.
        recogniser: finds further names.
        pseudonyms: gives the same value the same mark.
        hide_source: file names, which may hold a name, are taken out whole; else they are looked through as a text is.
    """
    speakers = speakers_of(data)
    lines = (line for s in data.get("segments") or () for line in (s.get("text") or "").split("\n"))
    known = {*several(names), *sought(speakers), *corrected_speakers(data), *speakers_in(lines).forms()}
    eraser = _Eraser(known, recogniser, pseudonyms, speakers, own=True)
    rest = {key: value for key, value in data.items() if key not in _READ}
    eraser.learn(rest)
    segments, stretches = eraser.segments(data.get("segments") or ())
    out = {**data, "segments": segments}
    out["people"] = [
        {**p, "speaker": speakers.get(p.get("speaker"), p.get("speaker"))} for p in data.get("people") or ()
    ]
    for key in ("id", "source"):
        if isinstance(data.get(key), str):
            out[key] = _hidden(data[key]) if hide_source else eraser.text(_as_words(data[key]), data[key])
    called = {data[key]: out[key] for key in ("source", "id") if isinstance(data.get(key), str)}
    out["warnings"] = [eraser.text(_renamed(w, called)) for w in data.get("warnings") or ()]
    out |= eraser.anything(rest)
    return RedactedAnalysis(out, tuple(stretches), eraser.counts)


def redact_json(
    value: Any,
    *,
    names: Iterable[str] = (),
    recogniser: NameFinder | None = None,
    pseudonyms: Pseudonyms | None = None,
) -> tuple[Any, Mapping[str, int]]:
    """JSON data of any other form with placeholders in every text and key; and how often each kind was found.

    What is a name in one text is one in all, names before a colon and those that a key tells (`firstName`, 姓名) too.
    Values are read together with their keys: see `demeanor.privacy.fields`. Lists of words, `[{"word": "Ann"}, …]` or
    `"text"` below a key `words`, are looked through as the sentence they make, and each keeps its place; `segments`
    with a `text` each are looked through together; speakers that carry names become S1, S2, … Placeholders in keys are
    numbered, so that two keys stay two, and one key is the same everywhere; keys of the program's own schemas stay as
    they are.

    Args:
        value: not changed.
        names: of people to be found wherever they stand.
        recogniser: finds further names.
        pseudonyms: gives the same value the same mark.
    """
    speakers = numbered(called_in(value))
    lines = (line.strip() for said in texts(value) for line in said.split("\n"))
    known = {*several(names), *sought(speakers), *speakers_in(dict.fromkeys(lines)).forms()}
    eraser = _Eraser(known, recogniser, pseudonyms, speakers, is_own(value))
    eraser.learn(value)
    return eraser.anything(value), eraser.counts


class _Eraser:
    """Takes personal data out of one analysis; what is a name in one place is one in all."""

    def __init__(
        self,
        names: set[str],
        recogniser: NameFinder | None,
        pseudonyms: Pseudonyms | None,
        speakers: Mapping[str, str],
        own: bool,
    ) -> None:
        self._names, self._given, self._pseudonyms, self._speakers = names, recogniser, pseudonyms, speakers
        self._whole: set[str] = set()  # names of which no part is looked for
        self.counts: Counter[str] = Counter()
        self._keys = Keys(names, self._recogniser, pseudonyms, speakers, own, self.counts)

    def _recogniser(self, text: str) -> Iterator[tuple[int, int]]:
        """What the given recogniser finds, and names that are looked for as a whole."""
        yield from self._given(text) if self._given else ()
        yield from (span[:2] for span in given(text, self._whole))

    def _know(self, text: str, spans: Iterable[Span]) -> None:
        """Names found in a text are looked for in all that follows."""
        self._names |= told_names(text, (s for s in spans if text[s.start : s.end] not in self._whole))

    def text(self, text: str, shown: str | None = None) -> str:
        """A text without personal data; `shown` is it as it is to be delivered, of the same length."""
        spans = find_personal(text, names=self._names, recogniser=self._recogniser)
        self.counts.update(span.kind for span in spans)
        return replaced(shown if shown is not None else text, spans, self._pseudonyms)

    def segments(self, segments: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[Stretch]]:
        """The segments, and where they say something personal."""
        out, stretches, shift = [], [], 0
        for segment, own in zip(segments, self._said(segments), strict=True):
            done, said = self._segment(segment, own)
            chars = segment.get("chars")
            if chars is not None:
                grown = len(done["text"] or "") - len(segment.get("text") or "")
                done["chars"] = [chars[0] + shift, chars[1] + shift + grown]
                shift += grown
            out.append(done)
            stretches += said
        return out, sorted(stretches)

    def _said(self, segments: Sequence[Mapping[str, Any]]) -> list[list[Marked]]:
        """What is personal in the text of each segment; found in all together, with one placeholder for one value."""
        whole, places = laid_out(segments)
        spans = find_personal(whole, names=self._names, recogniser=self._recogniser)
        self.counts.update(span.kind for span in spans)
        self._know(whole, spans)
        lengths = [len(segment.get("text") or "") for segment in segments]
        marks = marked(whole, spans, self._pseudonyms)
        return [within(marks, begin, length) for begin, length in zip(places, lengths, strict=True)]

    def _segment(self, segment: Mapping[str, Any], spans: list[Marked]) -> tuple[dict[str, Any], list[Stretch]]:
        speaker = segment.get("speaker")
        done = {**segment, "speaker": self._speakers.get(speaker, speaker) if speaker else speaker}
        if not spans:
            return done, []
        text, words = segment["text"], list(segment.get("words") or ())
        done["text"] = filled(text, spans)
        done["words"], told = self._words(text, words, spans)
        start, end = segment.get("start"), segment.get("end")
        stretches = [] if start is None or end is None else [
            told.get(span) or Stretch(start, end, span.kind) for span in spans
        ]  # fmt: skip
        return done, stretches

    def _words(
        self, text: str, words: list[Mapping[str, Any]], spans: list[Marked]
    ) -> tuple[list[dict[str, Any]], dict[Marked, Stretch]]:
        """Words with one placeholder for all those of a span; and the seconds that the words of each span last.

        Words that the text does not have, as it was corrected, belong to the span that they stand beside. A span that
        no word is found for has no seconds of its own, the caller takes the whole segment, and no word is kept:
        another may say what it is about.
        """
        hits = _beside([_hit(spans, place) for place in _places(text, words)])
        out: list[dict[str, Any]] = []
        told: dict[Marked, Stretch] = {}
        marks: dict[Marked, dict[str, Any]] = {}
        for word, hit in zip(words, hits, strict=True):
            if hit is _NO_PLACE or hit is None:
                out.append(dict(word) if hit is None else {**word, "text": self.text(word["text"])})
            elif hit in told:
                told[hit] = told[hit]._replace(end=max(told[hit].end, word["end"]))
                marks[hit]["end"] = told[hit].end
            else:
                told[hit] = Stretch(word["start"], word["end"], hit.kind)
                marks[hit] = {**word, "text": hit.mark, "probability": None}
                out.append(marks[hit])
        return (out if len(told) == len(set(spans)) else []), told

    def anything(self, value: Any, key: str = "") -> Any:
        """JSON data with every text in it looked through; whole names where a key says that there is one."""
        if isinstance(value, Mapping):
            about, correction = about_speaker(value), {"path", "value"} <= value.keys()
            called = self._keys.of(value)
            return {
                called[k]: v
                if correction and k in ("path", "at")
                else self.anything(v, "speaker" if about and k == "value" else below(key, k, v))
                for k, v in value.items()
            }
        if word := word_key(value, key):
            return self._listed(value, word)
        if is_transcript(value, key):
            return [self._utterance(s, own) for s, own in zip(value, self._said(value), strict=True)]
        if isinstance(value, list | tuple):
            return [self.anything(v, key) for v in value]
        if not isinstance(value, str):
            return value
        return self._under(key, value)

    def _under(self, key: str, value: str) -> str:
        """A text as its key tells it: whole where that says what it is, else looked through together with it."""
        kind = kind_of_value(key, value)
        if kind == "NAME" and value in self._speakers:
            return self._speakers[value]
        line, begin = as_line(key, value)
        found = find_personal(line, names=self._names, recogniser=self._recogniser)
        marks = within(marked(line, found, self._pseudonyms), begin, len(value))
        if kind and (kind == "NAME" or [m[:2] for m in marks] != [(0, len(value))]):
            marks = marked(value, [Span(0, len(value), kind)], self._pseudonyms)
        self.counts.update(mark.kind for mark in marks)
        return filled(value, marks)

    def _listed(self, words: Sequence[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
        """Words that stand one after another, each without what is personal in the sentence they make."""
        whole, places = sentence(words, key)
        spans = find_personal(whole, names=self._names, recogniser=self._recogniser)
        self.counts.update(span.kind for span in spans)
        marks = marked(whole, spans, self._pseudonyms)
        return [
            self._put(word, key, filled(word[key], within(marks, at, len(word[key]))))
            for word, at in zip(words, places, strict=True)
        ]

    def _put(self, word: Mapping[str, Any], key: str, said: str) -> dict[str, Any]:
        """A word as it is said now, and all else about it looked through."""
        return {**self.anything({k: v for k, v in word.items() if k != key}), key: said}

    def _utterance(self, segment: Mapping[str, Any], spans: list[Marked]) -> dict[str, Any]:
        """A segment of a transcript without what is personal in its text and in the words of it."""
        text, words = segment["text"], segment.get("words") or ()
        own = {"text": filled(text, spans) if spans else text}
        if spans and (key := said_under(words, ("word", "text"))):
            own["words"] = self._marked(text, words, key, spans)
        called = self._keys.of(segment)
        return {called[k]: own[k] if k in own else self.anything(v, k) for k, v in segment.items()}

    def _marked(
        self, text: str, words: Sequence[Mapping[str, Any]], key: str, spans: list[Marked]
    ) -> list[dict[str, Any]]:
        """Words with the placeholder of the span that each is of, without times; else as `_words`."""
        hits = _beside([_hit(spans, place) for place in _places(text, words, key)])
        if not set(spans) <= set(hits):
            return []
        out = []
        for word, hit in zip(words, hits, strict=True):
            said = word[key]
            if hit is _NO_PLACE:
                said = self.text(said)
            elif hit is not None:
                said = said[: len(said) - len(said.lstrip())] + hit.mark
            out.append(self._put(word, key, said))
        return out

    def learn(self, value: Any, key: str = "") -> None:
        """Names that are told anywhere in JSON data, to be found in all of it."""
        if isinstance(value, Mapping):
            for k, inner in value.items():
                self.learn(inner, below(key, k, inner))
        elif word := word_key(value, key):
            self.learn(sentence(value, word)[0])
        elif isinstance(value, list | tuple):
            if is_transcript(value, key):
                self.learn(laid_out(value)[0])
            for inner in value:
                self.learn(inner, key)
        elif isinstance(value, str):
            spans = find_personal(value, names=self._names, recogniser=self._recogniser)
            self._whole |= {form for name in whole_names_under(key, value) for form in (name, name.upper())}
            self._know(value, spans)
            self._names.update(names_under(key, value))


_NO_PLACE = Marked(-1, -1, "", "")
"""Stands for the span of a word that is not in the text."""


def _hit(spans: Sequence[Marked], place: tuple[int, int] | None) -> Marked | None:
    """The span that a word lies in, None for none."""
    if place is None:
        return _NO_PLACE
    return next((s for s in spans if s.start < place[1] and place[0] < s.end), None)


def _beside(hits: list[Marked | None]) -> list[Marked | None]:
    """Words without a place given to the span before them, else to that after them."""
    out, places = list(hits), range(len(hits))
    for order, neighbour in ((places, -1), (places[::-1], 1)):
        for at in order:
            if out[at] is _NO_PLACE and at + neighbour in places and out[at + neighbour] is not None:
                out[at] = out[at + neighbour]
    return out


def _places(text: str, words: Sequence[Mapping[str, Any]], key: str = "text") -> Iterator[tuple[int, int] | None]:
    """Where each word stands in the text, one after another; None for one that is not there."""
    at = 0
    for word in words:
        said = word[key].strip()
        found = text.find(said, at) if said else -1
        if found < 0:
            yield None
            continue
        at = found + len(said)
        yield found, at


def _as_words(name: str) -> str:
    """A name of a file with what joins its words as spaces, of the same length."""
    return name.replace("_", " ") if " " not in name else name


def _hidden(name: str) -> str:
    """`[NAME]` and the extension, if it looks like one."""
    return "[NAME]" + name[len(_stem(name)) :]


def _stem(name: str) -> str:
    return re.sub(r"\.[A-Za-z0-9]{1,5}$", "", name)


def _renamed(warning: str, called: Mapping[str, str]) -> str:
    """A warning with files as they are called now; what a transcript shares with its recording is the stem."""
    for name, now in sorted(called.items(), key=lambda pair: -len(pair[0])):
        for old, new in ((name, now), (_stem(name), _stem(now))):
            if old != new:
                warning = re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", new.replace("\\", r"\\"), warning)
    return warning
