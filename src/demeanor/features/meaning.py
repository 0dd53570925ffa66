"""What a task's classes mean in the words of a reading: the three polarities, the seven emotions, or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from demeanor.types import EMOTIONS, POLARITIES

Reads = Literal["polarity", "emotions", "score", "valence", "arousal", "dominance"]

_POLARITY: Mapping[str, str] = {
    **{p: p for p in POLARITIES}, "neg": "negative", "neu": "neutral", "pos": "positive", "bad": "negative",
    "good": "positive", "消极": "negative", "负面": "negative", "中性": "neutral", "积极": "positive",
    "正面": "positive",
}  # fmt: skip
_EMOTION: Mapping[str, str] = {
    **{e: e for e in EMOTIONS}, "angry": "anger", "ang": "anger", "mad": "anger", "disgusted": "disgust",
    "dis": "disgust", "fearful": "fear", "afraid": "fear", "fea": "fear", "scared": "fear", "happy": "joy",
    "happiness": "joy", "hap": "joy", "joyful": "joy", "sad": "sadness", "surprised": "surprise", "sur": "surprise",
    "neu": "neutral", "calm": "neutral", "愤怒": "anger", "生气": "anger", "厌恶": "disgust", "恐惧": "fear",
    "害怕": "fear", "高兴": "joy", "快乐": "joy", "开心": "joy", "悲伤": "sadness", "伤心": "sadness",
    "惊讶": "surprise", "惊奇": "surprise", "中性": "neutral",
}  # fmt: skip
_SCORES = frozenset(("score", "sentiment", "sentiment_score", "polarity", "intensity"))
_DIMENSIONS: Mapping[str, Reads] = {"valence": "valence", "arousal": "arousal", "dominance": "dominance"}


def reads_of(name: str, label: str, classes: Sequence[str] | None) -> Reads | None:
    """What of a reading a task fills, by its classes or, for a regression, by its name or its label's.

    Args:
        name: of the task.
        label: of the data set's column.
        classes: None for a regression.
    """
    if classes is not None:
        if sums(classes, "polarity") is not None:
            return "polarity"
        return "emotions" if sums(classes, "emotions") is not None else None
    names = {name.lower(), label.lower()}
    if names & _SCORES:
        return "score"
    return next((_DIMENSIONS[n] for n in sorted(names) if n in _DIMENSIONS), None)


def sums(classes: Sequence[str], kind: Literal["polarity", "emotions"]) -> NDArray[np.float64] | None:
    """(classes, 3 or 7) of 0 and 1: which polarity or emotion each class counts for; None if one counts for none.

    Two or more of them must be told apart.
    """
    words, columns = (_POLARITY, POLARITIES) if kind == "polarity" else (_EMOTION, EMOTIONS)
    meant = [words.get(c.strip().lower()) for c in classes]
    if None in meant or len(set(meant)) < 2:
        return None
    out = np.zeros((len(classes), len(columns)))
    for row, word in enumerate(meant):
        out[row, columns.index(str(word))] = 1
    return out
