"""Media that no browser plays (MPEG-1, AVI, WMA, TIFF …) in a form that every browser does."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from demeanor.errors import DecodeError
from demeanor.media.container import open_container, picture_stream, sound_stream
from demeanor.media.source import name_of

PLAYABLE = {
    "image": {
        ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".jfif": "image/jpeg", ".png": "image/png", ".gif": "image/gif",
        ".webp": "image/webp", ".avif": "image/avif", ".bmp": "image/bmp",
    },
    "audio": {
        ".wav": "audio/wav", ".mp3": "audio/mpeg", ".flac": "audio/flac", ".ogg": "audio/ogg", ".oga": "audio/ogg",
        ".opus": "audio/ogg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".weba": "audio/webm",
    },
    "video": {
        ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm", ".ogv": "video/ogg",
    },
}  # fmt: skip
"""By part: the extensions that browsers play as they are, with their media type."""

CONVERTED = {"image": (".png", "image/png"), "audio": (".webm", "audio/webm"), "video": (".webm", "video/webm")}
"""By part: what the others become."""

_WIDTH, _PICTURE = 640, 1600  # most pixels across a converted film, of a converted picture
_RATE = 48_000
_BEFORE = 10.0  # seconds decoded in vain, because not every container finds a second exactly


def convert(path: Path, part: str, out: Path, start: float | None = None, end: float | None = None) -> None:
    """Write a playable copy of a medium, of the seconds from `start` to `end` only.

    Raises:
        InputError: the file cannot be read, or there is nothing in it between start and end.
    """
    if part == "image":
        from PIL import Image

        from demeanor.media.image import decode_image

        Image.fromarray(decode_image(path, longest=_PICTURE)).save(out, "PNG")
        return
    import av

    with open_container(path, "play") as source, av.open(str(out), "w", format="webm") as target:
        if not _copy(source, target, part, start or 0.0, float("inf") if end is None else end):
            raise DecodeError(f"{name_of(path)}: expected something to play from {start} to {end} s, found nothing")


def _copy(source: Any, target: Any, part: str, start: float, end: float) -> int:
    """Decode, shift to zero, encode; how many frames there were."""
    picture = picture_stream(source) if part == "video" else None
    sound = sound_stream(source)
    writers = {s.index: _writer(target, s) for s in (picture, sound) if s is not None}
    offset = (source.start_time or 0) / 1e6
    if start > _BEFORE:
        source.seek(int((start - _BEFORE + offset) * 1e6))
    count = 0
    for stream, frame in _frames(source, [s for s in (picture, sound) if s is not None]):
        at = (frame.time or 0.0) - offset
        if at > end + 1:
            break  # sound and picture may be a second apart
        if start - 0.02 <= at < end:
            count += 1
            for packet in writers[stream.index](frame, max(0.0, at - start)):
                target.mux(packet)
    for write in writers.values():
        for packet in write(None, 0.0):
            target.mux(packet)
    return count


def _frames(source: Any, streams: list[Any]) -> Iterator[tuple[Any, Any]]:
    import av

    for packet in source.demux(streams):
        try:
            for frame in packet.decode():
                yield packet.stream, frame
        except av.FFmpegError:  # a damaged packet costs itself
            continue


def _writer(target: Any, stream: Any) -> Any:
    return _film(target, stream) if stream.type == "video" else _sound(target)


def _film(target: Any, stream: Any) -> Any:
    """VP8, at most 640 across, on a clock of milliseconds."""
    context = stream.codec_context
    scale = min(1.0, _WIDTH / max(context.width, 1))
    out = target.add_stream("libvpx", rate=30, options={"deadline": "realtime", "cpu-used": "8"})
    out.width, out.height = (max(2, round(n * scale / 2) * 2) for n in (context.width, context.height))
    out.pix_fmt, out.bit_rate = "yuv420p", 1_500_000
    out.codec_context.time_base = Fraction(1, 1000)
    out.codec_context.thread_count = 1  # libvpx' threads wait busily for one another: 30 times slower when shared
    last = -1

    def write(frame: Any, at: float) -> Any:
        nonlocal last
        if frame is None:
            return out.encode(None)
        last = max(last + 1, round(at * 1000))
        frame = frame.reformat(width=out.width, height=out.height, format="yuv420p")
        frame.pts, frame.time_base = last, Fraction(1, 1000)
        frame.pict_type = 0
        return out.encode(frame)

    return write


def _sound(target: Any) -> Any:
    """Opus in stereo; its clock counts the samples from where the sound begins."""
    from av import AudioResampler

    out = target.add_stream("libopus", rate=_RATE, layout="stereo")
    resampler, placed = AudioResampler("flt", "stereo", _RATE), -1

    def write(frame: Any, at: float) -> Any:
        nonlocal placed
        if frame is not None:
            placed = round(at * _RATE) if placed < 0 else placed
            frame.pts = None
        elif placed < 0:
            return []
        packets = []
        for piece in resampler.resample(frame):
            piece.pts, piece.time_base = placed, Fraction(1, _RATE)
            placed += piece.samples
            packets += out.encode(piece)
        return packets + (out.encode(None) if frame is None else [])

    return write
