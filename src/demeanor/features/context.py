"""An utterance among those around it: windows over the same video or dialogue."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.media.kind import KNOWN_EXTENSIONS
from demeanor.types import Sample


def place(sample: Sample) -> tuple[float, float, list[float], str]:
    """Where a sample stands in its group: by start time, else by the last number in its id (never as a string).

    Where that is the same, by all of them; the ending of a medium's name (.mp3) is no part of it.
    """
    stem, dot, ending = sample.id.rpartition(".")
    name = stem if f"{dot}{ending}".lower() in KNOWN_EXTENSIONS else sample.id
    numbers = [float(n) for n in re.findall(r"\d+", name)]
    return (sample.start or 0.0, numbers[-1] if numbers else 0.0, numbers, sample.id)


def windows(samples: Sequence[Sample], reach: int) -> list[tuple[list[int], int]]:
    """Per sample the rows of its window (up to `reach` before and after, same group) and the target's place in it."""
    groups: dict[str, list[int]] = {}
    for row, sample in enumerate(samples):
        groups.setdefault(sample.group or sample.id, []).append(row)
    out: list[tuple[list[int], int]] = [([], 0)] * len(samples)
    for rows in groups.values():
        rows.sort(key=lambda r: place(samples[r]))
        for at, row in enumerate(rows):
            first = max(0, at - reach)
            out[row] = (rows[first : at + reach + 1], at - first)
    return out


def in_context(
    column: Sequence[NDArray[Any] | None], samples: Sequence[Sample], reach: int
) -> list[NDArray[np.float32] | None]:
    """Each sample's mean vector among its neighbours': (utterances, dim + 1); the last channel marks the target.

    A neighbour without the modality is a row of zeros; a target without it is None.
    """
    means = [None if x is None or not len(x) else np.asarray(x, np.float32).mean(0) for x in column]
    dim = next(len(m) for m in means if m is not None)
    out: list[NDArray[np.float32] | None] = []
    for row, (rows, at) in enumerate(windows(samples, reach)):
        if means[row] is None:
            out.append(None)
            continue
        window = np.zeros((len(rows), dim + 1), np.float32)
        for place_in, other in enumerate(rows):
            mean = means[other]
            if mean is not None:
                window[place_in, :dim] = mean
        window[at, dim] = 1.0
        out.append(window)
    return out


def preceding(
    column: Sequence[NDArray[Any] | None], samples: Sequence[Sample], count: int
) -> list[NDArray[Any] | None]:
    """Each sample's `count` utterances before it in the same group, oldest first, their steps one after the other.

    None where there is none, or none of them has the modality. Never from another video or dialogue, and so, as groups
    are whole, never from another part.
    """
    out: list[NDArray[Any] | None] = []
    for row, (rows, at) in enumerate(windows(samples, count)):
        assert rows[at] == row
        before = [x for x in (column[other] for other in rows[:at]) if x is not None and len(x)]
        out.append(np.concatenate(before) if before else None)
    return out
