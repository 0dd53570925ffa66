"""Parts that may be left out, and what is read of the rest: what every explanation here is a function of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import DataError

Masks = NDArray[np.bool_]
"""(variants, parts): which parts are left in."""

Said = tuple[float, str | None]
"""A score in [-1, 1] and the polarity's label, None where nothing is read."""


class Game:
    """What is read of every choice of `size` parts; each choice is read once.

    Args:
        size: how many parts there are, at least 1.
        read: gives score and label for each row of the masks; called with choices it has not seen yet, many at once.

    Raises:
        DataError: no parts.
    """

    def __init__(self, size: int, read: Callable[[Masks], Sequence[Said]]) -> None:
        if size < 1:
            raise DataError(f"expected one part or more to explain, got {size}")
        self.size = size
        self._read = read
        self._known: dict[bytes, Said] = {}

    @property
    def readings(self) -> int:
        """How many choices were read so far."""
        return len(self._known)

    def play(self, masks: Masks) -> list[Said]:
        """Score and label of each row of `masks` (variants, parts)."""
        rows = np.ascontiguousarray(masks, dtype=bool).reshape(-1, self.size)
        keys = [row.tobytes() for row in rows]
        new = {key: row for key, row in zip(keys, rows, strict=True) if key not in self._known}
        if new:
            found = self._read(np.stack(list(new.values())))
            self._known.update(zip(new, found, strict=True))
        return [self._known[key] for key in keys]

    def scores(self, masks: Masks) -> NDArray[np.float64]:
        """Scores (variants,) alone."""
        return np.array([score for score, _ in self.play(masks)], np.float64)

    def whole(self) -> Said:
        """What is read of everything."""
        return self.play(np.ones((1, self.size), bool))[0]

    def knows_all(self) -> bool:
        """Whether every choice was read."""
        return self.size < 60 and self.readings == 2**self.size


def without_each(size: int) -> Masks:
    """All parts but one, for each: (parts, parts)."""
    return ~np.eye(size, dtype=bool)
