from pathlib import Path

import pytest

from dataset_trees import build, write
from demeanor.datasets import mvsa
from demeanor.datasets._gaps import DataWarning
from demeanor.errors import DataError


@pytest.mark.parametrize(
    ("votes", "label"),
    [
        (["positive"], "positive"), (["positive", "positive", "negative"], "positive"), (["neutral"] * 3, "neutral"),
        (["positive", "neutral", "negative"], None),
    ],
)  # fmt: skip
def test_majority_of_raters(votes: list[str], label: str | None) -> None:
    assert mvsa.majority(votes) == label


@pytest.mark.parametrize(
    ("text", "image", "label"),
    [
        ("positive", "positive", "positive"), ("neutral", "neutral", "neutral"), ("neutral", "negative", "negative"),
        ("positive", "neutral", "positive"), ("negative", "neutral", "negative"), ("positive", "negative", None),
        ("negative", "positive", None),
    ],
)  # fmt: skip
def test_text_and_picture_are_combined(text: str, image: str, label: str | None) -> None:
    assert mvsa.combined(text, image) == label


def test_single_is_cleaned_and_duplicates_share_a_group(tmp_path: Path) -> None:
    samples = {s.id: s for s in mvsa.read(build("mvsa", tmp_path))}
    assert set(samples) == {"1", "2", "3", "5"}, "4 says positive in words, negative in the picture"
    assert samples["3"].labels == {"polarity": "negative", "polarity_text": "negative", "polarity_image": "neutral"}
    assert samples["3"].text == "café closed “again”"
    assert samples["1"].group == samples["2"].group, "the same words but for links and reposting"
    assert samples["3"].group == samples["5"].group, "the same picture"
    assert samples["1"].group != samples["3"].group
    everything = {s.id: s for s in mvsa.read(tmp_path, cleaned=False)}
    assert everything["4"].labels == {"polarity_text": "positive", "polarity_image": "negative"}


def test_multiple_takes_two_of_three(tmp_path: Path) -> None:
    root = build("mvsa", tmp_path)
    table = "ID\ttext,image\ttext,image\ttext,image\n"
    table += "1\tpositive,neutral\tpositive,neutral\tneutral,negative\n"
    table += "2\tpositive,neutral\tnegative,neutral\tneutral,neutral\n"
    table += "3\tneutral,neutral\tneutral,negative\tpositive,negative\n"
    write(root / "labelResultAll.txt", table)
    samples = {s.id: s.labels["polarity"] for s in mvsa.read(root, version="multiple")}
    assert samples == {"1": "positive", "3": "negative"}
    with pytest.raises(DataError, match="MVSA-Multiple has three pairs a line"):
        mvsa.read(root)


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    root = build("mvsa", tmp_path)
    (root / "data/1.jpg").write_bytes(b"")
    (root / "data/2.txt").unlink()
    (root / "data/5.txt").unlink()
    (root / "data/5.jpg").unlink()
    with pytest.warns(DataWarning, match=r"no picture \(1\).*no text \(2\).*neither text nor picture, skipped \(5\)"):
        samples = {s.id: s for s in mvsa.read(root)}
    assert samples["1"].image is None
    assert samples["2"].text is None
    assert "5" not in samples
