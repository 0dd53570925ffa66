"""Chinese reviews: 62 774 of ten kinds of goods and 11 987 of meals brought home, positive or negative.

Paper: none; the tables online_shopping_10_cats and waimai_10k of the ChineseNlpCorpus collection (SophonPlus, 2018).

With `held_out` one category is the test part: what a model of feelings, not of goods, should pass. Reviews with the
same words share a group; what has a twin in the category held out is left out of the training part.
"""

from __future__ import annotations

from pathlib import Path

from demeanor.datasets._dataset import Card, choose, expect
from demeanor.datasets._files import read_rows
from demeanor.datasets._gaps import Gaps
from demeanor.datasets._groups import digest, text_key, without_overlap
from demeanor.types import Sample

GOODS = ("书籍", "平板", "手机", "水果", "洗发水", "热水器", "蒙牛", "衣服", "计算机", "酒店")
MEALS = "餐饮"

CARD = Card(
    name="zh_reviews",
    title="Chinese reviews of ten kinds of goods and of meals (ChineseNlpCorpus)",
    labels={"polarity": "negative, positive", "category": f"{', '.join(GOODS)} or {MEALS} (meals)"},
    splits={
        "none": "parts are made when a run is prepared, equal texts kept together",
        "held_out": "one category is the test part, the others train",
    },
    groups="equal texts",
    licence="research only (no licence stated)",
    source="Download online_shopping_10_cats.csv (cat, label, review) and waimai_10k.csv (label, review) of the "
    "ChineseNlpCorpus collection (SophonPlus) and unpack them into one folder; either alone is read too.",
    counts={"all": 74761},
)

_TABLES = {"online_shopping_10_cats.csv": ("cat", "label", "review"), "waimai_10k.csv": ("label", "review")}
_POLARITY = {"0": "negative", "1": "positive"}


def read(root: Path, *, held_out: str = "none") -> list[Sample]:
    """Every review.

    Args:
        root: holds one table or both.
        held_out: the category that is the test part, or none.

    Raises:
        DataError: the folder is not the corpus'.
        ConfigError: there is no such category.
    """
    choose(CARD, "held_out", held_out, ("none", *GOODS, MEALS))
    tables = [name for name in _TABLES if (root / name).is_file()]
    if not tables:
        expect(root, list(_TABLES), CARD)
    gaps = Gaps(CARD)
    samples: list[Sample] = []
    for table in tables:
        for number, row in enumerate(read_rows(root / table, CARD, _TABLES[table], first=not samples)):
            name = f"{table.partition('_')[0]}-{number}"
            text, category = row.get("review", "").strip("\ufeff \n\t"), row.get("cat", MEALS)
            if not text or row["label"] not in _POLARITY:
                gaps.add("no text or no label 0 or 1, skipped", name)
                continue
            labels = {"polarity": _POLARITY[row["label"]], "category": category}
            split = None if held_out == "none" else "test" if category == held_out else "train"
            group = f"zh_reviews:{digest(text_key(text) or name)}"
            samples.append(Sample(id=name, text=text, language="zh", group=group, labels=labels, split=split))
    gaps.tell()
    return without_overlap(samples)
