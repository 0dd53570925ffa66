"""Where somebody speaks, from energy and zero crossings alone; and how far speech stands out of its noise.

This detector serves where the speech extra is not installed: it finds sounds that rise and fall over a steady
floor and have a voiced core. It cannot tell speech from music. Audio is 16 kHz mono float32 throughout.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Samples per second of all audio here."""

Samples = NDArray[np.float32]
Interval = tuple[int, int]
"""[start, end) in samples."""

_HOP = RATE // 100
_FRAME = 2 * _HOP
_RISE = 8.0  # dB above the floor
_RANGE = 35.0  # dB below the loudest tenth of a second, at most
_QUIETEST = -65.0  # dB of full scale
_VOICED = 0.25  # crossings per sample: below it lies the fundamental, above it hiss
_SILENT = 1e-10  # power of the quietest floor told apart, -100 dB of full scale


def speech_intervals(samples: Samples) -> list[Interval]:
    """Stretches of speech, apart by at least 0.15 s.

    Args:
        samples: (time,).
    """
    if len(samples) < 10 * _HOP:
        return []
    power, crossings = _frames(samples)
    level = 10 * np.log10(_smooth(power, 5) + 1e-12)
    loudest = float(np.percentile(10 * np.log10(_smooth(power, 10) + 1e-12), 99))
    active = level > np.maximum(_floor(power) + _RISE, max(_QUIETEST, loudest - _RANGE))
    voiced = active & (crossings < _VOICED)
    out: list[Interval] = []
    for start, end in _runs(_closed(active, 15)):
        if end - start >= 12 and voiced[start:end].sum() >= 6:  # 0.12 s, and 0.06 s of voice
            out.append((max(0, start - 3) * _HOP, min(len(samples), (end + 6) * _HOP)))
    return out


def noise_floor(samples: Samples, speech: list[Interval]) -> float:
    """Mean square of the noise around speech.

    The median of what lies at least 0.1 s off `speech`; where less than half a second is left of that, the
    quietest tenth of everything (speech has dips between its syllables).

    Args:
        samples: (time,).
        speech: intervals in it.
    """
    if len(samples) < _FRAME:
        return _SILENT
    power, _ = _frames(samples)
    quiet = np.ones(len(power), bool)
    for start, end in speech:
        quiet[max(0, start // _HOP - 10) : end // _HOP + 10] = False
    if quiet.sum() >= 50:
        return max(_SILENT, float(np.median(power[quiet])))
    return max(_SILENT, float(np.percentile(power, 10)))


def snr_db(samples: Samples, floor: float) -> float:
    """Signal-to-noise ratio of speech (time,) over noise of mean square `floor`, in dB, within [-20, 60]."""
    if len(samples) == 0:
        return -20.0
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    floor = max(floor, _SILENT)
    return float(np.clip(10 * math.log10(max(power - floor, _SILENT / 100) / floor), -20.0, 60.0))


def _frames(samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean square and zero crossings per sample of 20 ms frames every 10 ms, offset removed; (frames,)."""
    hops = np.asarray(samples[: len(samples) // _HOP * _HOP], np.float64).reshape(-1, _HOP)
    frames = np.concatenate([hops[:-1], hops[1:]], axis=1)
    frames = frames - frames.mean(axis=1, keepdims=True)
    positive = frames > 0
    return np.square(frames).mean(axis=1), (positive[:, 1:] != positive[:, :-1]).mean(axis=1)


def _smooth(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Moving average over `width` frames, of the same length."""
    sums = np.cumsum(np.concatenate([[0.0], np.pad(values, (width // 2, width - 1 - width // 2), mode="edge")]))
    means: NDArray[np.float64] = (sums[width:] - sums[:-width]) / width
    return means


def _floor(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noise floor per frame in dB: the quietest tenth of a second within two seconds either side."""
    level = 10 * np.log10(_smooth(power, 10) + 1e-12)
    blocks = -(-len(level) // 50)
    lowest = np.pad(level, (0, blocks * 50 - len(level)), mode="edge").reshape(blocks, 50).min(axis=1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(lowest, 4, mode="edge"), 9).min(axis=1)
    return np.repeat(around, 50)[: len(level)]


def _closed(active: NDArray[np.bool_], gap: int) -> NDArray[np.bool_]:
    """Gaps shorter than `gap` frames between active frames filled."""
    out = active.copy()
    for start, end in _runs(~active):
        if start > 0 and end < len(active) and end - start < gap:
            out[start:end] = True
    return out


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[start, end) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
