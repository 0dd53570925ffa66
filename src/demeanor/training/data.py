"""Samples → arrays the loop can batch: inputs by modality, targets by task, groups and splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from demeanor.batch import FeatureBatch
from demeanor.types import EMOTIONS, POLARITIES, Sample

POLARITY_OF = {
    "joy": "positive", "neutral": "neutral", "anger": "negative", "disgust": "negative", "fear": "negative",
    "sadness": "negative",
}  # fmt: skip
"""Surprise is left out: it may be either."""


@dataclass
class Rows:
    """N samples as arrays. Ragged modalities are lists of arrays (time, …); pictures and vectors one array (N, …).

    In a list None stands for a missing modality; `shapes` holds an example of each, so that a batch without any has
    its width.
    """

    values: dict[str, Any]
    labels: dict[str, NDArray[np.float32]]
    weight: NDArray[np.float32]
    group: list[str] = field(default_factory=list)
    corpus: list[str] = field(default_factory=list)
    shapes: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for modality, column in self.values.items():
            example = None if isinstance(column, np.ndarray) else example_of(column)
            if example is not None:
                self.shapes.setdefault(modality, example)

    def __len__(self) -> int:
        return len(self.weight)

    def take(self, rows: NDArray[np.intp]) -> Rows:
        """Those rows, in that order."""
        values = {m: v[rows] if isinstance(v, np.ndarray) else [v[i] for i in rows] for m, v in self.values.items()}
        labels = {t: y[rows] for t, y in self.labels.items()}
        pick = [self.group[i] for i in rows] if self.group else []
        corpus = [self.corpus[i] for i in rows] if self.corpus else []
        return Rows(values, labels, self.weight[rows], pick, corpus, dict(self.shapes))


def example_of(column: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    """What `Rows.shapes` holds of a modality: the first step of a sequence, a whole picture; None where all miss it."""
    first = next((x for x in column if x is not None), None)
    return first if first is None or first.ndim > 2 else first[:1]


def polarity_target(score: float) -> NDArray[np.float32]:
    """Soft classes of an intensity in [-1, 1]: 0 is neutral, beyond ±1/3 (±1 on the MOSI scale) fully polar."""
    polar = min(1.0, abs(score) * 3)
    return np.array([polar * (score < 0), 1 - polar, polar * (score > 0)], np.float32)


def one_hot(names: str, classes: Sequence[str]) -> NDArray[np.float32]:
    """Comma-separated class names → distribution (K,), equal over the names."""
    target = np.zeros(len(classes), np.float32)
    for name in names.split(","):
        target[classes.index(name)] = 1
    share: NDArray[np.float32] = target / target.sum()
    return share


def targets(
    samples: Sequence[Sample], missing: Mapping[str, Sequence[str]] | None = None
) -> dict[str, NDArray[np.float32]]:
    """Targets of the three tasks; NaN where a sample has no label for a task.

    Polarity follows from intensity, or from a single emotion other than surprise, where it is not labelled itself.

    Args:
        samples: with labels `score` (in [-1, 1]), `polarity` and `emotions` (names, comma-separated).
        missing: per task the classes this corpus does not have: they get target -1, and are left out of the softmax.
    """
    missing = missing or {}
    count = len(samples)
    out = {
        "polarity": np.full((count, 3), np.nan, np.float32),
        "emotions": np.full((count, 7), np.nan, np.float32),
        "score": np.full(count, np.nan, np.float32),
    }
    for row, sample in enumerate(samples):
        labels = sample.labels
        if "score" in labels:
            out["score"][row] = float(labels["score"])
            out["polarity"][row] = polarity_target(float(labels["score"]))
        if "emotions" in labels:
            names = str(labels["emotions"])
            out["emotions"][row] = one_hot(names, EMOTIONS)
            if names in POLARITY_OF and "polarity" not in labels:
                out["polarity"][row] = one_hot(POLARITY_OF[names], POLARITIES)
        if "polarity" in labels:
            out["polarity"][row] = one_hot(str(labels["polarity"]), POLARITIES)
    for task, absent in missing.items():
        classes = POLARITIES if task == "polarity" else EMOTIONS
        labelled = ~np.isnan(out[task]).any(1)
        for name in absent:
            out[task][labelled, classes.index(name)] = -1
    return out


def join(parts: Sequence[Rows]) -> Rows:
    """Rows of several corpora, one after the other."""
    values: dict[str, Any] = {}
    for m in parts[0].values:
        columns = [p.values[m] for p in parts]
        arrays = all(isinstance(c, np.ndarray) for c in columns)
        values[m] = np.concatenate(columns) if arrays else [v for c in columns for v in c]
    labels = {t: np.concatenate([p.labels[t] for p in parts]) for t in parts[0].labels}
    return Rows(
        values,
        labels,
        np.concatenate([p.weight for p in parts]),
        [g for p in parts for g in p.group],
        [c for p in parts for c in p.corpus],
    )


def collate(rows: Rows, index: NDArray[np.intp]) -> FeatureBatch:
    """One batch: ragged modalities padded to their longest with `valid` False beyond; None is `present` False."""
    values: dict[str, torch.Tensor] = {}
    valid: dict[str, torch.Tensor | None] = {}
    present: dict[str, torch.Tensor] = {}
    for m, column in rows.values.items():
        if isinstance(column, np.ndarray):
            values[m], valid[m] = torch.from_numpy(np.ascontiguousarray(column[index])), None
            present[m] = torch.ones(len(index), dtype=torch.bool)
            continue
        items = [column[i] for i in index]
        there = np.array([item is not None for item in items])
        known = rows.shapes[m]
        if known.ndim == 3:
            filled = np.stack([np.zeros_like(known) if i is None else i for i in items])
            values[m], valid[m] = torch.from_numpy(filled), None
        else:
            values[m], valid[m] = _padded(items, known)
        present[m] = torch.from_numpy(there)
    labels = {t: torch.from_numpy(y[index]) for t, y in rows.labels.items()}
    labels["weight"] = torch.from_numpy(rows.weight[index])
    return FeatureBatch(values, valid, present, labels, torch.from_numpy(index))


def _padded(items: Sequence[NDArray[Any] | None], known: NDArray[Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences (time, …) → (B, T, …) and valid (B, T); `known` gives width and type where all are missing."""
    lengths = np.array([0 if i is None else len(i) for i in items])
    mask = np.arange(max(1, lengths.max()))[None] < lengths[:, None]
    padded = np.zeros((*mask.shape, *known.shape[1:]), known.dtype)
    if lengths.any():
        padded[mask] = np.concatenate([i for i in items if i is not None])
    return torch.from_numpy(padded), torch.from_numpy(mask)


def batches(rows: Rows, size: int, rng: np.random.Generator | None, balanced: bool = False) -> Iterator[FeatureBatch]:
    """Every row once. With `rng` shuffled, rows of like length together (less padding); without, in order of length.

    `balanced` draws as many rows with replacement instead, each class as often as the others.
    """
    ragged = [v for v in rows.values.values() if not isinstance(v, np.ndarray)]
    order = np.arange(len(rows))
    if rng is not None:
        order = rng.choice(len(rows), len(rows), p=class_chances(rows.labels)) if balanced else rng.permutation(order)
    if ragged:
        lengths = np.sum([[0 if i is None else len(i) for i in column] for column in ragged], 0)
        pool = size * 50 if rng is not None else len(order)
        chunks = [order[i : i + pool] for i in range(0, len(order), pool)]
        order = np.concatenate([c[np.argsort(lengths[c], kind="stable")] for c in chunks])
    starts = np.arange(0, len(order), size)
    if rng is not None:
        rng.shuffle(starts)
    for start in starts:
        yield collate(rows, order[start : start + size])


def inverse_frequency(target: NDArray[np.float32], power: float) -> NDArray[np.float32]:
    """(N, classes) labelled rows → (N,) weights: the share of each row's class to minus `power`."""
    classes = target.argmax(1)
    shares = np.bincount(classes, minlength=target.shape[1]) / len(classes)
    weight: NDArray[np.float32] = (shares[classes] ** -power).astype(np.float32)
    return weight


def class_chances(labels: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """(N,) chances that make every class of the first classified task equally likely; signs for a regression.

    Rows without that label are together as likely as one class: other tasks may learn from them.
    """
    classed = next((y for y in labels.values() if y.ndim == 2), None)
    if classed is None:
        number = next(y for t, y in labels.items() if t != "weight")
        bare = np.isnan(number)
        classes = np.sign(np.nan_to_num(number)).astype(int) + 1
    else:
        bare = np.asarray(np.isnan(classed).all(1))
        classes = np.nan_to_num(classed, nan=0.0).argmax(1)
    bins = np.where(bare, classes.max(initial=0) + 1, classes)
    chances = 1.0 / np.bincount(bins)[bins]
    share: NDArray[np.float64] = chances / chances.sum()
    return share
