"""What the words expert refuses to read or warns of, by language, and how much of what nobody means it notices.

    python benchmarks/legible.py [--each 1000]

Sentences are those of `recipes/tables/everyday.csv`; keys struck at random are drawn from four keyboards (one row, or
all of it, one to five runs of three to eight keys). For each: the share that is told to be in that language, warned of,
and not read at all.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections import defaultdict
from pathlib import Path

from demeanor.bundle import load
from demeanor.media.language import detect_language
from demeanor.reader.cues.words import Words

TABLE = Path(__file__).parents[1] / "recipes/tables/everyday.csv"
KEYBOARDS = {
    "English": ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    "Russian": ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
    "Greek": ("ςερτυθιοπ", "ασδφγηξκλ", "ζχψωβνμ"),
    "Czech": ("qwertzuiopú", "asdfghjklů", "yxcvbnměščřžýáíé"),
}


def struck(rows: tuple[str, ...], rng: random.Random) -> str:
    """Keys struck at random: runs along one row, or all over the board."""
    keys = [rng.choice(rows) if rng.random() < 0.5 else "".join(rows) for _ in range(rng.randint(1, 5))]
    return " ".join("".join(rng.choice(row) for _ in range(rng.randint(3, 8))) for row in keys)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=1000, help="texts of each kind at most")
    args = parser.parse_args()
    rng = random.Random(0)
    texts: dict[str, list[str]] = defaultdict(list)
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["language"]:
                texts[row["language"]].append(row["text"])
    for name, rows in KEYBOARDS.items():
        texts[f"{name} keys"] = [struck(rows, rng) for _ in range(args.each)]
    words = Words(load("base"))
    print("| texts | n | language told | warned of | not read |\n| --- | --- | --- | --- | --- |")
    for name, said in texts.items():
        said = rng.sample(said, min(args.each, len(said)))
        doubts = [d for d in map(words.doubt, said) if d is not None]
        told = f"{sum(detect_language(s) == name for s in said) / len(said):.1%}" if len(name) < 4 else ""
        refused = sum(d.abstain for d in doubts)
        print(f"| {name} | {len(said)} | {told} | {len(doubts) / len(said):.1%} | {refused / len(said):.1%} |")


if __name__ == "__main__":
    main()
