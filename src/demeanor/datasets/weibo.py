"""SMP2020-EWECT: 48 374 Chinese Weibo posts in six emotions, of everyday life and of the pandemic.

Paper: none; the evaluation of Weibo emotion classification at SMP 2020 (Harbin Institute of Technology, SCIR).

A post whose words stand in a later part too is left out of the earlier one unless `duplicates = "keep"`.
"""

from __future__ import annotations

import json
from pathlib import Path

from demeanor.datasets._dataset import Card, choose, expect
from demeanor.datasets._files import read_text
from demeanor.datasets._gaps import Gaps
from demeanor.datasets._groups import digest, text_key, without_overlap
from demeanor.errors import DataError
from demeanor.types import Sample

CARD = Card(
    name="weibo",
    title="SMP2020-EWECT",
    labels={
        "emotions": "joy (happy), anger (angry), sadness (sad), fear, surprise, neutral",
        "topic": "usual or virus",
    },
    splits={"standard": "usual 27768/2000/5000 and virus 8606/2000/3000 (train, valid, test)"},
    groups="equal texts",
    licence="research only (registered participants; posts of a social network)",
    source="Get the data of SMP2020-EWECT from its organisers. The folder holds usual_train.txt, "
    "usual_eval_labeled.txt, usual_test_labeled.txt and the same for virus: JSON lists of id, content, label.",
    counts={"train": 36374, "valid": 4000, "test": 8000},
)

_EMOTION = {
    "happy": "joy", "angry": "anger", "sad": "sadness", "fear": "fear", "surprise": "surprise", "neutral": "neutral",
}  # fmt: skip
_PARTS = {"train": "train", "eval_labeled": "valid", "test_labeled": "test"}


def read(root: Path, *, topic: str = "both", duplicates: str = "drop") -> list[Sample]:
    """Every post.

    Args:
        root: holds the six files.
        topic: usual (everyday life), virus (pandemic) or both.
        duplicates: drop what has a twin in a later part, or keep.

    Raises:
        DataError: the folder is not the corpus', or a file is no JSON list.
        ConfigError: an option has no such value.
    """
    choose(CARD, "topic", topic, ("usual", "virus", "both"))
    choose(CARD, "duplicates", duplicates, ("drop", "keep"))
    topics = ("usual", "virus") if topic == "both" else (topic,)
    expect(root, [f"{t}_{part}.txt" for t in topics for part in _PARTS], CARD)
    gaps = Gaps(CARD)
    samples = []
    for one in topics:
        for part, split in _PARTS.items():
            for number, post in enumerate(_posts(root / f"{one}_{part}.txt")):
                name = f"{one}-{split}-{post.get('id', number)}"
                text, own = str(post.get("content") or "").strip(), str(post.get("label") or "").strip().lower()
                if not text or own not in _EMOTION:
                    gaps.add("no text or an unknown label, skipped", name)
                    continue
                group = f"weibo:{digest(text_key(text) or name)}"
                labels = {"emotions": _EMOTION[own], "topic": one}
                samples.append(Sample(id=name, text=text, language="zh", group=group, labels=labels, split=split))
    gaps.tell()
    return without_overlap(samples) if duplicates == "drop" else samples


def _posts(path: Path) -> list[dict[str, object]]:
    try:
        posts = json.loads(read_text(path))
    except ValueError as error:
        raise DataError(f"weibo: {path.name}: expected a JSON list of posts, found {error}. {CARD.source}") from error
    if not isinstance(posts, list) or not all(isinstance(p, dict) for p in posts):
        raise DataError(f"weibo: {path.name}: expected a JSON list of posts, found something else. {CARD.source}")
    return posts
