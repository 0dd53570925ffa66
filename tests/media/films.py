"""Small real media files for the tests, written with PyAV."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 16000


def tone(seconds: float, rate: int = RATE, pitch: float = 440.0, level: float = 0.5) -> np.ndarray:
    """(time,) float32 sine."""
    return (level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write_sound(
    target: Path | io.BytesIO,
    rows: np.ndarray,
    *,
    codec: str,
    rate: int = RATE,
    layout: str = "mono",
    form: str = "s16",
    container: str | None = None,
    cover: bool = False,
    shift: float = 0.0,
) -> None:
    """Write rows (channels, time) in [-1, 1]; `shift` delays the stream, `cover` adds album art."""
    with av.open(target if isinstance(target, io.BytesIO) else str(target), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        art = None
        if cover:
            art = out.add_stream("png")
            art.width = art.height = 64
            art.pix_fmt = "rgb24"
            art.disposition = av.stream.Disposition.attached_pic.value
        put_sound(out, stream, rows, rate, layout, form, shift)
        if art is not None:
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 200, np.uint8), format="rgb24")
            out.mux(art.encode(frame))
            out.mux(art.encode(None))


def put_sound(out, stream, rows, rate, layout, form, shift=0.0):  # type: ignore[no-untyped-def]
    converter = av.AudioResampler(format=stream.codec_context.format or form, layout=layout, rate=rate)
    size = stream.codec_context.frame_size or 1024
    for first in range(0, rows.shape[1], size):
        piece = np.ascontiguousarray(rows[:, first : first + size].T, dtype=np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="flt", layout=layout)
        frame.sample_rate = rate
        for done in converter.resample(frame):
            done.pts = round(shift * rate) + first
            done.time_base = Fraction(1, rate)
            out.mux(stream.encode(done))
    out.mux(stream.encode(None))


def picture(index: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Grey by `index` (legible after lossy coding), its left upper corner red."""
    image = np.full((height, width, 3), 20 + (index * 9) % 220, np.uint8)
    image[: height // 2, : width // 2] = (250, 10, 10)
    return image


def write_film(
    target: Path | io.BytesIO,
    times: list[float],
    *,
    container: str | None = None,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    size: tuple[int, int] = (96, 64),
    sound: float | None = None,
    sound_shift: float = 0.0,
    sound_codec: str = "aac",
    turn: float | None = None,
    ratio: Fraction | None = None,
    rate: int = 25,
) -> None:
    """Write `picture(i)` at `times[i]` seconds, with `sound` seconds of a tone starting at `sound_shift`."""
    with av.open(target if isinstance(target, io.BytesIO) else str(target), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height = size
        if codec in ("mpeg4", "mpeg2video", "mjpeg"):
            stream.bit_rate = 4_000_000
        stream.pix_fmt = "rgb24" if codec == "png" else "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = (
            Fraction(1, 1000) if codec not in ("mpeg4", "mpeg2video") else Fraction(1, rate)
        )
        if turn is not None:
            stream.set_display_rotation(turn)
        if ratio is not None:
            stream.codec_context.sample_aspect_ratio = ratio
        heard = None
        if sound is not None:
            heard = out.add_stream(sound_codec, rate=48000 if sound_codec == "libopus" else 44100, layout="mono")
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(index, *size), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if heard is not None and sound is not None:
            put_sound(out, heard, tone(sound, heard.rate)[None], heard.rate, "mono", "fltp", sound_shift)
