"""What is pushed is put on one clock: sound without gaps, pictures on a beat; nothing is lost in silence."""

import threading

import numpy as np
import pytest

from demeanor.errors import InputError
from demeanor.media.audio import decode_audio
from demeanor.media.waveform import Waveform
from demeanor.reader.intake import LONGEST_WAIT, Beat, Desk, Feed, Picture, SoundClock, Text, rows_from
from reader_fakes import RATE, noise, speech


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("size", [160, 1024, 10_000])
def test_any_rate_in_any_pieces_is_as_decoded_at_once(rate: int, size: int) -> None:
    samples = (30_000 * np.sin(np.arange(2 * rate) * 440 * 2 * np.pi / rate)).astype(np.int16)
    clock = SoundClock()
    pieces = [p for at in range(0, len(samples), size) for p in clock.push(samples[None, at : at + size], rate, None)]
    together = np.concatenate([*pieces, *clock.flush()])
    assert clock.seconds == pytest.approx(2.0)
    np.testing.assert_allclose(together, decode_audio(Waveform(samples, rate)), atol=1e-3)


def test_channels_are_averaged_and_bytes_are_16_bit_integers() -> None:
    stereo = np.stack([speech(0.5), -0.5 * speech(0.5)])
    assert np.concatenate(SoundClock().push(stereo, RATE, None)) == pytest.approx(0.25 * speech(0.5), abs=1e-6)
    data = (stereo.T * 32767).astype("<i2").tobytes()
    rows = rows_from(data, RATE, 2)
    assert rows.shape == stereo.shape
    assert rows[0] / 32768 == pytest.approx(stereo[0], abs=1e-4)


@pytest.mark.parametrize(
    ("samples", "rate", "channels"),
    [(b"123", RATE, 1), (b"1234", RATE, 3), (b"12", 0, 1), (np.zeros((2, 2, 2)), RATE, 1), (b"12", RATE, 0)],
)
def test_what_is_no_sound_is_refused(samples: object, rate: int, channels: int) -> None:
    with pytest.raises(InputError, match="expected"):
        rows_from(samples, rate, channels)  # type: ignore[arg-type]


def test_silence_stands_in_for_gaps_and_repeated_sound_is_left_out() -> None:
    clock, one = SoundClock(), np.ones((1, RATE), np.float32)
    pieces = clock.push(one, RATE, 0.5)
    pieces += clock.push(one, RATE, 1.55)  # off by less than a gap: coarse timestamps
    pieces += clock.push(one, RATE, 4.0)
    pieces += clock.push(one, RATE, 4.25)
    pieces += clock.push(one, RATE, 9e6)
    samples = np.concatenate(pieces)
    assert clock.seconds * RATE == len(samples)
    edges = np.flatnonzero(np.diff(samples)) / RATE
    assert edges == pytest.approx([0.5, 2.5, 4.0], abs=1e-3)
    assert len(samples) / RATE == pytest.approx(6.25)
    assert clock.repeated == pytest.approx(0.75)
    assert clock.jumps == 1


def test_broken_floats_are_mended() -> None:
    rows = np.array([[0.5, np.nan, 2.0, -np.inf]], np.float32)
    assert np.concatenate(SoundClock().push(rows, RATE, None)).tolist() == [0.5, 0.0, 1.0, -1.0]


def test_sound_that_nobody_hears_is_lost_after_ten_minutes_only_and_keeps_its_time() -> None:
    feed = Feed()
    block = noise(10.0)
    for _ in range(70):
        feed.put(block)
    feed.close()
    heard = list(feed.blocks())
    assert sum(map(len, heard)) == 70 * len(block)
    assert feed.lost == pytest.approx(700 - LONGEST_WAIT - 10)
    assert np.any(heard[0])
    assert not np.any(heard[-1])
    assert {len(b) for b in heard} == {RATE}


def test_silence_that_waits_costs_no_sound_that_comes_after_it() -> None:
    feed, talk = Feed(), noise(10.0)
    for block in (talk, *[np.zeros(100 * RATE, np.float32)] * 9, talk):
        feed.put(block)
    assert feed.seconds == pytest.approx(20)
    feed.close()
    heard = np.concatenate(list(feed.blocks()))
    assert feed.lost == feed.seconds == 0
    np.testing.assert_array_equal(heard[-len(talk) :], talk)
    assert len(heard) / RATE == pytest.approx(920)


def test_a_feed_waits_for_what_comes() -> None:
    feed, heard = Feed(), []
    listener = threading.Thread(target=lambda: heard.extend(feed.blocks()))
    listener.start()
    for _ in range(5):
        feed.put(np.ones(RATE // 2, np.float32))
    feed.close()
    listener.join(10)
    assert [len(b) for b in heard] == [RATE, RATE, RATE // 2]


@pytest.mark.parametrize("spacing", [1 / 30, 1 / 15, 0.1])
def test_the_beat_takes_what_a_film_shows_at_its_ticks(spacing: float) -> None:
    beat = Beat(3.0)
    times = [at * spacing for at in range(round(4 / spacing))]
    chosen = [c for at, time in enumerate(times) for c in beat.push(time, at)] + beat.flush()
    assert [t for t, _ in chosen] == pytest.approx([k / 3 for k in range(12)])
    for time, at in chosen:
        assert times[at] <= time + 0.002
        assert at + 1 == len(times) or times[at + 1] > time + 0.001


def test_slow_pictures_are_taken_at_once_and_each_once() -> None:
    beat = Beat(3.0)
    out = [[image for _, image in beat.push(time, time)] for time in (0.0, 1.0, 2.5, 4.0)]
    assert out == [[], [0.0, 1.0], [2.5], [4.0]]
    assert beat.flush() == []


def test_pictures_out_of_order_are_left_out() -> None:
    beat = Beat(3.0)
    for time in (0.0, 0.5, 0.5, 0.4, 0.6):
        beat.push(time, None)
    assert beat.late == 2


def test_a_jump_of_the_clock_of_pictures_is_no_pause() -> None:
    beat = Beat(2.0)
    for time in (0.0, 0.5, 1800.0, 5000.0, 5000.5):
        beat.push(time, None)
    assert (beat.jumps, beat.late, beat.last) == (1, 0, 1801.5)
    beside = Beat(2.0)
    beside.push(3600.0, None, reached=3600.0)
    assert (beside.jumps, beside.last) == (0, 3600.0)


def test_of_waiting_pictures_the_oldest_go_and_texts_stay() -> None:
    desk = Desk()
    dropped = [desk.put(Picture(float(t), None)) for t in range(4)]
    desk.put(Text(1, 0, "hi"))
    dropped.append(desk.put(Picture(4.0, None)))
    assert dropped == [0, 0, 0, 1, 1]
    desk.close()
    left = [item.text if isinstance(item, Text) else item.time for item in iter(desk.take, None)]
    assert left == [2.0, 3.0, "hi", 4.0]
