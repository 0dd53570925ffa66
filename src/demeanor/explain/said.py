"""Reasons in words, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from demeanor.explain.explanation import CueShare, Outcome, Sentence

_LABELS = {"positive": "积极", "neutral": "中性", "negative": "消极"}
_CUES = {"words": "文字", "voice": "语音", "face": "面部", "scene": "画面"}
_EMOTIONS = {
    "anger": ("angry", "愤怒"), "disgust": ("disgusted", "厌恶"), "fear": ("afraid", "恐惧"),
    "joy": ("glad", "喜悦"), "sadness": ("sad", "悲伤"), "surprise": ("surprised", "惊讶"),
}  # fmt: skip

_NAMED = 3  # words, segments and the like that one sentence names
_LEAST = 0.03  # share below which something is not worth a word
_SHOWN = 40  # letters of a segment that stand for it


def both(en: str, zh: str) -> Sentence:
    """One sentence in both languages."""
    return {"en": en, "zh": zh}


def number(value: float) -> str:
    """`+0.61`, `−0.20`; what rounds to zero has no sign."""
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text[1:] == "0.00" else text


def outcome(found: Outcome) -> Sentence:
    """`neutral (+0.02)`."""
    if found.label is None or found.score is None:
        return both("nothing to read", "没有可读的内容")
    return both(f"{found.label} ({number(found.score)})", f"{_LABELS[found.label]}（{number(found.score)}）")


def verdict(whole: Outcome, cues: Sequence[CueShare]) -> Sentence:
    """Such as "Positive, +0.61: mostly from the words (+0.50); the voice pulls the other way (−0.10)."."""
    if whole.label is None or whole.score is None:
        return both("There is no reading to explain.", "没有可以解释的读数。")
    en = f"{whole.label.capitalize()}, {number(whole.score)}"
    zh = f"{_LABELS[whole.label]}，{number(whole.score)}"
    known = [c for c in cues if c.share is not None]
    if len(known) < 2:
        names = [c.cue for c in known]
        return both(f"{en}, from the {names[0]} alone.", f"{zh}，只来自{_cue(names[0])}。") if names else both(en, zh)
    towards = -1.0 if whole.score < 0 else 1.0
    ordered = sorted(known, key=lambda c: -towards * (c.share or 0.0))
    most = towards * (ordered[0].share or 0.0)
    first = [c for c in ordered if towards * (c.share or 0.0) > max(_LEAST, most / 2)] or ordered[:1]
    against = [c for c in ordered[1:] if towards * (c.share or 0.0) < -_LEAST and c.label != "neutral"]
    en += f": mostly from the {_and(_shares(first))}"
    zh += f"：主要来自{'、'.join(_shares(first, zh=True))}"
    if against:
        en += f"; the {_and(_shares(against))} {_pull(against)} the other way"
        zh += f"；{'、'.join(_shares(against, zh=True))}起反作用"
    return both(f"{en}.", f"{zh}。")


def agreement(labels: Mapping[str, str], emotions: Mapping[str, str | None]) -> tuple[str, Sentence]:
    """How far cues agree, as a keyword and in words.

    Args:
        labels: polarity per cue that says something.
        emotions: the strongest emotion per cue, None where there is none to speak of.

    Returns:
        `agree`, `conflict` (one is positive, another negative), `partly` (some are neutral), `single` or `none`.
    """
    cues = list(labels)
    if not cues:
        return "none", both("No cue says anything.", "没有任何线索给出判断。")
    if len(cues) == 1:
        only = cues[0]
        return "single", both(f"Only the {only} can be read.", f"只有{_cue(only)}可读。")
    by_label = {label: [c for c in cues if labels[c] == label] for label in ("positive", "negative", "neutral")}
    glad, cross, calm = by_label.values()
    if glad and cross:
        one, other = (glad, cross) if cues[0] in glad else (cross, glad)
        return "conflict", _conflict(one, other, labels, emotions)
    felt = glad or cross
    if felt and calm:
        label = labels[felt[0]]
        return "partly", both(
            f"The {_and(felt)} {_are(felt)} {label}; the {_and(calm)} {_are(calm)} neutral.",
            f"{_cues(felt)}是{_LABELS[label]}的，{_cues(calm)}是中性的。",
        )
    label = labels[cues[0]]
    return "agree", both(f"The {_and(cues)} agree: {label}.", f"{_cues(cues)}一致：{_LABELS[label]}。")


def _conflict(
    one: Sequence[str], other: Sequence[str], labels: Mapping[str, str], emotions: Mapping[str, str | None]
) -> Sentence:
    """Such as "The words are positive, the voice is not: it is negative (angry)."."""
    felt = next((e for c in other if (e := emotions.get(c)) in _EMOTIONS), None)
    en, zh = _EMOTIONS[felt] if felt else ("", "")
    it = "it is" if len(other) == 1 and other[0] != "words" else "they are"
    says, denies = labels[one[0]], labels[other[0]]
    return both(
        f"The {_and(one)} {_are(one)} {says}, the {_and(other)} {_are(other)} not: {it} {denies}"
        f"{f' ({en})' if en else ''}.",
        f"{_cues(one)}是{_LABELS[says]}的，{_cues(other)}却不是：是{_LABELS[denies]}的{f'（{zh}）' if zh else ''}。",
    )


def words(found: Sequence[tuple[str, float]], score: float) -> Sentence | None:
    """Which words count most for the reading, and which against it; None where none counts.

    Args:
        found: words and their shares, several segments together.
        score: of the reading.
    """
    towards = -1.0 if score < 0 else 1.0
    strong = sorted((w for w in found if abs(w[1]) >= _LEAST), key=lambda w: -towards * w[1])
    speaking = [w for w in strong if towards * w[1] > 0][:_NAMED]
    denying = [w for w in reversed(strong) if towards * w[1] < 0][:_NAMED]
    if not speaking and not denying:
        return None
    en = zh = ""
    if speaking:
        en, zh = f"Words that count most: {_quoted(speaking, ', ')}.", f"最有分量的词：{_quoted(speaking, '、')}。"
    if denying:
        en += f"{' ' if en else ''}Against it: {_quoted(denying, ', ')}."
        zh += f"相反的：{_quoted(denying, '、')}。"
    return both(en, zh)


def stretch(start: float, end: float, share: float) -> Sentence:
    """Which seconds of the voice count most."""
    when = f"{_clock(start)}–{_clock(end)}"
    return both(
        f"In the voice, {when} counts most ({number(share)}).", f"语音中最有分量的是 {when}（{number(share)}）。"
    )


def without_cues(cues: Sequence[str], after: Outcome) -> Sentence:
    """Such as "Without the voice: neutral (+0.05)."."""
    found = outcome(after)
    return both(f"Without the {_and(cues)}: {found['en']}.", f"去掉{_cues(cues)}：{found['zh']}。")


def without_segments(
    items: Sequence[int], texts: Sequence[str], count: int, after: Outcome, *, timed: bool
) -> Sentence:
    """Such as "Without the last sentence: neutral (+0.02)."."""
    found = outcome(after)
    thing, things, measure = ("segment", "segments", "段") if timed else ("sentence", "sentences", "句")
    if len(items) == 1 and items[0] in (0, count - 1):
        first = items[0] == 0
        en, zh = f"the {'first' if first else 'last'} {thing}", f"第一{measure}" if first else f"最后一{measure}"
        quote = texts[0]
        if quote:
            en, zh = f"{en}, “{_short(quote)}”", f"{zh}“{_short(quote)}”"
    elif len(items) <= _NAMED and all(texts):
        named = [f"“{_short(t)}”" for t in texts]
        en, zh = _and(named), "、".join(named)
    else:
        listed = [str(i + 1) for i in items]
        en, zh = f"{things} {_and(listed)}", f"第 {'、'.join(listed)} {measure}"
    return both(f"Without {en}: {found['en']}.", f"去掉{zh}：{found['zh']}。")


def without_words(texts: Sequence[str], after: Outcome) -> Sentence:
    """Such as "Without “not”: positive (+0.70)."."""
    found = outcome(after)
    named = [f"“{bare(t)}”" for t in texts]
    return both(f"Without {_and(named)}: {found['en']}.", f"去掉{'、'.join(named)}：{found['zh']}。")


def steadfast(label: str, kind: str) -> Sentence:
    """Nothing by itself decides: `cues` or `segments`."""
    en, zh = ("cue", "线索") if kind == "cues" else ("segment", "片段")
    return both(f"It stays {label} without any one {en}.", f"去掉任何一个{zh}，结果仍是{_LABELS[label]}。")


def _shares(cues: Sequence[CueShare], zh: bool = False) -> list[str]:
    return [f"{_cue(c.cue)}（{number(c.share or 0.0)}）" if zh else f"{c.cue} ({number(c.share or 0.0)})" for c in cues]


def bare(text: str) -> str:
    """A word without the marks around it; what is only marks stays."""
    return text.strip(" ,.;:，。；：、\"'“”‘’()（）《》「」") or text


def _cue(name: str) -> str:
    return _CUES.get(name, name)


def _cues(names: Sequence[str]) -> str:
    return "和".join(map(_cue, names))


def _are(cues: Sequence[str]) -> str:
    return "are" if len(cues) > 1 or cues[0] == "words" else "is"


def _pull(cues: Sequence[CueShare]) -> str:
    return "pull" if _are([c.cue for c in cues]) == "are" else "pulls"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _quoted(found: Sequence[tuple[str, float]], comma: str) -> str:
    return comma.join(f"“{bare(text)}” ({number(share)})" for text, share in found)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _clock(seconds: float) -> str:
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"
