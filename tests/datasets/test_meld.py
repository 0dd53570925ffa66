from collections import Counter
from pathlib import Path

import pytest

from dataset_trees import MELD, build, write_csv
from demeanor.datasets import meld
from demeanor.datasets._gaps import DataWarning
from demeanor.errors import DataError


def test_ids_start_anew_in_each_part(tmp_path: Path) -> None:
    samples = {s.id: s for s in meld.read(build("meld", tmp_path))}
    assert set(samples) == {"train-0-0", "train-0-1", "train-1-0", "dev-0-0", "test-0-0"}
    assert len({s.group for s in samples.values()}) == 4
    assert samples["dev-0-0"].split == "valid"
    assert samples["dev-0-0"].video == tmp_path / "dev_splits_complete/dia0_utt0.mp4"
    assert samples["train-0-1"].labels == {"emotions": "surprise", "polarity": "positive"}
    assert samples["train-0-1"].speaker == "The Interviewer"
    assert all(s.start is None for s in samples.values()), "the table's times belong to the episode, not to the clip"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("companyâ€™s", "company’s"), ("you\x92ve", "you’ve"), ("\x93No\x94 \x85", "“No” …"), ("cafÃ©", "café"),
        ("it’s fine", "it’s fine"), ("CAFÉ» â", "CAFÉ» â"), ("Â£5", "£5"), ("", ""),
    ],
)  # fmt: skip
def test_signs_in_the_wrong_encoding_are_mended(written: str, meant: str) -> None:
    assert meld.mend(written) == meant


def test_a_table_in_cp1252(tmp_path: Path) -> None:
    root = build("meld", tmp_path)
    table = root / "dev_sent_emo.csv"
    table.write_bytes(table.read_text(encoding="utf-8").encode("cp1252"))
    assert [s.text for s in meld.read(root) if s.split == "valid"] == ["Oh my God, he’s lost it."]


def test_the_two_broken_clips_are_told(tmp_path: Path) -> None:
    root = build("meld", tmp_path)
    (root / "train_splits/dia0_utt1.mp4").unlink()
    (root / "dev_splits_complete/dia0_utt0.mp4").write_bytes(b"")
    with pytest.warns(DataWarning, match=r"meld: 2 × no clip: text alone \(train dia0_utt1, dev dia0_utt0\)"):
        samples = meld.read(root)
    assert len(samples) == 5


def test_folders_of_the_archive_may_be_nested(tmp_path: Path) -> None:
    root = build("meld", tmp_path)
    (root / "train").mkdir()
    (root / "train_splits").rename(root / "train" / "train_splits")
    (root / "train_sent_emo.csv").rename(root / "train" / "train_sent_emo.csv")
    assert meld.read(root)[0].video == root / "train/train_splits/dia0_utt0.mp4"


def test_unknown_labels_are_counted(tmp_path: Path) -> None:
    root = build("meld", tmp_path)
    row = (1, "Hm", "Ross", "bored", "neutral", 0, 0, 1, 1, "", "")
    write_csv(root / "dev_sent_emo.csv", MELD, [row])
    with pytest.warns(DataWarning, match="unknown label, skipped"):
        assert len(meld.read(root)) == 4


def test_a_table_that_breaks_off_costs_its_last_line(tmp_path: Path) -> None:
    root = build("meld", tmp_path)
    table = root / "train_sent_emo.csv"
    whole = [s.id for s in meld.read(root, text_only=True)]
    table.write_bytes(table.read_bytes().rstrip() + b'\n9,"Oh')
    with pytest.raises(DataError, match=r"train_sent_emo\.csv, line \d+: .*close the quotation mark"):
        meld.read(root, text_only=True)
    table.write_bytes(table.read_bytes().removesuffix(b'"Oh') + b"Oh")
    with pytest.warns(DataWarning, match="1 × row without ids"):
        assert [s.id for s in meld.read(root, text_only=True)] == whole


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    root = build("meld", tmp_path)
    (root / "test_sent_emo.csv").unlink()
    with pytest.raises(DataError, match=r"expected test_sent_emo\.csv in"):
        meld.read(root)


def test_the_real_tables(shared: Path) -> None:
    samples = meld.read(shared / "data" / "meld", text_only=True)
    assert Counter(s.split for s in samples) == meld.CARD.counts
    emotions = Counter(s.labels["emotions"] for s in samples if s.split == "test")
    assert emotions == {
        "anger": 345, "disgust": 68, "fear": 50, "joy": 402, "neutral": 1256, "sadness": 208, "surprise": 281,
    }  # fmt: skip
