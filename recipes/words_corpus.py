"""All texts of the words expert's corpora, one a line: what recipes/multilingual_e5.py chooses its vocabulary by.

python recipes/words_corpus.py DATA OUT.txt
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from demeanor.datasets import table

RECIPES = Path(__file__).parent


def main() -> None:
    root, out = Path(sys.argv[1]), Path(sys.argv[2])
    run = tomllib.loads((RECIPES / "words.toml").read_text(encoding="utf-8"))
    tables = [entry["table"] for entry in run["data"]] + ["posts.toml"]
    texts = [s.text for name in tables for s in table.read(RECIPES / "tables" / name, root) if s.split != "test"]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(" ".join(t.split()) for t in texts if t) + "\n", encoding="utf-8")
    print(f"{len(texts)} texts in {out}")


if __name__ == "__main__":
    main()
