"""Counting terms over texts: which there are, how often, in how many texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import ConfigError

Terms = Sequence[str]


def n_grams(tokens: Sequence[str], low: int, high: int) -> list[str]:
    """Runs of `low` to `high` words, joined by spaces."""
    return [
        " ".join(tokens[i : i + n]) for n in range(low, min(high, len(tokens)) + 1) for i in range(len(tokens) - n + 1)
    ]


def character_n_grams(text: str, low: int, high: int) -> list[str]:
    """Runs of `low` to `high` characters within words, a space on either side of each; a shorter word is whole."""
    found = []
    for word in re.sub(r"\s+", " ", text.lower()).split():
        padded = f" {word} "
        for n in range(low, high + 1):
            found += [padded[i : i + n] for i in range(max(1, len(padded) - n + 1))]
            if n >= len(padded):
                break
    return found


def learn_terms(
    texts: Iterable[Terms], min_count: int, most: int, max_share: float = 1.0
) -> tuple[list[str], NDArray[np.int64], int]:
    """Terms in at least `min_count` texts and at most that share of them; the `most` frequent, by name.

    Returns:
        The terms, in how many texts each stands (terms,), the number of texts.

    Raises:
        ConfigError: no term is left.
    """
    total, within, count = Counter[str](), Counter[str](), 0
    for terms in texts:
        found = Counter(terms)
        total.update(found)
        within.update(found.keys())
        count += 1
    kept = [t for t, n in within.items() if min_count <= n <= max_share * count]
    if not kept:
        raise ConfigError(
            f"expected words that stand in at least {min_count} of the training texts, found none in {count} texts; "
            "lower min_count"
        )
    kept = sorted(sorted(kept, key=lambda t: (-total[t], t))[:most])
    return kept, np.array([within[t] for t in kept], np.int64), count


def counted(terms: Terms, index: dict[str, int]) -> NDArray[np.float32]:
    """How often each known term stands there: (terms,)."""
    out = np.zeros(len(index), np.float32)
    for term, n in Counter(terms).items():
        if term in index:
            out[index[term]] = n
    return out


def indexed(terms: Iterable[str]) -> dict[str, int]:
    """Place of each term."""
    return {str(term): i for i, term in enumerate(terms)}
