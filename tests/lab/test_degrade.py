"""Rows with less in them: what goes, and what stays as it was."""

import numpy as np
import pytest

pytest.importorskip("torch")

from demeanor.experiments.missing import patterns
from demeanor.training.data import Rows, collate
from demeanor.training.degrade import fewer_frames, only, standing, subsets_of
from demeanor.training.runfile import checked

pytestmark = pytest.mark.lab

IDS = [f"clip-{i}" for i in range(40)]


def rows() -> Rows:
    rng = np.random.default_rng(0)
    sound = [rng.normal(size=(20, 3)).astype(np.float32) for _ in IDS]
    words = [np.arange(1, 5) for _ in IDS]
    return Rows({"audio": sound, "text": words}, {"score": np.zeros(40, np.float32)}, np.ones(40, np.float32))


def test_every_set_of_modalities_once() -> None:
    assert subsets_of(["a", "b", "c"]) == [
        ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")
    ]  # fmt: skip


def test_modalities_that_go_are_missing_and_keep_their_width() -> None:
    batch = collate(only(rows(), ["text"]), np.arange(40))
    assert not batch.present["audio"].any()
    assert batch.values["audio"].shape[2] == 3
    assert batch.present["text"].all()


def test_a_context_goes_and_stays_with_its_modality() -> None:
    whole = rows()
    whole = Rows({**whole.values, "audio_context": whole.values["audio"]}, whole.labels, whole.weight)
    assert standing(whole.values) == ["audio", "text"]
    run = checked(
        {
            "run": {"name": "one", "model": "concat"}, "data": {"dataset": "synthetic"}, "tasks": {"score": {}},
            "encoders": {m: {"name": "series"} for m in ("audio", "text")}, "missing": {"frame_loss": []},
        }
    )  # fmt: skip
    found = {name: collate(less, np.arange(40)).present for name, less in patterns(run, whole, IDS).items()}
    assert list(found) == ["audio", "text", "audio+text"]
    assert found["audio"]["audio_context"].all()
    assert not found["text"]["audio_context"].any()


def test_frames_go_by_share_the_same_ones_for_everybody_and_more_at_greater_shares() -> None:
    whole = rows()
    left = {share: fewer_frames(whole, share, IDS) for share in (0.0, 0.3, 0.6)}
    np.testing.assert_array_equal(left[0.0].values["audio"][3], whole.values["audio"][3])
    count = {s: sum(len(x) for x in r.values["audio"] if x is not None) / (40 * 20) for s, r in left.items()}
    assert count[0.3] == pytest.approx(0.7, abs=0.05)
    assert count[0.6] == pytest.approx(0.4, abs=0.05)
    again = fewer_frames(whole, 0.6, IDS).values["audio"]
    for one, two, more in zip(left[0.6].values["audio"], again, left[0.3].values["audio"], strict=True):
        np.testing.assert_array_equal(one, two)
        assert {tuple(f) for f in one} <= {tuple(f) for f in more}
    other = fewer_frames(whole, 0.6, IDS, seed=1).values["audio"]
    assert any(len(a) != len(b) for a, b in zip(again, other, strict=True))


def test_words_stay_and_a_sequence_without_frames_is_missing() -> None:
    gone = fewer_frames(rows(), 1.0, IDS)
    assert gone.values["audio"] == [None] * 40
    np.testing.assert_array_equal(gone.values["text"][0], [1, 2, 3, 4])


def test_of_utterances_in_context_the_one_that_is_asked_for_stays() -> None:
    window = np.zeros((5, 3), np.float32)
    window[:, 0] = np.arange(5)
    window[2, 2] = 1  # the mark
    whole = Rows({"text": [window] * 40}, {"score": np.zeros(40, np.float32)}, np.ones(40, np.float32))
    run = checked(
        {
            "run": {"name": "one", "model": "context_lstm"}, "data": {"dataset": "synthetic"}, "tasks": {"score": {}},
            "encoders": {"text": {"name": "series"}}, "features": {"context": 2}, "missing": {"frame_loss": [0.5, 1]},
        }
    )  # fmt: skip
    for name, less in patterns(run, whole, IDS).items():
        left = less.values["text"]
        assert all(2 in steps[steps[:, 2] == 1, 0] for steps in left), name
        assert sum(len(steps) for steps in left) < 0.8 * 40 * 5, "neighbours go"
