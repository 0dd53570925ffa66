from pathlib import Path

import pytest

from dataset_trees import MSA, build, write_csv
from demeanor.datasets import mosei, mosi, sims, simsv2
from demeanor.datasets._gaps import DataWarning
from demeanor.errors import DataError


def test_mosi_reads_clips_scores_and_videos(tmp_path: Path) -> None:
    samples = {s.id: s for s in mosi.read(build("mosi", tmp_path))}
    first = samples["03bSnISJMiM$_$1"]
    assert first.labels == {"score": pytest.approx(0.8), "polarity": "positive"}
    assert first.video == first.audio == tmp_path / "Raw/03bSnISJMiM/1.mp4"
    assert (first.group, first.split, first.language) == ("mosi:03bSnISJMiM", "train", "en")
    assert samples["zhpQhgha_KU$_$3"].labels["score"] == -1
    assert samples["-s9qJ7ATP7w$_$2"].labels["polarity"] == "neutral"
    assert samples["-s9qJ7ATP7w$_$2"].split == "valid"


def test_sims_keeps_the_scores_of_each_modality_and_finds_numbers_without_zeros(tmp_path: Path) -> None:
    samples = {s.id: s for s in sims.read(build("sims", tmp_path))}
    assert samples["video_0001$_$0001"].labels == {
        "score": -0.6, "polarity": "negative", "score_text": -0.6, "score_audio": -0.2, "score_visual": -0.8,
    }  # fmt: skip
    assert samples["video_0001$_$12"].video == tmp_path / "Raw/video_0001/0012.mp4"
    assert all(round(float(s.labels["score"]) * 5, 6).is_integer() for s in samples.values())


def test_simsv2_reads_either_table(tmp_path: Path) -> None:
    root = build("simsv2", tmp_path)
    from_meta = simsv2.read(root)
    (root / "meta.csv").rename(root / "label.csv")
    assert [s.id for s in simsv2.read(root)] == [s.id for s in from_meta]


def test_mosi_and_sims_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found some: this is SIMS"):
        mosi.read(build("sims", tmp_path / "sims"))
    with pytest.raises(DataError, match="found none: this is MOSI"):
        sims.read(build("mosi", tmp_path / "mosi"))


def test_a_missing_clip_costs_its_film_only(tmp_path: Path) -> None:
    root = build("mosei", tmp_path)
    (root / "Raw/03bSnISJMiM/11.mp4").unlink()
    (root / "Raw/zhpQhgha_KU/3.mp4").write_bytes(b"")
    with pytest.warns(DataWarning, match=r"2 × no clip: text alone \(03bSnISJMiM\$_\$11, zhpQhgha_KU\$_\$3\)"):
        samples = mosei.read(root)
    assert [s.video is None for s in samples] == [False, True, False, True]
    assert all(s.text for s in samples)


def test_bad_rows_are_counted(tmp_path: Path) -> None:
    rows = [
        ("a", 1, "fine", 1.0, "", "", "", "", "train"), ("a", 1, "again", 1.0, "", "", "", "", "train"),
        ("a", 2, "no label", "", "", "", "", "", "train"), ("a", 3, "too much", 5, "", "", "", "", "test"),
        ("a", 4, "no part", 1, "", "", "", "", "holdout"),
    ]  # fmt: skip
    write_csv(tmp_path / "label.csv", MSA, rows)
    with pytest.warns(DataWarning, match=r"2 × row skipped.*a\$_\$1, a\$_\$3.*2 × row without") as caught:
        samples = mosi.read(tmp_path, text_only=True)
    assert len(caught) == 1
    assert [s.text for s in samples] == ["fine"]


def test_transcripts_alone_are_asked_for(tmp_path: Path) -> None:
    write_csv(tmp_path / "label.csv", MSA, [("a", 1, "fine", 1.0, "", "", "", "", "train")])
    with pytest.raises(DataError, match=r"expected Raw in .*found label\.csv.*text_only = true"):
        mosi.read(tmp_path)
    assert mosi.read(tmp_path, text_only=True)[0].video is None


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    write_csv(tmp_path / "label.csv", ("video_id", "text", "label"), [("a", "b", 1)])
    with pytest.raises(DataError, match="expected columns clip_id, mode; found video_id, text, label"):
        mosi.read(tmp_path, text_only=True)


def test_the_real_transcripts_of_mosei(shared: Path) -> None:
    samples = mosei.read(shared / "data" / "mosei", text_only=True)
    parts = {part: [s for s in samples if s.split == part] for part in ("train", "valid")}
    for part, found in parts.items():
        assert 0.99 < len(found) / mosei.CARD.counts[part] <= 1, "the shared table lacks clips without words"
    assert not {s.group for s in parts["train"]} & {s.group for s in parts["valid"]}
