"""Files and texts without personal data: what is said is recognised, found, and beeped; faces are covered."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demeanor.errors import ConfigError, InputError
from demeanor.media.audio import has_audio, why_silent
from demeanor.media.kind import kind_of
from demeanor.media.source import name_of
from demeanor.media.text import decode_text
from demeanor.privacy.analysis import Stretch, redact_analysis, redact_json
from demeanor.privacy.beep import Cover
from demeanor.privacy.labels import label_of, renamed, speakers_in
from demeanor.privacy.names import several
from demeanor.privacy.spans import Pseudonyms, filled, marked, within
from demeanor.privacy.speakers import is_number, numbered, sought
from demeanor.privacy.text import NameFinder, redact_text
from demeanor.privacy.veil import Veil
from demeanor.privacy.whole import written_whole
from demeanor.reader.folder import kind_by_name
from demeanor.reader.record import SCHEMA
from demeanor.reader.trend import trend
from demeanor.types import Kind, Source

if TYPE_CHECKING:
    from demeanor.media.faces import FaceFinder
    from demeanor.reader.analysis import Analysis
    from demeanor.reader.reader import Reader

_TIME = r"(?:\d{1,4}:)?\d{1,2}:\d{1,2}(?:[.,]\d{1,3})?"
_PLACE = r"(?:align|line|position|region|size|vertical|[XY][12]):[\w%.,-]{1,10}"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s+{_PLACE})*\s*")
_KEYWORD = re.compile(r"\ufeff?\s*(?:WEBVTT|NOTE|STYLE|REGION)\s*")
_VOICE = re.compile(r"(<v(?:\.[^\s<>]+)?)[ \t]([^<>]+)>", re.IGNORECASE)  # of WebVTT: who says it
_NUMBER = re.compile(r"\s*\d{1,6}\s*")  # of a cue; a telephone number is longer


@dataclass(frozen=True, slots=True)
class Redaction:
    """What became of one input. Nothing in it repeats what was taken out.

    Attributes:
        path: of the copy.
        kind: of the input.
        counts: how often each kind of personal data was found in what is written or said.
        stretches: seconds of the sound that were covered, without margins.
        faces: how many faces were covered.
        warnings: what was damaged or left undone, in words.
    """

    path: Path
    kind: Kind
    counts: Mapping[str, int] = field(default_factory=dict)
    stretches: tuple[Stretch, ...] = ()
    faces: int = 0
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        return {
            "out": str(self.path), "kind": self.kind, "found": dict(self.counts),
            "stretches": [{"start": round(s.start, 3), "end": round(s.end, 3), "kind": s.kind} for s in self.stretches],
            "faces": self.faces, "warnings": list(self.warnings),
        }  # fmt: skip


def redact(
    source: str | Path,
    out: str | Path,
    *,
    faces: bool = True,
    beep: bool = True,
    transcript: Source | None = None,
    language: str = "auto",
    names: Iterable[str] = (),
    recogniser: NameFinder | None = None,
    pseudonyms: Pseudonyms | None = None,
    tone: Cover = "tone",
    veil: Veil = "blur",
    reader: Reader | Callable[[], Reader] | None = None,
    finder: FaceFinder | None = None,
    progress: Callable[[float], None] | None = None,
) -> Redaction:
    """Write a copy of a file without personal data; whole or not at all.

    Texts, subtitles and analyses (.json) get placeholders, pictures and films covered faces, sound a tone over what is
    personal in it. Tags, places, subtitles and further tracks of media are left behind.

    Args:
        source: a file; a string that names none is taken for the text itself.
        out: the copy's file.
        faces: whether faces are covered.
        beep: whether speech is recognised and what is personal in it covered.
        transcript: of the sound: speech is not recognised then. Without times of words whole utterances are covered.
        language: of the speech.
        names: of people, to be found wherever they stand.
        recogniser: finds further names in texts.
        pseudonyms: gives the same value the same mark.
        tone: "tone" or "silence" over what is covered in the sound.
        veil: "blur" or "fill" over faces.
        reader: recognises speech, or a function that loads it, called where there is any; the shipped one by default.
        finder: of faces; one is made where none is given.
        progress: called with the part done of a film or recording, from 0 to 1.

    Raises:
        InputError: the source cannot be read, or its speech not be recognised.
        ConfigError: `out` cannot be written, or is of a form that does not fit.
    """
    from demeanor.privacy.film import write_film
    from demeanor.privacy.picture import write_picture
    from demeanor.privacy.sound import write_sound

    if not isinstance(out, str | os.PathLike):
        raise ConfigError(
            f"out: expected the path of the copy, got {out!r:.60}; demeanor.privacy.text.redact_text gives a text back"
        )
    path, kind = Path(out), kind_of(source)
    check_target(kind, path)
    text_options: dict[str, Any] = {"names": several(names), "recogniser": recogniser, "pseudonyms": pseudonyms}
    if kind == "text":
        return _written(source, path, text_options)
    if kind == "image":
        drawn = write_picture(source, path, faces=faces, veil=veil, finder=finder)
        return Redaction(path, kind, faces=drawn.faces, warnings=drawn.warnings)
    said: tuple[Stretch, ...] = ()
    notes: tuple[str, ...] = ()
    # A film whose sound holds nothing has faces to cover all the same.
    if beep and has_audio(source) and (kind == "audio" or why_silent(source) is None):
        said, notes = _spoken(source, transcript, language, text_options, reader)
    counts = Counter(s.kind for s in said)
    if kind == "audio":
        write_sound(source, path, said, cover=tone, progress=progress)
        return Redaction(path, kind, counts, said, warnings=notes)
    shown = write_film(
        source, path, stretches=said, faces=faces, tone=tone, veil=veil, finder=finder, progress=progress
    )
    return Redaction(path, kind, counts, said, shown.faces, (*notes, *shown.warnings))


def _written(source: str | Path, path: Path, options: Mapping[str, Any]) -> Redaction:
    """A text, subtitles, or analyses as JSON or JSON lines."""
    notes: list[str] = []
    text, suffix = decode_text(source, notes), Path(path).suffix.lower()
    counts: Counter[str] = Counter()
    if suffix in (".json", ".jsonl", ".ndjson"):
        done = _json(text, suffix, name_of(source), counts, options)
    elif suffix in (".srt", ".vtt"):
        done = _subtitles(text, counts, options)
    else:
        done = redact_plain(text, counts, options)
    with written_whole(path, source) as draft:
        draft.write_bytes(done.encode("utf-8", "replace"))
    return Redaction(path, "text", counts, warnings=tuple(notes))


def _json(text: str, suffix: str, name: str, counts: Counter[str], options: Mapping[str, Any]) -> str:
    try:
        if suffix == ".json":
            said = json.loads(text)
            done = (_items if isinstance(said, list) else _item)(said, counts, options)
            return json.dumps(done, ensure_ascii=False, indent=2) + "\n"
        lines = _items([json.loads(line) for line in text.split("\n") if line.strip()], counts, options)
    except ValueError as error:
        raise InputError(f"{name}: expected JSON, got something else ({error}); check the file") from error
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def _items(values: list[Any], counts: Counter[str], options: Mapping[str, Any]) -> Any:
    """All together, as what is said in one talk; each by itself where any is an analysis or a whole recording's."""
    if any(isinstance(v, Mapping) and "segments" in v for v in values):
        return [_item(v, counts, options) for v in values]
    return _item(values, counts, options)


def _item(value: Any, counts: Counter[str], options: Mapping[str, Any]) -> Any:
    """An analysis, or any other JSON with texts in it."""
    if isinstance(value, Mapping) and value.get("schema") == SCHEMA:
        done = redact_analysis(value, **options)
        counts.update(done.counts)
        return _with_own_trend(done.data)
    cleaned, found = redact_json(value, **options)
    counts.update(found)
    return cleaned


def _with_own_trend(data: Mapping[str, Any]) -> dict[str, Any]:
    """An analysis with the trend of its texts as they are now, which have other lengths than they had."""
    rest = {key: value for key, value in data.items() if key != "trend"}
    try:
        found = trend(data["segments"]) if "trend" in data else None
    except (KeyError, TypeError, ValueError):  # no analysis of this program: nothing could be said of its trend
        found = None
    return rest if found is None else {**rest, "trend": found}


def redact_plain(text: str, counts: Counter[str], options: Mapping[str, Any]) -> str:
    """A text with placeholders, and with numbers for the speakers of a talk that is written down line by line.

    Args:
        text: of any length.
        counts: what was found is added to it, by kind.
        options: of `redact_text`; `names` among them.
    """
    lines, names = _numbered_speakers(text.split("\n"), counts)
    found = redact_text("\n".join(lines), **{**options, "names": {*options["names"], *names}})
    counts.update(span.kind for span in found.spans)
    return found.text


def _numbered_speakers(spoken: list[str], counts: Counter[str]) -> tuple[list[str], set[str]]:
    """Lines with numbers for the names of their speakers, and which of these are looked for in what is said.

    Speakers are named by voice tags and before a colon; one who is called both ways has one number.
    """
    tags = [name for line in spoken for m in _VOICE.finditer(line) if (name := m[2].strip())]
    opening = [label.name for line in spoken if (label := label_of(line)) is not None]
    talk = speakers_in(spoken)
    tagged = {name.casefold() for name in tags}
    names = [*tags, *talk.names, *(name for name in opening if name.casefold() in tagged)]
    first: dict[str, str] = {}  # "BOB" is Bob
    for name in names:
        first.setdefault(name.casefold(), name)
    marks = numbered([*first.values(), *filter(is_number, opening)])
    called = {name: marks[first[name.casefold()]] for name in names}
    lines = [_VOICE.sub(lambda m: f"{m[1]} {called.get(m[2].strip(), '')}>", line) for line in spoken]
    lines = [renamed(line, called) for line in lines]
    if named := sum(name != mark for name, mark in marks.items()):
        counts["NAME"] += named
    return lines, {*sought(called), *talk.forms()}


def _subtitles(text: str, counts: Counter[str], options: Mapping[str, Any]) -> str:
    """Subtitles with their times and the numbers of their cues as they are; anything else may be personal."""
    lines = text.split("\n")
    timing = [bool(_TIMING.fullmatch(line)) for line in lines]
    kept = [
        is_time or bool(_KEYWORD.fullmatch(line)) or (before_one and bool(_NUMBER.fullmatch(line)))
        for line, is_time, before_one in zip(lines, timing, [*timing[1:], False], strict=True)
    ]
    spoken = ["" if keep else line for line, keep in zip(lines, kept, strict=True)]
    spoken, names = _numbered_speakers(spoken, counts)
    options = {**options, "names": {*options["names"], *names}}
    whole = "\n".join(spoken)
    found = redact_text(whole, **options).spans
    counts.update(span.kind for span in found)
    marks = marked(whole, found, options.get("pseudonyms"))
    done, at = [], 0
    for line, new, keep in zip(lines, spoken, kept, strict=True):
        # What goes over several lines has its one placeholder in each, so that a cue keeps its lines.
        done.append(line if keep else filled(new, within(marks, at, len(new))))
        at += len(new) + 1
    return "\n".join(done)


def _spoken(
    source: str | Path,
    transcript: Source | None,
    language: str,
    options: Mapping[str, Any],
    reader: Reader | Callable[[], Reader] | None,
) -> tuple[tuple[Stretch, ...], tuple[str, ...]]:
    """Which seconds of a recording hold personal data."""
    from demeanor.reader.reader import load

    own = load() if reader is None else reader() if callable(reader) else reader
    analysis = own.analyze(source, transcript=transcript, language=language, cues="words")
    if not analysis.provenance.get("speech"):
        reason = "; ".join(analysis.warnings) or "no recogniser of speech is installed"
        raise InputError(
            f"{name_of(source)}: expected speech that can be recognised, so that it can be beeped: {reason}; install "
            "the extra 'speech', give a transcript, or leave the sound as it is (--no-beep)"
        )
    return redact_analysis(analysis.to_dict(), **options).stretches, analysis.warnings


def redacted(analysis: Analysis, *, faces: bool = True, **options: Any) -> Analysis:
    """See `Analysis.redacted`."""
    from dataclasses import replace

    done = type(analysis).from_dict(redact_analysis(analysis.to_dict(), **options).data)
    return replace(done, media=_media(analysis, faces), lacking=analysis.lacking)


def _media(analysis: Analysis, faces: bool) -> Any:
    """The report's pictures with faces covered; without the link to the recording, in which they are not."""
    from dataclasses import replace

    from demeanor.types import KeyFrame

    media = analysis.media
    if media is None or not faces:
        return media
    from demeanor.media.faces import FaceFinder
    from demeanor.privacy.picture import find_faces
    from demeanor.privacy.veil import cover

    finder = FaceFinder()

    def covered(image: Any, known: list[Any]) -> Any:
        image = image.copy()
        cover([image], [*known, *find_faces(image, finder)])
        return image

    stills = [KeyFrame(k.time, covered(k.image, _boxes_at(analysis, k.time))) for k in media.keyframes]
    untimed = [f.box for s in analysis.segments if s.start is None for f in s.faces]
    picture = None if media.picture is None else covered(media.picture, untimed)
    return replace(media, keyframes=stills, picture=picture, media_file=None)


def _boxes_at(analysis: Analysis, time: float) -> list[Any]:
    """Boxes of the faces of the segments round a time."""
    return [
        face.box
        for segment in analysis.segments
        if segment.start is not None and segment.end is not None and segment.start - 0.5 <= time <= segment.end + 0.5
        for face in segment.faces
    ]


def check_target(kind: Kind, path: Path) -> None:
    """Fail before the work where a copy could not be written.

    Raises:
        ConfigError: an extension that does not fit the kind.
    """
    from demeanor.privacy.film import FILMS
    from demeanor.privacy.picture import PICTURES
    from demeanor.privacy.sound import FORMATS

    known = {"image": [*PICTURES], "audio": [*FORMATS], "video": [*FILMS]}.get(kind, [])
    if known and path.suffix.lower() not in known:
        raise ConfigError(f"{path.name}: expected a name that ends in {', '.join(known)}; rename it")
    if kind == "text" and kind_by_name(path) in ("image", "audio", "video"):
        raise ConfigError(f"{path.name}: expected a text's name, as the copy is one, got that of a medium; rename it")


def fitting_name(kind: Kind, name: str) -> str:
    """The name that a copy in a folder gets: the input's own, with an extension that can be written."""
    from demeanor.privacy.film import FILMS
    from demeanor.privacy.picture import PICTURES
    from demeanor.privacy.sound import FORMATS

    forms: dict[str, tuple[Mapping[str, Any], str]] = {
        "image": (PICTURES, ".png"), "audio": (FORMATS, ".flac"), "video": (FILMS, ".mp4"),
    }  # fmt: skip
    path = Path(name)
    own = ".txt" if not path.suffix or kind_by_name(path) in ("image", "audio", "video") else path.suffix
    known, usual = forms.get(kind, ({}, own))
    return path.name if path.suffix.lower() in known else path.with_suffix(usual).name
