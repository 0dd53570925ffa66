"""The report: one HTML file that needs nothing else, opens from disk and asks the network for nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import InputError
from demeanor.report import sections
from demeanor.report.corrections import overlaid
from demeanor.report.figures import Json, cue_names, error_of, source_of, top_emotion
from demeanor.report.pictures import DEFINITIONS, frames_data, peaks_data
from demeanor.report.why import Reasons, why_section
from demeanor.report.wording import WORDS, language_of
from demeanor.types import KeyFrame

T = TypeVar("T")

SCRIPTS = ("trend.js", "timeline.js", "reasons.js")
"""In the order in which they are loaded, here and in the server's page."""

_WORDS_UP_TO = 400
"""Segments up to which single words with their probabilities travel with the page."""


_UNFIT = re.compile("[\x00\u202a-\u202e]")
"""NUL has no place in HTML, and direction overrides could make text read as what it is not."""


@dataclass(frozen=True, slots=True)
class ReportMedia:
    """What the page shows beside the numbers; everything may be absent.

    Attributes:
        keyframes: pictures of a video; at most 48 of them, evenly taken, get into the page.
        peaks: waveform as min and max per step, shape (n, 2).
        picture: RGB picture of an image or post, uint8 (height, width, 3).
        media_file: the recording to play. A relative path is taken as relative to the report; of an absolute
            one only the name is written, unless `render` is told the folder of the report and both are on one drive.
    """

    keyframes: Sequence[KeyFrame] = field(default=(), repr=False)
    peaks: NDArray[np.floating[Any]] | None = field(default=None, repr=False, compare=False)
    picture: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)
    media_file: Path | None = None


def render(
    analysis: Json | Sequence[Json],
    media: ReportMedia | Sequence[ReportMedia | None] | None = None,
    *,
    language: str = "auto",
    folder: Path | None = None,
    reasons: Reasons | Sequence[Reasons | None] | None = None,
) -> str:
    """The page as text (write it as UTF-8).

    Args:
        analysis: one analysis or several; items that failed (`{"id", "error"}`) are shown as such.
        media: pictures and sound, one per analysis in the same order.
        language: of the page: `en`, `zh`, or `auto` (that of the analyses).
        folder: where the report will lie, so that an absolute `media_file` can be written relative to it.
        reasons: explanations to be shown, one per analysis in the same order.

    Raises:
        InputError: no analysis, or not one media entry and explanation per analysis.
        ConfigError: a language that the page does not have.
    """
    items: list[Json] = [analysis] if isinstance(analysis, Mapping) else list(analysis)
    given = _one_each(media, len(items))
    why = _one_each(reasons, len(items))
    if not items or len(given) != len(items) or len(why) != len(items):
        raise InputError(
            f"a report needs at least one analysis, and one media entry and one explanation (or none at all) per "
            f"analysis, got {len(items)}, {len(given)} and {len(why)}; next: pass the lists in the same order"
        )
    chosen = language_of(items, language)
    words = WORDS[chosen]
    pairs = [(item, m or ReportMedia()) for item, m in zip(items, given, strict=True)]
    body = [sections.index(items, words)] if len(items) > 1 else []
    data = []
    for number, ((item, m), own) in enumerate(zip(pairs, why, strict=True), start=1):
        link = _link(m.media_file, folder)
        panel = "" if own is None else why_section(item, own, m, chosen)
        body.append(sections.article(item, m, link, number, len(items), words, panel))
        if not error_of(item):
            data.append(_script(f"data-{number}", _payload(item, m)))
    title = words["index"].format(n=len(items)) if len(items) > 1 else source_of(items[0]) or words["untitled"]
    page = _page(title, "".join(body), [_script("demeanor-words", words), *data], chosen, words)
    return _UNFIT.sub("", page).encode("utf-8", "replace").decode("utf-8")


def _one_each(given: T | Sequence[T | None] | None, count: int) -> list[T | None]:
    """What is given per analysis; None for each where nothing is."""
    if given is None:
        return [None] * count
    return list(given) if isinstance(given, list | tuple) else [given]  # type: ignore[list-item]


def _page(title: str, body: str, data: Sequence[str], language: str, words: dict[str, str]) -> str:
    style, script = _asset("report.css"), "".join(map(_asset, SCRIPTS))
    media = "file: 'self'" if " data-player>" in body else "'none'"
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        f"media-src {media}; base-uri 'none'; form-action 'none'"
    )
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)} – demeanor</title>\n<style>{style}</style>\n</head>\n<body>\n{DEFINITIONS}"
        f'<a class="skip" href="#main">{words["skip"]}</a>\n'
        '<div class="bar"><span class="brand">demeanor</span><button type="button" class="theme" '
        f'data-theme-toggle hidden aria-label="{words["theme"]}" title="{words["theme"]}"></button></div>\n'
        f'<main id="main">\n{body}\n{sections.limits(words)}</main>\n'
        f'<p class="made-by">{words["made_by"]}</p>\n'
        + "\n".join(data)
        + f"\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _payload(item: Json, media: ReportMedia) -> dict[str, Any]:
    """What the timeline needs of one analysis: its segments, slimmed, and the pictures."""
    segments = overlaid(item)["segments"]
    keep_words = len(segments) <= _WORDS_UP_TO
    return {
        "analysis": {
            "kind": item.get("kind"),
            "duration": _rounded(item.get("duration")),
            "cues": {name: {} for name in cue_names(item.get("cues") or {})},
            "segments": [_slim_segment(s, keep_words) for s in segments],
            "trend": _rounded(item.get("trend")),
        },
        "frames": frames_data(media.keyframes, segments),
        "peaks": peaks_data(media.peaks),
    }


def _slim_segment(segment: Json, keep_words: bool) -> dict[str, Any]:
    kept = {key: segment.get(key) for key in ("start", "end", "chars", "text", "speaker")}
    kept["faces"] = [f["id"] for f in segment.get("faces") or ()]
    kept["reading"] = _slim(segment.get("reading"), every_emotion=True)
    kept["cues"] = {name: _slim(r, every_emotion=False) for name, r in (segment.get("cues") or {}).items()}
    if keep_words:
        kept["words"] = [{k: w.get(k) for k in ("text", "probability")} for w in segment.get("words") or ()]
    slim: dict[str, Any] = _rounded(kept)
    return slim


def _slim(reading: Json | None, *, every_emotion: bool) -> dict[str, Any]:
    """A reading as the contract has it, without what the timeline does not show."""
    reading = reading or {}
    sentiment, emotions, top = reading.get("sentiment"), reading.get("emotions"), top_emotion(reading)
    slim: dict[str, Any] = {"confidence": reading.get("confidence"), "sentiment": None, "emotions": None}
    if sentiment:
        slim["sentiment"] = {"score": sentiment["score"], "label": sentiment["label"]}
    if emotions and top:
        slim["emotions"] = dict(emotions) if every_emotion else {top[0]: top[1]}
    if reading.get("abstain"):
        slim["abstain"] = True
    return slim


def _rounded(value: Any) -> Any:
    """Numbers to three places; what is not a finite number becomes null (JSON has no NaN)."""
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(v) for v in value]
    return value


def _script(name: str, data: Any) -> str:
    """A data block; no character in it can end the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _link(media_file: Path | None, folder: Path | None) -> str | None:
    """A relative address of the recording, so that report and recording can move together."""
    if media_file is None:
        return None
    if media_file.is_absolute():
        try:
            media_file = Path(media_file.name if folder is None else os.path.relpath(media_file, folder.absolute()))
        except ValueError:  # on another drive of Windows: no relative path leads there
            media_file = Path(media_file.name)
    return "./" + quote(os.fsencode(media_file.as_posix()))  # its bytes, which need be no UTF-8


@cache
def _asset(name: str) -> str:
    return "\n" + files("demeanor.report").joinpath(name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
