"""Log-mel frames of 16 kHz sound in numpy: 40 bands, 25 ms windows every 10 ms, level removed."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.encoders._encoder import Encoder, EncoderConfig
from demeanor.encoders._media import sound_of
from demeanor.types import Sample

RATE, WINDOW, HOP, SIZE, BANDS = 16_000, 400, 160, 512, 40
LOWEST, HIGHEST = 60.0, 7600.0


@cache
def mel_filters() -> NDArray[np.float32]:
    """Triangular filters (SIZE / 2 + 1, BANDS), evenly spaced on the HTK mel scale, each with peak 1."""
    mel = np.linspace(2595 * np.log10(1 + LOWEST / 700), 2595 * np.log10(1 + HIGHEST / 700), BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.fft.rfftfreq(SIZE, 1 / RATE)[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rise, fall)), np.float32)


def log_mel(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Sound (time,) → frames (time / 160, BANDS), natural logarithm, minus the mean over the piece.

    Removing the piece's mean per band takes away the recording's level and colour. Shorter than one window: padded.
    """
    x = np.asarray(samples, np.float32)
    if len(x) < WINDOW:
        x = np.pad(x, (0, WINDOW - len(x)))
    frames = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW + 1)[:-1].astype(np.float32), SIZE)) ** 2
    logs = np.log(power.astype(np.float32) @ mel_filters() + 1e-8)
    return np.asarray(logs - logs.mean(0), np.float32)


class Config(EncoderConfig):
    """Nothing to set: the voice expert's own frames."""


class LogMel(Encoder):
    """Frames (time, BANDS), 100 a second."""

    config: Config
    modality = "audio"
    parallel = True

    def encode(self, sample: Sample) -> NDArray[Any] | None:
        """(time, BANDS) float32."""
        sound = sound_of(sample, RATE)
        return None if sound is None else log_mel(sound)


ENCODER = LogMel
