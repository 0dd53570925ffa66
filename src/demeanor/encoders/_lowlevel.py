"""What a voice does from frame to frame: the low-level descriptors that eGeMAPS sums up. 100 frames a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._formants import formants, harmonics
from demeanor.encoders._pitch import HOP, RATE, Floats, Periods, framed, periods, pitch

_WINDOW, _SIZE = 320, 512  # samples: 20 ms and its transform
_BANDS, _LOWEST, _HIGHEST = 26, 20.0, 8000.0
_LIFTER = 22
_HERTZ = np.fft.rfftfreq(_SIZE, 1 / RATE)


@dataclass(frozen=True, slots=True, eq=False)
class LowLevel:
    """Per frame (time,) every descriptor by name, smoothed; NaN where it does not apply. `voiced` (time,).

    `level` is the mean power of the sound, `seconds` its length.
    """

    values: Mapping[str, Floats] = field(repr=False)
    voiced: NDArray[np.bool_] = field(repr=False)
    level: float
    seconds: float


def low_level(sound: NDArray[np.floating]) -> LowLevel:
    """All descriptors of 16 kHz sound (time,)."""
    x = np.asarray(sound, np.float64)
    course = pitch(x)
    voiced = course.f0 > 0
    power = _power(x)
    mel = power @ mel_filters()
    hertz, width = formants(x, voiced)
    first, second, strongest = harmonics(x, course.f0, hertz)
    jitter, shimmer = _unsteadiness(periods(x, course), len(voiced))
    r = course.strength
    raw = {
        "F0semitone": np.where(voiced, 12 * np.log2(np.maximum(course.f0, 1) / 27.5), np.nan),
        "jitter": np.where(voiced, jitter, np.nan),
        "shimmer": np.where(voiced, shimmer, np.nan),
        "HNR": np.where(voiced, 10 * np.log10(np.maximum(r, 1e-3) / np.maximum(1 - r, 1e-6)), np.nan),
        "H1-H2": first - second,
        "H1-A3": first - strongest[:, 2],
    }
    for n in range(3):
        raw |= {f"F{n + 1}frequency": hertz[:, n], f"F{n + 1}bandwidth": width[:, n]}
        raw[f"F{n + 1}amplitude"] = strongest[:, n] - first
    raw |= {"loudness": _loudness(mel), "spectralFlux": _flux(power), **_balance(power), **_cepstrum(mel)}
    smooth = {name: _smoothed(values) for name, values in raw.items()}
    return LowLevel(smooth, voiced, float((x**2).mean()), len(x) / RATE)


def _power(x: Floats) -> Floats:
    """(time, bins): 1 is the square of a full-scale sine."""
    shape = np.hamming(_WINDOW)
    whole = framed(x, _WINDOW)
    pieces = [np.abs(np.fft.rfft(whole[i : i + 4096] * shape, _SIZE)) ** 2 for i in range(0, len(whole), 4096)]
    power: Floats = np.concatenate(pieces) * (2 / shape.sum()) ** 2
    return power


@cache
def mel_filters() -> Floats:
    """Triangles (bins, bands) with peak 1, evenly spaced on HTK's mel scale."""
    mel = np.linspace(2595 * np.log10(1 + _LOWEST / 700), 2595 * np.log10(1 + _HIGHEST / 700), _BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    rise = (_HERTZ[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - _HERTZ[:, None]) / np.diff(edges)[1:]
    filters: Floats = np.maximum(0, np.minimum(rise, fall))
    return filters


@cache
def _equal_loudness() -> Floats:
    """How well each band is heard (Hermansky 1990, equation 7), at most 1."""
    mel = np.linspace(2595 * np.log10(1 + _LOWEST / 700), 2595 * np.log10(1 + _HIGHEST / 700), _BANDS + 2)[1:-1]
    w = (2 * np.pi * 700 * (10 ** (mel / 2595) - 1)) ** 2
    curve = (w + 56.8e6) * w**2 / ((w + 6.3e6) ** 2 * (w + 0.38e9) * (w**3 + 9.58e26))
    weights: Floats = curve / curve.max()
    return weights


def _loudness(mel: Floats) -> Floats:
    """Zwicker-like: bands weighted as they are heard, compressed to the power 0.33, summed."""
    total: Floats = ((mel * _equal_loudness()) ** 0.33).sum(1)
    return total


def _flux(power: Floats) -> Floats:
    """Root of the summed squares of the change from the frame before, of magnitudes."""
    magnitude = np.sqrt(power)
    change = np.diff(magnitude, axis=0, prepend=magnitude[:1])
    total: Floats = np.sqrt((change**2).sum(1))
    return total


def _balance(power: Floats) -> dict[str, Floats]:
    """Alpha ratio and Hammarberg index (dB), slopes of the spectrum in two bands (dB per Hz)."""
    p = power + 1e-12

    def band(low: float, high: float) -> NDArray[np.bool_]:
        return (low <= _HERTZ) & (high > _HERTZ)

    def slope(low: float, high: float) -> Floats:
        f = _HERTZ[band(low, high)]
        level = 10 * np.log10(p[:, band(low, high)])
        fitted: Floats = (level - level.mean(1, keepdims=True)) @ (f - f.mean()) / ((f - f.mean()) ** 2).sum()
        return fitted

    alpha = 10 * np.log10(p[:, band(1000, 5000)].sum(1) / p[:, band(50, 1000)].sum(1))
    hammarberg = 10 * np.log10(p[:, band(0, 2000)].max(1) / p[:, band(2000, 5000)].max(1))
    return {
        "alphaRatio": alpha, "hammarbergIndex": hammarberg, "slope0-500": slope(0, 500),
        "slope500-1500": slope(500, 1500),
    }  # fmt: skip


def _cepstrum(mel: Floats) -> dict[str, Floats]:
    """MFCC 1 to 4 as HTK has them: 26 bands, liftered by 22."""
    n = np.arange(1, 5)
    cosine = np.sqrt(2 / _BANDS) * np.cos(np.pi / _BANDS * (np.arange(_BANDS) + 0.5)[:, None] * n)
    found = np.log(np.maximum(mel, 1e-12)) @ cosine * (1 + _LIFTER / 2 * np.sin(np.pi * n / _LIFTER))
    return {f"mfcc{k}": found[:, k - 1] for k in n}


def _unsteadiness(found: Periods, count: int) -> tuple[Floats, Floats]:
    """Jitter (share of the period) and shimmer (dB) per frame, over the periods within 30 ms; NaN without two."""
    follows = np.flatnonzero(~found.first)
    change = np.abs(found.length[follows] - found.length[follows - 1])
    mean = (found.length[follows] + found.length[follows - 1]) / 2
    ratio = np.maximum(found.height[follows], 1e-9) / np.maximum(found.height[follows - 1], 1e-9)
    decibels = np.abs(20 * np.log10(ratio))
    centre = np.arange(count) * HOP / RATE
    low, high = (np.searchsorted(found.start[follows], centre + side) for side in (-0.03, 0.03))

    def averaged(values: Floats) -> Floats:
        total = np.concatenate([[0.0], np.cumsum(values)])
        return np.where(high > low, (total[high] - total[low]) / np.maximum(high - low, 1), np.nan)

    return averaged(change / mean), averaged(decibels)


def _smoothed(values: Floats) -> Floats:
    """Mean over three frames, of those that apply; a frame to which it does not apply stays so."""
    has = np.isfinite(values)
    filled = np.pad(np.where(has, values, 0), 1)
    count = np.pad(has.astype(float), 1)
    total, number = (x[:-2] + x[1:-1] + x[2:] for x in (filled, count))
    return np.where(has, total / np.maximum(number, 1), np.nan)
