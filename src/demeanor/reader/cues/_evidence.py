"""From an expert's raw numbers to `Evidence`, the same for every cue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from demeanor.calibration.temperature import Temperature
from demeanor.types import EMOTIONS, Evidence, FloatArray


def evidence(
    outputs: Mapping[str, FloatArray],
    calibration: Mapping[str, Any],
    reliabilities: Sequence[float],
    *,
    scored: bool,
    abstain: Sequence[bool] | None = None,
) -> list[Evidence]:
    """Calibrated evidence of B pieces of input.

    Args:
        outputs: of a graph: logits `polarity` (B, 3) and `emotions` (B, 7), `score` (B,), `hidden` (B, D).
        calibration: {"polarity": …, "emotions": …}, each a `Temperature` as a mapping; an expert without emotions
            leaves theirs out, and its evidence is even over them, which says nothing.
        reliabilities: one in [0, 1] a piece.
        scored: the graph learned intensities; else the score is P(positive) − P(negative).
        abstain: pieces outside of what the expert was made for.
    """
    polarity = Temperature.from_dict(calibration["polarity"]).apply(outputs["polarity"])
    emotions = np.full((len(polarity), len(EMOTIONS)), 1 / len(EMOTIONS))
    if "emotions" in calibration:
        emotions = Temperature.from_dict(calibration["emotions"]).apply(outputs["emotions"])
    scores = outputs["score"] if scored else polarity[:, 2] - polarity[:, 0]
    return [
        Evidence(
            polarity[row],
            emotions[row],
            float(np.clip(scores[row], -1, 1)),
            float(np.clip(reliabilities[row], 0, 1)),
            bool(abstain[row]) if abstain is not None else False,
            outputs["hidden"][row],
        )
        for row in range(len(polarity))
    ]


def in_batches(count: int, size: int) -> list[slice]:
    """Slices that cover `count` rows."""
    return [slice(start, start + size) for start in range(0, count, size)]
