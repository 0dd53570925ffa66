"""GoEmotions: 54 263 English forum comments in 27 emotions and neutral, several to a comment.

Paper: Demszky et al. 2020, "GoEmotions: A Dataset of Fine-Grained Emotions", ACL.

Read as seven emotions by the authors' own Ekman grouping; `own` keeps the fine names. A comment whose words stand in a
later part too is left out of the earlier one unless `duplicates = "keep"`.
"""

from __future__ import annotations

from pathlib import Path

from demeanor.datasets._dataset import Card, choose, expect
from demeanor.datasets._files import read_lines
from demeanor.datasets._gaps import Gaps
from demeanor.datasets._groups import digest, text_key, without_overlap
from demeanor.types import EMOTIONS, Sample

EKMAN = {
    "anger": "anger annoyance disapproval",
    "disgust": "disgust",
    "fear": "fear nervousness",
    "joy": "joy amusement approval excitement gratitude love optimism relief pride admiration desire caring",
    "sadness": "sadness disappointment embarrassment grief remorse",
    "surprise": "surprise realization confusion curiosity",
    "neutral": "neutral",
}
"""The authors' grouping: emotion → fine names."""

FINE = (*sorted(n for names in EKMAN.values() for n in names.split() if n != "neutral"), "neutral")
"""The 28 names in the order of their ids: by alphabet, neutral last."""

CARD = Card(
    name="goemotions",
    title="GoEmotions (Demszky et al. 2020)",
    labels={
        "emotions": "one or more of seven, by the authors' Ekman grouping",
        "own": "the fine names, separated by commas",
        "polarity": "where all of a comment's emotions agree; surprise, confusion, curiosity, realization have none",
    },
    splits={"standard": "43410 train, 5426 valid (dev), 5427 test"},
    groups="equal texts",
    licence="Apache-2.0 (comments CC BY 4.0)",
    source="Download data/train.tsv, dev.tsv and test.tsv of the authors' release (google-research, goemotions): text, "
    "label ids separated by commas, id, no header line. emotions.txt or labels.txt beside them names the ids.",
    counts={"train": 43410, "valid": 5426, "test": 5427},
)

_OF = {fine: emotion for emotion, names in EKMAN.items() for fine in names.split()}
_POLARITY = {
    "joy": "positive", "anger": "negative", "disgust": "negative", "fear": "negative", "sadness": "negative",
    "neutral": "neutral",
}  # fmt: skip
_PARTS = {"train": "train", "dev": "valid", "test": "test"}


def read(root: Path, *, duplicates: str = "drop") -> list[Sample]:
    """Every comment; parts that are not there are left out.

    Args:
        root: holds train.tsv, dev.tsv, test.tsv.
        duplicates: drop what has a twin in a later part, or keep.

    Raises:
        DataError: the folder is not the corpus'.
        ConfigError: an option has no such value.
    """
    choose(CARD, "duplicates", duplicates, ("drop", "keep"))
    expect(root, ["train.tsv", "dev.tsv"], CARD)
    names, gaps = _names(root), Gaps(CARD)
    samples = []
    for part, split in _PARTS.items():
        for number, line in enumerate(read_lines(root / f"{part}.tsv") if (root / f"{part}.tsv").is_file() else ()):
            cells = line.split("\t")
            ids = cells[1].split(",") if len(cells) == 3 else []
            if not ids or not all(i.isdecimal() and int(i) < len(names) for i in ids):
                gaps.add("line without three cells or with an unknown label, skipped", f"{part} {number + 1}")
                continue
            samples.append(_sample(cells[0], [names[int(i)] for i in ids], cells[2].strip(), split))
    gaps.tell()
    return without_overlap(samples) if duplicates == "drop" else samples


def _names(root: Path) -> tuple[str, ...]:
    """What the ids mean: the list beside the data where there is one (the grouped release has seven)."""
    for name in ("emotions.txt", "labels.txt"):
        if (root / name).is_file():
            return tuple(n.strip() for n in read_lines(root / name) if n.strip())
    return FINE


def _sample(text: str, own: list[str], name: str, split: str) -> Sample:
    emotions = [e for e in EMOTIONS if e in {_OF.get(n) for n in own}]
    labels: dict[str, float | str] = {"own": ",".join(own)}
    if emotions:
        labels["emotions"] = ",".join(emotions)
    polarities = {_POLARITY.get(e, "") for e in emotions}
    if len(polarities) == 1 and (polarity := polarities.pop()):
        labels["polarity"] = polarity
    return Sample(
        id=f"{split}-{name}", text=text, language="en", group=f"goemotions:{digest(text_key(text) or name)}",
        labels=labels, split=split,
    )  # fmt: skip
