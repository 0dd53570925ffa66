"""Frames of sound of any format, rate and layout to float32 at one rate, one or two channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from demeanor.media.waveform import Samples, scaled

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

_SURROUND_GAIN = 0.7071  # keeps the fold-down of full-scale surround from clipping all the time


class Resampler:
    """Frames of any format, rate and layout, even changing ones, to float32 (channels, time) at one rate."""

    def __init__(self, channels: int, rate: int) -> None:
        self._channels, self._rate = channels, rate
        self._inner: Any = None
        self._shape: tuple[str, int, str] | None = None

    def push(self, frame: AudioFrame) -> list[Samples]:
        """Take a frame in; what is ready comes out."""
        import av

        if frame.layout.nb_channels > 8:  # no such loudspeaker layout: microphones, each as good as the other
            frame = frame_of(_averaged(frame), frame.sample_rate)
        shape = (frame.format.name, frame.sample_rate, frame.layout.name)
        out: list[Samples] = []
        if shape != self._shape:
            out = self.flush()
            layout = "mono" if self._channels == 1 else "stereo"
            self._inner = av.AudioResampler(format="fltp", layout=layout, rate=self._rate)
            self._gain = _SURROUND_GAIN if frame.layout.nb_channels > 2 else 1.0
            self._shape = shape
        frame.pts = None
        return out + self._arrays(frame)

    def flush(self) -> list[Samples]:
        """What is still inside; the next frame starts afresh."""
        out = self._arrays(None) if self._inner is not None else []
        self._inner = self._shape = None
        return out

    def _arrays(self, frame: AudioFrame | None) -> list[Samples]:
        import av

        try:
            frames = [f for f in self._inner.resample(frame) if f is not None and f.samples]
        except (av.FFmpegError, ValueError):  # a damaged header can ask for a conversion that does not exist
            self._inner = self._shape = None
            return []
        return [f.to_ndarray() * np.float32(self._gain) for f in frames]


def _averaged(frame: AudioFrame) -> Samples:
    """A frame's samples with its many channels averaged: (1, time)."""
    import av

    packed = av.AudioResampler(format="flt").resample(frame)[0]  # planes beyond the eighth cannot be reached
    return scaled(packed.to_ndarray().reshape(-1, frame.layout.nb_channels).T)


def frame_of(rows: Samples, rate: int) -> AudioFrame:
    """Samples (channels, time) as a frame; one or two channels."""
    import av

    layout = "mono" if len(rows) == 1 else "stereo"
    frame: AudioFrame = av.AudioFrame.from_ndarray(np.ascontiguousarray(rows), format="fltp", layout=layout)
    frame.sample_rate = rate
    return frame
