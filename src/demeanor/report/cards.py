"""The cards of the page: one per cue, with weight and share, and one per person."""

from __future__ import annotations

from collections.abc import Sequence
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
    sure = (
        ""
        if confidence is None or cue.get("abstain")
        else f"<small>{words['confidence'].format(p=percent(confidence))}</small>"
    )
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
    """Each person: picture, time, average reading."""
    people = item.get("people") if is_timed(item) else None
    if not people:
        return ""
    cuts = best_faces(keyframes, item.get("segments") or ())
    cards = "".join(_person(person, cuts, words) for person in people[:_PEOPLE])
    title = words["people"]
    return f'<section class="people" aria-label="{title}"><h3>{title}</h3><ul>{cards}</ul></section>'


def _person(person: Json, cuts: dict[str, str], words: Words) -> str:
    name, faces, speaker = person["id"], person.get("faces") or (), person.get("speaker")
    cut = next((cuts[f] for f in faces if f in cuts), None)
    picture = f'<span class="initial" aria-hidden="true">{escape(name[:3])}</span>'
    if cut:
        picture = f'<img src="{cut}" alt="" width="56" height="56">'
    others = dict.fromkeys(a for a in (*faces, speaker) if a and a != name)
    aliases = f"<small>{' '.join(escape(a) for a in others)}</small>"
    seconds, score = person.get("seconds"), score_of(person.get("reading"))
    line = ""
    if seconds:
        present = "present" if faces and speaker else "seen" if faces else "spoke"
        mean = "" if score is None else f" · <span>{words['average']} <b>{minus(score)}</b></span>"
        line = f"<p>{words[present].format(t=clock(seconds))}{mean}</p>"
    title = f'<h4 dir="auto"><bdi>{escape(name)}</bdi> {aliases}</h4>'
    return f'<li class="card person">{picture}<div>{title}{line}</div></li>'
