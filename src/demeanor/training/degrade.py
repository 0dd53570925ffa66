"""Rows and batches as they would be with less in them: modalities taken away, frames lost at random."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from demeanor.batch import CONTEXT, FeatureBatch
from demeanor.features.normalise import is_frames
from demeanor.training.data import Rows


def subsets_of(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Every non-empty set of the names, the smaller ones first."""
    return [c for n in range(1, len(names) + 1) for c in itertools.combinations(names, n)]


def only(rows: Rows, modalities: Sequence[str]) -> Rows:
    """The rows with those modalities, and their contexts, alone; the others are missing."""
    kept = {m for m in rows.values if m in modalities or context_of(m, rows.values) in modalities}
    values = {m: v if m in kept else [None] * len(rows) for m, v in rows.values.items()}
    return dataclasses.replace(rows, values=values, shapes=rows.shapes)


def context_of(name: str, names: Collection[str]) -> str | None:
    """The modality, one of the names, that this one is the context of; None where it stands for itself."""
    modality = name.removesuffix(CONTEXT)
    return modality if modality != name and modality in names else None


def standing(names: Collection[str]) -> list[str]:
    """The names that stand for themselves; a `NAME_context` goes with its `NAME`."""
    return [name for name in names if context_of(name, names) is None]


def drop_modalities(batch: FeatureBatch, chance: float, generator: torch.Generator) -> FeatureBatch:
    """Each sample loses each modality, and its context with it, with that chance, but never its last one."""
    contexts = {m: of for m in batch.present if (of := context_of(m, batch.present)) is not None}
    names = standing(batch.present)
    here = torch.stack([batch.present[m] for m in names], 1)
    chosen, luck = (torch.rand(here.shape, generator=generator).to(here.device) for _ in range(2))
    kept = here & (chosen >= chance)
    # A sample about to lose all keeps the one of those it has that the draw names.
    spared = (luck * here).argmax(1)
    alone = torch.nn.functional.one_hot(spared, len(names)).bool() & here
    kept = torch.where(kept.any(1, keepdim=True), kept, alone)
    lost = dict(zip(names, (here & ~kept).unbind(1), strict=True))
    return dataclasses.replace(batch, present={m: p & ~lost[contexts.get(m, m)] for m, p in batch.present.items()})


def fewer_frames(rows: Rows, share: float, ids: Sequence[str], seed: int = 0, marked: Collection[str] = ()) -> Rows:
    """The rows with that share of all frames (time, dim) taken out; a modality that loses every frame is missing.

    What a frame's fate is hangs on the seed, the sample's id and the modality alone, so it is the same for every model,
    and a frame lost at one share is lost at every greater one. Token ids and pictures stay as they are. Of the
    modalities that are `marked` (`features.context`) the step whose last number is the mark stays: it is the utterance
    that is asked for, and without it a neighbour would be scored.
    """
    values = {}
    for modality, column in rows.values.items():
        if not all(x is None or is_frames(x) for x in column):
            values[modality] = column
            continue
        named = zip(column, ids, strict=True)
        values[modality] = [_thinned(x, share, f"{seed}:{modality}:{i}", modality in marked) for x, i in named]
    return dataclasses.replace(rows, values=values, shapes=rows.shapes)


def _thinned(frames: NDArray[Any] | None, share: float, key: str, marked: bool) -> NDArray[Any] | None:
    if frames is None:
        return None
    number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    stays = np.random.default_rng(number).random(len(frames)) >= share
    if marked:
        stays |= frames[:, -1] == 1
    return frames[stays] if stays.any() else None
