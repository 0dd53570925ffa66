"""Subtitles with the sentiment beside each line: SubRip (.srt) and WebVTT (.vtt).

What a user corrected stands in place of what was read: text and speaker, and a label as `[negative]`, without number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from demeanor.errors import InputError
from demeanor.report.corrections import overlaid, shown
from demeanor.report.figures import (
    Json,
    error_of,
    label_of,
    one_line,
    score_of,
    signed,
    source_of,
    top_emotion,
)

_STYLE = """STYLE
::cue(.positive) { color: #ffb45c; }
::cue(.neutral) { color: #c9ced6; }
::cue(.negative) { color: #8cc4ff; }
::cue(.unread) { color: #c9ced6; font-style: italic; }"""


def srt(analysis: Json) -> str:
    """SubRip text: `S1: words`, then `[positive +0.61 joy]`, one cue per segment with something to say.

    Raises:
        InputError: the analysis has no times (pure text, an image, an item that failed). Of silence the text is
            empty.
    """
    cues = []
    for number, (start, end, segment) in enumerate(_timed(analysis), start=1):
        speaker = one_line(segment.get("speaker"))
        text = _plain(one_line(segment.get("text")))
        spoken = f"{_plain(speaker)}: {text}" if speaker and text else text
        lines = [line for line in (spoken, _bracket(segment)[1]) if line]
        cues.append(f"{number}\n{_stamp(start, ',')} --> {_stamp(end, ',')}\n" + "\n".join(lines) + "\n")
    return "\n".join(cues)


def vtt(analysis: Json) -> str:
    """WebVTT text: as `srt`, with voice spans for speakers and one class (and colour) per sentiment.

    Raises:
        InputError: the analysis has no times (pure text, an image, an item that failed).
    """
    blocks = ["WEBVTT", _STYLE]
    for number, (start, end, segment) in enumerate(_timed(analysis), start=1):
        speaker = one_line(segment.get("speaker"))
        text = _escape(one_line(segment.get("text")))
        spoken = f"<v {_escape(speaker)}>{text}</v>" if speaker and text else text
        kind, bracket = _bracket(segment)
        lines = [line for line in (spoken, bracket and f"<c.{kind}>{_escape(bracket)}</c>") if line]
        blocks.append(f"{number}\n{_stamp(start, '.')} --> {_stamp(end, '.')}\n" + "\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _timed(analysis: Json) -> Iterator[tuple[int, int, Json]]:
    """(start, end in ms, segment) of every segment with times and something to show, by start."""
    name = source_of(analysis)
    error = error_of(analysis)
    if error:
        raise InputError(f"subtitles need an analysis, but '{name}' could not be read ({error}); next: fix that input")
    segments = [s for s in overlaid(analysis)["segments"] if s.get("start") is not None and s.get("end") is not None]
    if not segments and analysis.get("duration") is None:
        raise InputError(
            f"subtitles need segments with times (audio or video), got kind '{analysis.get('kind')}' without "
            f"times for '{name}'; next: ask for a table (csv) or a report (html) instead"
        )
    for segment in sorted(segments, key=lambda s: (s["start"], s["end"])):
        start, end = (round(1000 * float(segment[k])) for k in ("start", "end"))
        if one_line(segment.get("text")) or _bracket(segment)[1]:
            yield start, max(end, start + 1), segment


def _bracket(segment: Json) -> tuple[str, str]:
    """Class and text of the reading: `("positive", "[positive +0.61 joy]")`; no text without a reading."""
    reading = shown(segment) or {}
    score, label, emotion = score_of(reading), label_of(reading), top_emotion(reading)
    parts = [label or "", "" if score is None else signed(score), emotion[0] if emotion else ""]
    if label == "neutral" and emotion and emotion[0] == "neutral":
        parts.pop()
    said = " ".join(p for p in parts if p)
    if reading.get("abstain"):
        return "unread", "[no reading]" if one_line(segment.get("text")) else ""
    return label or "unread", f"[{said}]" if said else ""


def _plain(text: str) -> str:
    """SubRip has no escapes: what players would take for a tag or an arrow is written with look-alikes."""
    text = re.sub(r"<(/?[A-Za-z][^<>]*)>", r"‹\1›", text.replace("-->", "→"))
    return text.replace("{\\", "(\\")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stamp(milliseconds: int, mark: str) -> str:
    seconds, ms = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{ms:03d}"
