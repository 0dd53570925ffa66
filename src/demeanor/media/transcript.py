"""A given transcript → utterances: .srt, .vtt, .txt, and .json (ours, Whisper's, or a plain list).

What can be mended is mended and said in `warnings`; what cannot be read is an InputError naming the line.
"""

from __future__ import annotations

import html
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from demeanor.errors import DecodeError, InputError, LimitError
from demeanor.media.corrections import corrected_speech
from demeanor.media.encoding import decode_with_name, whole_characters
from demeanor.media.kind import looks_like_text, refuse_markup
from demeanor.media.language_codes import told_code
from demeanor.media.source import name_of, open_source, suffix_of
from demeanor.types import Source, Utterance, Word

LIMIT = 64 << 20
"""Largest transcript in bytes; a day of speech as word-timed JSON is a quarter of it."""

_HEAD = 65536  # bytes looked at to tell text
_STAMP = r"(-?)(?:(\d{1,9}):)?(\d{1,2}):(\d{1,2})(?:[.,:](\d{1,3}))?"
_ARROW = re.compile(r"-{1,3}>")
_CUE = re.compile(rf"\s*{_STAMP}\s*{_ARROW.pattern}\s*{_STAMP}(?:\s|$)")
_TIME = re.compile(rf"\s*{_STAMP}")
# The marks of a time as Chinese keyboards write them, and arrows as word processors do.
_MARKS = str.maketrans({**dict(zip("：，．－＞–—", ":,.->--", strict=True)), "→": "->"})
# Begins with a digit and has the marks of a time; one word, or digits and marks with spaces between, as machine
# translation leaves them.
_BROKEN_TIME = re.compile(r"[\[(]?-?\d(?=.*[:;]|.*[.,].*[.,])(?:\S*|[\d\s:;.,]*)")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s([^<>]*)>", re.IGNORECASE)  # classes hold dots: one way to match, or none
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
_WORD_TIME = re.compile(r"<\d[\d:.]*>")
_NOT_SPOKEN = re.compile(r"\[[^\]]*\]|\([^)]*\)|（[^）]*）|【[^】]*】|[♪♫\s]+")
_SENTENCE_END = re.compile(
    r"""(?<=[.!?…])\s+|(?<=[.!?…]["'”’)])\s+|(?<=[。！？])(?![。！？”’」』）])|(?<=[。！？][”’」』）])"""
)
_LATEST = 1e7  # seconds, some 116 days, as in an analysis: what is laid out up to a time takes memory by its length
_SHORTEST = 0.1  # seconds; a shorter rest of an overlapped cue is joined with the next one
_BYTES_PER_SECOND = 15.0  # of UTF-8, at a usual speaking rate in English as in Chinese


@dataclass(frozen=True, slots=True)
class _Cue:
    """One entry as it stands in the file; `place` is for messages ("line 12")."""

    utterance: Utterance
    place: str


def read_transcript(
    source: Source, *, duration: float | None = None, warnings: list[str] | None = None, lenient: bool = False
) -> list[Utterance]:
    """Utterances of a transcript file, by start time; those of one speaker do not overlap.

    Args:
        source: the file; its extension says what it is (.srt, .vtt, .json, .txt), or what is in it where it has none.
        duration: seconds of the medium. A .txt has no times: its lines (its sentences, if it has one line)
            are spread over it.
        warnings: what was mended is appended here, in words.
        lenient: cues whose times cannot be read are passed over, with a warning, while there are others.

    Raises:
        InputError: no such file, an unknown extension, a .txt without `duration`, an unreadable time.
        DecodeError: not text, not JSON, or subtitles in ASS.
        LimitError: larger than `LIMIT`.
    """
    notes = [] if warnings is None else warnings
    name, kind = name_of(source), kind_of_transcript(source)
    is_known = kind in (".srt", ".vtt", ".json", ".txt")
    with open_source(source, "read transcript") as file:
        data = file.read(LIMIT + 1 if is_known else _HEAD)
    refuse_markup(data, name)
    if not is_known:
        raise InputError(f"{name}: expected a transcript named .srt, .vtt, .json or .txt, got '{kind}'; rename it")
    if len(data) > LIMIT:
        raise LimitError(f"{name}: expected a transcript of at most {LIMIT >> 20} MB; split it")
    text = _decode(data, name, notes)
    if kind == ".txt":
        if duration is None or not duration > 0:
            raise InputError(
                f"{name}: a .txt transcript has no times; expected the duration of its medium in seconds, "
                f"got {duration}; give the medium too, or a .srt"
            )
        said = spread(_lines(text), 0.0, duration)
    else:
        faults: list[InputError] = []
        cues = _json_cues(text, name) if kind == ".json" else _timed_cues(text, name, notes, faults)
        said = _tidy(cues, name, notes, faults)
        if faults and not (lenient and said):
            raise faults[0]
        if faults:
            notes.append(f"{len(faults)} cue{'s' * (len(faults) > 1)} left out; the first: {faults[0]}")
    if not said:
        notes.append(f"{name}: the transcript holds no words")
    return said


def kind_of_transcript(source: Source) -> str:
    """The extension of a transcript; for bytes and nameless files the one it ought to have."""
    if isinstance(source, str | Path) or suffix_of(source):
        return suffix_of(source)
    with open_source(source, "read transcript") as file:
        start = decode_with_name(file.read(_HEAD))[0].lstrip("\ufeff \t\r\n")
    if start.startswith("WEBVTT"):
        return ".vtt"
    if any(_is_timing(line) for line in start.splitlines()):
        return ".srt"
    return ".json" if start[:1] in ("{", "[") and '"' in start else ".txt"


def spread(texts: Sequence[str], start: float, end: float) -> list[Utterance]:
    """Texts without times, one after another from `start` to `end` (s), each as long as it takes to say.

    Length is counted in UTF-8 bytes: a Chinese character takes about as long to say as three Latin letters.
    """
    texts = [t.strip() for t in texts if t.strip()]
    sizes = [len(t.encode("utf-8")) for t in texts]
    total, done, out = sum(sizes), 0, []
    for text, size in zip(texts, sizes, strict=True):
        a, b = (start + (end - start) * part / total for part in (done, done + size))
        out.append(Utterance(a, b, text))
        done += size
    return out


def _decode(data: bytes, name: str, notes: list[str]) -> str:
    """Bytes → text; what is not UTF-8 or UTF-16 is said in `notes`."""
    if not looks_like_text(data[:_HEAD]):
        raise DecodeError(f"{name}: expected text, got bytes of no known encoding; save it as UTF-8")
    text, encoding = decode_with_name(data)
    if not encoding.startswith("utf"):
        notes.append(f"{name}: not UTF-8; read as {encoding}")
    return text


def _lines(text: str) -> list[str]:
    """Non-empty lines; the sentences if there is only one."""
    lines = [line for line in text.splitlines() if line.strip() and not _NOT_SPOKEN.fullmatch(line.strip())]
    return _SENTENCE_END.split(lines[0]) if len(lines) == 1 else lines


def _timed_cues(text: str, name: str, notes: list[str], faults: list[InputError]) -> Iterator[_Cue]:
    """Cues of .srt and .vtt: what follows a timing line up to the next cue; NOTE, STYLE … of .vtt are passed over.

    A time that cannot be read costs its cue, and is one of the `faults`.
    """
    lines = text.replace("\r\r\n", "\n").splitlines()
    timing = [number for number, line in enumerate(lines) if _is_numbered(lines, number) or _is_timing(line)]
    if not timing and text.strip() and text.strip() != "WEBVTT":
        raise DecodeError(f"{name}: expected lines like '00:00:01,000 --> 00:00:02,500', got none; is it a transcript?")
    is_webvtt = text.startswith("WEBVTT")
    ends = [*timing, len(lines)][1:]
    bodies = [_body(lines[at + 1 : end], is_webvtt, end < len(lines)) for at, end in zip(timing, ends, strict=True)]
    screen = _Screen(rolls=_WORD_TIME.search(text) is not None or _mostly_repeats(bodies))
    for number, body in zip(timing, bodies, strict=True):
        match = _CUE.match(lines[number].translate(_MARKS))
        if match is None:
            got = f"got {lines[number]!r:.80}; mend that line"
            faults.append(InputError(f"{name}, line {number + 1}: expected '00:00:01,000 --> 00:00:02,500', {got}"))
            continue
        place = f"line {number + 1}"
        start, end = (_seconds(match.groups()[at : at + 5]) for at in (0, 5))
        if is_webvtt:
            body = screen.new(body, start, end, place)
        for part in _voices(body, start, end):
            yield _Cue(part, place)
    if screen.repeats:
        count = len(screen.repeats)
        notes.append(
            f"{name}: rolling captions: lines that {count} cue{'s repeat' if count > 1 else ' repeats'} of the one "
            f"before were read once (first: {screen.repeats[0]})"
        )


def _is_timing(line: str) -> bool:
    """Whether a line has the times of a cue, or was meant to; what is said may have an arrow too ("good --> bad")."""
    line = line.translate(_MARKS)
    start, *rest = _ARROW.split(line, maxsplit=1)
    meant = rest and (_BROKEN_TIME.fullmatch(start.strip()) or (len(start.split()) < 2 and _TIME.match(rest[0])))
    return bool(meant or _CUE.match(line))


def _is_numbered(lines: Sequence[str], at: int) -> bool:
    """Whether a line has an arrow and the number of a cue before it, so that times were meant, however they look."""
    if at == 0 or not _ARROW.search(lines[at].translate(_MARKS)) or not lines[at - 1].strip("\ufeff \t").isdigit():
        return False
    return at == 1 or not lines[at - 2].strip()


def _body(lines: Sequence[str], is_webvtt: bool, followed: bool) -> list[str]:
    """The lines of a cue, of those between its timing line and the next one, before which a number may stand."""
    if is_webvtt and "" in lines:  # ends a cue there, and a name of the next may follow; a line of spaces does not
        lines, followed = lines[: lines.index("")], False
    filled = [at for at, line in enumerate(lines) if line.strip()]
    if filled and followed and lines[filled[-1]].strip().isdigit():
        at = filled[-1]
        if at == len(lines) - 1 or (at > 0 and not lines[at - 1].strip()):  # not a cue that says "1999"
            filled.pop()
    return [lines[at] for at in filled]


def _mostly_repeats(bodies: Sequence[Sequence[str]]) -> bool:
    """Whether most cues begin with the line that the one before ends with, and go on; once by chance is no rolling."""
    pairs = list(itertools.pairwise(filter(None, bodies)))
    same = sum(len(other) > 1 and _plain(one[-1]) == _plain(other[0]) for one, other in pairs)
    return same > 1 and 2 * same >= len(pairs)


class _Screen:
    """What rolling captions show: each cue repeats the last lines of the one before and adds one.

    Attributes:
        repeats: places of the cues of which lines were left out.
    """

    def __init__(self, rolls: bool) -> None:
        self.repeats: list[str] = []
        self._rolls = rolls
        self._shown: list[str] = []
        self._until = -math.inf

    def new(self, body: list[str], start: float, end: float, place: str) -> list[str]:
        """The lines of a cue that were not shown up to its start already.

        What says the same as the cue before is said again, unless it is over at once or the file's captions roll: it
        has the times of words, as a machine writes them, or most of its cues repeat the one before.
        """
        shown = [_plain(line) for line in body]
        most = min(len(shown), len(self._shown)) if start <= self._until + _SHORTEST else 0
        same = next((n for n in range(most, 0, -1) if shown[:n] == self._shown[-n:]), 0)
        if not (self._rolls or end - start < _SHORTEST):
            same = 0
        self._shown, self._until = shown, end
        if same:
            self.repeats.append(place)
        return body[same:]


def _seconds(groups: Sequence[str | None]) -> float:
    """Sign, hours, minutes, seconds, fraction → seconds."""
    sign, hours, minutes, seconds, fraction = (g or "" for g in groups)
    value = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction or 0}")
    return -value if sign else value


def _plain(text: str) -> str:
    """Without tags."""
    return html.unescape(_TAG.sub("", text)).strip()


def _voices(lines: list[str], start: float, end: float) -> Iterator[Utterance]:
    """The utterances of one cue: one, or one per `<v Name>` if several people speak in it."""
    spoken: list[tuple[str | None, str]] = []
    speaker = None
    for line in lines:
        pieces = _VOICE.split(line)  # text, name, text, name, text …
        for at in range(0, len(pieces), 2):
            speaker = (html.unescape(pieces[at - 1]).strip() or None) if at else speaker
            plain = _plain(pieces[at])
            if not plain or _NOT_SPOKEN.fullmatch(plain):
                continue
            if spoken and spoken[-1][0] == speaker:
                spoken[-1] = (speaker, f"{spoken[-1][1]} {plain}")
            else:
                spoken.append((speaker, plain))
    if len(spoken) == 1:
        yield Utterance(start, end, spoken[0][1], speaker=spoken[0][0])
    elif spoken:
        for part, (who, _) in zip(spread([t for _, t in spoken], start, end), spoken, strict=True):
            yield replace(part, speaker=who)


def _json_cues(text: str, name: str) -> Iterator[_Cue]:
    """Cues of our analysis JSON as users corrected it, of Whisper's (segments, words) and of {start, end, text}."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"{name}: expected JSON, got {error}") from error
    items = data.get("segments") if isinstance(data, dict) else data
    if not isinstance(items, list):
        raise DecodeError(f"{name}: expected a list of {{start, end, text}} or an object with 'segments'")
    if isinstance(data, dict):
        items = corrected_speech(data)
    language = data.get("language") if isinstance(data, dict) else None
    begins = _begins(data)
    for number, item in enumerate(items, start=1):
        place = f"segment {number}"
        if not isinstance(item, dict):
            raise InputError(f"{name}, {place}: expected {{start, end, text}}, got {item!r:.60}; mend it")
        said = item.get("text")
        if not isinstance(said, str) or not said.strip():
            continue  # a stretch where nothing is said
        start, end = (_number(item.get(key), f"{name}, {place}", key) for key in ("start", "end"))
        speaker = item.get("speaker")
        code = item.get("language") or language
        yield _Cue(
            Utterance(
                start + begins, end + begins, whole_characters(said.strip()), tuple(_words(item.get("words"), begins)),
                speaker=whole_characters(str(speaker)) if speaker not in (None, "") else None,
                language=told_code(code) if isinstance(code, str) else None,
            ),
            place,
        )  # fmt: skip


def _begins(data: Any) -> float:
    """Where in its recording the stretch begins that an analysis of a manifest's row is of, in seconds."""
    sample = data.get("sample") if isinstance(data, dict) else None
    start = sample.get("start") if isinstance(sample, dict) else None
    return float(start) if isinstance(start, int | float) and not isinstance(start, bool) and start > 0 else 0.0


def _number(value: Any, place: str, key: str) -> float:
    """A time of a JSON entry, as seconds or as '00:00:01.000'."""
    if isinstance(value, str) and (match := re.fullmatch(rf"\s*{_STAMP}\s*", value.translate(_MARKS))):
        return _seconds(match.groups())
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if isinstance(value, bool) or not math.isfinite(seconds):
        raise InputError(f"{place}: expected '{key}' in seconds, got {value!r:.60}; mend it")
    return seconds


def _words(items: Any, begins: float) -> Iterator[Word]:
    """Words with times, later by `begins`; those an aligner left without are passed over (the text still has them)."""
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        said, start, end = item.get("text") or item.get("word"), item.get("start"), item.get("end")
        sure = item.get("probability", item.get("score"))
        if isinstance(said, str) and _is_number(start) and _is_number(end):
            probability = min(1.0, max(0.0, sure)) if _is_number(sure) else None
            yield Word(whole_characters(said.strip()), start + begins, end + begins, probability)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _tidy(cues: Iterable[_Cue], name: str, notes: list[str], beyond: list[InputError]) -> list[Utterance]:
    """Cues in order, none before 0, none without length, none of one speaker into the next of the same.

    A time that is too late costs its cue, and is put into `beyond`.
    """
    faults: dict[str, list[str]] = {}
    ordered = sorted(cues, key=lambda c: c.utterance.start)
    lasting: list[Utterance] = []
    for cue in ordered:
        u = cue.utterance
        if max(abs(u.start), abs(u.end)) >= _LATEST:
            got = f"got {u.start:.10g} to {u.end:.10g}; mend them"
            beyond.append(InputError(f"{name}, {cue.place}: expected times below {_LATEST:.0f} s, {got}"))
            continue
        if u.start < 0:
            faults.setdefault("begin before 0; the part before was cut", []).append(cue.place)
            u = replace(u, start=0.0)
        if u.end <= u.start:
            faults.setdefault("end before they begin; their length was estimated", []).append(cue.place)
            u = replace(u, end=u.start + max(0.5, len(u.text.encode("utf-8")) / _BYTES_PER_SECOND))
        at = next((i for i in reversed(range(len(lasting))) if _one_voice(lasting[i], u)), None)
        if at is not None and lasting[at].end > u.start + 1e-6:
            faults.setdefault("begin before the one before ends; that one was ended there", []).append(cue.place)
            u = _after(lasting, at, u)
        lasting.append(u)
    notes.extend(f"{name}: {len(at)} cue{'s' * (len(at) > 1)} {what} (first: {at[0]})" for what, at in faults.items())
    return [replace(u, words=words_within(u)) for u in sorted(lasting, key=lambda u: u.start)]


def _one_voice(first: Utterance, second: Utterance) -> bool:
    """Two known and different speakers may speak at once; one may not speak twice at once."""
    return first.speaker == second.speaker or None in (first.speaker, second.speaker)


def _after(lasting: list[Utterance], at: int, u: Utterance) -> Utterance:
    """End utterance `at` where `u` begins; if little is left (two lines at one time), join it to `u`."""
    last = lasting.pop(at)
    if u.start - last.start >= _SHORTEST:
        lasting.insert(at, replace(last, end=u.start))
        return u
    text = u.text if u.text == last.text else f"{last.text} {u.text}"
    words = u.words if u.text == last.text else last.words + u.words
    return replace(u, start=last.start, end=max(last.end, u.end), text=text, words=words)


def words_within(u: Utterance) -> tuple[Word, ...]:
    """The utterance's words by time, inside it."""
    inside = (replace(w, start=max(w.start, u.start), end=min(w.end, u.end)) for w in u.words)
    return tuple(sorted((w for w in inside if w.end >= w.start), key=lambda w: w.start))
