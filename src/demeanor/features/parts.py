"""Train, validation and test rows: groups never divided, the test part sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demeanor.datasets._groups import digest, hashed_split, text_key
from demeanor.errors import ConfigError
from demeanor.types import Sample

_REST = 0.8
"""Share of the groups that are not tested on, where data have no parts of their own."""


@dataclass(frozen=True)
class Parts:
    """Row numbers of the three parts; a sample without a part is in none."""

    train: NDArray[np.intp]
    valid: NDArray[np.intp]
    test: NDArray[np.intp]


def group_of(sample: Sample) -> str:
    """What a sample must not be divided from: its group, else itself."""
    return sample.group or sample.id


def is_pseudo(sample: Sample) -> bool:
    """Whether its label is a reader's own, not a person's: it may be learned from, and nothing is measured on it."""
    return bool(sample.labels.get("pseudo"))


def parts_of(
    samples: Sequence[Sample], valid: float = 0.1, folds: int = 0, fold: int = 0, seed: int = 0, by: str = "group"
) -> Parts:
    """The parts of a data set. A pseudo-labelled sample is in train or in none.

    Args:
        samples: with `split` where the corpus has one.
        valid: share of the training groups that is set aside, by hash, where there is no validation part; share of
            all groups where there are no parts and no folds.
        folds: with more than 1, the corpus' own parts are ignored: groups are dealt into that many folds.
        fold: which of them is the test part.
        seed: of the deal.
        by: what is dealt: `group`, or `speaker` where whole speakers (or domains) are to be left out. A group that
            several speakers share stays with the part it is tested in; its other samples are left out. A corpus' own
            parts are taken as they are.

    Raises:
        ConfigError: a part is empty, a group stands in two parts, or `valid` leaves nothing to learn from.
    """
    dealt = [(s.speaker if by == "speaker" else None) or group_of(s) for s in samples]
    names = _folded(dealt, folds, fold, seed) if folds > 1 else _given(samples, dealt, valid)
    if "valid" not in names:
        shares = {"valid": valid, "train": 1 - valid}
        named = zip(samples, dealt, names, strict=True)
        taken = {g for s, g, n in named if n == "train" and not is_pseudo(s)}
        aside = {g for g in taken if hashed_split(f"{seed}:{g}", shares) == "valid"}
        if not aside and len(taken) > 1:  # few speakers: the hash may take none
            aside = {min(taken, key=lambda g: digest(f"{seed}:{g}"))}
        names = ["valid" if n == "train" and g in aside else n for g, n in zip(dealt, names, strict=True)]
    names = ["" if is_pseudo(s) and n != "train" else n for s, n in zip(samples, names, strict=True)]
    if by == "speaker":
        names = _once(samples, names)
    _refuse_divided(samples, names)
    rows = {part: np.flatnonzero(np.array(names, object) == part) for part in ("train", "valid", "test")}
    for part in ("train", "valid"):
        if not len(rows[part]):
            raise ConfigError(f"expected samples in part '{part}', found none among {len(samples)}; see data.valid")
    return Parts(rows["train"], rows["valid"], rows["test"])


def _given(samples: Sequence[Sample], dealt: Sequence[str], valid: float) -> list[str]:
    """The corpus' own parts; where it has none a fifth is the test part, and `valid` of all is set aside."""
    if any(s.split for s in samples):
        return [s.split or "" for s in samples]
    if valid >= _REST:
        raise ConfigError(
            f"data.valid: expected a share below {_REST}, for a fifth is the test part where data have no parts of "
            f"their own, got {valid}; lower it, or set data.folds"
        )
    train = round(_REST - valid, 9)  # 0.7 for 0.1, and not what the subtraction leaves behind it
    shares = {"train": train, "valid": valid, "test": 1 - _REST}
    return [hashed_split(name, shares) for name in dealt]


def _once(samples: Sequence[Sample], names: Sequence[str]) -> list[str]:
    """The same parts; what shares its group with a sample nearer to the test part is in none."""
    order = ("train", "valid", "test")
    last: dict[str, str] = {}
    for sample, name in zip(samples, names, strict=True):
        if name in order:
            last[group_of(sample)] = max(last.get(group_of(sample), "train"), name, key=order.index)
    return [n if last.get(group_of(s)) == n else "" for s, n in zip(samples, names, strict=True)]


def _folded(dealt: Sequence[str], folds: int, fold: int, seed: int) -> list[str]:
    """Groups dealt in random order, each to the fold with fewest rows so far, so that folds are of like size."""
    if not 0 <= fold < folds:
        raise ConfigError(f"data.fold: expected 0 to {folds - 1}, got {fold}")
    groups, counts = np.unique(dealt, return_counts=True)
    if len(groups) < folds:
        raise ConfigError(f"data.folds: expected at most one fold per group, got {folds} for {len(groups)} groups")
    order = np.random.default_rng(seed).permutation(len(groups))
    order = order[np.argsort(-counts[order], kind="stable")] if counts.max() > counts.min() else order
    load = np.zeros(folds, int)
    place: dict[str, int] = {}
    for g in order:
        place[str(groups[g])] = lightest = int(load.argmin())
        load[lightest] += counts[g]
    return ["test" if place[g] == fold else "train" for g in dealt]


def _refuse_divided(samples: Sequence[Sample], names: Sequence[str]) -> None:
    seen: dict[str, tuple[Sample, str]] = {}
    for sample, name in zip(samples, names, strict=True):
        first, part = seen.setdefault(group_of(sample), (sample, name)) if name else (sample, name)
        if part != name:
            # Logs are shared, and the group may be the text itself: ids alone are named.
            said, group = text_key(sample.text or ""), group_of(sample)
            alike = ", of equal text" if sample.text and said == text_key(first.text or "") else ""
            named = "a group" if sample.text and said in text_key(group) else f"group '{group}'"
            raise ConfigError(
                f"{named} stands in parts {part} and {name} (samples '{first.id}' and '{sample.id}'{alike}); "
                "expected every speaker, video or duplicate group in one part only: move one, or leave out what has a "
                'twin in a later part (duplicates = "drop" of table and folder)'
            )
