"""Sound in turns while it comes, what is told of them, and how it is corrected."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demeanor.media.vad import RATE, Interval, Samples
from demeanor.reader.board import Board
from demeanor.reader.clip import Seen
from demeanor.reader.events import Outbox
from demeanor.reader.telling import Teller
from demeanor.reader.timeline import Piece
from demeanor.reader.turns import Turn, Turns
from reader_fakes import fake_reader

PLANS = st.lists(st.tuples(st.floats(0.2, 4), st.floats(0.2, 20)), min_size=1, max_size=8)


def level_detector(audio: Samples) -> list[Interval]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], audio != 0, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def sound(plan: list[tuple[float, float]], tail: float = 2.0) -> Samples:
    """(pause, speech) in seconds one after another; every sample of speech tells its own number."""
    edges = [round(t * RATE) for t in itertools.accumulate(itertools.chain.from_iterable(plan))]
    audio = np.zeros(edges[-1] + round(tail * RATE), np.float32)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        audio[start:end] = np.arange(start + 1, end + 1)
    return audio


def turns_of(audio: Samples, step: int = RATE // 4) -> list[Turn]:
    turns = Turns(level_detector)
    return [t for at in range(0, len(audio), step) for t in turns.add(audio[at : at + step])]


@settings(max_examples=40, deadline=None)
@given(PLANS, st.sampled_from([1600, 4000, 50_000]))
def test_every_sample_of_speech_is_in_one_closed_turn(plan: list[tuple[float, float]], step: int) -> None:
    audio = sound(plan)
    closed = [t for t in turns_of(audio, step) if t.closed]
    heard = np.concatenate([t.window.samples[t.window.samples != 0] for t in closed])
    np.testing.assert_array_equal(heard, audio[audio != 0])
    assert [t.number for t in closed] == list(range(len(closed)))
    assert all(len(t.window.samples) <= 13 * RATE for t in closed)


def test_a_turn_ends_with_a_pause_and_is_told_while_it_goes_on() -> None:
    found = turns_of(sound([(1.0, 3.0), (0.3, 1.0), (0.8, 2.0)]))
    assert [t.number for t in found] == sorted(t.number for t in found)
    first = [t for t in found if t.number == 0]
    assert [t.closed for t in first] == [False] * (len(first) - 1) + [True]
    assert first[0].start == pytest.approx(0.8, abs=0.01)
    assert first[-1].spoken_until == pytest.approx(5.3, abs=0.01)
    assert first[-1].end == pytest.approx(5.5, abs=0.01)
    assert first[-1].until <= 6.1
    assert {t.number for t in found} == {0, 1}


def test_the_echo_of_a_turn_is_no_turn() -> None:
    """A detector may find the end of the same speech a little later when it hears less before it."""

    def wavering(audio: Samples) -> list[Interval]:
        return [(a, min(len(audio), b + (0 if len(audio) > 4 * RATE else 800))) for a, b in level_detector(audio)]

    turns = Turns(wavering)
    audio = sound([(1.0, 3.0), (4.0, 3.0)])
    found = [t for at in range(0, len(audio), 4000) for t in turns.add(audio[at : at + 4000])]
    assert [round(t.start) for t in found if t.closed] == [1, 8]


def test_long_speech_is_cut_at_its_longest_pause() -> None:
    first = next(t for t in turns_of(sound([(1, 7), (0.2, 2), (0.4, 1), (0.2, 6)])) if t.closed)
    assert first.spoken_until == pytest.approx(10.2, abs=0.01)


def test_sound_of_turns_that_have_ended_is_let_go() -> None:
    turns = Turns(level_detector)
    block = sound([(0.5, 2.0)], tail=0.5)
    for _ in range(200):
        turns.add(block)
        assert len(turns._audio) < 6 * RATE


def test_a_segment_keeps_its_id_while_it_grows_and_when_it_is_corrected() -> None:
    board = Board()
    assert board.live(0, [(0.0, 1.0)], closed=False) == (["s1"], ())
    assert board.live(0, [(0.0, 1.2), (1.2, 2.0)], closed=False) == (["s1", "s2"], ())
    assert board.live(0, [(0.0, 2.1)], closed=True) == (["s1"], ("s2",))
    assert board.live(1, [(4.0, 5.0), (5.0, 7.0)], closed=True) == (["s3", "s4"], ())
    assert board.live(2, [(8.0, 8.3)], closed=True) == (["s5"], ())
    assert board.live(3, [(9.0, 11.0)], closed=True) == (["s6"], ())
    assert board.final((0.1, 2.0)) == ("s1", (), ())
    assert board.final((3.9, 7.1)) == ("s4", ("s3",), ())
    assert board.final((8.9, 9.9)) == ("s6", (), ("s5",))
    assert board.final((9.9, 11.0)) == ("s7", (), ())
    assert board.settled == 11.0
    assert board.rest() == ()


def test_the_id_of_a_segment_that_is_final_is_not_handed_out_again() -> None:
    board = Board()
    assert board.live(0, [(0.0, 4.0), (5.0, 8.0)], closed=False) == (["s1", "s2"], ())
    assert board.final((0.0, 4.0)) == ("s1", (), ())
    assert board.live(0, [(5.0, 8.0), (9.0, 11.0)], closed=False) == (["s2", "s3"], ())
    assert board.live(0, [(5.0, 11.0)], closed=True) == (["s2"], ("s3",))


def test_what_is_final_is_not_told_again_with_the_rest_of_its_turn() -> None:
    outbox = Outbox(None)
    teller = Teller(fake_reader().experts, outbox, Seen(step=0.2), lambda: 10.0)
    first, second = Piece(0.0, 4.0, text="I love it"), Piece(5.0, 8.0, text="I hate it")
    teller.turn(0, [first, second], closed=False, until=8.0)
    teller.final(first, 4.0)
    teller.turn(0, [first, second], closed=True, until=9.0)
    outbox.close()
    told = []
    while (event := outbox.take(0.0)) is not None:
        told.append((event.id, event.state, event.segment and event.segment.text))
    assert told == [
        ("s1", "closed", "I love it"),
        ("s2", "open", "I hate it"),
        ("s1", "final", "I love it"),
        ("s2", "closed", "I hate it"),
    ]
