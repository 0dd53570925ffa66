"""What the page asks for and what it says: one rater's work, or the settling of disagreements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demeanor.errors import InputError
from demeanor.label.agree import disputes
from demeanor.label.store import LabelStore, Mark, rater_name
from demeanor.label.task import Task
from demeanor.types import Sample

_MEDIA = ("video", "audio", "image")


class Work:
    """A task as the page sees it. No rater is told of another; who decides is told what was said, not by whom.

    Args:
        task: the task.
        store: its labels.
        rater: a name to begin with; the page asks otherwise.
        decides: the page settles what raters disagree on.
    """

    def __init__(self, task: Task, store: LabelStore, rater: str | None = None, decides: bool = False) -> None:
        self._task, self._store, self._rater, self._decides = task, store, rater, decides
        self._disputes = {d.item: d for d in disputes(task, store)} if decides else {}
        place = {item.id: number for number, item in enumerate(task.items)}
        self._order = [place[name] for name in self._disputes] if decides else task.order()

    @property
    def size(self) -> int:
        """How many items there are to work on."""
        return len(self._order)

    def item(self, number: int) -> Sample:
        """An item of the task.

        Raises:
            InputError: it has fewer.
        """
        if not 0 <= number < len(self._task.items):
            raise InputError(f"expected an item below {len(self._task.items)}, got {number}")
        return self._task.items[number]

    def about(self) -> dict[str, Any]:
        """What is asked, of whom."""
        return {
            "name": self._task.name, "asked": self._task.asked, "instructions": self._task.instructions,
            "rater": self._rater, "decides": self._decides, "total": self.size,
        }  # fmt: skip

    def of(self, rater: str) -> dict[str, Any]:
        """The order of the items by number, and what this rater has said of them."""
        marks = self._store.marks(rater_name(rater), self._decides)
        said = {n: marks[self._task.items[n].id] for n in self._order if self._task.items[n].id in marks}
        return {"rater": rater_name(rater), "order": self._order, "marks": {n: _plain(m) for n, m in said.items()}}

    def shown(self, number: int) -> dict[str, Any]:
        """An item for the eye and ear; nothing that says where it comes from or what others think."""
        item = self.item(number)
        out: dict[str, Any] = {
            "number": number, "text": item.text, "language": item.language, "start": item.start, "end": item.end,
            "speaker": item.speaker, "media": [part for part in _MEDIA if getattr(item, part) is not None],
            "before": self._before(number),
        }  # fmt: skip
        if self._decides and item.id in self._disputes:
            out["others"] = [_plain(mark) for mark in self._disputes[item.id].marks.values()]
        return out

    def label(self, rater: str, number: int, values: Mapping[str, Any], skipped: bool) -> None:
        """Keep what a rater says.

        Raises:
            ConfigError: a name or a label that cannot be.
            InputError: no such item.
        """
        self._store.add(rater, self.item(number).id, values, skipped=skipped, decides=self._decides)

    def undo(self, rater: str) -> int | None:
        """Take the rater's last word back; the number of the item it was about."""
        name = self._store.undo(rater, self._decides)
        return next((n for n in self._order if self._task.items[n].id == name), None)

    def _before(self, number: int) -> str | None:
        """What was said just before in the same recording or text, without which many a reply cannot be read."""
        if not number:
            return None
        (whole, part, _), last = self._task.items[number].id.rpartition("#"), self._task.items[number - 1]
        return last.text if part and last.id.rpartition("#")[0] == whole else None


def _plain(mark: Mark) -> dict[str, Any]:
    return {"values": dict(mark.values), "skipped": mark.skipped}
