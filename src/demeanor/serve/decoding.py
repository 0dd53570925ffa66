"""Media of a live session on their way to its stream; what is compressed is decoded in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import InputError
from demeanor.reader.clip import LONGEST
from demeanor.serve.decoder import SECONDS, Message, packed, unpacked
from demeanor.serve.log import log

MEMORY = 1 << 30
"""Bytes of address space of a process that decodes."""

_HEAD = 1 << 18  # bytes, at most, in which a stream of sound says what it is
_SLICE = 1 << 16  # bytes decoded at once: minutes of speech may be in them; no packet of Opus is as large
_CLUSTER = b"\x1f\x43\xb6\x75"  # where the sound of WebM begins
_SAMPLES = ("<f4", "<f8", "<i2", "<i4", "|u1")


class Push(Protocol):
    """`Stream.push_audio`."""

    def __call__(self, samples: Any, rate: int, *, channels: int = 1, time: float | None = None) -> None:
        """Add sound."""


class Decoder:
    """A process that decodes for one session: started when first needed, and anew after it died of something.

    Args:
        kind: `picture`, or one of `wire.SOUNDS` but PCM.
        memory: bytes that it may take.
        seconds: that one request may take.

    Attributes:
        first: what a new process is told first, unless None.
    """

    def __init__(self, kind: str, memory: int = MEMORY, seconds: float = SECONDS) -> None:
        self._kind, self._memory, self._seconds = kind, memory, seconds
        self.first: Message | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """Of its process."""
        process = self._process
        return None if process is None else process.pid

    def ask(self, told: dict[str, Any], data: bytes) -> Message:
        """Have something decoded; blocks.

        Raises:
            InputError: it cannot be.
        """
        with self._lock:
            try:
                if self._process is None or self._process.poll() is not None:
                    self._start()
                    if self.first is not None:
                        self._exchange(*self.first)
                answer, decoded = self._exchange(told, data)
            except (OSError, EOFError, ValueError) as error:
                self._end()
                log("decoder", outcome="crash")
                raise InputError(
                    "expected media that can be decoded, got some of which the process that decodes them died, or "
                    "over which it took too long; it is left out"
                ) from error
        if "error" in answer:
            raise InputError(answer["error"])
        return answer, decoded

    def stop(self) -> None:
        """End the process, for good; who waits for an answer gets none."""
        self._stopped = True
        if (process := self._process) is not None:
            process.kill()
        with self._lock:
            self._end()

    def _start(self) -> None:
        if self._stopped:
            raise EOFError
        self._end()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "demeanor.serve.decoder", self._kind, str(self._memory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip

    def _exchange(self, told: dict[str, Any], data: bytes) -> Message:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        watch = threading.Timer(self._seconds, process.kill)
        watch.start()
        try:
            process.stdin.write(packed(told, data))
            process.stdin.flush()
            return unpacked(process.stdout.read)
        finally:
            watch.cancel()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


class Pictures:
    """Decodes the pictures of a session.

    Args:
        decoder: of the kind `picture`.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def decoded(self, data: bytes) -> NDArray[np.uint8]:
        """RGB (height, width, 3), as `decode_image` gives it.

        Raises:
            InputError: it cannot be decoded, or is larger than it may be.
        """
        told, pixels = self._decoder.ask({"longest": LONGEST}, data)
        image: NDArray[np.uint8] = np.frombuffer(pixels, np.uint8).reshape(told["shape"])
        return image


class Sound(Protocol):
    """Takes the sound of one session."""

    def take(self, data: bytes, time: float | None) -> None:
        """Take in the next message; may block.

        Raises:
            InputError: it cannot be decoded.
        """

    def end(self) -> None:
        """No more comes; what was taken has been pushed when this returns. May block."""


class Pcm:
    """16-bit samples, little end first, channels interleaved: nothing is to be decoded."""

    def __init__(self, rate: int, channels: int, push: Push) -> None:
        self._rate, self._channels, self._push = rate, channels, push

    def take(self, data: bytes, time: float | None) -> None:
        """Push them as they are."""
        self._push(data, self._rate, channels=self._channels, time=time)

    def end(self) -> None:
        """Nothing is held back."""


class Coded:
    """Packets of Opus, or the bytes of a WebM or Ogg stream.

    A stream's first bytes say what it is. They are kept for a new process after the last one died, which goes on with
    the next packet, page or cluster.

    Args:
        decoder: of that kind.
        push: takes what was decoded.
        fault: is told, once, that a stream of bytes cannot be decoded.
    """

    def __init__(self, decoder: Decoder, push: Push, fault: Callable[[str], None]) -> None:
        self._decoder, self._push, self._fault = decoder, push, fault
        self._begun = False
        self._lock = threading.Lock()

    def take(self, data: bytes, time: float | None) -> None:
        """Have it decoded, and push it."""
        with self._lock:
            for at in range(0, max(1, len(data)), _SLICE):
                self._ask({"time": time}, data[at : at + _SLICE])

    def end(self) -> None:
        """Push what the decoder held back."""
        with self._lock:
            try:
                if self._decoder.pid is not None:
                    self._ask({"end": True}, b"")
            except InputError as error:
                self._fault(str(error))

    def _ask(self, told: dict[str, Any], data: bytes) -> None:
        answer, sound = self._decoder.ask(told, data)
        if not self._begun:
            first, head = self._decoder.first or (told, b"")
            head, cluster, _ = (head + data).partition(_CLUSTER)
            self._decoder.first = first, head
            self._begun = answer["begun"] or bool(cluster) or len(head) > _HEAD
        for message in answer["faults"]:
            self._fault(message)
        at = 0
        for piece in answer["pieces"]:
            if piece["dtype"] not in _SAMPLES:
                raise InputError(f"expected samples of a known kind, got {piece['dtype']}")
            kind = np.dtype(piece["dtype"])
            size = int(np.prod(piece["shape"])) * kind.itemsize
            samples = np.frombuffer(sound[at : at + size], kind).reshape(piece["shape"])
            self._push(samples, piece["rate"], time=piece["time"])
            at += size
