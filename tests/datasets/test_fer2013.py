from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dataset_trees import build, write_csv, write_picture
from demeanor.datasets import fer2013
from demeanor.datasets._gaps import DataWarning


def test_the_table_and_its_twins(tmp_path: Path) -> None:
    root = build("fer2013", tmp_path)
    kept = fer2013.read(root, duplicates="keep")
    assert Counter(s.split for s in kept) == {"train": 3, "valid": 2, "test": 2}
    assert [s.labels["emotions"] for s in kept] == ["anger", "joy", "neutral", "joy", "sadness", "surprise", "neutral"]
    assert isinstance(kept[0].image, np.ndarray)
    assert (kept[0].image.shape, kept[0].image.dtype) == ((48, 48), np.uint8)
    assert kept[1].group == kept[3].group
    dropped = fer2013.read(root)
    assert [s.id for s in dropped] == ["train-0", "valid-3", "valid-4", "test-5", "test-6"]


def test_folders_of_classes(tmp_path: Path) -> None:
    for part in ("train", "validation", "test"):
        for shade, name in enumerate(("angry", "happy", "sad")):
            write_picture(tmp_path / part / name / "same_name.png", 10 * shade + len(part))
    write_picture(tmp_path / "train" / "happy" / "twin.png", 10 + len("test"))
    samples = fer2013.read(tmp_path)
    assert Counter(s.split for s in samples) == {"train": 3, "valid": 3, "test": 3}
    assert len({s.id for s in samples}) == 9
    assert {s.labels["emotions"] for s in samples} == {"anger", "joy", "sadness"}
    assert len(fer2013.read(tmp_path, duplicates="keep")) == 10


def test_broken_rows_are_counted(tmp_path: Path) -> None:
    good = " ".join(["7"] * 2304)
    rows = [(0, good, "Training"), (7, good, "Training"), (0, "1 2 3", "Training"), (0, good, "Holdout")]
    write_csv(tmp_path / "fer2013.csv", ("emotion", "pixels", "Usage"), rows)
    with pytest.warns(DataWarning, match=r"3 × row without 48 × 48 pixels.*\(row 1, row 2, row 3\)"):
        assert len(fer2013.read(tmp_path)) == 1
