from collections import Counter
from pathlib import Path

import pytest

from dataset_trees import build
from demeanor.datasets import iemocap
from demeanor.datasets._gaps import DataWarning
from demeanor.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ses01F_impro05_F019", ("1", "F", "impro05", "F")),
        ("Ses05M_script01_1b_M003", ("5", "M", "script01_1b", "M")),
        ("Ses03M_impro05a_F000", ("3", "M", "impro05a", "F")),
        ("Ses04F_script03_2_F041", ("4", "F", "script03_2", "F")),
    ],
)  # fmt: skip
def test_turns_are_parsed(name: str, parts: tuple[str, ...]) -> None:
    found = iemocap.parse_turn(name)
    assert tuple(found[k] for k in ("session", "mocap", "scenario", "speaker")) == parts


@pytest.mark.parametrize(
    "name", ["Ses06F_impro01_F000", "Ses01F_impro01_X000", "Ses01F_talk01_F000", "Ses01F_impro01_F00"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="expected a turn such as"):
        iemocap.parse_turn(name)


def test_four_classes_with_excited_as_joy(tmp_path: Path) -> None:
    samples = iemocap.read(build("iemocap", tmp_path))
    first = [s for s in samples if s.group == "iemocap:Ses01F_impro01"]
    assert [(s.id, s.labels["own"], s.labels["emotions"]) for s in first] == [
        ("Ses01F_impro01_F000@000", "neutral", "neutral"), ("Ses01F_impro01_F001@002", "excited", "joy"),
    ]  # fmt: skip
    assert first[0].text == "Words of F000."
    assert first[0].audio == tmp_path / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"
    assert first[0].start is None
    assert first[0].speaker == "Ses01F"
    assert (first[0].labels["valence"], first[0].labels["arousal"], first[0].labels["dominance"]) == (-0.25, 0.5, -1.0)
    assert len(samples) == 5 * 4


def test_six_and_all_classes(tmp_path: Path) -> None:
    root = build("iemocap", tmp_path)
    six = Counter(s.labels["own"] for s in iemocap.read(root, classes="six"))
    assert six == dict.fromkeys(("neutral", "frustrated", "excited", "angry", "sad"), 5)
    everything = iemocap.read(root, classes="all")
    assert len(everything) == 35
    assert [s.labels["own"] for s in everything if "emotions" not in s.labels] == ["undecided"] * 5


def test_films_come_with_their_times(tmp_path: Path) -> None:
    sample = iemocap.read(build("iemocap", tmp_path), form="audio_video")[0]
    assert sample.video == tmp_path / "Session1/dialog/avi/DivX/Ses01F_impro01.avi"
    assert sample.audio == tmp_path / "Session1/dialog/wav/Ses01F_impro01.wav"
    assert (sample.start, sample.end) == (6.29, 7.79)


def test_one_session_is_held_out(tmp_path: Path) -> None:
    root = build("iemocap", tmp_path)
    for session in (1, 5):
        samples = iemocap.read(root, session=session)
        assert {s.id[4] for s in samples if s.split == "test"} == {str(session)}
    before = iemocap.read(root, session=1, aside="session")
    assert {s.id[4] for s in before if s.split == "valid"} == {"5"}
    assert {s.split for s in iemocap.read(root, session=0)} == {None}


def test_one_speaker_of_the_session_may_be_the_validation_part(tmp_path: Path) -> None:
    samples = iemocap.read(build("iemocap", tmp_path), aside="speaker")
    assert {s.speaker for s in samples if s.split == "valid"} == {"Ses05F"}
    assert {s.speaker for s in samples if s.split == "test"} == {"Ses05M"}
    assert {s.group for s in samples if s.split == "test"} == {"iemocap:Ses05M"}


def test_a_lost_sound_file_is_told(tmp_path: Path) -> None:
    root = build("iemocap", tmp_path)
    (root / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav").unlink()
    with pytest.warns(DataWarning, match=r"1 × no audio file \(Ses01F_impro01_F000\)"):
        samples = iemocap.read(root)
    assert samples[0].audio is None
    assert samples[0].text


def test_wrong_options_name_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"option classes: expected one of four, six, all, got 'fuor'; did you mean 'four'"
    ):
        iemocap.read(tmp_path, classes="fuor")
    with pytest.raises(ConfigError, match="option session"):
        iemocap.read(tmp_path, session=7)
