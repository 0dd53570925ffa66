"""What is said of a whole piece: means, spreads, percentiles and slopes of its frames, and its timing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._lowlevel import LowLevel
from demeanor.encoders._pitch import Floats, stretches

_FRAME = 0.01  # seconds
_CONTOUR = (
    "mean", "stddevNorm", "percentile20", "percentile50", "percentile80", "range20-80", "meanRisingSlope",
    "stddevRisingSlope", "meanFallingSlope", "stddevFallingSlope",
)  # fmt: skip
_POSITIVE = ("spectralFlux", "jitter", "shimmer", "F1frequency", "F1bandwidth", "F2frequency", "F2bandwidth",
             "F3frequency", "F3bandwidth")  # fmt: skip
_MFCC = ("mfcc1", "mfcc2", "mfcc3", "mfcc4")
_BALANCE = ("alphaRatio", "hammarbergIndex", "slope0-500", "slope500-1500", "spectralFlux")
_ALWAYS = ("spectralFlux", *_MFCC)
_FORMANTS = tuple(f"F{n}{what}" for n in (1, 2, 3) for what in ("frequency", "bandwidth", "amplitude"))
_VOICED = ("jitter", "shimmer", "HNR", "H1-H2", "H1-A3", *_FORMANTS)
_TIMING = (
    "loudnessPeaksPerSec", "voicedSegmentsPerSec", "meanVoicedSegmentSec", "stddevVoicedSegmentSec",
    "meanUnvoicedSegmentSec", "stddevUnvoicedSegmentSec", "equivalentSoundLevel_dB",
)  # fmt: skip


def _spread_name(name: str) -> str:
    return "stddevNorm" if name in _POSITIVE else "stddev"


FUNCTIONALS = (
    *(f"{name}_{what}" for name in ("F0semitone", "loudness") for what in _CONTOUR),
    *(f"{name}_{what}" for name in _ALWAYS for what in ("mean", _spread_name(name))),
    *(f"{name}_{what}" for name in _VOICED for what in ("mean", _spread_name(name))),
    *(f"{name}V_{what}" for name in (*_BALANCE, *_MFCC) for what in ("mean", _spread_name(name))),
    *(f"{name}UV_mean" for name in _BALANCE),
    *_TIMING,
)
"""Names of the 88 columns."""


def functionals(frames: LowLevel) -> NDArray[np.float32]:
    """The columns `FUNCTIONALS` (88,); what cannot be measured is 0."""
    values, voiced = frames.values, frames.voiced
    out = [*_contour(values["F0semitone"]), *_contour(values["loudness"])]
    for name in (*_ALWAYS, *_VOICED):
        out += _mean_and_spread(values[name], name)
    for name in (*_BALANCE, *_MFCC):
        out += _mean_and_spread(np.where(voiced, values[name], np.nan), name)
    out += [_mean_and_spread(np.where(voiced, np.nan, values[name]), name)[0] for name in _BALANCE]
    out += _timing(frames)
    return np.nan_to_num(np.array(out, np.float32), nan=0.0, posinf=0.0, neginf=0.0)


def _mean_and_spread(values: Floats, name: str) -> list[float]:
    """Mean and standard deviation, the latter as a share of the mean for what is never negative."""
    x = values[np.isfinite(values)]
    if not len(x):
        return [0.0, 0.0]
    mean, spread = float(x.mean()), float(x.std())
    return [mean, spread / max(mean, 1e-9) if name in _POSITIVE else spread]


def _contour(values: Floats) -> list[float]:
    x = values[np.isfinite(values)]
    if not len(x):
        return [0.0] * len(_CONTOUR)
    low, middle, high = np.percentile(x, [20, 50, 80])
    rising, falling = _slopes(values)
    spread = x.std() / max(abs(float(x.mean())), 1e-9)
    parts = [x.mean(), spread, low, middle, high, high - low]
    for slope in (rising, falling):
        parts += [slope.mean(), slope.std()] if len(slope) else [0.0, 0.0]
    return [float(p) for p in parts]


def _slopes(values: Floats) -> tuple[Floats, Floats]:
    """Steepness (per second) of every rise and every fall between neighbouring extrema, within unbroken stretches."""
    rising: list[float] = []
    falling: list[float] = []
    for begin, end in stretches(np.isfinite(values)):
        x = values[begin:end]
        turn = np.sign(np.diff(x))
        extrema = [0, *(np.flatnonzero(turn[1:] * turn[:-1] < 0) + 1), len(x) - 1]
        for a, b in pairwise(extrema):
            if b > a:
                slope = float(x[b] - x[a]) / ((b - a) * _FRAME)
                (rising if slope > 0 else falling).append(abs(slope))
    return np.array(rising), np.array(falling)


def _timing(frames: LowLevel) -> list[float]:
    loudness = frames.values["loudness"]
    peaks = 0
    if len(loudness) > 2:
        middle = loudness[1:-1]
        top = (middle > loudness[:-2]) & (middle >= loudness[2:])
        peaks = int((top & (middle > 0.5 * loudness.max())).sum())
    seconds = max(frames.seconds, _FRAME)
    out = [peaks / seconds]
    runs = [(b - a) * _FRAME for a, b in stretches(frames.voiced)]
    pauses = [(b - a) * _FRAME for a, b in stretches(~frames.voiced)]
    out.append(len(runs) / seconds)
    for lengths in (runs, pauses):
        out += [float(np.mean(lengths)), float(np.std(lengths))] if lengths else [0.0, 0.0]
    return [*out, 10 * float(np.log10(max(frames.level, 1e-10)))]
