"""Pictures and sound as live clients send them."""

from __future__ import annotations

import io
import wave
from pathlib import Path

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


def a_face() -> bytes:
    """A picture of the face in the demo's clip, as JPEG, with a tag that tells something."""
    import av
    from PIL import Image

    with av.open(str(Path(__file__).parents[1] / "demo" / "clip.mp4")) as clip:
        shown = Image.fromarray(next(clip.decode(video=0)).to_ndarray(format="rgb24"))
    out, tags = io.BytesIO(), Image.Exif()
    tags[0x010E] = "holiday in rome"  # ImageDescription
    shown.save(out, "JPEG", quality=92, exif=tags)
    return out.getvalue()


def silence(seconds: float = 3.0) -> bytes:
    """A recording in which nobody says anything, as WAV of one channel and 16 000 samples a second."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(int(2 * 16_000 * seconds)))
    return out.getvalue()
