"""Short texts in batches: each its own answer, few at once read together, many on more cores, a bad one alone."""

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from demeanor.errors import InputError
from demeanor.reader.analysis import Analysis
from demeanor.reader.inputs import Parts, gather
from demeanor.serve.texts import FEW, MOST, Texts
from reader_fakes import fake_reader

WORDS = frozenset({"words"})


class Slow:
    """A reader that takes a while, and remembers how many texts it was given and how often it ran at once."""

    def __init__(self) -> None:
        self.reader, self.sizes = fake_reader(), list[int]()
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def read_texts(self, parts: Sequence[Parts], cues: Any, ids: Sequence[str], errors: Any) -> Sequence[Analysis]:
        with self._lock:
            self.sizes.append(len(parts))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.05)
        with self._lock:
            self.at_once -= 1
        if "poison" in ids:
            raise InputError("expected a text that can be read")
        return list(self.reader.read_texts(parts, cues, ids, errors))


def read_all(reader: Slow, ids: Sequence[str], cores: int = 2) -> list[Any]:
    texts = Texts(reader, cores)  # type: ignore[arg-type]

    async def all_at_once() -> list[Any]:
        waiting = (texts.read(gather(text=f"I love it {i}."), WORDS, i) for i in ids)
        return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 60)

    found = asyncio.run(all_at_once())
    assert texts.depth == 0
    texts.close()
    return found


@pytest.mark.parametrize("count", [1, 2, MOST, MOST + 1, 5 * MOST + 3])
def test_each_text_gets_its_own_answer(count: int) -> None:
    reader = Slow()
    ids = [f"text {n}" for n in range(count)]
    assert [found.id for found in read_all(reader, ids)] == ids
    assert sum(reader.sizes) == count
    assert max(reader.sizes) <= MOST


def test_few_share_a_batch_on_one_core_and_many_take_all_cores() -> None:
    few, many = Slow(), Slow()
    read_all(few, [str(n) for n in range(FEW - 1)])
    read_all(many, [str(n) for n in range(4 * MOST)])
    assert few.sizes == [FEW - 1]
    assert many.most_at_once == 2
    assert len(many.sizes) <= 10


def test_a_text_that_cannot_be_read_costs_itself_only() -> None:
    ids = ["a", "b", "poison", "c"]
    found = read_all(Slow(), ids)
    assert isinstance(found[2], InputError)
    assert [f.id for n, f in enumerate(found) if n != 2] == ["a", "b", "c"]
