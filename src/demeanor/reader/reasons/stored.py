"""What can be told without the reader, from the numbers of an analysis alone, such as one that comes from JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from demeanor.calibration.pool import PoolRule, pool_by_weights
from demeanor.explain.game import Game, Masks, Said
from demeanor.reader.reasons.whole import said_of
from demeanor.types import EMOTIONS, POLARITIES, FloatArray, Reading

if TYPE_CHECKING:
    from demeanor.reader.analysis import Analysis

_RULE = 0.01  # the reading of all cues may be so far from the rule's, and be the rule's

Vectors = tuple[FloatArray, FloatArray, float]
"""Polarity (3,), emotions (7,), score."""


def stored_cue_game(analysis: Analysis) -> tuple[list[str], Game | None]:
    """The cues that speak, and what the stated pooling rule says of any of them: their weights are in the analysis.

    One alone says what it says. Where the reading of all is learned, as it is of pictures with words or faces and by
    bundles that join features, what some of them say is not in the numbers of an analysis: no game then.
    """
    read = {c: r for c, r in analysis.cues.items() if r.sentiment is not None}
    cues = [c for c, r in read.items() if not r.abstain] or list(read)
    learned = analysis.duration is None and "scene" in cues and len(cues) > 1
    if not cues or learned or any(read[c].weight is None for c in cues):
        return cues, None
    weights = {c: read[c].weight or 0.0 for c in cues}
    vectors = {c: _vectors([read[c]], [1.0]) for c in cues}
    together, all_of_them = _pooled(vectors, weights), said_of(analysis.overall)
    if len(cues) > 1 and (together[1] != all_of_them[1] or abs(together[0] - all_of_them[0]) > _RULE):
        return cues, None

    def look(masks: Masks) -> list[Said]:
        out: list[Said] = []
        for row in masks:
            chosen = [c for c, stays in zip(cues, row, strict=True) if stays]
            if len(chosen) in (1, len(cues)):
                out.append(said_of(read[chosen[0]] if len(chosen) == 1 else analysis.overall))
            else:
                out.append(_pooled({c: vectors[c] for c in chosen}, weights) if chosen else (0.0, None))
        return out

    return cues, Game(len(cues), look)


def movable(analysis: Analysis) -> list[int]:
    """Indices of the segments that can be left out: those of the text, or of the time."""
    return [i for i, s in enumerate(analysis.segments) if s.chars is not None or s.start is not None]


def stored_segment_game(analysis: Analysis) -> Game | None:
    """What is left without some segments, each cue taken as the average of its segments by length.

    That is an approximation: words are read in longer passages, and reliabilities are not in the JSON. None where it
    already fails for all segments together.
    """
    segments = analysis.segments
    weights = {c: r.weight for c, r in analysis.cues.items() if r.weight is not None and not r.abstain}
    if len(movable(analysis)) != len(segments) or not weights:
        return None
    lengths = [
        1.0 if s.start is None or s.end is None else max(0.01, s.end - s.start)
        if s.chars is None else float(s.chars[1] - s.chars[0])
        for s in segments
    ]  # fmt: skip

    def look(masks: Masks) -> list[Said]:
        out: list[Said] = []
        for row in masks:
            cues = {}
            for cue in weights:
                own = [
                    (s.cues[cue], length)
                    for s, length, stays in zip(segments, lengths, row, strict=True)
                    if stays and cue in s.cues and not s.cues[cue].abstain and s.cues[cue].sentiment is not None
                ]
                if own:
                    cues[cue] = _vectors([r for r, _ in own], [length for _, length in own])
            out.append(_pooled(cues, weights) if cues else (0.0, None))
        return out

    game = Game(len(segments), look)
    return game if game.whole()[1] == said_of(analysis.overall)[1] else None


def _vectors(readings: Sequence[Reading], lengths: Sequence[float]) -> Vectors:
    """The average of readings that have a sentiment; without emotions they are even, which says nothing."""
    w = np.asarray(lengths) / np.sum(lengths)
    polarity = [[r.sentiment.probabilities[p] for p in POLARITIES] for r in readings if r.sentiment is not None]
    even = dict.fromkeys(EMOTIONS, 1 / len(EMOTIONS))
    emotions = [[(r.emotions or even)[e] for e in EMOTIONS] for r in readings]
    scores = [r.sentiment.score for r in readings if r.sentiment is not None]
    p, e = w @ np.array(polarity), w @ np.array(emotions)
    return p / p.sum(), e / e.sum(), float(w @ scores)


def _pooled(cues: Mapping[str, Vectors], weights: Mapping[str, float]) -> Said:
    found = pool_by_weights(
        {c: v[0] for c, v in cues.items()},
        {c: v[1] for c, v in cues.items()},
        {c: v[2] for c, v in cues.items()},
        {c: weights[c] for c in cues},
        PoolRule().kappa,
    )
    return found.score, POLARITIES[int(found.polarity.argmax())]
