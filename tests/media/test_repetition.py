"""What is said over and over is read as said three times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demeanor.media.repetition import condense


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I love it " * 100, "I love it " * 3),
        ("I love it! " * 100, "I love it! " * 3),
        ("很好吃" * 80, "很好吃" * 3),
        ("I love it " * 3 + "I love it", "I love it " * 3 + "I love it"),
        ("It was " + "so very " * 9 + "good", "It was " + "so very " * 3 + "good"),
        ("first\nsecond\n" * 5, "first\nsecond\n" * 3),
    ],
)
def test_a_loop_is_told_three_times(text: str, kept: str) -> None:
    assert condense(text) == kept


@pytest.mark.parametrize(
    "text", ["", "a", "好" * 50, "10000000000", "----------", "1,000,000,000,000,000", "很好吃" * 3]
)
def test_letters_numbers_and_what_is_said_three_times_stay(text: str) -> None:
    assert condense(text) == text


@given(st.text("ab 好", max_size=60))
def test_nothing_but_whole_repeats_is_lost(text: str) -> None:
    kept = condense(text)
    assert len(kept) <= len(text)
    assert set(kept) == set(text)
    assert kept[:2] == text[:2]
