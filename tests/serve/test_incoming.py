"""Compressed sound over the wire: packets of Opus, and what a browser's recorder gives, in pieces of any size."""

from typing import Any

import numpy as np
import pytest

from demeanor.errors import InputError
from demeanor.serve.incoming import decoder_of
from serve_media import SOUND_RATE as RATE
from serve_media import encoded


class Taken:
    """What was pushed."""

    def __init__(self) -> None:
        self.pieces: list[np.ndarray] = []
        self.times: list[float | None] = []
        self.faults: list[str] = []

    def push(self, samples: Any, rate: int, time: float | None) -> None:
        rows = np.atleast_2d(np.asarray(samples))
        assert rate == RATE
        self.pieces.append(rows.mean(axis=0))
        self.times.append(time)

    @property
    def pitch(self) -> float:
        sound = np.concatenate(self.pieces)
        return float(np.argmax(np.abs(np.fft.rfft(sound[:RATE]))))


@pytest.mark.parametrize("format", ["webm", "ogg"])
@pytest.mark.parametrize("size", [100, 4000, 10**6])
def test_a_recorders_stream_in_pieces(format: str, size: int) -> None:
    taken, (data, _) = Taken(), encoded(format)
    sound = decoder_of(format, taken.push, taken.faults.append)
    for at in range(0, len(data), size):
        sound.take(data[at : at + size], 3.0 if at == 0 else None)
    sound.end()
    assert taken.faults == []
    assert sound.begun
    assert sum(map(len, taken.pieces)) == pytest.approx(2 * RATE, abs=0.05 * RATE)
    assert taken.pitch == pytest.approx(220, abs=1)
    assert taken.times[0] == pytest.approx(3.0, abs=0.03)
    assert taken.times == sorted(taken.times)  # type: ignore[type-var]
    assert taken.times[-1] == pytest.approx(5.0, abs=0.05)


def test_what_a_piece_holds_has_come_when_it_was_taken() -> None:
    taken, (data, _) = Taken(), encoded("webm")
    sound = decoder_of("webm", taken.push, taken.faults.append)
    sound.take(data[: len(data) // 2], None)
    half = sum(map(len, taken.pieces))
    assert half == pytest.approx(RATE, abs=0.2 * RATE)
    sound.take(data[len(data) // 2 :], None)
    assert sum(map(len, taken.pieces)) > 1.5 * half
    sound.end()


def test_packets_of_opus() -> None:
    taken, (_, packets) = Taken(), encoded("ogg")
    sound = decoder_of("opus", taken.push, taken.faults.append)
    for at, packet in enumerate(packets):
        sound.take(packet, at / 50)
    sound.end()
    assert taken.pitch == pytest.approx(220, abs=1)
    with pytest.raises(InputError, match="packet of Opus"):
        sound.take(b"\xff" * 7, None)
    sound.take(b"", None)


@pytest.mark.parametrize("junk", [b"junk" * 4000, b"", b"\x1a\x45\xdf\xa3" + bytes(5000)])
@pytest.mark.parametrize("format", ["webm", "ogg"])
def test_a_stream_that_is_none_is_told_once(format: str, junk: bytes) -> None:
    taken = Taken()
    sound = decoder_of(format, taken.push, taken.faults.append)
    sound.take(junk, None)
    sound.end()
    sound.take(b"more", None)
    assert len(taken.faults) == 1
    assert taken.pieces == []


def test_only_opus_and_vorbis_are_decoded() -> None:
    taken, (data, _) = Taken(), encoded("matroska", "flac")
    sound = decoder_of("webm", taken.push, taken.faults.append)
    sound.take(data, None)
    sound.end()
    assert len(taken.faults) == 1
    assert "expected Opus" in taken.faults[0]
