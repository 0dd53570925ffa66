"""The parts of the page, top to bottom. All user text is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from demeanor.report.cards import cue_section, people_section
from demeanor.report.corrections import corrected_segments
from demeanor.report.figures import (
    MARKS,
    Json,
    clock,
    error_of,
    is_timed,
    label_of,
    one_line,
    own_of,
    own_said,
    own_top,
    percent,
    score_of,
    undecided,
)
from demeanor.report.fragments import (
    Words,
    bar_row,
    cue_word,
    emotion_word,
    minus,
    name_of,
    reading_span,
    top_span,
)
from demeanor.report.pictures import dial, meter, picture_with_faces, signed_meter, stacked
from demeanor.report.transcript import transcript
from demeanor.types import POLARITIES

if TYPE_CHECKING:
    from demeanor.report.html import ReportMedia

_CLASSES = 12  # bars of one task


def index(items: Sequence[Json], words: Words) -> str:
    """The list at the top of a report on several analyses."""
    rows = "".join(_index_row(item, number, words) for number, item in enumerate(items, start=1))
    overalls = [item.get("overall") or {} for item in items]
    labels = [label_of(overall) for overall in overalls if not overall.get("abstain")]
    counts = [(label, labels.count(label)) for label in POLARITIES]
    known = sum(n for _, n in counts)
    tally = " · ".join(f'<span class="{label}">{MARKS[label]} {words[label]} {n}</span>' for label, n in counts)
    if unsure := sum(bool(overall.get("abstain")) for overall in overalls):
        tally += f' · <span class="abstain">? {words["abstain"]} {unsure}</span>'
    bar = stacked([(label, n / known) for label, n in counts]) if known else ""
    heads = "".join(f'<th scope="col">{words[key]}</th>' for key in ("item", "kind", "reading"))
    return (
        f'<section class="index" id="index"><h1>{words["index"].format(n=len(items))}</h1>'
        f'<div class="tally">{bar}<p>{tally}</p></div><div class="scroll"><table><thead><tr>{heads}'
        f'<td class="wide"></td></tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _index_row(item: Json, number: int, words: Words) -> str:
    name = f'<a href="#item-{number}"><bdi>{escape(name_of(item, words))}</bdi></a>'
    if error_of(item):
        said = f'<span class="error">✗ {words["failed"]}</span>'
        return f'<tr><th scope="row">{name}</th><td></td><td>{said}</td><td class="wide"></td></tr>'
    overall = item.get("overall") or {}
    score, said = score_of(overall), reading_span(overall, words)
    bar = "" if score is None else signed_meter(score, label_of(overall) or "")
    if overall.get("abstain"):
        bar, said = "", f'<span class="abstain">? {words["abstain"]}</span>'
    return (
        f'<tr><th scope="row">{name}</th><td>{words.get(str(item.get("kind")), "")}</td>'
        f'<td>{said}</td><td class="wide">{bar}</td></tr>'
    )


def article(
    item: Json, media: ReportMedia, link: str | None, number: int, count: int, words: Words, why: str = ""
) -> str:
    """One analysis, whole; `link` is the address of the recording, `count` how many analyses the page has.

    `why` is the panel of its explanation, where there is one.
    """
    start = f'<article class="analysis" id="item-{number}" data-item="{number}">{_head(item, count, words)}'
    back = f'<p class="back"><a href="#index">↑ {words["back"]}</a></p>' if count > 1 else ""
    error = error_of(item)
    if error:
        told = f'<section class="card error" role="alert"><p dir="auto">{escape(error)}</p></section>'
        return f"{start}{told}{back}</article>"
    sample = "" if is_timed(item) else _sample(item, media, words)
    parts = [
        _verdict(item.get("overall") or {}, words),
        sample,
        _stage(item, media, link, words),
        why,
        cue_section(item, words),
        people_section(item, media.keyframes, words),
        "" if sample else transcript(item, words),
        _notes(item, words),
        _provenance(item, words),
    ]
    return f"{start}{''.join(parts)}{back}</article>"


def limits(words: Words) -> str:
    """What the numbers must not be used for, once per page."""
    return f'<footer class="limits"><h3>{words["limits"]}</h3><p>{words["limits_text"]}</p></footer>'


def _head(item: Json, count: int, words: Words) -> str:
    segments = item.get("segments") or ()
    speakers = {s["speaker"] for s in segments if s.get("speaker")}
    many = words["segments"].format(n=len(segments))
    facts = [
        words.get(str(item.get("kind"))),
        None if item.get("duration") is None else clock(item["duration"]),
        item.get("language"),
        {0: None, 1: words["segment"]}.get(len(segments), many),
        words["speakers"].format(n=len(speakers)) if len(speakers) > 1 else None,
    ]
    about = " · ".join(escape(str(f)) for f in facts if f)
    level = "h2" if count > 1 else "h1"
    name = f'<{level} dir="auto"><bdi>{escape(name_of(item, words))}</bdi></{level}>'
    return f'<header class="head">{name}<p>{about}</p></header>'


def _verdict(overall: Json, words: Words) -> str:
    label, score, confidence = label_of(overall), score_of(overall), overall.get("confidence")
    number = sure = note = ""
    if score is not None:
        number = f'<p class="score" title="{words["score_scale"]}">{minus(score)}</p>'
    if confidence is not None and not overall.get("abstain"):
        chance = words["confidence"].format(p=percent(confidence))
        basis = words.get(str(overall.get("calibration")), "")
        among = _among(overall, words)
        sure = f'<p class="sure">{meter(confidence, "ink")}{chance}<small>{basis}</small>{among}</p>'
    if overall.get("abstain"):
        why = words["abstain_why"] if label else words["abstain_all"]
        note = f'<p class="abstain" role="note"><strong>{words["abstain"]}.</strong> {why}</p>'
    mark = f'<span aria-hidden="true">{MARKS[label]}</span> ' if label in MARKS else ""
    said = words[label] if label else escape(own_top(overall) or "") or words["none"]
    big = f'<p class="big">{mark}{said}</p>'
    return (
        f'<section class="card verdict" aria-label="{words["verdict"]}">{note}'
        f'<div class="dial-box {label or "none"}">{dial(score)}{number}{big}{sure}</div>'
        f"{_emotions(overall, words)}{_polarity(overall, words)}{_own(overall, words)}</section>"
    )


def _among(overall: Json, words: Words) -> str:
    """The polarities that cannot be told apart, where there are several."""
    coverage, found = undecided(overall)
    if not found:
        return ""
    names = words["comma"].join(words[name] for name in found)
    return f"<small>{words['among'].format(p=percent(coverage), names=names)}</small>"


def _emotions(overall: Json, words: Words) -> str:
    emotions = overall.get("emotions")
    if not emotions:
        return f'<div class="bars"><h3>{words["emotions"]}</h3><p class="nothing">{words["none"]}</p></div>'
    rows = "".join(
        bar_row(emotion_word(name, words), meter(emotions[name], f"e-{escape(name)}"), percent(emotions[name]))
        for name in sorted(emotions, key=lambda e: -float(emotions[e]))
    )
    return f'<div class="bars"><h3>{words["emotions"]}</h3><dl>{rows}</dl></div>'


def _own(overall: Json, words: Words) -> str:
    """What a trained model says in its own words: a list of bars per task."""
    out = ""
    for task, said in own_of(overall).items():
        chances = said if isinstance(said, dict) else {}
        rows = "".join(
            bar_row(escape(one_line(name)), meter(chances[name], "ink"), percent(chances[name]))
            for name in sorted(chances, key=lambda c: -chances[c])[:_CLASSES]
        )
        shown = f"<dl>{rows}</dl>" if rows else f"<p><b>{escape(own_said(said))}</b></p>"
        out += f'<div class="bars own"><h3>{words["own"]} · <bdi>{escape(task)}</bdi></h3>{shown}</div>'
    return out


def _polarity(overall: Json, words: Words) -> str:
    sentiment, dimensions = overall.get("sentiment"), overall.get("dimensions")
    parts = ""
    if sentiment:
        chances = sentiment["probabilities"]
        said = "".join(f'<span class="{p}">{MARKS[p]} {words[p]} {percent(chances[p])}</span>' for p in POLARITIES)
        bar = stacked([(p, chances[p]) for p in POLARITIES])
        parts = f'<h3>{words["polarity"]}</h3><div class="polarity">{bar}<p>{said}</p></div>'
    if dimensions:
        rows = ""
        for key in ("valence", "arousal", "dominance"):
            name = f'<span title="{words[f"{key}_ends"]}">{words[key]}</span>'
            rows += bar_row(name, signed_meter(dimensions[key], "ink"), minus(dimensions[key]))
        derived = f"<small>{words['derived']}</small>" if dimensions.get("derived") else ""
        parts += f"<h3>{words['dimensions']}</h3><dl>{rows}</dl>{derived}"
    return f'<div class="bars">{parts}</div>' if parts else ""


def _stage(item: Json, media: ReportMedia, link: str | None, words: Words) -> str:
    """Player or key frame, the selected segment, the timeline. The script fills it in."""
    segments = item.get("segments") or ()
    timed = is_timed(item)
    if not timed and (len(segments) < 3 or not all(s.get("chars") for s in segments)):
        return ""
    view, sound = "", item.get("kind") == "audio"
    if link:
        tag = "audio" if sound else "video playsinline"
        close = tag.split()[0]
        view = f'<{tag} controls preload="metadata" src="{escape(link)}" data-player></{close}>'
        view += f'<p class="gone" data-gone hidden>{words["media_gone"]}</p>'
    if media.keyframes:
        view += '<figure class="frame" data-frame hidden></figure>'
    alone = "" if media.keyframes or (link and not sound) else " alone"
    title = words["timeline" if timed else "timeline_text"]
    hint = words["hint_zoom" if len(segments) > 12 else "hint"]
    return (
        f'<section class="card stage" aria-label="{title}">'
        f'<div class="scene{alone}"><div class="view">{view}</div>'
        '<div class="chosen" data-chosen aria-live="polite"></div></div>'
        f'<div class="timeline-head"><h3>{title}<span class="hint">{hint}</span></h3>'
        '<div class="zoom" data-zoom></div></div><div class="timeline" data-timeline></div>'
        f"<noscript><p>{words['no_script']}</p></noscript>"
        f'<details class="as-table" data-table><summary>{words["as_table"]}</summary>'
        '<div class="scroll" tabindex="0"></div></details></section>'
    )


def _sample(item: Json, media: ReportMedia, words: Words) -> str:
    """A post or picture: the picture with its faces and the text, side by side."""
    if media.picture is None:
        return ""
    faces = list({f["id"]: f for s in item.get("segments") or () for f in s.get("faces") or ()}.values())
    picture = picture_with_faces(media.picture, faces, words)
    beside = transcript(item, words, title="post_text", card=False)
    if faces:
        rows = ""
        for face in faces:
            reading = face.get("reading")
            said = f"{reading_span(reading, words)} {top_span(reading, words)}"
            rows += f'<li><b dir="auto">{escape(face["id"])}</b> {said}</li>'
        beside += f'<div><h3>{words["face"]}</h3><ul class="face-list">{rows}</ul></div>'
    if not beside:
        return f'<section class="card sample alone">{picture}</section>'
    return f'<section class="card sample">{picture}<div>{beside}</div></section>'


def _notes(item: Json, words: Words) -> str:
    warnings = item.get("warnings") or ()
    notes = [f'<li dir="auto">{escape(str(w))}</li>' for w in warnings]
    if item.get("missing"):
        names = words["comma"].join(cue_word(m, words) for m in item["missing"])
        notes.append(f"<li>{words['missing'].format(names=names)}</li>")
    if count := corrected_segments(item):
        notes.append(f"<li>{words['corrections'].format(n=count)}</li>")
    if not notes:
        return ""
    kind = "card notes" if warnings else "card notes calm"
    return f'<section class="{kind}"><h3>{words["notes"]}</h3><ul>{"".join(notes)}</ul></section>'


def _provenance(item: Json, words: Words) -> str:
    rows = {words["schema"]: item.get("schema")}
    for key, value in (item.get("provenance") or {}).items():
        if value is not None:
            rows[words.get(key, key)] = f"{value:g}" if isinstance(value, float) else value
    listed = "".join(
        f'<div><dt>{escape(str(key))}</dt><dd dir="auto">{escape(str(value))}</dd></div>'
        for key, value in rows.items()
        if value is not None
    )
    return f'<section class="provenance"><h3>{words["provenance"]}</h3><dl>{listed}</dl></section>'
