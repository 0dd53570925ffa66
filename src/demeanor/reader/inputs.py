"""What a caller gives → the parts of one sample, each known for what it is."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from demeanor.errors import ConfigError, InputError, UnknownNameError
from demeanor.media.encoding import whole_characters
from demeanor.media.image import is_still
from demeanor.media.kind import is_subtitles, kind_of
from demeanor.media.language_codes import language_code
from demeanor.media.sentences import split_sentences
from demeanor.media.source import existing_file, name_of
from demeanor.media.text import decode_text
from demeanor.media.transcript import kind_of_transcript, read_transcript
from demeanor.media.waveform import Waveform, from_pair, is_pair
from demeanor.types import COMMAS, CUES, Kind, Source, Utterance

NEEDS = {
    "words": "a text or speech",
    "voice": "sound",
    "face": "a picture or a film",
    "scene": "a picture or a film",
}
"""What a cue is read from."""

_OWN = re.compile(r'\s*\[?\s*\{\s*"schema":\s*"(demeanor\.\w+/\d+)"')
_LONGEST_NAME = 200  # characters of a typed text that name it


def like_a_name(text: str) -> bool:
    """Whether a text looks like the name of a file of no known kind: `report.pdf`."""
    return re.fullmatch(r"[\w./\\-]*\w\.[A-Za-z][A-Za-z0-9]{1,4}", text.strip()) is not None


@dataclass(frozen=True, slots=True)
class Parts:
    """One sample. A part that is absent is None; `text` has at least one visible character.

    Attributes:
        transcript: utterances with times, or sentences without, of what is said in the sound; without sound and film
            the utterances of subtitles, at least one.
        source: file name or what was typed, None for arrays and bytes.
        file: the name of its file, None where there is none.
        kind: of the sample as a whole.
        language: a code, None to find it out.
        start: seconds of the media that are passed over.
        end: seconds of the media from which on nothing is read.
        warnings: what was said while the parts were looked at.
    """

    text: str | None
    image: Any
    audio: Source | Waveform | None
    video: Source | None
    transcript: Sequence[Utterance] | Sequence[str] | None
    source: str | None
    file: str | None
    kind: Kind
    language: str | None
    start: float = 0.0
    end: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def recorded(self) -> bool:
        """Whether there is sound or film."""
        return self.audio is not None or self.video is not None

    @property
    def timed(self) -> bool:
        """Whether there is sound, film, or subtitles by themselves."""
        return self.recorded or self.transcript is not None

    @property
    def lacking(self) -> frozenset[str]:
        """Cues that such a sample cannot have."""
        seen = self.image is not None or self.video is not None
        lacks_words = self.text is None and not self.timed
        lacks = {"words": lacks_words, "voice": not self.recorded, "face": not seen, "scene": not seen}
        return frozenset(cue for cue, is_lacking in lacks.items() if is_lacking)

    @property
    def is_still(self) -> bool:
        """Whether it is a picture, with or without a text that belongs to it, and nothing in time."""
        return self.image is not None and not self.timed


def gather(
    source: Any = None,
    *,
    text: Any = None,
    image: Any = None,
    audio: Any = None,
    video: Any = None,
    transcript: Source | None = None,
    language: str | None = "auto",
    start: float | None = None,
    end: float | None = None,
) -> Parts:
    """The parts of one sample; arguments as for `demeanor.analyze`.

    Raises:
        InputError: there is nothing to read, no such file, or what comes is of no known kind.
        ConfigError: options that do not go together, or no such language.
    """
    _refuse_closed(source, text, image, audio, video, transcript)
    source, audio = _sounding(source), _sounding(audio)
    notes: list[str] = []
    parts = _as_they_are({"text": text, "image": image, "audio": audio, "video": video}, notes)
    if source is not None:
        kind = kind_of(source)
        if parts[kind] is not None:
            raise ConfigError(
                f"expected one {kind}, got two: {name_of(source)} and {kind}=…; read them one after another"
            )
        parts[kind] = source
    from_source = source is not None and source is parts["text"]
    file = _file(parts, from_source)
    typed = parts["text"] if isinstance(parts["text"], str) and file is None else None
    if from_source and typed is not None and like_a_name(typed):
        notes.append(f"{typed.strip()}: no such file, so these very words were read; check the path if one was meant")
    recorded = parts["audio"] is not None or parts["video"] is not None
    if transcript is not None and not recorded:
        raise ConfigError("a transcript needs its sound or video: give audio=… or video=… too, or pass it as text=…")
    first, last = _interval(start, end)
    code = language_of(language)
    lenient = transcript is None and (recorded or parts["image"] is None) and _has_times(parts["text"], from_source)
    if lenient:
        transcript, parts["text"] = parts["text"], None
    parts["text"] = _said(parts["text"], from_source, notes)
    given = _transcript(transcript, first, notes, lenient, recorded) if transcript is not None else None
    if recorded and parts["text"] is not None:
        given = _one_of(parts, given, notes)
    present = {name for name, part in parts.items() if part is not None or (name == "text" and given and not recorded)}
    if not present:  # subtitles without a word are an empty text
        raise InputError("nothing to read: expected a text, image, sound or video, got none, or an empty text")
    return Parts(
        **parts,
        transcript=given,
        source=file or _shortened(typed),
        file=file,
        kind=_kind(present),
        language=code,
        start=first,
        end=last,
        warnings=tuple(notes),
    )


def _as_they_are(parts: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """The parts, a film that is sound alone or one picture among them as what it is."""
    video = parts["video"]
    if _is_sound(video):
        kind, got, done = "audio", "no pictures in it", "its sound was read"
    elif _is_picture(video):
        kind, got, done = "image", "a picture", "it was read as the picture it is"
    else:
        return parts
    if parts[kind] is not None:
        done = f"it was left aside for the {'sound' if kind == 'audio' else 'picture'} given apart"
    notes.append(f"{name_of(video)}: expected a film, got {got}; {done}")
    return {**parts, "video": None, kind: video if parts[kind] is None else parts[kind]}


def _refuse_closed(*parts: Any) -> None:
    for part in parts:
        if getattr(part, "closed", False) is True:
            raise InputError(
                f"{name_of(part)}: expected an open file, got one that is closed; open it again, or pass its path"
            )


def _is_sound(video: Any) -> bool:
    """Whether what was given as a film is sound alone; what is wrong with it is said when it is read."""
    with contextlib.suppress(InputError):
        return video is not None and kind_of(video) == "audio"
    return False


def _is_picture(video: Any) -> bool:
    """Whether what was given as a film is one picture that does not move."""
    with contextlib.suppress(InputError):
        return video is not None and kind_of(video) == "image" and is_still(video)
    return False


def _sounding(part: Any) -> Any:
    """Sound that comes with its rate as a `Waveform`, tensors as arrays; anything else as it is."""
    if is_pair(part):
        return from_pair(part)
    is_plain = isinstance(part, np.ndarray | str | bytes)  # numpy has strings that are arrays too
    is_tensor = hasattr(part, "__array__") and not is_plain and not hasattr(part, "getextrema")
    return np.asarray(part) if is_tensor else part


def chosen_cues(cues: str | Iterable[str] | None) -> frozenset[str]:
    """Names of the cues wanted, one by one or in one line with commas between them; None means all.

    Raises:
        UnknownNameError: no such cue.
        ConfigError: none at all.
    """
    if cues is None:
        return frozenset(CUES)
    names = [name.strip() for name in (COMMAS.split(cues) if isinstance(cues, str) else cues)]
    for name in names:
        if name not in CUES:
            raise UnknownNameError("cue", name, CUES)
    if not names:
        raise ConfigError(f"expected at least one cue of {', '.join(CUES)}, got none; leave it out for all")
    return frozenset(names)


def _said(text: Any, is_source: bool, notes: list[str]) -> str | None:
    """The text of a part; None if it holds nothing visible. A string given as text is never a path."""
    if text is None:
        return None
    if _has_times(text, is_source):
        said = words_of_subtitles(text, notes)
        notes.append(f"{name_of(text)}: subtitles, of which the words were read, without their times")
    elif isinstance(text, str) and not (is_source and existing_file(text)):
        said = text
    else:
        said = decode_text(text, notes)
        if own := _OWN.match(said):
            raise InputError(
                f"{name_of(text)}: expected something to read, got what was read already ({own[1]}); give the source "
                "itself, or open it in Python: demeanor.Analysis.from_dict"
            )
    said = whole_characters(said)
    return said if any(not c.isspace() and c not in "\u200b\ufeff" for c in said) else None


def _has_times(text: Any, is_source: bool) -> bool:
    """Whether a text is a file of subtitles. A string given as text is never a path."""
    return is_subtitles(text) and (not isinstance(text, str) or (is_source and existing_file(text)))


def words_of_subtitles(source: Source, notes: list[str] | None = None) -> str:
    """The words of subtitles, a line per cue; what was mended or left out is appended to `notes`.

    Raises:
        InputError: they cannot be read.
    """
    path = Path(source) if isinstance(source, str) else source
    return "\n".join(utterance.text for utterance in read_transcript(path, warnings=notes, lenient=True))


def _file(parts: dict[str, Any], from_source: bool) -> str | None:
    """The name of the sample's file: its film, sound, picture or text."""
    text = parts["text"]
    if isinstance(text, str) and not (from_source and existing_file(text)):
        text = None
    for part in (parts["video"], parts["audio"], parts["image"], text):
        if isinstance(part, str | Path) or isinstance(getattr(part, "name", None), str):
            return name_of(part)
    return None


def _shortened(text: str | None) -> str | None:
    if text is None:
        return None
    short = text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"
    return whole_characters(short)


def _kind(present: set[str]) -> Kind:
    if present <= {"video", "audio"}:
        return "video" if "video" in present else "audio"
    if len(present) > 1:
        return "mixed"
    return "text" if present == {"text"} else "image"


def _interval(start: float | None, end: float | None) -> tuple[float, float | None]:
    try:
        first, last = 0.0 if start is None else float(start), None if end is None else float(end)
    except (TypeError, ValueError):
        first, last = math.nan, None
    if not 0 <= first < 1e7 or (last is not None and not first < last < 1e9):
        raise ConfigError(f"expected 0 ≤ start < end in seconds, got start={start!r}, end={end!r}; mend them")
    return first, last


def language_of(language: str | None) -> str | None:
    """A language's code; None for "auto".

    Raises:
        ConfigError: no language.
    """
    if language is not None and not isinstance(language, str):
        raise ConfigError(f"expected a language as a code or name, or 'auto', got {language!r}")
    if language is None or language.strip().lower() in ("auto", ""):
        return None
    return language_code(language)


def _transcript(
    source: Source, start: float, notes: list[str], lenient: bool, recorded: bool
) -> Sequence[Utterance] | Sequence[str]:
    """Utterances on the clock of what is read; the sentences of a .txt, which has no times.

    Raises:
        InputError: it cannot be read, or it is all there is and ends before `start`.
    """
    source = Path(source) if isinstance(source, str) else source
    if kind_of_transcript(source) == ".txt":
        return _sentences(decode_text(source, notes))
    said = read_transcript(source, warnings=notes, lenient=lenient)
    if not start:
        return said
    kept = [_earlier(u, start) for u in said if u.end > start]
    if not recorded and said and not kept:
        last = max(u.end for u in said)
        raise InputError(
            f"{name_of(source)}: expected a start before the end at {last:.2f} s, got {start:.2f}; check start and end"
        )
    return kept


def _one_of(
    parts: dict[str, Any], given: Sequence[Utterance] | Sequence[str] | None, notes: list[str]
) -> Sequence[Utterance] | Sequence[str] | None:
    """What is said in a recording that has a text too: the transcript given if it has words, else that text."""
    if given:
        notes.append("the text was left aside for the transcript: beside sound or film both are what is said in it")
        parts["text"] = None
        return given
    return _sentences(parts["text"])


def _earlier(u: Utterance, by: float) -> Utterance:
    """An utterance and its words so many seconds earlier, without what then lies before 0."""
    words = tuple(replace(w, start=max(0.0, w.start - by), end=w.end - by) for w in u.words if w.end > by)
    return replace(u, start=max(0.0, u.start - by), end=u.end - by, words=words)


def _sentences(text: str) -> list[str]:
    return [" ".join(text[a:b].split()) for a, b in split_sentences(text)]
