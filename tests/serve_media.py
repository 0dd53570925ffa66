"""Pictures and sound as live clients send them."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

SOUND_RATE = 48_000


def jpeg(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=95)
    return out.getvalue()


def encoded(
    format: str, codec: str = "libopus", seconds: int = 2, samples: NDArray[np.float32] | None = None
) -> tuple[bytes, list[bytes]]:
    """A tone of 220 Hz, or samples (time,) at 48 kHz, as a whole stream and packet by packet."""
    import av

    if samples is None:
        samples = (0.3 * np.sin(2 * np.pi * 220 * np.arange(seconds * SOUND_RATE) / SOUND_RATE)).astype(np.float32)
    file, packets = io.BytesIO(), []
    clusters = {"cluster_time_limit": "500"} if format == "webm" else {}  # milliseconds
    with av.open(file, "w", format=format, options=clusters) as out:
        stream = out.add_stream(codec, rate=SOUND_RATE)
        stream.layout = "mono"
        for at in range(0, len(samples), 960):
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + 960].copy(), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = SOUND_RATE, at
            for packet in stream.encode(frame):
                packets.append(bytes(packet))
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return file.getvalue(), packets
