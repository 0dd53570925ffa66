from collections import Counter
from pathlib import Path

import pytest

from dataset_trees import build, write, write_csv
from demeanor.datasets import cremad
from demeanor.datasets._gaps import DataWarning
from demeanor.errors import DataError


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("1001_DFA_ANG_XX", ("1001", "DFA", "ANG", "XX")), ("1091_IEO_HAP_LO", ("1091", "IEO", "HAP", "LO")),
        ("1040_ITH_SAD_X", ("1040", "ITH", "SAD", "X")),
    ],
)  # fmt: skip
def test_names_are_parsed(name: str, parts: tuple[str, ...]) -> None:
    assert cremad.parse_name(name) == cremad.Name(*parts)


@pytest.mark.parametrize(
    "name",
    ["1001_DFA_ANG", "1092_DFA_ANG_XX", "1000_DFA_ANG_XX", "1001_ABC_ANG_XX", "1001_DFA_SUR_XX", "1001_DFA_ANG_YY"],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"expected .*check"):
        cremad.parse_name(name)


def test_acted_and_rated_emotions(tmp_path: Path) -> None:
    root = build("cremad", tmp_path)
    acted = cremad.read(root)[0]
    assert (acted.id, acted.text) == ("1001_DFA_ANG_XX", "Don't forget a jacket.")
    assert acted.labels == {"own": "ANG", "emotions": "anger", "polarity": "negative"}
    assert acted.audio == root / "AudioWAV/1001_DFA_ANG_XX.wav"
    heard, seen, both = (cremad.read(root, form=f, rated=True)[0] for f in ("audio", "video", "audio_video"))
    assert heard.labels == {"own": "ANG", "emotions": "neutral", "polarity": "neutral"}
    assert seen.labels == {"own": "ANG", "emotions": "anger,disgust", "polarity": "negative"}
    assert both.labels == {"own": "ANG", "emotions": "joy,neutral"}
    assert (both.video, both.audio) == (root / "VideoFlash/1001_DFA_ANG_XX.flv", acted.audio)


def test_actors_are_never_divided(tmp_path: Path) -> None:
    root = build("cremad", tmp_path)
    for parts in ("actors", "actors_by_sex"):
        places: dict[str, set[str | None]] = {}
        for s in cremad.read(root, parts=parts):
            places.setdefault(str(s.speaker), set()).add(s.split)
        assert all(len(p) == 1 and None not in p for p in places.values())


def test_parts_by_sex_are_in_proportion(tmp_path: Path) -> None:
    root = build("cremad", tmp_path)
    women = {str(1001 + n) for n in range(43)}
    rows = [(actor, 30, "Female" if str(actor) in women else "Male", "", "") for actor in range(1001, 1092)]
    write_csv(root / "VideoDemographics.csv", ("ActorID", "Age", "Sex", "Race", "Ethnicity"), rows)
    for actor in range(1001, 1092):
        write(root / f"AudioWAV/{actor}_DFA_ANG_XX.wav", "x")
    found = cremad.read(root, parts="actors_by_sex")
    parts = {str(s.speaker): s.split for s in found}
    assert Counter(parts[a] for a in women) == {"train": 30, "valid": 7, "test": 6}
    assert Counter(p for a, p in parts.items() if a not in women) == {"train": 34, "valid": 7, "test": 7}


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    root = build("cremad", tmp_path)
    write(root / "AudioWAV/readme_wrong.wav", "x")
    with pytest.warns(DataWarning, match="1 × skipped"):
        cremad.read(root)
    (root / "AudioWAV/1001_DFA_ANG_XX.wav").unlink()
    with pytest.warns(DataWarning, match=r"1 × no wav: sound of the film \(1001_DFA_ANG_XX\)"):
        assert cremad.read(root, form="audio_video")[0].audio == root / "VideoFlash/1001_DFA_ANG_XX.flv"
    (root / "processedResults/summaryTable.csv").unlink()
    with pytest.raises(DataError, match=r"expected processedResults/summaryTable\.csv"):
        cremad.read(root, form="video", rated=True)
