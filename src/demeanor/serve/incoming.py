"""Compressed sound of a live session as it comes over the wire, decoded: Opus packets, or WebM and Ogg bytes.

Of containers nothing but Matroska and Ogg is opened, and of codecs in them nothing but Opus and Vorbis is decoded.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from demeanor.errors import InputError

_FORMATS = {"webm": "matroska", "ogg": "ogg"}
_CODECS = ("opus", "vorbis", "libopus", "libvorbis")


Push = Callable[[Any, int, float | None], None]
"""Takes samples (channels, time), their rate, and the time of the first, None where it follows the last one."""


class Incoming(Protocol):
    """Decodes the sound of one session.

    Attributes:
        begun: whether it is known what the stream is.
    """

    begun: bool

    def take(self, data: bytes, time: float | None) -> None:
        """Take in the next message; what it holds has been pushed when this returns.

        Raises:
            InputError: it cannot be decoded.
        """

    def end(self) -> None:
        """No more comes; what was held back has been pushed when this returns."""


def decoder_of(sound: str, push: Push, fault: Callable[[str], None]) -> Incoming:
    """What decodes sound of a kind.

    Args:
        sound: one of `wire.SOUNDS` but PCM.
        push: takes what was decoded; may be called from another thread.
        fault: is told, once, that a stream of bytes cannot be decoded.
    """
    return OpusPackets(push) if sound == "opus" else Container(_FORMATS[sound], push, fault)


class OpusPackets:
    """Opus, one packet a message."""

    begun = True

    def __init__(self, push: Push) -> None:
        import av

        self._push = push
        self._decoder: Any = av.CodecContext.create("opus", "r")

    def take(self, data: bytes, time: float | None) -> None:
        """Decode a packet."""
        import av

        try:
            frames = self._decoder.decode(av.Packet(data)) if data else []
        except (av.FFmpegError, ValueError, MemoryError) as error:
            raise InputError(f"expected a packet of Opus, got something else ({error}); send whole packets") from error
        for at, frame in enumerate(frames):
            self._push(frame.to_ndarray(), frame.sample_rate, time if at == 0 else None)

    def end(self) -> None:
        """What the decoder holds back is padding."""


class Container:
    """The bytes of a WebM or Ogg stream, as a browser's recorder gives them, in pieces of any size."""

    def __init__(self, format: str, push: Push, fault: Callable[[str], None]) -> None:
        self._format, self._push, self._fault = format, push, fault
        self._pipe = _Pipe()
        self.begun = False
        self._offset: float | None = None
        self._thread: threading.Thread | None = None

    def take(self, data: bytes, time: float | None) -> None:
        """Decode as far as these bytes go; the first message's time is that of the stream's start."""
        if self._offset is None:
            self._offset = time or 0.0
            self._thread = threading.Thread(target=self._decode, name="demeanor opus", daemon=True)
            self._thread.start()
        self._pipe.put(data)

    def end(self) -> None:
        """Decode the rest."""
        self._pipe.close()
        if self._thread is not None:
            self._thread.join()

    def _decode(self) -> None:
        import av

        try:
            with av.open(
                self._pipe, "r", format=self._format, buffer_size=4096, metadata_errors="replace",
                container_options={
                    "protocol_whitelist": "none", "probesize": "4096", "analyzeduration": "0", "fflags": "nobuffer",
                },
            ) as container:  # fmt: skip
                stream = next((s for s in container.streams.audio if s.codec_context.name in _CODECS), None)
                if stream is None:
                    raise InputError("expected Opus in the stream, got no sound, or some in another codec")
                self.begun = True
                for packet in container.demux(stream):
                    self._decode_packet(packet)
        except (av.FFmpegError, ValueError, MemoryError) as error:
            self._fault(f"the stream of sound cannot be decoded ({error}); begin another session")
        except InputError as error:
            self._fault(str(error))
        finally:
            self._pipe.drain()

    def _decode_packet(self, packet: Any) -> None:
        import av

        try:
            frames = packet.decode()
        except (av.FFmpegError, ValueError, MemoryError):
            return  # a damaged packet costs itself; silence stands in for it
        for frame in frames:
            time = None if frame.time is None else max(0.0, (self._offset or 0.0) + frame.time)
            self._push(frame.to_ndarray(), frame.sample_rate, time)


class _Pipe:
    """A file that is read while it is still written; reading waits."""

    def __init__(self) -> None:
        self.name = "stream"
        self._waiting: deque[bytes] = deque()
        self._wanted = self._closed = False
        self._changed = threading.Condition()

    def put(self, data: bytes) -> None:
        """Add bytes, and wait until they are read and more are wanted, or no more will be."""
        with self._changed:
            if self._closed or not data:
                return
            self._waiting.append(data)
            self._wanted = False
            self._changed.notify_all()
            while not self._wanted and not self._closed:
                self._changed.wait()

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, at least one but at the end."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._wanted = True
                self._changed.notify_all()
                self._changed.wait()
            if not self._waiting:
                return b""
            data = self._waiting.popleft()
            if 0 < size < len(data):
                self._waiting.appendleft(data[size:])
                data = data[:size]
            return data

    def close(self) -> None:
        """No more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drain(self) -> None:
        """Nobody reads any more: let go of what waits and of what will come."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
