"""Stretches of sound replaced by a tone or by silence, to the sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from demeanor.errors import ConfigError
from demeanor.media.waveform import Samples

Cover = Literal["tone", "silence"]

MARGIN = 0.15
"""Seconds covered before and after: as far as a recogniser's word times are off."""

_PITCH, _LEVEL = 1000.0, 0.1  # Hz, of full scale (−20 dBFS)
_FADE = 0.005  # seconds over which sound goes out and comes in, outside of what is covered


class Beeper:
    """Covers stretches in blocks of sound that come one after another.

    Within a stretch and its margin not one sample of the sound is left: they are replaced, not mixed.

    Args:
        stretches: (start, end) in seconds.
        rate: samples per second.
        cover: what stands in.
        margin: seconds covered on both sides of each stretch.

    Raises:
        ConfigError: a stretch that ends before it begins, or no such cover.
    """

    def __init__(
        self, stretches: Iterable[Sequence[Any]], rate: int, *, cover: Cover = "tone", margin: float = MARGIN
    ) -> None:
        if cover not in ("tone", "silence"):
            raise ConfigError(f"expected the cover 'tone' or 'silence', got '{cover}'")
        self._rate, self._tone = rate, cover == "tone"
        self._fade = max(1, round(_FADE * rate))
        self._spans = covered(stretches, rate, margin)
        self._at = 0

    def __call__(self, block: Samples) -> Samples:
        """The next block (channels, time) with its stretches covered; a copy where anything is."""
        first, last = self._at, self._at + block.shape[1]
        self._at = last
        while self._spans and self._spans[0][1] + self._fade <= first:
            self._spans.pop(0)
        out = block
        for start, end in self._spans:
            if start - self._fade >= last:
                break
            out = block.copy() if out is block else out
            self._cover(out, first, start, end)
        return out

    def _cover(self, block: Samples, first: int, start: int, end: int) -> None:
        """Cover samples `start` to `end` of the whole in the block that begins at `first`."""
        a, b = max(start - self._fade, first), min(end + self._fade, first + block.shape[1])
        at = np.arange(a, b)
        away = np.maximum(np.maximum(start - at, at - end + 1), 0) / self._fade
        block[:, a - first : b - first] *= np.clip(away, 0.0, 1.0).astype(np.float32)
        if self._tone:
            inside = np.clip(np.minimum(at - start, end - 1 - at) / self._fade, 0.0, 1.0)
            wave = _LEVEL * inside * np.sin(2 * np.pi * _PITCH * (at % self._rate) / self._rate)
            block[:, a - first : b - first] += wave.astype(np.float32)


def covered(stretches: Iterable[Sequence[Any]], rate: int, margin: float = MARGIN) -> list[tuple[int, int]]:
    """Samples (from, to) that are covered: the stretches with their margins, by time, those that meet joined.

    Raises:
        ConfigError: a stretch that ends before it begins.
    """
    out: list[tuple[int, int]] = []
    for start, end, *_ in sorted(tuple(s)[:2] for s in stretches):
        if not (np.isfinite(start) and np.isfinite(end) and start <= end):
            raise ConfigError(f"expected stretches as (start, end) in seconds with start ≤ end, got ({start}, {end})")
        a, b = max(0, int(np.floor((start - margin) * rate))), max(0, int(np.ceil((end + margin) * rate)))
        if out and a <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], b))
        elif b > a:
            out.append((a, b))
    return out
