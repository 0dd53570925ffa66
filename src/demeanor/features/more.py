"""Further tables whose rows join the training part of a data set: corrections, pseudo-labels, samples without labels.

They never change what the corpus is measured on. A row that shares with a sealed sample its group, its text or the
content of its file is left out, and so is one that is itself held back (`split` other than train).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from demeanor.datasets import table
from demeanor.datasets._groups import text_key
from demeanor.features.parts import Parts, group_of
from demeanor.types import Sample

Digest = Callable[[Path], str]
"""A file's content as a name."""

_MEDIA = ("image", "audio", "video")


def read_more(tables: Iterable[str | Path], root: Path) -> list[Sample]:
    """The rows of these tables, ids after `prefix_of` the table; `split` is `train` where a row names none.

    Args:
        tables: paths, below `root` where they are not absolute.
        root: the data folder.
    """
    return [
        replace(sample, id=prefix_of(number) + sample.id, split=sample.split or "train")
        for number, place in enumerate(tables)
        for sample in table.read(root / place)
    ]


def prefix_of(number: int) -> str:
    """What the ids of the table of that number begin with: two tables may know one id."""
    return f"also-{number}/"


def joined(
    samples: Sequence[Sample], parts: Parts, more: Sequence[Sample], digest: Digest
) -> tuple[list[Sample], Parts, int]:
    """All samples with the further ones after them, the training part with those that may join it, how many may not.

    Args:
        samples: the corpus'.
        parts: its parts.
        more: further samples; those whose split is not `train` are in no part.
        digest: of a file's content.
    """
    held = [samples[i] for i in (*parts.valid, *parts.test)] + [s for s in more if s.split != "train"]
    sealed = {key for s in held for key in keys_of(s, digest)}
    joining = [i for i, s in enumerate(more) if s.split == "train" and not sealed & keys_of(s, digest)]
    train = np.concatenate([parts.train, np.array(joining, np.intp) + len(samples)])
    refused = sum(s.split == "train" for s in more) - len(joining)
    return [*samples, *more], replace(parts, train=train), refused


def keys_of(sample: Sample, digest: Digest) -> set[str]:
    """What makes two samples the same thing: a group, a text, the content of a file."""
    keys = {f"group {group_of(sample)}"}
    if said := text_key(sample.text or ""):
        keys.add(f"text {said}")
    for path in (getattr(sample, part) for part in _MEDIA):
        if isinstance(path, Path) and path.is_file():
            keys.add(f"file {digest(path)}")
    return keys
