"""The panel "Why" of the page: an explanation (`demeanor.explanation/1`) as sentences, words, seconds and regions.

Every colour has a second sign beside it: ▲ or ▼, a line above or below, or the number itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from demeanor.report.figures import Json, clock, strongest_frames
from demeanor.report.fragments import Words, cue_word, minus, reading_span
from demeanor.report.pictures import data_uri, signed_meter
from demeanor.report.wording import WORDS, Language
from demeanor.types import KeyFrame

if TYPE_CHECKING:
    from demeanor.report.html import ReportMedia

_FAINT = 0.03  # shares below it are not marked
_NO_BASE = 0.005  # a starting point below it is shown as zero
_STEPS = (0.08, 0.2, 0.4)  # shares from which a mark is stronger
_LEAST_HEAT = 0.12  # shares of cells that are shaded in full
_PICTURE, _FRAME = 720, 480  # pixels of the longer side
_CHANGES = 8  # at most
_EDGES = " ,.;:，。；：、"


@dataclass(frozen=True, slots=True)
class Reasons:
    """An explanation with the pictures it speaks of.

    Attributes:
        explanation: JSON of `demeanor.explanation/1`.
        pictures: frames of the film that `heat` lies over, by time.
    """

    explanation: Json
    pictures: Sequence[KeyFrame] = field(default=(), repr=False)


def why_section(item: Json, reasons: Reasons, media: ReportMedia, language: Language) -> str:
    """The panel; empty for an item that could not be read."""
    why, words = reasons.explanation, WORDS[language]
    if item.get("error"):
        return ""
    parts = [
        _said(why, language),
        _cues(why, words),
        _words(item, why, words),
        _voice(item, why, media, words),
        _heat(item, why, reasons.pictures, media, words),
        _frames(why, words),
        _changes(item, why, words, language),
        _limits(why, words),
    ]
    title = words["why"]
    return f'<section class="card why" aria-label="{title}"><h3>{title}</h3>{"".join(parts)}</section>'


def _said(why: Json, language: Language) -> str:
    """The reasons in words; how far the cues agree has a sign of its own."""
    lines = ""
    for sentence in why.get("said") or ():
        agreed = sentence == why["agreement_said"]
        kind = f' class="agreement {escape(why["agreement"])}"' if agreed else ""
        lines += f"<li{kind}>{escape(sentence[language])}</li>"
    return f'<ul class="said">{lines}</ul>'


def _cues(why: Json, words: Words) -> str:
    """What each cue adds to the score, and what is read without it."""
    known = [c for c in why.get("cues") or () if c["share"] is not None]
    if len(known) < 2:
        return ""
    full = max(0.05, *(abs(c["share"]) for c in known))
    rows = "".join(
        f"<div><dt>{cue_word(c['cue'], words)}</dt><dd>{signed_meter(c['share'], full=full)}"
        f"<span>{minus(c['share'])}</span><small>{_without(c['without'], words)}</small></dd></div>"
        for c in sorted(known, key=lambda c: -abs(c["share"]))
    )
    base = float(why.get("base") or 0.0)
    how = words["why_cues_how" if abs(base) < _NO_BASE else "why_cues_how_base"].format(
        score=minus(float(why.get("score") or 0.0)), base=minus(base)
    )
    listed = f'<dl class="shares">{rows}</dl><p><small>{how}</small></p>'
    return f'<div class="reason"><h4>{words["why_cues"]}</h4>{listed}</div>'


def _without(outcome: Json | None, words: Words) -> str:
    return words["why_without"].format(reading=reading_span(_reading(outcome), words)) if outcome else ""


def _reading(outcome: Json) -> Json | None:
    """An outcome as a reading that has only a sentiment."""
    return {"sentiment": {"label": outcome["label"], "score": outcome["score"]}} if outcome["label"] else None


def _title(name: str, part: Json, words: Words) -> str:
    """The numbers of a word or stretch: its share, and what is read without it."""
    after = part.get("without")
    said = words["none"] if not after or not after["label"] else f"{words[after['label']]} {minus(after['score'])}"
    rest = f" · {words['why_without'].format(reading=said)}" if after else ""
    return escape(f"{name}{minus(part['share'])}{rest}", quote=True)


def _tone(share: float) -> str:
    """`p0` … `p3`, `m0` … `m3`, or nothing where a share is too small to be shown."""
    if abs(share) < _FAINT:
        return ""
    return f"{'m' if share < 0 else 'p'}{sum(abs(share) >= step for step in _STEPS)}"


def _words(item: Json, why: Json, words: Words) -> str:
    """Each segment that was looked into, its words marked."""
    segments = item.get("segments") or ()
    lines = ""
    chosen = [s for s in why.get("segments") or () if s.get("words") and s["segment"] < len(segments)]
    for found in chosen:
        segment = segments[found["segment"]]
        place = "" if len(segments) == 1 else f"{_when(segment, found['segment'])} "
        conflict = found.get("conflict")
        note = ""
        if conflict:
            note = f' <small class="conflict">{escape(conflict[words["lang"]])}</small>'
        lines += f'<p dir="auto">{place}{_marked(segment.get("text") or "", found["words"]["parts"], words)}{note}</p>'
    if not lines:
        return ""
    return (
        f'<div class="reason"><h4>{words["why_words"]}</h4><div class="marked">{lines}</div>'
        f'<p class="key"><mark class="m2">▼ {words["key_negative"]}</mark> '
        f'<mark class="p2">▲ {words["key_positive"]}</mark> <small>{words["why_words_how"]}</small></p></div>'
    )


def _marked(text: str, parts: Sequence[Json], words: Words) -> str:
    out, at = [], 0
    strongest = max((abs(p["share"]) for p in parts), default=0.0)
    for part in parts:
        out.append(escape(text[at : part["start"]]))
        said, share = escape(text[part["start"] : part["end"]]), float(part["share"])
        tone = _tone(share)
        if tone:
            sign = "▼" if share < 0 else "▲"
            sign = f'<sup aria-hidden="true">{sign}</sup>' if abs(share) >= max(_STEPS[0], 0.4 * strongest) else ""
            heard = f'<span class="ear"> ({minus(share)})</span>'
            said = f'<mark class="{tone}" title="{_title("", part, words)}">{said}{sign}{heard}</mark>'
        out.append(said)
        at = part["end"]
    return "".join(out) + escape(text[at:])


def _voice(item: Json, why: Json, media: ReportMedia, words: Words) -> str:
    """The waveform of each utterance that was looked into, its seconds shaded."""
    segments = item.get("segments") or ()
    lines = ""
    for found in (s for s in why.get("segments") or () if s.get("voice") and s["segment"] < len(segments)):
        segment, parts = segments[found["segment"]], found["voice"]["parts"]
        lines += (
            f'<div class="seconds">{_when(segment, found["segment"])}'
            f"{_strip(parts, media, item.get('duration'), words)}"
            f"<span>{minus(found['voice']['score'])}</span></div>"
        )
    if not lines:
        return ""
    return (
        f'<div class="reason"><h4>{words["why_voice"]}</h4>{lines}<p><small>{words["why_voice_how"]}</small></p></div>'
    )


def _strip(parts: Sequence[Json], media: ReportMedia, duration: float | None, words: Words) -> str:
    """One utterance: bars of its loudness, coloured by the share of the stretch they lie in, with its sign."""
    start, end = parts[0]["start"], parts[-1]["end"]
    span = max(1e-6, end - start)
    most = max((abs(p["share"]) for p in parts), default=0.0)
    out = []
    for part in parts:
        x, w = 600 * (part["start"] - start) / span, 600 * (part["end"] - part["start"]) / span
        tone, share = _tone(part["share"]), float(part["share"])
        name = f"{clock(part['start'], True)} – {clock(part['end'], True)}{words['colon']}"
        place = f'data-start="{part["start"]:.3f}" data-end="{part["end"]:.3f}" data-share="{share:.3f}"'
        title = f"<title>{_title(name, part, words)}</title>"
        out.append(f'<g class="{tone}" {place}>{title}<rect class="wash" x="{x:.1f}" width="{w:.1f}" height="56"/>')
        for bar, height in _bars(x, w, part, media, duration):
            out.append(f'<rect x="{bar:.1f}" y="{28 - height / 2:.1f}" width="2.4" height="{height:.1f}" rx="1"/>')
        if tone and abs(share) >= max(_FAINT, 0.5 * most):
            middle, flat, tip = x + w / 2, 47 if share < 0 else 9, 54 if share < 0 else 2
            out.append(f'<path d="M{middle - 6:.1f} {flat}L{middle + 6:.1f} {flat}L{middle:.1f} {tip}Z"/>')
        out.append("</g>")
    said = ", ".join(f"{clock(p['start'], True)} {minus(p['share'])}" for p in parts)
    label = f"{words['why_voice']}{words['colon']}{said}"
    return (
        f'<svg class="shaded" viewBox="0 0 600 56" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f"{''.join(out)}</svg>"
    )


def _bars(x: float, width: float, part: Json, media: ReportMedia, duration: float | None) -> list[tuple[float, float]]:
    """Place and height of the bars of one stretch; flat where there is no waveform."""
    count = max(1, round(width / 4))
    if media.peaks is None or not len(media.peaks) or not duration:
        return [(x + 4 * i, 8.0) for i in range(count)]
    peaks = np.abs(np.asarray(media.peaks, float)).max(axis=1)
    loudest = max(1e-6, float(peaks.max()))
    times = np.linspace(part["start"], part["end"], count, endpoint=False)
    at = np.clip((times / duration * len(peaks)).astype(int), 0, len(peaks) - 1)
    return [(x + width * i / count, 3 + 48 * float(peaks[a]) / loudest) for i, a in enumerate(at)]


def _heat(item: Json, why: Json, pictures: Sequence[KeyFrame], media: ReportMedia, words: Words) -> str:
    """Pictures with the cells that count most shaded."""
    figures = ""
    for heat in why.get("heat") or ():
        image = media.picture if heat["time"] is None else _frame(pictures, heat["time"])
        if image is None:
            continue
        src, width, height = data_uri(image, _PICTURE if heat["time"] is None else _FRAME)
        name = cue_word(heat["cue"], words) + (f" {escape(heat['face'])}" if heat["face"] else "")
        when = "" if heat["time"] is None else f" · {clock(heat['time'], True)}"
        text = f"{name}{when}: {minus(heat['score'])}"
        figures += (
            f'<figure class="heat"><img src="{src}" width="{width}" height="{height}" alt="">'
            f"{_cells(heat, width, height, text)}<figcaption>{text}</figcaption></figure>"
        )
    if not figures:
        return ""
    how = words["why_regions_how"]
    return (
        f'<div class="reason"><h4>{words["why_regions"]}</h4><div class="heats">{figures}</div>'
        f"<p><small>{how}</small></p></div>"
    )


def _cells(heat: Json, width: int, height: int, name: str) -> str:
    """SVG over a picture of that size: cells washed by their shares, the strongest marked; `name` is told of it."""
    rows, columns = len(heat["values"]), len(heat["values"][0])
    x, y, w, h = (v * s for v, s in zip(heat["box"], (width, height, width, height), strict=True))
    most = max(_LEAST_HEAT, *(abs(v) for row in heat["values"] for v in row))
    size = max(9.0, min(w / columns, h / rows) * 0.5)
    out = [f'<rect class="frame-line" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"/>']
    for r, row in enumerate(heat["values"]):
        for c, value in enumerate(row):
            left, top = x + w * c / columns, y + h * r / rows
            kind, strength = "negative" if value < 0 else "positive", abs(value) / most
            if abs(value) < _FAINT / 2 or strength < 0.15:
                continue
            out.append(
                f'<g class="{kind}"><title>{minus(value)}</title><rect x="{left:.1f}" y="{top:.1f}" '
                f'width="{w / columns:.1f}" height="{h / rows:.1f}" fill-opacity="{0.12 + 0.5 * strength:.2f}"/>'
            )
            if strength >= 0.5:
                sign = "▼" if value < 0 else "▲"
                out.append(
                    f'<text x="{left + w / columns / 2:.1f}" y="{top + h / rows / 2 + size / 3:.1f}" '
                    f'font-size="{size:.1f}" text-anchor="middle">{sign}</text>'
                )
            out.append("</g>")
    size_of = f'viewBox="0 0 {width} {height}"'
    return f'<svg class="cells" {size_of} data-name="{name}" aria-hidden="true">{"".join(out)}</svg>'


def _frame(pictures: Sequence[KeyFrame], time: float) -> np.ndarray | None:
    return next((p.image for p in pictures if abs(p.time - time) < 1e-3), None)


def _frames(why: Json, words: Words) -> str:
    """Which frames of a film count most, as times."""
    frames = why.get("frames") or ()
    lines = ""
    for cue in dict.fromkeys(f["cue"] for f in frames):
        own = strongest_frames(frames, cue)
        listed = " · ".join(
            f'<span data-time="{f["time"]:.3f}">{clock(f["time"], True)}</span> {escape(f["face"] or "")} '
            f"<b>{minus(f['share'])}</b>".replace("  ", " ")
            for f in own
        )
        lines += f"<p>{cue_word(cue, words)}{words['colon']}{listed}</p>" if own else ""
    return f'<div class="reason"><h4>{words["why_frames"]}</h4>{lines}</div>' if lines else ""


def _changes(item: Json, why: Json, words: Words, language: Language) -> str:
    """What would have to be left out for another label."""
    found = why.get("counterfactuals") or ()
    rows = ""
    for change in found[:_CHANGES]:
        segment = change["segment"]
        where = "" if segment is None else _when((item.get("segments") or ())[segment], segment)
        few = "" if change["smallest"] else f" <small>{words['why_not_smallest']}</small>"
        gone = words["comma"].join(_gone(change, words))
        before, after = (reading_span(_reading(change[key]), words) for key in ("before", "after"))
        rows += f'<tr><th scope="row" dir="auto">{gone}{few}</th><td>{where}</td><td>{before} →&nbsp;{after}</td></tr>'
    if not rows:
        return ""
    return (
        f'<div class="reason"><h4>{words["why_changes"]}</h4><div class="scroll" tabindex="0"><table><thead><tr>'
        f'<th scope="col">{words["why_left_out"]}</th><th scope="col">{words["why_where"]}</th>'
        f'<th scope="col">{words["reading"]}</th></tr></thead><tbody>{rows}</tbody></table></div></div>'
    )


def _gone(change: Json, words: Words) -> list[str]:
    if change["kind"] == "cues":
        return [cue_word(name, words) for name in change["items"]]
    texts = [t.strip(_EDGES) or t if t else f"#{i + 1}" for t, i in zip(change["texts"], change["items"], strict=True)]
    return [f"“{escape(t if len(t) <= 60 else t[:59] + '…')}”" for t in texts]


def _limits(why: Json, words: Words) -> str:
    found = why.get("limits") or ()
    if not found:
        return ""
    listed = "".join(f'<li dir="auto">{escape(str(limit))}</li>' for limit in found)
    return f'<div class="reason"><h4>{words["why_limits"]}</h4><ul>{listed}</ul></div>'


def _when(segment: Json, number: int) -> str:
    """Where a segment is: its time, or its number; the page's script makes it a way there."""
    place = str(number + 1) if segment.get("start") is None else clock(segment["start"])
    return f'<span class="when" data-segment="{number}">{place}</span>'
