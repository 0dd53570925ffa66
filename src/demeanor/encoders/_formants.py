"""Resonances of the vocal tract by linear prediction, and how strong the voice's harmonics are there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._pitch import RATE, Floats, framed

_NARROW = 11_000  # Hz: formants 1 to 3 lie below its half
_ORDER = 11
_EMPHASIS = 0.9
_LOWEST, _HIGHEST, _WIDEST = 120.0, 5_200.0, 900.0  # Hz


def formants(sound: NDArray[np.floating], frames: NDArray[np.bool_], count: int = 3) -> tuple[Floats, Floats]:
    """Frequencies and bandwidths in Hz (time, count) of the wanted frames (time,); NaN where there is none.

    Autocorrelation method, order 11, on 25 ms of sound at 11 kHz; the lowest resonances narrower than 900 Hz.
    """
    import soxr

    hertz, width = np.full((len(frames), count), np.nan), np.full((len(frames), count), np.nan)
    wanted = np.flatnonzero(frames)
    if not len(wanted):
        return hertz, width
    x = np.asarray(sound, np.float64)
    x = np.append(x[0], x[1:] - _EMPHASIS * x[:-1])
    narrow = soxr.resample(x, RATE, _NARROW)
    size = round(0.025 * _NARROW)
    padded = np.pad(narrow, (size // 2, size))
    starts = np.round(wanted * 0.01 * _NARROW).astype(int)
    windows = padded[starts[:, None] + np.arange(size)] * np.hamming(size)
    predictor = levinson(_autocorrelation(windows, _ORDER))
    companion = np.zeros((len(wanted), _ORDER, _ORDER))
    companion[:, 0] = -predictor[:, 1:]
    companion[:, np.arange(1, _ORDER), np.arange(_ORDER - 1)] = 1
    roots = np.linalg.eigvals(companion)
    f = np.angle(roots) * _NARROW / (2 * np.pi)
    b = -np.log(np.maximum(np.abs(roots), 1e-9)) * _NARROW / np.pi
    f = np.where((f > _LOWEST) & (f < _HIGHEST) & (b < _WIDEST), f, np.inf)
    order = np.argsort(f, 1)[:, :count]
    f, b = np.take_along_axis(f, order, 1), np.take_along_axis(b, order, 1)
    hertz[wanted], width[wanted] = np.where(np.isfinite(f), f, np.nan), np.where(np.isfinite(f), b, np.nan)
    return hertz, width


def _autocorrelation(windows: Floats, order: int) -> Floats:
    size = windows.shape[1]
    r = np.stack([(windows[:, : size - k] * windows[:, k:]).sum(1) for k in range(order + 1)], 1)
    r[:, 0] = r[:, 0] * (1 + 1e-6) + 1e-9  # a floor of noise keeps silence solvable
    return r


def levinson(r: Floats) -> Floats:
    """Predictors (n, order + 1), the first coefficient 1, of autocorrelations (n, order + 1)."""
    n, order = r.shape[0], r.shape[1] - 1
    a = np.zeros((n, order + 1))
    a[:, 0] = 1
    error = r[:, 0].copy()
    for k in range(1, order + 1):
        reflection = -(a[:, :k] * r[:, k:0:-1]).sum(1) / error
        a[:, 1 : k + 1] += reflection[:, None] * a[:, k - 1 :: -1][:, :k]
        error *= 1 - reflection**2
    return a


def harmonics(sound: NDArray[np.floating], f0: Floats, near: Floats) -> tuple[Floats, Floats, Floats]:
    """Levels in dB of the first two harmonics (time,), and of the strongest one within a fifth of `near` (time, n).

    NaN in unvoiced frames and where `near` (Hz) is.
    """
    size, window = 2048, 960
    bins = np.fft.rfftfreq(size, 1 / RATE)
    first, second = np.full(len(f0), np.nan), np.full(len(f0), np.nan)
    strongest = np.full(near.shape, np.nan)
    rows = np.flatnonzero(f0 > 0)
    whole = framed(sound, window)
    for i in range(0, len(rows), 1000):
        part = rows[i : i + 1000]
        level = 20 * np.log10(np.abs(np.fft.rfft(whole[part] * np.hanning(window), size)) + 1e-9)
        pitch = f0[part]
        first[part] = _highest(level, bins, pitch, 0.25 * pitch)
        second[part] = _highest(level, bins, 2 * pitch, 0.25 * pitch)
        for n in range(near.shape[1]):
            # wide enough to hold a harmonic in any case
            reach = np.maximum(0.2 * near[part, n], 0.5 * pitch)
            strongest[part, n] = _highest(level, bins, near[part, n], reach)
    return first, second, strongest


def _highest(level: Floats, bins: NDArray[np.floating], centre: Floats, reach: Floats) -> Floats:
    inside = np.abs(bins - centre[:, None]) <= reach[:, None]
    found = np.where(inside, level, -np.inf).max(1)
    return np.where(np.isfinite(found), found, np.nan)
