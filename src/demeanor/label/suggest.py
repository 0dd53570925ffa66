"""What to label next: what the reader is least sure of, from every film or thread in turn.

Uncertainty sampling: Lewis and Gale, A Sequential Algorithm for Training Text Classifiers (1994). By itself it would
take one hard film to its end first; so each group gives its most uncertain item once per round.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from demeanor.label.readings import Reading
from demeanor.types import POLARITIES, Sample


def entropy(reading: Reading) -> float | None:
    """Of the polarity's probabilities, as a share of its maximum; None where none is predicted."""
    said = reading.get("sentiment")
    if not said:
        return None
    shares = [float(said["probabilities"][name]) for name in POLARITIES]
    return -sum(p * math.log(p) for p in shares if p > 0) / math.log(len(shares))


def doubt(reading: Reading) -> float | None:
    """1 − the calibrated probability that the polarity is right; None where there is none."""
    confidence = reading.get("confidence")
    return None if confidence is None else 1.0 - float(confidence)


MEASURES: Mapping[str, Callable[[Reading], float | None]] = {"entropy": entropy, "confidence": doubt}
"""What uncertainty is, by name."""


def next_items(
    items: Sequence[Sample],
    readings: Mapping[str, Reading],
    *,
    by: str = "entropy",
    labelled: Collection[str] = (),
) -> list[tuple[str, float | None]]:
    """Ids in the order in which to label them, each with its uncertainty in [0, 1].

    In rounds: every group gives its most uncertain item that is left, the most uncertain of the round first. Items
    that could not be read come last, and those that somebody has labelled come before all, so that everybody
    labels those and agreement can be told.

    Args:
        items: of the task.
        readings: by id.
        by: entropy of the polarity, or 1 − confidence.
        labelled: ids that have a label.
    """
    measure = MEASURES[by]
    unsure = {i.id: measure(readings[i.id]) if i.id in readings else None for i in items}
    groups: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for item in items:
        if item.id not in labelled and (value := unsure[item.id]) is not None:
            groups[item.group or item.id].append((-value, item.id))
    rounds = [(n, value, name) for group in groups.values() for n, (value, name) in enumerate(sorted(group))]
    first = [i.id for i in items if i.id in labelled]
    last = [i.id for i in items if i.id not in labelled and unsure[i.id] is None]
    return [(name, unsure[name]) for name in (*first, *(name for _, _, name in sorted(rounds)), *last)]
