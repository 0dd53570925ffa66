"""Parts of the data, windows over neighbours, scales: what must never leak does not."""

from dataclasses import replace

import numpy as np
import pytest

from demeanor.datasets._groups import hashed_split
from demeanor.errors import ConfigError
from demeanor.features.context import in_context, place, preceding, windows
from demeanor.features.normalise import LEAST_OF_SERIES, Standardiser, within_speakers
from demeanor.features.parts import parts_of
from demeanor.types import Sample


def clips(count: int = 60, groups: int = 12, split: bool = False) -> list[Sample]:
    names = ["train"] * (groups - 4) + ["valid"] * 2 + ["test"] * 2
    return [
        Sample(f"v{n % groups}_{n // groups}", group=f"v{n % groups}", split=names[n % groups] if split else None)
        for n in range(count)
    ]


def groups_of(samples: list[Sample], rows: np.ndarray) -> set[str]:
    return {samples[i].group or "" for i in rows}


def test_given_parts_are_taken_and_groups_stay_whole() -> None:
    samples = clips(split=True)
    parts = parts_of(samples)
    assert (len(parts.train), len(parts.valid), len(parts.test)) == (40, 10, 10)


def test_without_parts_groups_are_dealt_and_the_same_everywhere() -> None:
    samples = clips(600, 120)
    one, two = parts_of(samples), parts_of(samples[::-1])
    sets = [groups_of(samples, p) for p in (one.train, one.valid, one.test)]
    assert not sets[0] & sets[1]
    assert not sets[0] & sets[2]
    assert not sets[1] & sets[2]
    assert groups_of(samples, one.test) == groups_of(samples[::-1], two.test)


def test_the_validation_share_holds_where_data_have_no_parts() -> None:
    samples = clips(2000, 2000)
    usual, more = parts_of(samples), parts_of(samples, 0.4)
    shares = [hashed_split(s.group or "", {"train": 0.7, "valid": 0.1, "test": 0.2}) for s in samples]
    assert usual.valid.tolist() == [i for i, part in enumerate(shares) if part == "valid"]
    assert abs(len(more.valid) / 2000 - 0.4) < 0.03
    assert more.test.tolist() == usual.test.tolist()
    with pytest.raises(ConfigError, match=r"data.valid: expected a share below 0.8, .*, got 0.8; lower it"):
        parts_of(samples, 0.8)
    assert len(parts_of(samples, 0.8, folds=5).valid) > len(more.valid)


@pytest.mark.parametrize("named", ["none", "train and test", "folds"])
def test_a_reader_s_own_labels_are_never_measured_on(named: str) -> None:
    """Whatever parts the data name: a pseudo-label trains or is left out, and its group may still be validated on."""
    samples = [
        replace(
            s,
            labels={"pseudo": 1.0} if n % 2 else {},
            split=("test" if n % 12 == 3 else "train") if named == "train and test" else None,
        )
        for n, s in enumerate(clips(240, 12))
    ]
    samples = [replace(s, group=f"{s.group}-{n // 2 % 10}") for n, s in enumerate(samples)]
    parts = parts_of(samples, 0.3, folds=4 if named == "folds" else 0)
    measured = np.r_[parts.valid, parts.test]
    assert len(measured)
    assert not any(samples[i].labels.get("pseudo") for i in measured)
    assert any(samples[i].labels.get("pseudo") for i in parts.train)
    assert not groups_of(samples, parts.train) & groups_of(samples, measured)


def test_a_validation_share_is_drawn_from_people_s_labels() -> None:
    """One group has labels by people: it is the one that is set aside, not one without."""
    samples = [
        replace(s, split="train", labels={} if s.group in ("v0", "v1") else {"pseudo": 1.0}) for s in clips(60, 12)
    ]
    parts = parts_of(samples, 0.01)
    assert groups_of(samples, parts.valid) <= {"v0", "v1"}
    assert len(parts.valid) == 5


def test_folds_cover_every_row_once_and_never_divide_a_group() -> None:
    samples = clips(100, 20)
    tested = []
    for fold in range(5):
        parts = parts_of(samples, 0.2, 5, fold, seed=3)
        assert not groups_of(samples, parts.test) & groups_of(samples, np.r_[parts.train, parts.valid])
        tested += parts.test.tolist()
        assert len(parts.test) == 20
    assert sorted(tested) == list(range(100))


def test_whole_speakers_are_left_out_and_what_they_share_is_not_learned() -> None:
    """Ten domains of twelve texts; every domain but one also holds the text `everywhere`."""
    samples = [
        Sample(f"{d}-{n}", speaker=f"d{d}", group="everywhere" if n == 0 and d else f"{d}-{n}")
        for d in range(10)
        for n in range(12)
    ]
    held = set()
    for fold in range(10):
        parts = parts_of(samples, 0.3, 10, fold, by="speaker")
        speakers = [{samples[i].speaker for i in rows} for rows in (parts.train, parts.valid, parts.test)]
        assert not speakers[0] & speakers[1]
        assert not (speakers[0] | speakers[1]) & speakers[2]
        assert not groups_of(samples, parts.test) & groups_of(samples, np.r_[parts.train, parts.valid])
        assert not groups_of(samples, parts.train) & groups_of(samples, parts.valid)
        assert len(parts.test) == 12
        held |= speakers[2]
    assert len(held) == 10


def test_whole_speakers_are_hashed_where_there_are_neither_parts_nor_folds() -> None:
    """Every sample a group of its own, but for one that all speakers share."""
    samples = [
        Sample(f"{d}-{n}", speaker=f"d{d}", group="everywhere" if n == 0 else f"{d}-{n}")
        for d in range(40)
        for n in range(6)
    ]
    parts = parts_of(samples, by="speaker")
    speakers = [{samples[i].speaker for i in rows} for rows in (parts.train, parts.valid, parts.test)]
    groups = [groups_of(samples, rows) for rows in (parts.train, parts.valid, parts.test)]
    assert all(speakers)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not speakers[one] & speakers[other]
        assert not groups[one] & groups[other]


def test_a_divided_group_is_refused_by_name() -> None:
    samples = [
        Sample("a1", group="a", split="train"),
        Sample("a2", group="a", split="test"),
        Sample("b", split="valid"),
    ]
    with pytest.raises(ConfigError, match=r"group 'a' stands in parts train and test \(samples 'a1' and 'a2'\); "):
        parts_of(samples)
    said = [replace(s, text=words) for s, words in zip(samples, ("好的", "好的 ", "no"), strict=True)]
    with pytest.raises(ConfigError, match=r"\(samples 'a1' and 'a2', of equal text\); .*duplicates = \"drop\""):
        parts_of(said)
    secret = [replace(s, text="Call me at Nine ", group="mine:call me at nine") for s in samples[:2]]
    with pytest.raises(ConfigError, match=r"^a group stands in .* 'a1' and 'a2', of equal text\);") as told:
        parts_of(secret)
    assert "call" not in str(told.value).lower()


def test_an_empty_part_is_named() -> None:
    with pytest.raises(ConfigError, match="'valid'"):
        parts_of([Sample("a", split="train")], valid=1e-9)


def test_neighbours_are_ordered_by_number_not_by_letter_and_stay_in_their_video() -> None:
    samples = [Sample(f"x_{n}", group="x") for n in (10, 2, 1)] + [Sample("y_3", group="y")]
    found = windows(samples, 1)
    assert found[0] == ([1, 0], 1)
    assert found[1] == ([2, 1, 0], 1)
    assert found[2] == ([2, 1], 0)
    assert found[3] == ([3], 0)
    assert place(Sample("z_9", start=4.0)) < place(Sample("z_1", start=5.0))


@pytest.mark.parametrize("name", ["dia1_utt{}.mp3", "dia1_utt{}.M4A", "dia1_utt{}.mp4", "{}-take1", "v2.{}"])
def test_a_media_ending_is_no_number_and_all_numbers_break_ties(name: str) -> None:
    ids = [name.format(n) for n in range(1, 12)]
    assert sorted(ids, key=lambda i: place(Sample(i))) == ids


def test_a_window_marks_its_target_and_leaves_a_missing_one_out() -> None:
    samples = [Sample(f"x_{n}", group="x") for n in range(3)]
    column = [np.full((2, 2), 1.0), None, np.array([[3.0, 5.0], [5.0, 7.0]])]
    made = in_context(column, samples, 2)
    assert made[1] is None
    np.testing.assert_array_equal(made[2], [[1, 1, 0], [0, 0, 0], [4, 6, 1]])


def test_what_was_said_before_is_exactly_the_utterances_before_of_the_same_video() -> None:
    samples = [Sample(f"x_{n}", group="x") for n in (10, 2, 1, 0)] + [Sample("y_3", group="y")]
    column = [np.full((2, 1), number) for number in (10.0, 2.0, 1.0, 0.0, 3.0)]
    made = preceding(column, samples, 2)
    np.testing.assert_array_equal(made[0], [[1], [1], [2], [2]])  # clip 10 hears 1 and 2, oldest first
    np.testing.assert_array_equal(made[1], [[0], [0], [1], [1]])
    np.testing.assert_array_equal(made[2], [[0], [0]])
    assert made[3] is None, "nothing was said before the first"
    assert made[4] is None, "another video is no context"
    assert preceding([column[0], None, column[2], None, None], samples, 1)[0] is None


def test_scales_come_from_the_rows_given_alone() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.normal(5, 3, (n, 4)) for n in (3, 8, 20)]
    scale = Standardiser.fit([*rows, None])
    together = np.concatenate(rows)
    np.testing.assert_allclose(scale.mean, together.mean(0), rtol=1e-5)
    np.testing.assert_allclose(scale.spread, together.std(0), rtol=1e-5)
    np.testing.assert_allclose(scale.apply(together).mean(0), 0, atol=1e-5)


def test_broken_and_constant_columns_do_no_harm() -> None:
    rows = [np.array([[1.0, np.nan, 7.0], [3.0, -np.inf, 7.0]])]
    scale = Standardiser.fit(rows)
    made = scale.apply(rows[0])
    assert np.isfinite(made).all()
    np.testing.assert_array_equal(made[:, 2], 0)
    assert scale.apply(np.array([[1e9, 0.0, 7.0]]))[0, 0] == 10
    np.testing.assert_array_equal(Standardiser.restore(scale.state()).apply(rows[0]), made)


def test_small_units_of_series_keep_their_signal_and_constants_stay_constants() -> None:
    rng = np.random.default_rng(0)
    volts = rng.normal(2e-6, 3e-7, 400)
    teslas = rng.normal(0, 1e-13, 400)
    constant = np.full(400, 12345.678, np.float32)
    rounded = constant * (1 + np.float32(1e-7) * (np.arange(400) % 2))
    zeros = 1e-17 * rng.normal(size=400)
    rows = np.stack([volts, teslas, constant, rounded, zeros], 1).astype(np.float32)
    scale = Standardiser.fit([rows[:150], rows[150:]], LEAST_OF_SERIES)
    made = scale.apply(rows)
    np.testing.assert_allclose(made[:, :2].std(0), 1, atol=1e-3)
    np.testing.assert_allclose(made[:, 2:], 0, atol=1e-2)
    np.testing.assert_array_equal(Standardiser.fit([rows]).spread[[0, 1, 2, 4]], 1)


def test_large_offsets_keep_their_signal_over_many_short_clips() -> None:
    rng = np.random.default_rng(0)
    rows = np.stack([rng.normal(1e8, 50, 9000), rng.normal(101325, 0.05, 9000)], 1).astype(np.float32)
    jitter = (1e8 + 8 * (np.arange(9000) % 2)).astype(np.float32)[:, None]
    for least in (1e-6, LEAST_OF_SERIES):
        scale = Standardiser.fit(np.split(rows, 3000), least)
        np.testing.assert_allclose(scale.spread, rows.std(0, dtype=np.float64), rtol=1e-3)
        made = Standardiser.fit(np.split(jitter, 3000), least).apply(jitter)
        np.testing.assert_allclose(made, 0, atol=1e-6)


def test_residues_of_a_computation_are_no_features() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(22, 1, (200, 1)), rng.normal(0, 1, (200, 6))], 1)
    shares = (np.exp(scores) / np.exp(scores).sum(1, keepdims=True)).astype(np.float32)
    scale = Standardiser.fit([shares])
    assert np.abs(scale.apply(shares)[:, 1:]).max() < 1e-5
    assert np.abs(scale.apply(np.full((1, 7), 1 / 7, np.float32))[:, 1:]).max() < 0.2


def test_speakers_on_their_own_scale_are_alike_and_rare_ones_untouched() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(10, 1, 3)).astype(np.float32)
    column = [*base, *(5 + 3 * base), base[0], None]
    speakers = ["low"] * 10 + ["high"] * 10 + ["rare", "low"]
    found = within_speakers(column, speakers)
    np.testing.assert_allclose(np.stack(found[:10]), np.stack(found[10:20]), atol=1e-4)
    np.testing.assert_allclose(np.concatenate(found[:10]).mean(0), 0, atol=1e-5)
    np.testing.assert_array_equal(found[20], base[0])
    assert found[21] is None
