"""From an expert's raw numbers to `Evidence`, the same for every cue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from demeanor.calibration.temperature import Temperature
from demeanor.types import EMOTIONS, Evidence, FloatArray

NOTHING = (0.25, 0.5, 0.25)
"""Polarity of what could not be read."""


def evidence(
    outputs: Mapping[str, FloatArray],
    calibration: Mapping[str, Any],
    reliabilities: Sequence[float],
    *,
    scored: bool,
    abstain: Sequence[bool] | None = None,
    limits: Mapping[str, Mapping[str, float]] | None = None,
    measured: bool = True,
) -> list[Evidence]:
    """Calibrated evidence of B pieces of input.

    Args:
        outputs: of a graph: logits `polarity` (B, 3) and `emotions` (B, 7), `score` (B,), `hidden` (B, D).
        calibration: {"polarity": …, "emotions": …}, each a `Temperature` as a mapping; an expert without emotions
            leaves theirs out, and its evidence is even over them, which says nothing.
        reliabilities: one in [0, 1] a piece.
        scored: the graph learned intensities; else the score is P(positive) − P(negative).
        abstain: pieces outside of what the expert was made for; nothing is left of its reading of them.
        limits: of prediction sets, where the bundle has them for this expert.
        measured: whether this very expert's calibration was.
    """
    polarity = Temperature.from_dict(calibration["polarity"]).apply(outputs["polarity"])
    emotions = np.full((len(polarity), len(EMOTIONS)), 1 / len(EMOTIONS))
    if "emotions" in calibration:
        emotions = Temperature.from_dict(calibration["emotions"]).apply(outputs["emotions"])
    scores = outputs["score"] if scored else polarity[:, 2] - polarity[:, 0]
    found = [
        Evidence(
            polarity[row],
            emotions[row],
            float(np.clip(scores[row], -1, 1)),
            float(np.clip(reliabilities[row], 0, 1)),
            embedding=outputs["hidden"][row],
            limits=limits,
            measured=measured,
        )
        for row in range(len(polarity))
    ]
    if abstain is None:
        return found
    return [
        faded(e, 0.0, e.reliability, True) if says_nothing else e
        for e, says_nothing in zip(found, abstain, strict=True)
    ]


def faded(evidence: Evidence, trust: float, reliability: float, abstain: bool) -> Evidence:
    """Evidence of which only a part is to be trusted: the rest is what is said where nothing is known.

    Args:
        evidence: as the expert gave it.
        trust: the part, in [0, 1]; of 0 polarity and emotions are those of no reading at all.
        reliability: of what is left.
        abstain: say nothing, whatever is left.
    """
    if trust == 1:
        return replace(evidence, reliability=reliability, abstain=evidence.abstain or abstain)
    even = np.full(len(EMOTIONS), 1 / len(EMOTIONS))
    return replace(
        evidence,
        polarity=trust * evidence.polarity + (1 - trust) * np.array(NOTHING),
        emotions=trust * evidence.emotions + (1 - trust) * even,
        score=trust * evidence.score,
        reliability=reliability,
        abstain=evidence.abstain or abstain,
    )


def in_batches(count: int, size: int) -> list[slice]:
    """Slices that cover `count` rows."""
    return [slice(start, start + size) for start in range(0, count, size)]
