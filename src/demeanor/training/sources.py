"""What a run file's encoders read and learn from; training and `demeanor encode` share it. No torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._encoder import Encoder
from demeanor.errors import ConfigError
from demeanor.features.arrays import load_arrays
from demeanor.features.more import joined, read_more
from demeanor.features.parts import Parts, parts_of
from demeanor.features.read import samples_of
from demeanor.features.store import Store
from demeanor.training.runfile import Data
from demeanor.types import Sample

FITTED = "fitted.json"
"""In a run folder: the ids that its encoders and scales were fitted on."""


def corpus_of(data: Data, root: Path) -> list[Sample]:
    """The samples of the data set, without those of further tables.

    Raises:
        DataError: the data set is not there.
    """
    return samples_of(data.model_dump(exclude={"name"}), root)


def divided(
    data: Data, root: Path, store: Store, say: Callable[[str], None] = lambda line: None
) -> tuple[list[Sample], Parts, NDArray[np.intp]]:
    """All samples with those of further tables, the parts, and the training rows that are the corpus' own.

    Raises:
        ConfigError: a part is empty.
        DataError: the data set is not there.
    """
    samples = corpus_of(data, root)
    parts = parts_of(samples, data.valid, data.folds, data.fold, data.fold_seed, data.by)
    own = parts.train
    if data.also:
        samples, parts, refused = joined(samples, parts, read_more(data.also, root), store.files.digest)
        more = len(parts.train) - len(own)
        say(f"{more} further training samples; {refused} left out that belong to a sealed part")
    return samples, parts, own


def restored(
    encoder: Encoder, modality: str, folder: Path, seen: Sequence[str] | None, own: Sequence[str]
) -> tuple[Encoder, Sequence[str]]:
    """An encoder as an earlier run's was fitted, and the ids that its features stand under.

    Args:
        encoder: which learns.
        modality: under which that run had it.
        folder: of that run.
        seen: the ids that it was fitted on, as `seen_by` tells them.
        own: those of the corpus' own training rows, for a run that does not say.

    Raises:
        ConfigError: that run left no such encoder.
    """
    return encoder.restore(kept(folder, f"encoder-{modality}.npz")), own if seen is None else seen


def seen_by(folder: Path, say: Callable[[str], None]) -> tuple[str, ...] | None:
    """The ids that an earlier run's encoders and scales were fitted on.

    None where it does not say: runs were saved without them once. Those stay of use, with a word that nothing is
    checked.
    """
    path = folder / FITTED
    if not path.is_file():
        say(f"features.as_in: {folder} does not say what it was fitted on; that none of it is held back is unchecked")
        return None
    return tuple(json.loads(path.read_text(encoding="utf-8"))["ids"])


def kept(folder: Path, name: str) -> dict[str, NDArray[Any]]:
    """What an earlier run left.

    Raises:
        ConfigError: it is not there.
    """
    path = folder / name
    if not path.is_file():
        raise ConfigError(
            f"features.as_in: expected {path} of a finished run, found nothing there; train that run first"
        )
    return load_arrays(path)
