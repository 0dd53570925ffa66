"""Media of a live session are decoded in processes of their own: confined, watched, replaced."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the service's libraries are not installed here (extra serve)")

from demeanor.errors import InputError
from demeanor.media.image import decode_image
from demeanor.serve import decoding
from demeanor.serve.decoder import packed, unpacked
from demeanor.serve.decoding import Coded, Decoder, Pictures
from reader_fakes import picture
from serve_calls import ROOT, alive, until
from serve_media import encoded, jpeg

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")


@contextmanager
def decoder(kind: str, **limits: Any) -> Iterator[Decoder]:
    made = Decoder(kind, **limits)
    try:
        yield made
    finally:
        made.stop()


def blank(width: int, height: int, **how: Any) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, **how)
    return out.getvalue()


def killed(child: Decoder) -> int:
    """Its process, which has died since."""
    assert child.pid is not None
    assert child._process is not None
    os.kill(child.pid, signal.SIGKILL)
    child._process.wait(30)
    return child.pid


class Taken:
    def __init__(self) -> None:
        self.samples, self.times, self.faults = 0, [], []  # type: ignore[var-annotated]

    def push(self, samples: Any, rate: int, *, channels: int = 1, time: float | None = None) -> None:
        self.samples += samples.shape[1]
        self.times.append(time)


def test_a_picture_is_what_it_is_when_decoded_here() -> None:
    data = jpeg(picture([(100, 60, 90, "bright")]))
    with decoder("picture") as child:
        np.testing.assert_array_equal(Pictures(child).decoded(data), decode_image(data))
        assert child.pid != os.getpid()
        assert alive(child.pid)
        pid = child.pid
    assert not alive(pid)


@pytest.mark.parametrize(("width", "height", "format"), [(5000, 5000, "PNG"), (65000, 300, "JPEG")])
def test_a_bomb_of_a_picture_costs_itself(width: int, height: int, format: str) -> None:
    with decoder("picture") as child:
        with pytest.raises(InputError, match=f"16 megapixels, got {width} × {height}"):
            Pictures(child).decoded(blank(width, height, format=format))
        pid = child.pid
        assert Pictures(child).decoded(blank(8, 8, format="JPEG")).shape == (8, 8, 3)
        assert child.pid == pid


def test_memory_is_bounded() -> None:
    """A picture that may be sent, and needs more memory than there is, costs itself; its process may live or not."""
    with decoder("picture", memory=130 << 20) as child:
        small, large = blank(8, 8, format="JPEG"), blank(4000, 4000, format="PNG")
        assert Pictures(child).decoded(small).shape == (8, 8, 3)
        with pytest.raises(InputError):
            Pictures(child).decoded(large)
        assert Pictures(child).decoded(small).shape == (8, 8, 3)


def test_a_process_that_hangs_or_died_is_replaced() -> None:
    data = blank(8, 8, format="JPEG")
    with decoder("picture", seconds=3.0) as child:
        shapes, pids = [], []
        for blow in (signal.SIGKILL, signal.SIGSTOP, None):
            shapes.append(Pictures(child).decoded(data).shape)
            pids.append(child.pid)
            assert child.pid is not None
            if blow is signal.SIGSTOP:
                os.kill(child.pid, blow)
                with pytest.raises(InputError, match="too long"):
                    Pictures(child).decoded(data)
            elif blow is not None:
                killed(child)
        assert shapes == 3 * [(8, 8, 3)]
        assert len(set(pids)) == 3


def test_nothing_is_started_after_the_end() -> None:
    child = Decoder("picture")
    child.stop()
    with pytest.raises(InputError):
        Pictures(child).decoded(blank(8, 8, format="JPEG"))
    assert child.pid is None


def test_stopping_ends_who_waits() -> None:
    child, said = Decoder("picture"), []
    data = blank(8, 8, format="JPEG")
    Pictures(child).decoded(data)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGSTOP)

    def ask() -> None:
        with pytest.raises(InputError):
            Pictures(child).decoded(data)
        said.append(True)

    waiting = threading.Thread(target=ask)
    waiting.start()
    until(child._lock.locked, "the question to be asked")
    child.stop()
    waiting.join(5)
    assert said


def test_it_does_not_outlive_a_service_that_is_killed() -> None:
    script = (
        "from demeanor.serve.decoding import Decoder; d = Decoder('ogg'); d.ask({'time': None}, b'');"
        "print(d.pid, flush=True); input()"
    )
    service = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert service.stdout is not None
    pid = int(service.stdout.readline())
    assert alive(pid)
    service.kill()
    service.communicate()
    until(lambda: not alive(pid), "the decoder to end with the service")


@pytest.mark.parametrize("format", ["webm", "ogg"])
def test_a_stream_of_sound_goes_on_in_a_new_process(format: str) -> None:
    """What it is was said at its beginning, which the new process never saw."""
    data, _ = encoded(format, seconds=4)
    pieces = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    taken = Taken()
    with decoder(format) as child:
        sound = Coded(child, taken.push, taken.faults.append)
        for at, piece in enumerate(pieces):
            if at == len(pieces) // 2:
                first = killed(child)
            sound.take(piece, 2.0 if at == 0 else None)
        sound.end()
        assert child.pid != first
    assert taken.faults == []
    assert taken.times[0] == pytest.approx(2.0, abs=0.03)
    assert sum(np.diff(taken.times) < 0) <= 1  # a piece of the beginning may come again; the stream leaves it out
    assert taken.times[-1] == pytest.approx(6.0, abs=0.1)
    assert taken.samples > 2.5 * 48_000


def test_a_large_piece_is_decoded_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes of speech are a megabyte as they come, and far more than an answer may hold when decoded."""
    data, _ = encoded("ogg", seconds=4)
    monkeypatch.setattr(decoding, "_SLICE", len(data) // 4)
    taken, answers = Taken(), []
    with decoder("ogg") as child:
        exchange = child.ask
        monkeypatch.setattr(child, "ask", lambda *asked: answers.append(found := exchange(*asked)) or found)
        sound = Coded(child, taken.push, taken.faults.append)
        sound.take(data, 2.0)
        sound.end()
    assert taken.faults == []
    assert taken.samples > 3.9 * 48_000
    assert taken.times[0] == pytest.approx(2.0, abs=0.03)
    assert max(len(decoded) for _, decoded in answers) < 0.5 * sum(len(decoded) for _, decoded in answers)


def test_junk_for_a_packet_of_opus_costs_itself() -> None:
    _, packets = encoded("ogg")
    taken = Taken()
    with decoder("opus") as child:
        sound = Coded(child, taken.push, taken.faults.append)
        for packet in packets[:20]:
            sound.take(packet, None)
        before, pid = taken.samples, child.pid
        with pytest.raises(InputError, match="packet of Opus"):
            sound.take(b"\xff" * 7, None)
        for packet in packets[20:40]:
            sound.take(packet, None)
        assert taken.samples > 1.5 * before
        assert child.pid == pid


def test_messages_between_the_two() -> None:
    message = packed({"a": 1}, b"xyz")
    assert unpacked(io.BytesIO(message).read) == ({"a": 1}, b"xyz")
    for short in (b"", message[:5], message[:-1]):
        with pytest.raises(EOFError):
            unpacked(io.BytesIO(short).read)
    with pytest.raises(ValueError, match="shorter"):
        unpacked(io.BytesIO(b"\xff" * 100).read)
