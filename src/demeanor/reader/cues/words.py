"""The words: a multilingual Transformer over sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from demeanor.bundle import Bundle
from demeanor.encoders.text_tokens import TextTokens, pad
from demeanor.media.language import detect_language
from demeanor.reader.cues._evidence import evidence
from demeanor.types import Evidence

TOKENS_PER_BATCH = 2048


class Words:
    """Reads texts; each costs its own length only (batches hold texts of like length)."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._spec = bundle.cues["words"]
        self._encoder = TextTokens(bundle.file(self._spec["tokenizer"]), self._spec["max_tokens"])

    def read(
        self,
        texts: Sequence[str],
        probabilities: Sequence[float | None] | None = None,
        language: Sequence[str | None] | None = None,
    ) -> list[Evidence]:
        """Evidence per text, in order.

        Args:
            texts: sentences or short texts, as they come.
            probabilities: the recogniser's mean word probability, where a text was recognised: its reliability.
            language: codes where known; else detected. Languages the expert has no labels in lower the reliability.
        """
        if not texts:
            return []
        ids = self._encoder.encode(texts)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        rows: dict[str, list[np.ndarray]] = {}
        for chunk in self._chunks([len(ids[i]) for i in order]):
            padded, valid = pad([ids[order[i]] for i in chunk])
            for name, values in self._bundle.run(self._spec["graph"], {"ids": padded, "valid": valid}).items():
                rows.setdefault(name, []).append(values)
        back = np.argsort(order)
        outputs = {name: np.concatenate(parts)[back] for name, parts in rows.items()}
        reliabilities = [
            self._reliability(text, probabilities[i] if probabilities else None, language[i] if language else None)
            for i, text in enumerate(texts)
        ]
        wordless = [len(row) <= 2 for row in ids]
        return evidence(outputs, self._spec["calibration"], reliabilities, scored=True, abstain=wordless)

    @staticmethod
    def _chunks(lengths: Sequence[int]) -> list[range]:
        """Runs of rows (sorted by length) of at most `TOKENS_PER_BATCH` padded tokens."""
        chunks, start = [], 0
        for end in range(1, len(lengths) + 1):
            if end == len(lengths) or (end + 1 - start) * lengths[end] > TOKENS_PER_BATCH:
                chunks.append(range(start, end))
                start = end
        return chunks

    def _reliability(self, text: str, probability: float | None, language: str | None) -> float:
        """1 for a given text in a language with labels; the recogniser's own confidence, squared, for a heard one."""
        heard = 1.0 if probability is None else probability**2
        code = language or detect_language(text)
        known = code in self._spec["languages"] or code == "und"
        return heard * (1.0 if known else self._spec["other_languages"])
