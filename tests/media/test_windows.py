"""A stream in windows: nothing lost, nothing doubled, nothing too long, whatever the blocks."""

import itertools
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demeanor.media.vad import RATE, Interval, Samples
from demeanor.media.windows import LIMIT, Stream, Window, cut, pack, speech_windows

GAPS = st.lists(st.tuples(st.floats(0.2, 20), st.floats(0.1, 70)), max_size=40)


def intervals(rows: list[tuple[float, float]]) -> list[Interval]:
    """(pause, length) in seconds → intervals."""
    edges = [round(t * RATE) for t in itertools.accumulate(itertools.chain.from_iterable(rows))]
    return list(zip(edges[::2], edges[1::2], strict=True))


def level_detector(audio: Samples) -> list[Interval]:
    """Exact detector for audio that is not zero where somebody speaks; parts at pauses of 0.1 s."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], audio != 0, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def spoken(speech: list[Interval], tail: int = 0) -> Samples:
    """Audio whose every sample in speech tells its own number (exact in float32), zero elsewhere."""
    audio = np.zeros((speech[-1][1] if speech else 0) + tail, np.float32)
    for start, end in speech:
        audio[start:end] = np.arange(start + 1, end + 1)
    return audio


def blocks(audio: Samples, size: int) -> Iterator[Samples]:
    return (audio[at : at + size] for at in range(0, len(audio), size))


@settings(max_examples=150, deadline=None)
@given(GAPS)
def test_pack_keeps_everything_in_windows_that_fit(rows: list[tuple[float, float]]) -> None:
    speech = intervals(rows)
    end = (speech[-1][1] if speech else 0) + RATE
    windows = pack(speech, 0, end)
    flat = [i for group in windows for i in group]
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(flat))
    assert all(0 <= a < b <= end for a, b in flat)
    covered = np.zeros(end // 1600 + 1, np.int32)
    for a, b in flat:
        covered[-(-a // 1600) : b // 1600] += 1
    assert covered.max(initial=0) <= 1
    for a, b in speech:
        assert sum(max(0, min(b, d) - max(a, c)) for c, d in flat) == b - a
    for group in windows:
        window = cut(np.zeros(end, np.float32), 0, group)
        assert 0 < len(window.samples) <= LIMIT
        assert len(window.samples) == sum(b - a for a, b in window.pieces)


def test_windows_are_cut_at_the_longest_pause() -> None:
    speech = intervals([(1, 6), (0.3, 6), (0.3, 6), (0.9, 6), (0.3, 6), (0.3, 6)])
    windows = pack(speech, 0, 60 * RATE)
    assert [len(group) for group in windows] == [3, 3]


def test_long_pauses_are_left_out_and_short_ones_kept() -> None:
    speech = intervals([(5, 2), (0.8, 2), (10, 2)])
    (group,) = pack(speech, 0, 60 * RATE)
    window = cut(spoken(speech, tail=9 * RATE), 0, group)
    assert [(a / RATE, b / RATE) for a, b in window.pieces] == [(4.8, 10.0), (19.6, 22.0)]
    for piece, (start, end) in enumerate(window.pieces):
        for sample in (start, (start + end) // 2, end - 1):
            at = window.position(sample)
            assert window.in_file(at / RATE, piece) == pytest.approx(sample / RATE)
            assert window.piece_at(at / RATE) == piece
    assert window.position(15 * RATE) == window.position(window.pieces[1][0])


@settings(max_examples=25, deadline=None)
@given(GAPS.filter(lambda rows: sum(map(sum, rows)) < 600), st.sampled_from([777, 16_000, 300_001, 10**9]))
def test_stream_loses_and_doubles_nothing(rows: list[tuple[float, float]], size: int) -> None:
    speech = [(a, b) for a, b in intervals(rows) if b < 1 << 24]  # exact in float32
    audio = spoken(speech, tail=RATE // 3)
    windows = list(speech_windows(blocks(audio, size), level_detector))
    heard = np.concatenate([np.empty(0, np.float32), *(w.samples[w.samples != 0] for w in windows)])
    np.testing.assert_array_equal(heard, audio[audio != 0])


def test_blocks_do_not_change_windows() -> None:
    speech = intervals([(0.5, 9), (0.4, 19), (3, 80), (1.5, 2), (70, 3), (0.2, 40)])
    audio = spoken(speech, tail=5 * RATE)

    def run(size: int) -> list[tuple[tuple[Interval, ...], int]]:
        return [(w.pieces, len(w.samples)) for w in speech_windows(blocks(audio, size), level_detector)]

    assert run(1000) == run(10**9) == run(123_457)


def told(windows: Iterator[Window]) -> list[tuple[tuple[Interval, ...], tuple[Interval, ...], float]]:
    return [(w.pieces, w.speech, w.floor) for w in windows]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.2, 20), st.floats(0.1, 27)), max_size=40).filter(lambda r: sum(map(sum, r)) < 600),
    st.sampled_from([4000, 16_000, 10**9]),
)
def test_windows_given_early_are_the_same(rows: list[tuple[float, float]], size: int) -> None:
    audio = spoken(intervals(rows), tail=RATE // 3)
    early = told(speech_windows(blocks(audio, size), level_detector, early=True))
    assert early == told(speech_windows(blocks(audio, size), level_detector))


@settings(max_examples=25, deadline=None)
@given(GAPS.filter(lambda rows: sum(map(sum, rows)) < 600), st.sampled_from([16_000, 10**9]))
def test_early_windows_lose_and_double_nothing(rows: list[tuple[float, float]], size: int) -> None:
    audio = spoken([(a, b) for a, b in intervals(rows) if b < 1 << 24], tail=RATE // 3)
    windows = list(speech_windows(blocks(audio, size), level_detector, early=True))
    heard = np.concatenate([np.empty(0, np.float32), *(w.samples[w.samples != 0] for w in windows)])
    np.testing.assert_array_equal(heard, audio[audio != 0])


def test_a_window_given_early_is_not_given_again_where_what_came_after_it_is_gone() -> None:
    """A faint turn is speech until a loud noise, which is none, raises what counts as faint."""
    seconds = [(30, 57), (63, 91), (100, 102), (116, 117)]
    audio = np.zeros(200 * RATE, np.float32)
    for level, (a, b) in zip((0.5, 0.5, 0.1, 1.0), seconds, strict=True):
        audio[a * RATE : b * RATE] = level

    def detect(samples: Samples) -> list[tuple[int, int]]:
        loud = samples > 0.15 * samples.max(initial=0.0)
        return level_detector(np.where(samples < 0.9, loud, 0).astype(np.float32))

    pieces = [p for w in speech_windows(blocks(audio, RATE), detect, early=True) for p in w.pieces]
    assert [(round(a / RATE), round(b / RATE)) for a, b in pieces] == seconds[:2]


def test_a_full_window_is_given_before_the_next_has_ended() -> None:
    speech = intervals([(1, 8), (0.5, 8), (0.5, 8), (0.5, 8), (0.5, 8), (0.5, 8), (0.5, 8)])
    source = Stream(blocks(spoken(speech, tail=60 * RATE), RATE))

    def going_on() -> Iterator[Samples]:
        while len(block := source.take(RATE)):
            yield block

    next(speech_windows(going_on(), level_detector, early=True))
    assert source.taken <= 45 * RATE


def test_stream_takes_what_is_asked() -> None:
    stream = Stream(blocks(np.arange(10, dtype=np.float32), 3))
    assert [stream.take(n).tolist() for n in (4, 0, 1, 9, 3)] == [[0, 1, 2, 3], [], [4], [5, 6, 7, 8, 9], []]
    assert stream.taken == 10


def test_memory_does_not_grow_with_length() -> None:
    block = np.zeros(RATE, np.float32)
    block[: RATE // 2] = 1

    def peak(seconds: int) -> int:
        tracemalloc.start()
        for window in speech_windows(itertools.repeat(block, seconds), level_detector):
            assert isinstance(window, Window)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(3600) < 1.1 * peak(600)
    assert peak(600) < 150e6
