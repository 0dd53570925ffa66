"""The voice's pitch, how periodic it is, and how its periods vary. 16 kHz sound, frames every 10 ms.

Pitch: Boersma 1993, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound", IFA Proceedings 17, with the costs given there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATE, HOP = 16_000, 160
_WINDOW, _SIZE = 960, 2048  # samples: 60 ms, and the transform that keeps its autocorrelation from wrapping
_LOWEST, _HIGHEST = 55.0, 1000.0  # Hz
_CANDIDATES = 6  # voiced ones per frame
_SILENCE, _VOICING = 0.03, 0.45
_OCTAVE, _JUMP, _SWITCH = 0.01, 0.35, 0.14
_BLOCK = 2000  # frames at a time


@dataclass(frozen=True, slots=True, eq=False)
class Pitch:
    """Per frame: `f0` in Hz, 0 where unvoiced, and `strength`, the autocorrelation at that period, in [0, 1)."""

    f0: Floats
    strength: Floats


def framed(sound: NDArray[np.floating], window: int) -> Floats:
    """Windows (frames, window) centred at 0, 10, 20 … ms; silence beyond the ends."""
    x = np.pad(np.asarray(sound, np.float64), (window // 2, window - window // 2))
    return np.lib.stride_tricks.sliding_window_view(x, window)[: 1 + len(sound) // HOP * HOP : HOP]


def pitch(sound: NDArray[np.floating]) -> Pitch:
    """The most likely course of pitch through a piece of sound."""
    peak = float(np.abs(sound - np.mean(sound)).max(initial=0.0))
    whole = framed(sound, _WINDOW)
    if peak < 1e-5:
        return Pitch(np.zeros(len(whole)), np.zeros(len(whole)))
    parts = [_candidates(whole[i : i + _BLOCK], peak) for i in range(0, len(whole), _BLOCK)]
    hertz, strength, score = (np.concatenate([p[n] for p in parts]) for n in range(3))
    path = _best_path(hertz, score)
    rows = np.arange(len(path))
    f0 = hertz[rows, path]
    return Pitch(f0, np.where(f0 > 0, np.clip(strength[rows, path], 0, 1 - 1e-6), 0.0))


def _candidates(windows: Floats, peak: float) -> tuple[Floats, Floats, Floats]:
    """Per frame unvoiced (0 Hz, first) and the best periods: frequencies, autocorrelations, scores (frames, 1 + n)."""
    shape = np.hanning(_WINDOW)
    x = windows - windows.mean(1, keepdims=True)
    local = np.abs(x[:, _WINDOW // 3 : -_WINDOW // 3]).max(1)
    longest = int(RATE / _LOWEST) + 2
    power = np.abs(np.fft.rfft(x * shape, _SIZE)) ** 2
    r = np.fft.irfft(power, _SIZE)[:, :longest]
    own = np.fft.irfft(np.abs(np.fft.rfft(shape, _SIZE)) ** 2, _SIZE)[:longest]
    r = r / np.maximum(r[:, :1], 1e-12) / (own / own[0])
    lag = np.arange(1, longest - 1)
    before, middle, after = r[:, :-2], r[:, 1:-1], r[:, 2:]
    bend = 2 * middle - before - after
    top = (middle >= before) & (middle > after) & (middle > 0.5 * _VOICING) & (lag >= RATE / _HIGHEST)
    shift = np.where(top, (after - before) / (2 * np.where(top, bend, 1)), 0)
    height = np.minimum(middle + 0.25 * (after - before) * shift, 2.0)
    height = np.where(height > 1, 1 / np.maximum(height, 1), height)  # as Boersma: the window's division may overshoot
    hertz = RATE / (lag + shift)
    score = np.where(top, height - _OCTAVE * np.log2(_LOWEST * (lag + shift) / RATE), -np.inf)
    best = np.argsort(-score, 1, kind="stable")[:, :_CANDIDATES]
    unvoiced = _VOICING + np.maximum(0, 2 - (local / peak) / (_SILENCE / (1 + _VOICING)))
    take = np.take_along_axis
    hertz = np.where(np.isfinite(take(score, best, 1)), take(hertz, best, 1), 1.0)
    return (
        np.column_stack([np.zeros(len(x)), hertz]),
        np.column_stack([np.zeros(len(x)), take(height, best, 1)]),
        np.column_stack([unvoiced, take(score, best, 1)]),
    )


def _best_path(hertz: Floats, score: Floats) -> NDArray[np.intp]:
    """Viterbi: which candidate of each frame, with costs for leaps and for voice setting in or out."""
    logs = np.log2(np.maximum(hertz, 1))
    voiced = np.zeros(hertz.shape, bool)
    voiced[:, 1:] = True
    total = score[0]
    back = np.zeros(hertz.shape, np.intp)
    for t in range(1, len(hertz)):
        leap = _JUMP * np.abs(logs[t - 1][:, None] - logs[t][None])
        both = voiced[t - 1][:, None] & voiced[t][None]
        cost = np.where(both, leap, np.where(voiced[t - 1][:, None] == voiced[t][None], 0.0, _SWITCH))
        reached = total[:, None] - cost
        back[t] = reached.argmax(0)
        total = reached.max(0) + score[t]
    path = np.zeros(len(hertz), np.intp)
    path[-1] = total.argmax()
    for t in range(len(hertz) - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path


@dataclass(frozen=True, slots=True, eq=False)
class Periods:
    """Glottal periods in order: where each begins (s), its length (s), its height; `first` starts a voiced stretch."""

    start: Floats
    length: Floats
    height: Floats
    first: NDArray[np.bool_]


def periods(sound: NDArray[np.floating], found: Pitch) -> Periods:
    """Periods of every voiced stretch, each matched to the next one by its waveform."""
    x = np.asarray(sound, np.float64)
    rows: list[tuple[float, float, float, bool]] = []
    for begin, end in stretches(found.f0 > 0):
        at, last = _first_peak(x, begin, RATE / found.f0[begin]), min(len(x), (end - 0.5) * HOP)
        fresh = True
        while True:
            frame = min(round(at / HOP), end - 1)
            expected = RATE / found.f0[max(frame, begin)]
            length, height = _matched(x, at, expected, last)
            if length == 0:
                break
            rows.append((at / RATE, length / RATE, height, fresh))
            at, fresh = at + length, False
    table = np.array(rows, np.float64).reshape(-1, 4)
    return Periods(table[:, 0], table[:, 1], table[:, 2], table[:, 3] > 0)


def _first_peak(x: Floats, frame: int, expected: float) -> float:
    """Where (samples) the wave is highest in the first period of a voiced stretch: pieces round it hold one pulse."""
    begin = max(round(expected / 2), round((frame - 0.5) * HOP))
    return begin + float(np.abs(x[begin : begin + round(expected)]).argmax()) if begin < len(x) else float(len(x))


def _matched(x: Floats, at: float, expected: float, last: float) -> tuple[float, float]:
    """Length (samples) and height of the period round `at`; (0, 0) at the end.

    The length is the shift by which the wave best fits itself, looked for within a fifth of the expected period and
    refined by a parabola.
    """
    size = round(expected)
    begin = round(at) - size // 2
    low, high = int(0.8 * expected), int(np.ceil(1.2 * expected)) + 1
    if size < 2 or begin < 0 or begin + high + size > last:
        return 0.0, 0.0
    piece = x[begin : begin + size]
    others = np.lib.stride_tricks.sliding_window_view(x[begin + low : begin + high + size], size)
    centred = others - others.mean(1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1) * np.linalg.norm(piece - piece.mean())
    alike = centred @ (piece - piece.mean()) / np.maximum(norms, 1e-12)
    best = int(alike.argmax())
    shift = 0.0
    if 0 < best < len(alike) - 1:
        bend = 2 * alike[best] - alike[best - 1] - alike[best + 1]
        shift = (alike[best + 1] - alike[best - 1]) / (2 * bend) if bend > 1e-12 else 0.0
    return low + best + shift, float(np.ptp(piece))


def stretches(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[begin, end) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
