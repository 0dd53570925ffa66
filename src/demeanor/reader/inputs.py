"""What a caller gives → the parts of one sample, each known for what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demeanor.errors import ConfigError, InputError, UnknownNameError
from demeanor.media.kind import kind_of
from demeanor.media.sentences import split_sentences
from demeanor.media.source import existing_file, name_of, suffix_of
from demeanor.media.text import decode_text
from demeanor.media.transcript import read_transcript
from demeanor.types import CUES, Kind, Source, Utterance

_LONGEST_NAME = 200  # characters of a typed text that name it

_CODE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class Parts:
    """One sample. A part that is absent is None; `text` has at least one visible character.

    Attributes:
        transcript: utterances with times, or sentences without, of what is said in the sound.
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
    audio: Source | None
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
    def timed(self) -> bool:
        """Whether there is sound or film."""
        return self.audio is not None or self.video is not None

    @property
    def is_post(self) -> bool:
        """Whether a text and a picture belong together."""
        return self.text is not None and self.image is not None and not self.timed


def gather(
    source: Any = None,
    *,
    text: Any = None,
    image: Any = None,
    audio: Any = None,
    video: Any = None,
    transcript: str | Path | None = None,
    language: str | None = "auto",
    start: float | None = None,
    end: float | None = None,
) -> Parts:
    """The parts of one sample; arguments as for `demeanor.analyze`.

    Raises:
        InputError: there is nothing to read, no such file, or what comes is of no known kind.
        ConfigError: options that do not go together.
    """
    parts: dict[str, Any] = {"text": text, "image": image, "audio": audio, "video": video}
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
    parts["text"] = _said(parts["text"], from_source)
    present = {name for name, part in parts.items() if part is not None}
    if not present:
        raise InputError("nothing to read: expected a text, image, sound or video, got none, or an empty text")
    timed = bool(present & {"audio", "video"})
    if transcript is not None and not timed:
        raise ConfigError("a transcript needs its sound or video: give audio=… or video=… too, or pass it as text=…")
    first, last = _interval(start, end)
    notes: list[str] = []
    code = _language(language)
    given = _transcript(transcript, first, notes) if transcript is not None else None
    if given is None and timed and parts["text"] is not None:
        given = _sentences(parts["text"])
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


def chosen_cues(cues: str | Iterable[str] | None) -> frozenset[str]:
    """Names of the cues wanted; None means all.

    Raises:
        UnknownNameError: no such cue.
        ConfigError: none at all.
    """
    if cues is None:
        return frozenset(CUES)
    names = [name.strip() for name in (cues.split(",") if isinstance(cues, str) else cues)]
    for name in names:
        if name not in CUES:
            raise UnknownNameError("cue", name, CUES)
    if not names:
        raise ConfigError(f"expected at least one cue of {', '.join(CUES)}, got none; leave it out for all")
    return frozenset(names)


def _said(text: Any, is_source: bool) -> str | None:
    """The text of a part; None if it holds nothing visible. A string given as text is never a path."""
    if text is None:
        return None
    said = text if isinstance(text, str) and not (is_source and existing_file(text)) else decode_text(text)
    return said if said.strip(" \t\r\n\v\f\x85\u00a0\u200b\u2028\u2029\u3000\ufeff") else None


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
    return text if text is None or len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"


def _kind(present: set[str]) -> Kind:
    if present <= {"video", "audio"}:
        return "video" if "video" in present else "audio"
    if len(present) > 1:
        return "mixed"
    return "text" if present == {"text"} else "image"


def _interval(start: float | None, end: float | None) -> tuple[float, float | None]:
    first = 0.0 if start is None else float(start)
    if not 0 <= first < 1e7 or (end is not None and not first < float(end) < 1e9):
        raise ConfigError(f"expected 0 ≤ start < end in seconds, got start={start}, end={end}; mend them")
    return first, None if end is None else float(end)


def _language(language: str | None) -> str | None:
    if language is None or language.lower() in ("auto", ""):
        return None
    code = language.strip().split("-")[0].lower()
    if not _CODE.fullmatch(code):
        raise ConfigError(f"expected a language code such as 'en' or 'zh', or 'auto', got '{language}'")
    return code


def _transcript(path: str | Path, start: float, notes: list[str]) -> Sequence[Utterance] | Sequence[str]:
    """Utterances on the clock of what is read; the sentences of a .txt, which has no times."""
    if suffix_of(path) == ".txt":
        return _sentences(decode_text(Path(path)))
    said = read_transcript(path, warnings=notes)
    if not start:
        return said
    shifted = (replace(u, start=max(0.0, u.start - start), end=u.end - start, words=()) for u in said)
    return [u for u in shifted if u.end > 0]


def _sentences(text: str) -> list[str]:
    return [" ".join(text[a:b].split()) for a, b in split_sentences(text)]
