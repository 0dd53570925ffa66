"""Twitter-2015 and Twitter-2017: sentiment towards a person or thing named in a tweet with a picture.

Paper: Yu & Jiang 2019, "Adapting BERT for Target-Oriented Multimodal Sentiment Classification" (TomBERT), IJCAI; data
of Zhang et al. 2018 (AAAI) and Lu et al. 2018 (ACL).

A tweet with several targets is several samples with one picture: they share a group. A picture that is missing stays
missing (the reference puts a blank one).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from demeanor.datasets._dataset import Card, choose, expect
from demeanor.datasets._files import read_lines
from demeanor.datasets._gaps import Gaps
from demeanor.types import POLARITIES, Sample

CARD = Card(
    name="twitter1517",
    title="Twitter-2015 and Twitter-2017 (Yu & Jiang 2019)",
    labels={"polarity": "negative, neutral, positive towards the target", "target": "the words it is about"},
    splits={"standard": "train, valid (dev), test as the files say; 2015: 3179/1122/1037, 2017: 3562/1176/1234"},
    groups="tweet (picture)",
    licence="research only (no licence stated; tweets and their pictures)",
    source="Download the data of TomBERT from its authors. The folder holds twitter2015/ and twitter2017/ (train, dev, "
    "test as .tsv or .txt) and twitter2015_images/, twitter2017_images/.",
    counts={"train": 3179, "valid": 1122, "test": 1037},
)

_PARTS = {"train": "train", "dev": "valid", "test": "test"}
_PLACE = "$T$"


def read(root: Path, *, year: int = 2015) -> list[Sample]:
    """Every tweet and target; the text has its target in place.

    Args:
        root: holds the year's two folders.
        year: 2015 or 2017.

    Raises:
        DataError: the folder is not the corpus'.
        ConfigError: there is no such year.
    """
    choose(CARD, "year", str(year), ("2015", "2017"))
    folder, images = root / f"twitter{year}", root / f"twitter{year}_images"
    expect(root, [f"twitter{year}", f"twitter{year}_images"], CARD)
    gaps = Gaps(CARD)
    samples = []
    for part, split in _PARTS.items():
        expect(folder, [f"{part}.t[sx][vt]"], CARD)
        tabs = folder / f"{part}.tsv"
        rows = _tsv(tabs) if tabs.is_file() else _txt(folder / f"{part}.txt")
        for number, (label, image, tweet, target) in enumerate(rows):
            name = f"{year}-{part}-{number}"
            if label is None or not tweet.strip():
                gaps.add("line without label or tweet, skipped", name)
                continue
            there = (images / image).is_file()
            if not there:
                gaps.add("no picture: text alone", name)
            labels = {"polarity": label, "target": target}
            group, text = f"twitter{year}:{image}", tweet.replace(_PLACE, target)
            path = images / image if there else None
            samples.append(Sample(name, text, path, language="en", group=group, labels=labels, split=split))
    gaps.tell()
    return samples


Row = tuple[str | None, str, str, str]


def _tsv(path: Path) -> Iterator[Row]:
    """Lines of index, label 0 to 2, picture, tweet, target after a header; quotation marks mean nothing here."""
    for line in read_lines(path)[1:]:
        cells = line.split("\t")
        if len(cells) < 5:
            yield None, "", "", ""  # it breaks off: counted, not passed over
        else:
            yield _polarity(cells[1], 0), cells[2].strip(), cells[3].strip(), cells[4].strip()


def _txt(path: Path) -> Iterator[Row]:
    """Four lines a sample: tweet, target, label -1 to 1, picture."""
    lines = read_lines(path)
    for at in range(0, len(lines) - 3, 4):
        tweet, target, label, image = (line.strip() for line in lines[at : at + 4])
        yield _polarity(label, -1), image, tweet, target


def _polarity(label: str, least: int) -> str | None:
    known = {str(least + place): name for place, name in enumerate(POLARITIES)}
    return known.get(label.strip())
