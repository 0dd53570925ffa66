"""The most frequent words of many languages, in order of rank: what recipes/multilingual_e5.py keeps whole.

    python recipes/words_common.py OUT.txt [--each 5000]

Asks the PyPI package `wordfreq` (3.1.1; code Apache-2.0, word lists CC BY-SA 4.0), which is wanted here alone. A line
is one word, the first of every language before the second of any, each also with a capital, as German nouns and first
words of sentences are written. Only the choice of pieces comes of it; no list is shipped.
"""

from __future__ import annotations

import argparse
from itertools import zip_longest
from pathlib import Path

import wordfreq


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--each", type=int, default=5000, help="words of each language")
    args = parser.parse_args()
    languages = sorted(wordfreq.available_languages("best"))
    ranks = zip_longest(*(wordfreq.top_n_list(language, args.each) for language in languages))
    words = dict.fromkeys(form for rank in ranks for word in rank if word for form in (word, word.capitalize()))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text("\n".join(words) + "\n", encoding="utf-8")
    print(f"{len(words)} words of {len(languages)} languages in {args.out}")


if __name__ == "__main__":
    main()
