"""Words of a text in any language: lower-cased, Chinese segmented, emoji and marks of feeling kept as words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Literal

from pydantic import Field

from demeanor.encoders._encoder import EncoderConfig
from demeanor.plugins import require

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_EMOJI = "\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_JOINERS = "\u200c\u200d"  # between letters of Persian or Hindi


@cache
def _word() -> re.Pattern[str]:
    """A word of the text as `folded`. Made when it is first wanted: marks are found by looking at every character."""
    marks = "".join(c for c in map(chr, range(0x300, 0x20000)) if unicodedata.category(c) in ("Mn", "Mc"))
    marks = re.sub("[\ufe00-\ufe0f]", "", marks)  # how a sign looks: what it is stays the same
    letters = rf"[^\W_{_HAN}]"
    # To `re` a vowel sign of Hindi or Thai is no letter. The look ahead spares plain text the search among 2 000 marks.
    run = rf"{letters}+(?:(?=[^\0-\u02ff])[{marks}]+{letters}*)*"
    return re.compile(
        rf"[{_HAN}]+"
        rf"|{run}(?:['’{_JOINERS}]{run})*"
        r"|[!?！？]"
        r"|[:;=][-^']?(?:[()|\\]|/(?!/)|[dp](?!\w))"  # of lower-cased text; no ":/" of an address, no ":p" of "so:poor"
        rf"|{_FLAG}"
        rf"|[{_EMOJI}](?:[\uFE0F\U0001F3FB-\U0001F3FF]|\u200D[{_EMOJI}])*"
    )


# Function words that carry no feeling. Negations, degrees and persons stay: "not", "too", "I" do carry some.
_ENGLISH = """a an the and or as at by for from in into of on onto to with is am are was were be been being it its this
that these those there here which who whom whose what when where while has have had having do does did doing will would
shall should can could may might must he she they them his her their him we us our ours i'm it's that's"""
_CHINESE = """的 了 着 过 地 得 是 在 和 与 及 或 而 且 之 于 以 把 被 将 从 向 对 为 由 给 跟 这 那 这个 那个 这些
那些 一个 一种 其 该 此 各 每 有 个 们 所 等 啊 呢 吧 吗 嘛"""
STOP_WORDS = {
    "none": frozenset[str](),
    "en": frozenset(_ENGLISH.split()),
    "zh": frozenset(_CHINESE.split()),
    "all": frozenset(_ENGLISH.split()) | frozenset(_CHINESE.split()),
}


class WordsConfig(EncoderConfig):
    """Settings of encoders that read words.

    `chinese`: `words` by a dictionary and a hidden Markov model (rjieba), or single `characters`.
    """

    chinese: Literal["words", "characters"] = "words"
    stop_words: Literal["none", "en", "zh", "all"] = "none"


class LearnedWordsConfig(WordsConfig):
    """And of those that learn which words there are."""

    min_count: int = Field(default=2, ge=1)
    """Training texts a word must stand in."""
    most: int = Field(default=20_000, ge=1)
    """The most frequent are kept."""


def folded(text: str) -> str:
    """Lower-cased, equal characters written alike (NFKC)."""
    return unicodedata.normalize("NFKC", text).lower()


def words(text: str, config: WordsConfig) -> list[str]:
    """Words, numbers, emoji, emoticons, `!` and `?` of a text, in order.

    Raises:
        MissingExtraError: the text is Chinese and rjieba is not installed.
    """
    found: list[str] = []
    for piece in _word().findall(folded(text)):
        found += _han(piece, config) if "\u3400" <= piece[0] <= "\u9fff" else [piece.replace("’", "'")]
    stop = STOP_WORDS[config.stop_words]
    return [w for w in found if w not in stop]


def _han(run: str, config: WordsConfig) -> Sequence[str]:
    if config.chinese == "characters" or len(run) == 1:
        return list(run)
    segments: list[str] = _parter().cut(run)
    return segments


def _parter() -> Any:
    """By its own name: the extra `lab`, which brings it too, is mostly torch, and readers need none."""
    return require("rjieba", None, "parting Chinese text into words (or training with chinese = 'characters')")


def require_parter(terms: Iterable[str], config: WordsConfig) -> None:
    """To be called where words were learned elsewhere: Chinese ones are only found by what parted them there.

    Raises:
        MissingExtraError: there are such, and rjieba is not installed.
    """
    if config.chinese == "words" and any("\u3400" <= c <= "\u9fff" for term in terms for c in str(term)):
        _parter()
