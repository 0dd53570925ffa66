"""The cards of the page: one per cue, with weight and share, and one per person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from demeanor.report.figures import Json, clock, cue_names, is_timed, percent, score_of
from demeanor.report.fragments import Words, bar_row, cue_word, minus, reading_span, top_span
from demeanor.report.pictures import best_faces, meter, signed_meter
from demeanor.types import KeyFrame

_PEOPLE = 24
"""At most this many people are shown."""


def cue_section(item: Json, words: Words) -> str:
    """What each cue says alone, and how the shares add up to the score."""
    cues = item.get("cues") or {}
    if not cues:
        return ""
    cards = "".join(_cue_card(name, cues[name] or {}, words) for name in cue_names(cues))
    title = words["cues"]
    return (
        f'<section class="cues" aria-label="{title}"><h3>{title}</h3>'
        f'<div class="cards">{cards}</div>{_sum(item, words)}</section>'
    )


def _cue_card(name: str, cue: Json, words: Words) -> str:
    weight, share, confidence = cue.get("weight"), cue.get("share"), cue.get("confidence")
    rows = ""
    if weight is not None:
        rows += bar_row(words["weight"], meter(weight, "ink"), percent(weight))
    if share is not None:
        rows += bar_row(words["share"], signed_meter(share), minus(share))
    sure = "" if confidence is None else f"<small>{words['confidence'].format(p=percent(confidence))}</small>"
    unsure = f'<small class="abstain">{words["abstain"]}</small>' if cue.get("abstain") else ""
    return (
        f'<div class="card cue"><h4>{cue_word(name, words)}</h4>'
        f'<p class="cue-reading">{reading_span(cue, words)}</p>'
        f"<p>{top_span(cue, words)} {sure}{unsure}</p><dl>{rows}</dl></div>"
    )


def _sum(item: Json, words: Words) -> str:
    """`starting point +0.07, Words +0.51, … = +0.64`: the shares add up to the score."""
    cues, score = item.get("cues") or {}, score_of(item.get("overall"))
    shares = {name: (cues[name] or {}).get("share") for name in cue_names(cues)}
    if score is None or any(s is None for s in shares.values()):
        return ""
    first = score - sum(float(s or 0) for s in shares.values())
    terms = [f'<span class="term">{words["start_value"]} <b>{minus(first)}</b></span>']
    for name, share in shares.items():
        value = float(share or 0)
        side = "negative" if value < 0 else "positive"
        terms.append(f'<span class="term {side}">{cue_word(name, words)} <b>{minus(value)}</b></span>')
    terms.append(f'<span class="term total">= <b>{minus(score)}</b></span>')
    return f'<p class="sum">{words["sum"]}{words["colon"]}{" ".join(terms)}</p>'


def people_section(item: Json, keyframes: Sequence[KeyFrame], words: Words) -> str:
    """Each person, and each face and speaker that belongs to none: picture, time, average reading."""
    people = _people(item) if is_timed(item) else []
    if not people:
        return ""
    segments = item.get("segments") or ()
    cuts = best_faces(keyframes, segments)
    cards = "".join(_person(*person, segments, cuts, words) for person in people[:_PEOPLE])
    title = words["people"]
    return f'<section class="people" aria-label="{title}"><h3>{title}</h3><ul>{cards}</ul></section>'


def _people(item: Json) -> list[tuple[str, list[str], str | None]]:
    """(name, faces, speaker) of everybody seen or heard."""
    segments = item.get("segments") or ()
    people = [(p["id"], list(p.get("faces") or ()), p.get("speaker")) for p in item.get("people") or ()]
    known_faces, known_voices = {f for _, fs, _ in people for f in fs}, {voice for _, _, voice in people}
    faces = dict.fromkeys(f["id"] for s in segments for f in s.get("faces") or ())
    speakers = dict.fromkeys(s["speaker"] for s in segments if s.get("speaker"))
    people += [(face, [face], None) for face in faces if face not in known_faces]
    return people + [(voice, [], voice) for voice in speakers if voice not in known_voices]


def _person(
    name: str,
    faces: Sequence[str],
    speaker: str | None,
    segments: Sequence[Json],
    cuts: dict[str, str],
    words: Words,
) -> str:
    cut = next((cuts[f] for f in faces if f in cuts), None)
    picture = f'<span class="initial" aria-hidden="true">{escape(name[:3])}</span>'
    if cut:
        picture = f'<img src="{cut}" alt="" width="56" height="56">'
    others = dict.fromkeys(a for a in (*faces, speaker) if a and a != name)
    aliases = f"<small>{' '.join(escape(a) for a in others)}</small>"
    spoke = _average(segments, lambda s: [s.get("reading")] if speaker and s.get("speaker") == speaker else [])
    seen = _average(segments, lambda s: [f.get("reading") for f in s.get("faces") or () if f["id"] in faces])
    lines = ""
    for key, (seconds, score) in (("spoke", spoke), ("seen", seen)):
        if seconds:
            mean = "" if score is None else f" · <span>{words['average']} <b>{minus(score)}</b></span>"
            lines += f"<p>{words[key].format(t=clock(seconds))}{mean}</p>"
    title = f'<h4 dir="auto"><bdi>{escape(name)}</bdi> {aliases}</h4>'
    return f'<li class="card person">{picture}<div>{title}{lines}</div></li>'


def _average(segments: Sequence[Json], readings: Callable[[Json], list[Json | None]]) -> tuple[float, float | None]:
    """Seconds in which there is such a reading, and the mean score by seconds."""
    seconds = weighted = scored = 0.0
    for segment in segments:
        found = readings(segment)
        if not found or segment.get("start") is None:
            continue
        length = segment["end"] - segment["start"]
        seconds += length
        scores = [s for s in map(score_of, found) if s is not None]
        if scores:
            scored += length
            weighted += length * sum(scores) / len(scores)
    return seconds, weighted / scored if scored else None
