"""What a corpus lacks, counted and said once: nothing is left out silently, nothing stops the rest."""

from __future__ import annotations

import warnings

from demeanor.datasets._dataset import Card


class DataWarning(UserWarning):
    """Some samples of a corpus were skipped or lack a medium; the message counts and names them."""


class Gaps:
    """Collects what is missing while a corpus is read."""

    def __init__(self, card: Card) -> None:
        self._name = card.name
        self._found: dict[str, list[str]] = {}

    def add(self, what: str, item: str) -> None:
        """Note one item, such as ("no clip: text alone", "train dia125_utt3")."""
        self._found.setdefault(what, []).append(item)

    def tell(self) -> None:
        """Warn once, if there was anything."""
        if self._found:
            parts = [
                f"{len(items)} × {what} ({', '.join(items[:5])}{' …' if len(items) > 5 else ''})"
                for what, items in self._found.items()
            ]
            warnings.warn(f"{self._name}: {'; '.join(parts)}", DataWarning, stacklevel=3)
