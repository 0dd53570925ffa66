"""The process that decodes pictures, or compressed sound, of a live session: within limits, replaced when it dies.

A request is a header in JSON and bytes, and so is its answer; see `packed`. It ends with its stdin, and so with the
service.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable
from typing import Any

from demeanor.errors import DemeanorError, InputError
from demeanor.serve.confine import confine, limit_processor_time, own_output

Message = tuple[dict[str, Any], bytes]

MOST_PIXELS = 4096 * 4096
SECONDS = 10.0
"""That one picture or piece of sound may take."""

LONGEST_ANSWER = 64 << 20
"""Bytes."""

_LENGTHS = struct.Struct("<II")
_FORMATS = ("JPEG", "PNG", "WEBP")
_EXPECTED = "expected a JPEG, PNG or WebP picture of at most 16 megapixels"


def packed(told: dict[str, Any], data: bytes = b"") -> bytes:
    """A message: two lengths (unsigned, 32 bits, little end first), the header, the bytes."""
    header = json.dumps(told).encode()
    return _LENGTHS.pack(len(header), len(data)) + header + data


def unpacked(read: Callable[[int], bytes]) -> Message:
    """The next message.

    Args:
        read: gives so many bytes, fewer at the end only.

    Raises:
        EOFError: there is none, or not all of it.
        ValueError: it is none.
    """

    def exactly(count: int) -> bytes:
        if count > LONGEST_ANSWER:
            raise ValueError("expected a shorter message")
        found = read(count)
        if len(found) < count:
            raise EOFError
        return found

    lengths = _LENGTHS.unpack(exactly(_LENGTHS.size))
    header, data = map(exactly, lengths)
    return json.loads(header), data


def main() -> None:
    """Answer requests until stdin ends."""
    kind, memory = sys.argv[1], int(sys.argv[2])
    out = own_output()
    confine(memory, largest=0)
    work = _picture if kind == "picture" else _sound(kind)
    while True:
        try:
            told, data = unpacked(sys.stdin.buffer.read)
        except EOFError:
            return
        limit_processor_time(SECONDS)
        try:
            answer = work(told, data)
        except (DemeanorError, MemoryError) as error:
            answer = {"error": " ".join(str(error).split()) or "it needs more memory than it may have"}, b""
        out.write(packed(*answer))
        out.flush()


def _picture(told: dict[str, Any], data: bytes) -> Message:
    """RGB of a picture."""
    from demeanor.media.image import decode_image

    _check_size(data)
    image = decode_image(data, longest=told["longest"])
    return {"shape": image.shape}, image.tobytes()


def _check_size(data: bytes) -> None:
    """Look at the header of a picture.

    Raises:
        InputError: another kind, or too large.
    """
    import io
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                width, height = picture.size
    except Exception as error:  # whatever Pillow raises on damaged headers
        raise InputError(f"{_EXPECTED}, got one with a damaged header; send another") from error
    if width * height > MOST_PIXELS:
        raise InputError(f"{_EXPECTED}, got {width} × {height}; scale it down")


def _sound(kind: str) -> Callable[[dict[str, Any], bytes], Message]:
    """What decodes a stream of sound, piece by piece."""
    from demeanor.serve.incoming import decoder_of

    pieces: list[tuple[dict[str, Any], bytes]] = []
    faults: list[str] = []

    def push(samples: Any, rate: int, time: float | None) -> None:
        told = {"shape": samples.shape, "dtype": samples.dtype.str, "rate": rate, "time": time}
        pieces.append((told, samples.tobytes()))

    decoder = decoder_of(kind, push, faults.append)

    def work(told: dict[str, Any], data: bytes) -> Message:
        pieces.clear()
        faults.clear()
        if told.get("end"):
            decoder.end()
        else:
            decoder.take(data, told["time"])
        answer = {"pieces": [p for p, _ in pieces], "faults": list(faults), "begun": decoder.begun}
        return answer, b"".join(data for _, data in pieces)

    return work


if __name__ == "__main__":
    main()
