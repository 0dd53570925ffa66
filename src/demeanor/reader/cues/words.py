"""The words: a multilingual Transformer over sentences."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from demeanor.bundle import Bundle
from demeanor.encoders.text_tokens import TextTokens, pad
from demeanor.media.language import detect_language
from demeanor.media.repetition import condense
from demeanor.reader.cues._evidence import evidence, faded
from demeanor.reader.cues._legible import Doubt, Legible
from demeanor.reader.fuse import average
from demeanor.reader.progress import tell
from demeanor.types import Evidence, FloatArray

TOKENS_PER_BATCH = 512
"""Padded tokens that are read at once: what an inner layer makes of them still fits the processor's cache. Of 2048 at
once a tenth fewer are read in the same time; of 256 no more."""
TOKENS_OF_A_RUN = 16
"""What a run costs beside its tokens, in tokens: fetching the weights and calling the graph."""
MOST_WINDOWS = 4
"""Pieces in which one text is read at most: of a longer one its beginning and its end."""

_ALL = 1 << 30  # tokens: nothing is cut off before the windows are laid
_CLEAR, _MUMBLED = 0.7, 0.35  # probability of what was heard: fully trusted above one, not at all below the other

Ids = NDArray[np.int64]


class Words:
    """Reads texts; each costs its own length only (batches hold texts of like length), and equal ones cost once.

    What is said over and over is read as said three times; what is longer than the expert takes is read in windows.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._spec = bundle.cues["words"]
        file = bundle.file(self._spec["tokenizer"])
        self._encoder = TextTokens(file, _ALL)
        self._legible = Legible(self._encoder.tokenizer, file, self._spec["languages"], self._spec["other_languages"])

    def read(
        self,
        texts: Sequence[str],
        probabilities: Sequence[float | None] | None = None,
        language: Sequence[str | None] | None = None,
    ) -> list[Evidence]:
        """Evidence per text, in order.

        Args:
            texts: sentences or short texts, as they come.
            probabilities: how sure the recogniser is, where a text was recognised: its reliability.
            language: codes where known; else detected. What is said against a text (see `doubt`) fades its evidence.
        """
        if not texts:
            return []
        seen = dict.fromkeys(texts)
        found = dict(zip(seen, self._read(list(seen)), strict=True))
        codes = language or [None] * len(texts)
        doubts = {key: self.doubt(*key) for key in dict.fromkeys(zip(texts, codes, strict=True))}
        sure = probabilities or [None] * len(texts)
        return [
            faded(found[text], *_left(doubts[text, code], heard))
            for text, code, heard in zip(texts, codes, sure, strict=True)
        ]

    def variants(
        self, texts: Sequence[str], of: str, probability: float | None = None, language: str | None = None
    ) -> list[Evidence]:
        """Evidence of texts that are what is left of another, each trusted as far as that one is.

        Args:
            texts: the variants; one without words says nothing.
            of: the text they are parts of.
            probability: how sure the recogniser was of it.
            language: its code where known.
        """
        seen = dict.fromkeys(texts)
        found = dict(zip(seen, self._read(list(seen)), strict=True)) if seen else {}
        left = _left(self.doubt(of, language), probability)
        return [faded(found[text], *left) for text in texts]

    def pieces(self, text: str) -> list[tuple[int, int]]:
        """Spans [from, to) of the tokenizer's pieces of a text: common words of scripts without spaces are one."""
        return list(self._encoder.tokenizer.encode(text, add_special_tokens=False).offsets)

    def doubt(self, text: str, language: str | None = None) -> Doubt | None:
        """What speaks against reading a text: no words, an unknown script, a language without labels."""
        return self._legible.doubt(text, language or detect_language(text))

    def _read(self, texts: Sequence[str]) -> list[Evidence]:
        """Evidence of texts that differ, each read in one window or, if it is long, in several."""
        windows = [self._windows(ids) for ids in self._encoder.encode([condense(text) for text in texts])]
        outputs = self._run([window for parts in windows for window in parts])
        flat = [window for parts in windows for window in parts]
        wordless = [len(window) <= 2 for window in flat]
        calibration, limits = self._spec["calibration"], self._spec.get("sets")
        sure, scored = [1.0] * len(flat), self._spec.get("scored", True)
        measured = bool(self._spec.get("measured", True))
        found = evidence(outputs, calibration, sure, scored=scored, abstain=wordless, limits=limits, measured=measured)
        said = iter(found)
        parts = [[next(said) for _ in own] for own in windows]
        return [
            one[0] if len(one) == 1 else average(one, [float(len(w)) for w in own])
            for one, own in zip(parts, windows, strict=True)
        ]

    def _windows(self, ids: Ids) -> list[Ids]:
        """A text's ids, marks at both ends, in parts alike in size that the expert takes."""
        room = int(self._spec["max_tokens"]) - 2
        inner = ids[1:-1]
        count = ceil(len(inner) / room)
        if count <= 1:
            return [ids]
        if count > MOST_WINDOWS:
            half = MOST_WINDOWS // 2 * room
            inner, count = np.concatenate([inner[:half], inner[len(inner) - half :]]), MOST_WINDOWS
        return [np.concatenate([ids[:1], part, ids[-1:]]) for part in np.array_split(inner, count)]

    def _run(self, rows: Sequence[Ids]) -> dict[str, FloatArray]:
        """The graph's outputs, row by row."""
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        found: dict[str, list[FloatArray]] = {}
        for chunk in self._chunks([len(rows[i]) for i in order]):
            padded, valid = pad([rows[order[i]] for i in chunk])
            for name, values in self._bundle.run(self._spec["graph"], {"ids": padded, "valid": valid}).items():
                found.setdefault(name, []).append(values)
            tell("words", chunk.stop, len(order))
        back = np.argsort(order)
        return {name: np.concatenate(parts)[back] for name, parts in found.items()}

    @staticmethod
    def _chunks(lengths: Sequence[int]) -> list[range]:
        """Runs of rows (sorted by length) of at most `TOKENS_PER_BATCH` tokens, padding included.

        A run ends too where its padding would cost more than another run.
        """
        chunks, start = [], 0
        for end in range(1, len(lengths) + 1):
            own = sum(lengths[start : end + 1])
            padded = 0 if end == len(lengths) else (end + 1 - start) * lengths[end]
            if end == len(lengths) or padded > min(TOKENS_PER_BATCH, own + TOKENS_OF_A_RUN):
                chunks.append(range(start, end))
                start = end
        return chunks


def _left(doubt: Doubt | None, heard: float | None) -> tuple[float, float, bool]:
    """Trust in a reading, its reliability, and whether nothing is left of it.

    A given text is as reliable as it is legible; a heard one is also as sure as the recogniser, squared.
    """
    trust = 1.0 if doubt is None else doubt.trust
    refused = doubt is not None and doubt.abstain
    if heard is None:
        return trust, trust, refused
    return trust * min(1.0, heard / _CLEAR), trust * heard**2, refused or heard < _MUMBLED
