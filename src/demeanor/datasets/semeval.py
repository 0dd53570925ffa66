"""SemEval-2017 task 4: 59 899 English tweets, three sentiments, as TweetEval distributes them.

Paper: Rosenthal et al. 2017, "SemEval-2017 Task 4: Sentiment Analysis in Twitter"; Barbieri et al. 2020, "TweetEval",
Findings of EMNLP.

A tweet whose words stand in a later part too is left out of the earlier one unless `duplicates = "keep"`.
"""

from __future__ import annotations

from pathlib import Path

from demeanor.datasets._dataset import Card, choose, expect
from demeanor.datasets._files import read_lines
from demeanor.datasets._gaps import Gaps
from demeanor.datasets._groups import digest, text_key, without_overlap
from demeanor.errors import DataError
from demeanor.types import POLARITIES, Sample

CARD = Card(
    name="semeval",
    title="SemEval-2017 task 4 in TweetEval (Rosenthal et al. 2017; Barbieri et al. 2020)",
    labels={"polarity": "negative, neutral, positive"},
    splits={"standard": "45615 train, 2000 valid (val), 12284 test"},
    groups="equal texts",
    licence="research only (tweets, user names masked)",
    source="Download datasets/sentiment of the TweetEval repository (cardiffnlp). The folder holds train_text.txt, "
    "train_labels.txt (0 negative, 1 neutral, 2 positive) and the same for val and test.",
    counts={"train": 45615, "valid": 2000, "test": 12284},
)

_PARTS = {"train": "train", "val": "valid", "test": "test"}


def read(root: Path, *, duplicates: str = "drop") -> list[Sample]:
    """Every tweet.

    Args:
        root: holds the parts' texts and labels.
        duplicates: drop what has a twin in a later part, or keep.

    Raises:
        DataError: the folder is not the corpus', or texts and labels differ in number.
        ConfigError: an option has no such value.
    """
    choose(CARD, "duplicates", duplicates, ("drop", "keep"))
    expect(root, [f"{part}_{what}.txt" for part in _PARTS for what in ("text", "labels")], CARD)
    gaps = Gaps(CARD)
    samples = []
    for part, split in _PARTS.items():
        texts, labels = read_lines(root / f"{part}_text.txt"), read_lines(root / f"{part}_labels.txt")
        if len(texts) != len(labels):
            raise DataError(f"semeval: {part}: expected a label a line, found {len(texts)} texts, {len(labels)} labels")
        for number, (text, label) in enumerate(zip(texts, labels, strict=True)):
            name = f"{split}-{number}"
            if label.strip() not in ("0", "1", "2") or not text.strip():
                gaps.add("no text or no label 0 to 2, skipped", name)
                continue
            group = f"semeval:{digest(text_key(text) or name)}"
            polarity = {"polarity": POLARITIES[int(label)]}
            samples.append(Sample(id=name, text=text.strip(), language="en", group=group, labels=polarity, split=split))
    gaps.tell()
    return without_overlap(samples) if duplicates == "drop" else samples
