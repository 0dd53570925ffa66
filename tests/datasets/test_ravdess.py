from collections import Counter
from pathlib import Path

import pytest

from dataset_trees import build, write
from demeanor.datasets import ravdess
from demeanor.datasets._gaps import DataWarning
from demeanor.errors import ConfigError, DataError


def test_the_example_of_the_corpus() -> None:
    assert ravdess.parse_name("02-01-06-01-02-01-12") == ravdess.Codes(2, 1, 6, 1, 2, 1, 12)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("03-01-06-01-02-01", "seven two-digit codes"), ("03-01-06-01-02-01-12-01", "seven two-digit codes"),
        ("3-01-06-01-02-01-12", "seven two-digit codes"), ("03-01-09-01-02-01-12", "emotion in 01 to 08, found 09"),
        ("03-01-00-01-02-01-12", "emotion in 01 to 08, found 00"), ("04-01-06-01-02-01-12", "modality in 01 to 03"),
        ("03-03-06-01-02-01-12", "channel"), ("03-01-06-03-02-01-12", "intensity"),
        ("03-01-06-01-03-01-12", "statement"),
        ("03-01-06-01-02-03-12", "repetition"), ("03-01-06-01-02-01-25", "actor in 01 to 24, found 25"),
        ("03-01-01-02-02-01-12", "neutral in normal intensity alone, found strong"),
    ],
)  # fmt: skip
def test_other_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ravdess.parse_name(name)


def test_the_three_forms(tmp_path: Path) -> None:
    root = build("ravdess", tmp_path)
    sound, both, silent = (ravdess.read(root, form=form)[0] for form in ("audio", "audio_video", "video"))
    assert (sound.id, sound.audio, sound.video) == (
        "03-01-01-01-01-01-01", root / "Actor_01/03-01-01-01-01-01-01.wav", None,
    )  # fmt: skip
    assert (both.audio, both.video) == (sound.audio, root / "Actor_01/01-01-01-01-01-01-01.mp4")
    assert (silent.audio, silent.video) == (None, root / "Actor_01/02-01-01-01-01-01-01.mp4")
    (root / "Actor_01/03-01-01-01-01-01-01.wav").unlink()
    assert ravdess.read(root, form="audio_video")[0].audio == both.video


def test_labels_text_and_actor(tmp_path: Path) -> None:
    samples = {s.id: s for s in ravdess.read(build("ravdess", tmp_path))}
    assert len(samples) == 4 * 4
    calm = samples["03-01-02-01-02-01-02"]
    assert calm.labels == {"emotions": "neutral", "own": "calm", "polarity": "neutral"}
    assert calm.text == "Dogs are sitting by the door."
    assert (calm.speaker, calm.group, calm.split) == ("02", "ravdess:02", None)
    assert "polarity" not in samples["03-01-08-01-01-01-02"].labels
    glad = ravdess.read(tmp_path, surprised="positive")
    assert {s.labels["polarity"] for s in glad if s.labels["own"] == "surprised"} == {"positive"}


def test_song_is_asked_for(tmp_path: Path) -> None:
    root = build("ravdess", tmp_path)
    assert {s.id[3:5] for s in ravdess.read(root, channel="song")} == {"02"}
    assert len(ravdess.read(root, channel="both")) == 20


def test_the_folds_share_no_actor_and_miss_none() -> None:
    assert sorted(actor for fold in ravdess.FOLDS for actor in fold) == list(range(1, 25))
    for k in range(5):
        counts = Counter(ravdess.part_of(actor, f"fold{k}") for actor in range(1, 25))
        assert counts == {"test": len(ravdess.FOLDS[k]), "train": 24 - len(ravdess.FOLDS[k])}
    assert Counter(ravdess.part_of(a, "4-4-16") for a in range(1, 25)) == {"test": 4, "valid": 4, "train": 16}
    assert Counter(ravdess.part_of(a, "20-2-2") for a in range(1, 25)) == {"train": 20, "valid": 2, "test": 2}
    assert ravdess.part_of(3, "none") is None


def test_odd_names_are_skipped_and_twins_of_the_archive_count_once(tmp_path: Path) -> None:
    root = build("ravdess", tmp_path)
    write(root / "Actor_01/03-01-05-01-01-01.wav", "x")
    write(root / "Actor_01/03-01-01-02-01-01-01.wav", "x")
    write(root / "audio_speech_actors_01-24/Actor_01/03-01-01-01-01-01-01.wav", "x")
    with pytest.warns(DataWarning, match="2 × skipped"):
        samples = ravdess.read(root)
    assert len(samples) == 16


def test_a_form_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path / "Actor_01/03-01-01-01-01-01-01.wav", "x")
    with pytest.raises(DataError, match="expected 02-… files"):
        ravdess.read(tmp_path, form="video")
    with pytest.raises(ConfigError, match="did you mean 'video'"):
        ravdess.read(tmp_path, form="vidoe")


def test_the_real_clips(shared: Path) -> None:
    samples = ravdess.read(shared / "data" / "ravdess")
    assert len(samples) == 1200
    own = Counter(s.labels["own"] for s in samples)
    assert own.pop("neutral") == 80
    assert set(own.values()) == {160}
