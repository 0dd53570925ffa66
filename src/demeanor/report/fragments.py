"""The smallest pieces of the page. User text is escaped here or by the caller; no style attributes."""

from __future__ import annotations

from html import escape

from demeanor.report.figures import MARKS, Json, label_of, own_top, percent, score_of, signed, source_of, top_emotion

Words = dict[str, str]
"""The interface's words, one language of `wording.WORDS`."""


def name_of(item: Json, words: Words) -> str:
    """What to call the item, not yet escaped."""
    return source_of(item) or words["untitled"]


def cue_word(name: str, words: Words) -> str:
    """Name of a cue; one the page has no word for keeps its own name."""
    return escape(words.get(name, name))


def emotion_word(name: str, words: Words) -> str:
    """Name of an emotion; neutral the emotion and neutral the polarity differ in Chinese."""
    return escape(words.get("emotion_neutral" if name == "neutral" else name, name))


def reading_span(reading: Json | None, words: Words, short: bool = False) -> str:
    """Mark, word (only for the ear when short) and number; a question mark beside what abstains."""
    label, score = label_of(reading), score_of(reading)
    if (label is None or score is None) and (own := own_top(reading)):
        return f'<span class="reading">{escape(own)}</span>'
    if label is None or score is None:
        return f'<span class="reading none">– <span class="ear">{words["none"]}</span></span>'
    said = f'<span class="ear">{words[label]}</span>' if short else words[label]
    mark = f'<span aria-hidden="true">{MARKS[label]}</span>'
    unsure = f' <span class="abstain" title="{words["abstain"]}">?</span>' if (reading or {}).get("abstain") else ""
    return f'<span class="reading {label}">{mark} {said} <b>{minus(score)}</b>{unsure}</span>'


def corrected_span(said: Json | None, words: Words) -> str:
    """What a user put in place of a reading: mark and word, number and emotion where he named them."""
    label, score, top = label_of(said), score_of(said), top_emotion(said)
    shown = [f'<span aria-hidden="true">{MARKS[label]}</span> {words[label]}'] if label else []
    shown += [f"<b>{minus(score)}</b>"] if score is not None else []
    shown += [emotion_word(top[0], words)] if top else []
    return f'<span class="reading {label or "none"}">{" ".join(shown)}</span>'


def top_span(reading: Json | None, words: Words) -> str:
    """Dot, name and probability of the first emotion; empty where none is predicted."""
    top = top_emotion(reading)
    if top is None:
        return ""
    dot = f'<span class="dot e-{escape(top[0])}"></span>'
    return f'<span class="top-emotion">{dot}{emotion_word(top[0], words)} {percent(top[1])}</span>'


def bar_row(name: str, bar: str, value: str) -> str:
    """One row of a list of bars."""
    return f"<div><dt>{name}</dt><dd>{bar}<span>{value}</span></dd></div>"


def minus(value: float) -> str:
    """Signed number with a real minus sign, for the eye."""
    return signed(value).replace("-", "−")
