"""The transcript: one line per segment, coloured and marked by its sentiment."""

from __future__ import annotations

from html import escape

from demeanor.report.corrections import overlaid, shown
from demeanor.report.figures import Json, clock, is_timed, label_of, score_of
from demeanor.report.fragments import Words, corrected_span, minus, reading_span, top_span
from demeanor.report.pictures import signed_meter

_SCROLLS_FROM = 60
"""From this many lines on the transcript scrolls in its own box."""

_SEARCHED_FROM = 6
"""From this many lines on it can be searched and sifted."""

_TYPICAL = {"negative": -0.5, "neutral": 0.0, "positive": 0.5}
"""The score by which a line is coloured whose label a user set."""


def transcript(item: Json, words: Words, *, title: str = "", card: bool = True) -> str:
    """All lines under a heading; empty where there is neither text nor time.

    Args:
        item: the analysis.
        words: the interface's words.
        title: key of the heading; by default that of a transcript or of sentences.
        card: a section of its own, else a part of another one.
    """
    segments = overlaid(item)["segments"]
    timed = is_timed(item)
    read = item.get("segments") or ()
    # A post's picture is no line of its text; a sentence that a user emptied stays one, with what was read.
    kept = [(i, s) for i, s in enumerate(segments) if timed or s.get("text") or read[i].get("text")]
    if not kept:
        return ""
    heading = words[title or ("transcript" if timed else "sentences")]
    tools, find = "", words["find"]
    if len(segments) >= _SEARCHED_FROM:
        field = f'<input type="search" aria-label="{find}" placeholder="{find}">'
        tools = f'<div class="find" data-find hidden>{field}</div>'
    named = any(s.get("speaker") for s in segments)
    scrolls = len(segments) >= _SCROLLS_FROM
    flags = {"scrolls": scrolls, "untimed": not timed, "unnamed": not named}
    kind = " ".join(["lines", *(name for name, on in flags.items() if on)])
    lines = "".join(_line(s, read[i], i, words) for i, s in kept)
    inner = (
        f'<div class="transcript-head"><h3>{heading}</h3>{tools}</div>'
        f'<ol class="{kind}" data-lines{" tabindex=0" if scrolls else ""} aria-label="{heading}">{lines}</ol>'
        f'<p class="nothing" data-no-match hidden>{words["no_match"]}</p>'
    )
    return f'<section class="card transcript">{inner}</section>' if card else f'<div class="transcript">{inner}</div>'


def _line(segment: Json, read: Json, number: int, words: Words) -> str:
    """One line; `read` is the segment before a user corrected it."""
    reading = segment.get("reading") or {}
    label, score, start = label_of(reading), score_of(reading), segment.get("start")
    place = str(number + 1) if start is None else clock(start)
    who = escape(segment.get("speaker") or "")
    text = escape((segment.get("text") or "").strip()) or f"<em>{words['no_text']}</em>"
    bar = "" if score is None else signed_meter(score, label or "")
    line = f"{reading_span(reading, words, short=True)} <i>{top_span(reading, words)}</i>{bar}"
    mark = ""
    if segment.get("corrected"):
        said = shown(segment)
        line, label, score = corrected_span(said, words), label_of(said), score_of(said)
        score = _TYPICAL.get(label or "") if score is None else score
    if segment != read:
        before = escape(f"{words['read_as']}: {_in_words(read, words)}")
        mark = f' class="corrected" title="{before}"'
    return (
        f'<li class="line {_tone(score)} {label or "none"}" data-line="{number}">'
        f'<button type="button">{place}</button><span class="who" dir="auto">{who}</span>'
        f'<p dir="auto"{mark}>{text}</p>'
        f'<span class="line-reading">{line}</span></li>'
    )


def _in_words(segment: Json, words: Words) -> str:
    """Speaker, text and reading in a line of plain text."""
    label, score = label_of(segment.get("reading")), score_of(segment.get("reading"))
    number = "" if score is None else f" {minus(score)}"
    said = [segment.get("speaker"), (segment.get("text") or "").strip(), f"{words[label]}{number}" if label else ""]
    return " · ".join(part for part in said if part)


def _tone(score: float | None) -> str:
    """One of nine washes, `tonem4` … `tonep4`."""
    if score is None:
        return "unread"
    step = max(-4, min(4, round(4 * score)))
    return f"tone{'m' if step < 0 else 'p'}{abs(step)}"
