"""What redaction finds, what it takes wrongly, and how fast: figures of docs/privacy.md.

    python benchmarks/privacy.py [--data ../shared/data] [--show]

Recall is over the hand-made cases of tests/privacy/personal_cases.py. Most were written together with the finders and
are an upper bound; the fresh ones were written afterwards and not worked on.
False alarms are counted over texts of public corpora; what is taken there is printed with --show, to be judged by eye.
"""

import argparse
import csv
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from demeanor.privacy.spans import PLACEHOLDER
from demeanor.privacy.text import find_personal

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "privacy"))

from personal_cases import SETS, cases, fresh_cases  # noqa: E402


def recall() -> None:
    print("| cases | marked | covered whole | of the right kind | nothing more |")
    print("| --- | ---: | ---: | ---: | ---: |")
    total: Counter[str] = Counter()
    for name in (*SETS, "fresh"):
        count: Counter[str] = Counter()
        for own, text, wanted in (*cases(), *fresh_cases()):
            if own != name:
                continue
            found = find_personal(text)
            for start, end, kind in wanted:
                held = [f for f in found if f.start <= start and end <= f.end]
                count["all"] += 1
                count["covered"] += bool(held)
                count["kind"] += any(f.kind == kind for f in held)
                exact = (start, end) in [(f.start, f.end) for f in found]
                count["exact"] += exact
                if held and not exact:
                    wide = text[held[0].start : held[0].end]
                    print("wide:", repr(text[start:end]), repr(wide), file=sys.stderr)
                if not held:
                    print("missed:", repr(text), file=sys.stderr)
        total += count if name != "fresh" else Counter()
        print(f"| {name} | {count['all']} | {count['covered']} | {count['kind']} | {count['exact']} |")
    share = total["covered"] / total["all"]
    print(f"| all but fresh | {total['all']} | {total['covered']} ({share:.1%}) | {total['kind']} | {total['exact']} |")


def corpora(data: Path) -> Iterator[tuple[str, list[str]]]:
    goemotions = data / "goemotions" / "train.tsv"
    if goemotions.exists():
        lines = goemotions.read_text(encoding="utf-8").splitlines()[:5000]
        yield "GoEmotions, train, first 5 000", [line.split("\t")[0] for line in lines]
    meals = data / "zh_reviews" / "meals.csv"
    if meals.exists():
        with meals.open(encoding="utf-8-sig", newline="") as file:
            rows = [row[-1] for row in csv.reader(file)][1:]
        yield "Chinese reviews of meals, first 5 000", rows[:5000]
    meld = data / "meld" / "train_sent_emo.csv"
    if meld.exists():
        with meld.open(encoding="utf-8", newline="") as file:
            yield "MELD, train, first 5 000", [row["Utterance"] for row in csv.DictReader(file)][:5000]


def alarms(data: Path, show: bool) -> None:
    print("\n| texts | with anything taken | spans by kind |\n| --- | ---: | --- |")
    for name, texts in corpora(data):
        kinds: Counter[str] = Counter()
        hit = 0
        for text in texts:
            found = [s for s in find_personal(text) if not PLACEHOLDER.fullmatch(text[s.start : s.end])]
            kinds.update(s.kind for s in found)
            hit += bool(found)
            for s in found if show else ():
                before, after = text[max(0, s.start - 25) : s.start], text[s.end : s.end + 15]
                print(f"{s.kind}: {before}⟦{text[s.start : s.end]}⟧{after}")
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        print(f"| {name} ({len(texts)}) | {hit} ({hit / len(texts):.2%}) | {told} |")


def speed() -> None:
    """Seconds of processor time for a million characters, hostile ones among them."""
    print("\n| a million characters of | seconds |\n| --- | ---: |")
    hostile = {
        "digits": "1", "`1 2 `": "1 2 ", "`4111 `": "4111 ", "`a@`": "a@", "`a.`": "a.", "`一`": "一", "`one `": "one ",
        "`(0`": "(0", "`1-`": "1-", "`my name is Jo `": "my name is Jo ", "`call `": "call ",
        "`a at b dot `": "a at b dot ",
        "`路1号`": "路1号", "`王先生`": "王先生", "`[NAME`": "[NAME",
        "`http://`": "http://", "`Aa `": "Aa ", "`a:`": "a:",
        "spaces": " ",
    }  # fmt: skip
    for name, piece in hostile.items():
        text = piece * (1_000_000 // len(piece))
        began = time.process_time()
        find_personal(text)
        print(f"| {name} | {time.process_time() - began:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--show", action="store_true", help="print what is taken in the corpora")
    parser.add_argument("--no-speed", action="store_true")
    arguments = parser.parse_args()
    recall()
    alarms(arguments.data, arguments.show)
    if not arguments.no_speed:
        speed()


if __name__ == "__main__":
    main()
