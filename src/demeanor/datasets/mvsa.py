"""MVSA: tweets with a photograph, text and picture labelled apart (Single: one rater, Multiple: three).

Paper: Niu et al. 2016, "Sentiment Analysis on Multi-View Social Data", MMM; cleaned as in Xu & Mao 2017 (MultiSentiNet,
CIKM).

Cleaning: of three raters a modality takes what two or more agree on, else the post is left out; text and picture alike
keep their label; one neutral and one not: the other; positive against negative: left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from demeanor.datasets._dataset import Card, choose, expect
from demeanor.datasets._files import read_lines, read_text
from demeanor.datasets._gaps import Gaps
from demeanor.datasets._groups import digest, joined, text_key
from demeanor.errors import DataError
from demeanor.types import POLARITIES, Sample

CARD = Card(
    name="mvsa",
    title="MVSA-Single and MVSA-Multiple (Niu et al. 2016)",
    labels={
        "polarity": "negative, neutral, positive of the pair, after cleaning",
        "polarity_text": "of the words alone",
        "polarity_image": "of the picture alone",
    },
    splits={"none": "no official parts: made when a run is prepared, duplicates kept together"},
    groups="posts with the same picture or the same words (but for links, case and reposting)",
    licence="research only (no licence stated; tweets and their photographs)",
    source="Download MVSA-Single or MVSA-Multiple from the authors (Multimedia Communications Research Laboratory). "
    "The folder holds labelResultAll.txt and data/<ID>.jpg with data/<ID>.txt.",
    counts={"all": 4511},
)


def read(root: Path, *, version: str = "single", cleaned: bool = True) -> list[Sample]:
    """Every post, in the table's order.

    Args:
        root: holds labelResultAll.txt and data/.
        version: single (one rater) or multiple (three).
        cleaned: leave out posts without a joint label; else they are read with what labels they have.

    Raises:
        DataError: the folder is not the corpus', or the other version of it.
        ConfigError: an option has no such value.
    """
    raters = 1 if choose(CARD, "version", version, ("single", "multiple")) == "single" else 3
    expect(root, ["labelResultAll.txt", "data"], CARD)
    gaps = Gaps(CARD)
    found = []
    for name, votes in _table(root / "labelResultAll.txt", raters):
        labels = labels_of(votes)
        if cleaned and "polarity" not in labels:
            continue
        text, image = _text(root / "data" / f"{name}.txt"), root / "data" / f"{name}.jpg"
        there = image.is_file() and image.stat().st_size > 0
        if text is None and not there:
            gaps.add("neither text nor picture, skipped", name)
            continue
        if text is None or not there:
            gaps.add("no text" if text is None else "no picture", name)
        found.append((name, text, image if there else None, labels))
    keys = [_keys(name, text, image) for name, text, image, _ in found]
    gaps.tell()
    return [
        Sample(id=name, text=text, image=image, group=f"mvsa:{group}", labels=labels)
        for (name, text, image, labels), group in zip(found, joined(keys), strict=True)
    ]


def majority(votes: Sequence[str]) -> str | None:
    """What one rater says, or two or more of three; None where they all differ."""
    label, count = Counter(votes).most_common(1)[0]
    return label if 2 * count > len(votes) else None


def combined(text: str, image: str) -> str | None:
    """The pair's label: equal, or the one that is not neutral; None for positive against negative."""
    if text == image or image == "neutral":
        return text
    return image if text == "neutral" else None


def labels_of(votes: Sequence[tuple[str, str]]) -> dict[str, float | str]:
    """Labels of a post from its raters' (text, image) pairs."""
    text, image = majority([t for t, _ in votes]), majority([i for _, i in votes])
    both = combined(text, image) if text and image else None
    named = {"polarity": both, "polarity_text": text, "polarity_image": image}
    return {name: label for name, label in named.items() if label}


def _table(path: Path, raters: int) -> list[tuple[str, list[tuple[str, str]]]]:
    """Per post its id and the raters' pairs."""
    rows = [line.split("\t") for line in read_lines(path)[1:] if line.strip()]
    out = []
    for row in rows:
        pairs = [tuple(p.strip().lower() for p in cell.split(",")) for cell in row[1:] if cell.strip()]
        if len(pairs) != raters or any(len(p) != 2 or not set(p) <= set(POLARITIES) for p in pairs):
            raise DataError(
                f"mvsa: {path.name}: expected an ID and {raters} 'text,image' pairs of {', '.join(POLARITIES)}, found "
                f"{row!r}; MVSA-Multiple has three pairs a line: give the option version (to `datasets check` as "
                "--name mvsa --set version=multiple)"
            )
        out.append((row[0].strip(), [(p[0], p[1]) for p in pairs]))
    return out


def _text(path: Path) -> str | None:
    return read_text(path).strip() or None if path.is_file() else None


def _keys(name: str, text: str | None, image: Path | None) -> list[str]:
    keys = [digest(key)] if text and (key := text_key(text)) else []
    if image:
        keys.append(digest(image.read_bytes()))
    return keys or [name]
