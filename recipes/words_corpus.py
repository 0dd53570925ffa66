"""All texts of a words expert's corpora, one a line: what recipes/multilingual_e5.py chooses its vocabulary by.

    python recipes/words_corpus.py RUN.toml DATA OUT.txt [TABLE ...]

Test parts are left out. TABLE: tables of texts that the expert will read beside those of its run file (posts).
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from demeanor.datasets import table

RECIPES = Path(__file__).parent


def main() -> None:
    run, root, out = (Path(argument) for argument in sys.argv[1:4])
    spec = tomllib.loads(run.read_text(encoding="utf-8"))
    tables = [entry["table"] for entry in spec["data"]] + sys.argv[4:]
    texts = [
        s.text for name in tables for s in table.read_manifest(RECIPES / "tables" / name, root) if s.split != "test"
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(" ".join(t.split()) for t in texts if t) + "\n", encoding="utf-8")
    print(f"{len(texts)} texts in {out}")


if __name__ == "__main__":
    main()
