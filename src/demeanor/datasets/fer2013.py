"""FER2013: 35 887 grey faces of 48 × 48 pixels in seven emotions, gathered by image search.

Paper: Goodfellow et al. 2013, "Challenges in Representation Learning: A Report on Three Machine Learning Contests",
ICONIP.

Hundreds of faces stand in two parts at once. Equal pictures share a group, and by default what has a twin in a later
part is left out of the earlier one (`duplicates = "keep"` reads the release as it is).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from demeanor.datasets._dataset import Card, choose, expect
from demeanor.datasets._files import read_rows
from demeanor.datasets._gaps import Gaps
from demeanor.datasets._groups import digest, without_overlap
from demeanor.types import Sample

CARD = Card(
    name="fer2013",
    title="FER2013 (Goodfellow et al. 2013)",
    labels={"emotions": "one of seven"},
    splits={"standard": "Training 28709 train, PublicTest 3589 valid, PrivateTest 3589 test; a folder test beside no "
            "folder of validation is both of the latter"},
    groups="equal pictures",
    licence="research only (no licence of the pictures)",
    source="Download the data of the 2013 contest. The folder holds fer2013.csv (emotion, pixels, Usage), or "
    "train/, validation/ and test/ with a folder per class (angry, disgust, fear, happy, sad, surprise, neutral).",
    counts={"train": 28709, "valid": 3589, "test": 3589},
)  # fmt: skip

CLASSES = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
"""Codes 0 to 6 of the table."""

_USAGE = {"Training": "train", "PublicTest": "valid", "PrivateTest": "test"}
_FOLDERS = {
    "train": "train", "validation": "valid", "valid": "valid", "val": "valid", "publictest": "valid", "test": "test",
    "privatetest": "test",
}  # fmt: skip
_NAMES = {
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "joy", "sad": "sadness", "surprise": "surprise",
    "neutral": "neutral",
}  # fmt: skip
_PICTURES = (".jpg", ".jpeg", ".png")
_SIDE = 48


def read(root: Path, *, duplicates: str = "drop") -> list[Sample]:
    """Every face: an array (48, 48) from the table, a path from the folders.

    Args:
        root: holds fer2013.csv, or the parts' folders.
        duplicates: drop what has a twin in a later part, or keep.

    Raises:
        DataError: the folder is not the corpus'.
        ConfigError: an option has no such value.
    """
    choose(CARD, "duplicates", duplicates, ("drop", "keep"))
    table = root / "fer2013.csv"
    gaps = Gaps(CARD)
    if not table.is_file():
        expect(root, ["train/angry"], CARD)
    samples = list(_from_table(table, gaps) if table.is_file() else _from_folders(root))
    gaps.tell()
    return without_overlap(samples) if duplicates == "drop" else samples


def _from_table(table: Path, gaps: Gaps) -> Iterator[Sample]:
    for number, row in enumerate(read_rows(table, CARD, ("emotion", "pixels", "Usage"), first=True)):
        try:
            pixels = np.array(row["pixels"].split(), np.uint8).reshape(_SIDE, _SIDE)
            emotion, split = CLASSES[int(row["emotion"])], _USAGE[row["Usage"].strip()]
        except (ValueError, KeyError, IndexError, OverflowError):
            gaps.add("row without 48 × 48 pixels, a class 0 to 6 or a known Usage, skipped", f"row {number}")
            continue
        group = f"fer2013:{digest(pixels.tobytes())}"
        yield Sample(id=f"{split}-{number}", image=pixels, group=group, labels={"emotions": emotion}, split=split)


def _from_folders(root: Path) -> Iterator[Sample]:
    for folder in sorted(p for p in root.iterdir() if p.name.lower() in _FOLDERS):
        split = _FOLDERS[folder.name.lower()]
        for name, emotion in sorted(_NAMES.items()):
            for path in sorted((folder / name).glob("*")):
                if path.suffix.lower() in _PICTURES:
                    yield Sample(
                        id=f"{split}-{name}-{path.stem}", image=path, group=f"fer2013:{digest(path.read_bytes())}",
                        labels={"emotions": emotion}, split=split,
                    )  # fmt: skip
