"""Sentences that must never be learned from, because the product is judged on them."""

from __future__ import annotations

import re
from collections.abc import Iterable

SENTENCES = (
    "今天的天气真好",
    "I love this movie",
    "This movie is terrible",
    "I hate this movie",
    "我很开心",
)
"""The worked examples of the product; a text that says nearly the same is left out of every training set."""

_FOLDED = {
    "movie": "film films movies",
    "love": "loved loves",
    "hate": "hated hates",
    "terrible": "awful horrible bad",
    "this": "that the",
    "is": "was s",
    "": "really so just absolutely very such a it",
}
_SYNONYMS = {word: kept for kept, words in _FOLDED.items() for word in words.split()}
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _tokens(text: str) -> frozenset[str]:
    words = (_SYNONYMS.get(w, w) for w in re.findall(r"[a-z]+", text.lower()))
    return frozenset(w for w in words if w)


def is_held_out(text: str) -> bool:
    """Whether a text is one of `SENTENCES` or a near paraphrase of one.

    English: the same set of content words, synonyms folded (at most one word more). Chinese: up to eight more
    characters around 天气 with a word of praise, or 我…开心 alone.
    """
    chinese = "".join(_CHINESE.findall(text))
    if chinese:
        weather = "天气" in chinese and len(chinese) <= 10 and re.search("好|不错|晴", chinese) is not None
        glad = re.fullmatch("我(今天|现在)?(真|很|好|太|非常|真的)*(的)?开心(啊|呀|了|哦)?", chinese) is not None
        return weather or glad
    words = _tokens(text)
    if not words or len(words) > 6:
        return False
    return any(words >= held and len(words - held) <= 1 for held in _HELD if held)


_HELD = [_tokens(s) for s in SENTENCES]


def without_held_out(texts: Iterable[str]) -> list[bool]:
    """True for each text that may be learned from."""
    return [not is_held_out(t) for t in texts]
