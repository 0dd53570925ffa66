"""Spectra as librosa defines them (0.11), in numpy: short-time power, mel and chroma filters, cosines, deltas.

McFee et al. 2015, "librosa: Audio and Music Signal Analysis in Python", SciPy. Arrays here run (time, …).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def hann(size: int) -> Floats:
    """The periodic Hann window (size,)."""
    return np.hanning(size + 1)[:-1]


def spectrum(sound: NDArray[np.floating], size: int, window: int, hop: int) -> Floats:
    """Magnitudes (time, size / 2 + 1): Hann windows centred at 0, hop, 2 hop …, silence beyond the ends."""
    x = np.pad(np.asarray(sound, np.float64), size // 2)
    shape = np.zeros(size)
    first = (size - window) // 2
    shape[first : first + window] = hann(window)
    framed = np.lib.stride_tricks.sliding_window_view(x, size)[::hop]
    # Piece by piece: an hour of sound does not fit in memory as windows.
    pieces = [np.abs(np.fft.rfft(framed[i : i + 2048] * shape)) for i in range(0, len(framed), 2048)]
    return np.concatenate(pieces)


@cache
def mel_filters(rate: int, size: int, bands: int, lowest: float, highest: float) -> Floats:
    """Triangles (size / 2 + 1, bands) of equal area on Slaney's scale: linear to 1 kHz, logarithmic above."""
    edges = _hertz(np.linspace(_mel(lowest), _mel(highest), bands + 2))
    bins = np.fft.rfftfreq(size, 1 / rate)[:, None]
    rise = (bins - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - bins) / np.diff(edges)[1:]
    filters: Floats = np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))
    return filters


_LINEAR, _KNEE = 200 / 3, 1000.0  # Hz per mel below the knee (Hz)
_STEP = np.log(6.4) / 27.0  # of the logarithm per mel above it


def _mel(hertz: float) -> float:
    return hertz / _LINEAR if hertz < _KNEE else _KNEE / _LINEAR + float(np.log(hertz / _KNEE)) / _STEP


def _hertz(mel: Floats) -> Floats:
    knee = _KNEE / _LINEAR
    return np.where(mel < knee, mel * _LINEAR, _KNEE * np.exp(_STEP * (mel - knee)))


def decibels(power: Floats, span: float | None = 80.0) -> Floats:
    """10 log10 of power, at least 1e-10, and no more than `span` below its greatest."""
    out = 10 * np.log10(np.maximum(power, 1e-10))
    return out if span is None else np.maximum(out, out.max() - span)


@cache
def cosines(count: int, bands: int) -> Floats:
    """The orthonormal cosine transform (bands, count), type II."""
    phase = np.pi / bands * (np.arange(bands) + 0.5)[:, None] * np.arange(count)
    scale = np.where(np.arange(count) == 0, np.sqrt(1 / bands), np.sqrt(2 / bands))
    matrix: Floats = np.cos(phase) * scale
    return matrix


def slopes(values: Floats, order: int, width: int = 9) -> Floats:
    """The n-th derivative over time (time, dim): of a polynomial of that order fitted to `width` steps.

    Savitzky and Golay 1964; the first and last polynomials reach to the ends. Fewer steps than `width`: a shorter,
    odd stretch; fewer than a polynomial needs: zeros.
    """
    width = min(width, len(values) - 1 + len(values) % 2)
    if width <= order:
        return np.zeros_like(values)
    half = width // 2
    offsets = np.arange(-half, half + 1)
    fit = np.linalg.pinv(np.vander(offsets, order + 1, increasing=True))  # values → coefficients
    factor = float(np.prod(np.arange(1, order + 1)))
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=0)
    inner: Floats = windows @ (fit[order] * factor)
    # With degree = order the n-th derivative of a fitted polynomial is the same everywhere on it.
    return np.concatenate([np.repeat(inner[:1], half, 0), inner, np.repeat(inner[-1:], half, 0)])


@cache
def chroma_filters(rate: int, size: int, tuning: float, bins: int = 12) -> Floats:
    """Gaussian bumps (size / 2 + 1, 12) at the pitch classes C to B, each column of the spectrum of length 1.

    Ellis 2007, "Chroma feature analysis and synthesis"; weights fall off beyond two octaves round C4 and C5.
    """
    frequencies = np.linspace(0, rate, size, endpoint=False)[1:]
    octaves = bins * np.log2(frequencies / (440 * 2 ** (tuning / bins) / 16))
    octaves = np.concatenate([[octaves[0] - 1.5 * bins], octaves])
    widths = np.concatenate([np.maximum(np.diff(octaves), 1.0), [1.0]])
    apart = octaves[:, None] - np.arange(bins)
    half = round(bins / 2)
    apart = np.remainder(apart + half + 10 * bins, bins) - half
    bumps = np.exp(-0.5 * (2 * apart / widths[:, None]) ** 2)
    bumps = bumps / np.maximum(np.linalg.norm(bumps, axis=1, keepdims=True), 1e-300)
    bumps = bumps * np.exp(-0.5 * (((octaves / bins - 5.0) / 2.0) ** 2))[:, None]
    rolled: Floats = np.roll(bumps, -3 * (bins // 12), axis=1)[: size // 2 + 1]
    return rolled


def tuning_of(magnitudes: Floats, rate: int, size: int, resolution: float = 0.01, bins: int = 12) -> float:
    """By what part of a semitone, in [-0.5, 0.5), the sound is off A = 440 Hz; 0 where no pitch is heard.

    Peaks of every frame between 150 and 4 000 Hz, refined by a parabola; of the stronger half the most frequent rest.
    """
    pitches, strengths = _peaks(magnitudes, rate, size)
    if not len(pitches):
        return 0.0
    strong = pitches[strengths >= np.median(strengths)]
    rest = np.mod(bins * np.log2(strong / 27.5), 1.0)
    rest[rest >= 0.5] -= 1.0
    counts, edges = np.histogram(rest, np.linspace(-0.5, 0.5, int(np.ceil(1 / resolution)) + 1))
    return float(edges[np.argmax(counts)])


def _peaks(magnitudes: Floats, rate: int, size: int) -> tuple[Floats, Floats]:
    """Pitches (Hz) and magnitudes of local maxima above a tenth of their frame's greatest."""
    s = magnitudes
    middle, before, after = s[:, 1:-1], s[:, :-2], s[:, 2:]
    slope = (after - before) / 2
    bend = 2 * middle - after - before
    flat = np.abs(slope) >= np.abs(bend)  # the parabola's summit would lie beyond the neighbours
    shift = np.where(flat, 0, slope / np.where(flat, 1, bend))
    gated = np.where(s > 0.1 * s.max(1, keepdims=True), s, 0)
    peak = (gated[:, 1:-1] > gated[:, :-2]) & (gated[:, 1:-1] >= gated[:, 2:])
    hertz = np.fft.rfftfreq(size, 1 / rate)[1:-1]
    peak &= (hertz >= 150) & (hertz < 4000)
    frame, column = np.nonzero(peak)
    pitches = (column + 1 + shift[frame, column]) * rate / size
    strengths = middle[frame, column] + 0.5 * slope[frame, column] * shift[frame, column]
    kept = pitches > 0
    return pitches[kept], strengths[kept]
