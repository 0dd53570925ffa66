"""From clips to a reader of one's own by the commands alone: train, export, batch; RAVDESS voice, held-out actors.

    python benchmarks/loop.py --data DIR --lab PYTHON [--models concat,tfn] [--folds 5] [--seed 0] [--out FILE]

PYTHON is an interpreter that has the lab; the one that runs this needs the reader alone, and refuses torch while it
reads. Per model and fold of four actors: `train` of recipes/lab/ravdess-voice.toml on the other actors, `export`,
`batch` over the held-out clips; compared are the readings in its lines with the actors' emotions. Prints UAR (mean
recall of seven emotions) over the clips of all folds, with an interval over actors.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from demeanor.datasets import table
from demeanor.metrics import bootstrap, classification
from demeanor.types import EMOTIONS, Sample

ROOT = Path(__file__).resolve().parents[1]
RUN, TABLE = ROOT / "recipes/lab/ravdess-voice.toml", ROOT / "recipes/tables/ravdess.toml"
READ = "import sys; sys.modules['torch'] = None; from demeanor.cli import main; main()"


def demeanor(python: str, *arguments: object, code: str = "from demeanor.cli import main; main()") -> None:
    ran = subprocess.run(
        [python, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    if ran.returncode:
        sys.exit(f"demeanor {' '.join(map(str, arguments))}\n{ran.stdout}{ran.stderr}")


def divided(samples: list[Sample], held: set[str], root: Path, folder: Path) -> tuple[Path, Path]:
    """The table of the run, whose test part are the held-out actors, and the manifest of their clips."""
    parts = {s.speaker: "test" if s.speaker in held else "train" for s in samples}
    valid = next(actor for actor in parts if actor not in held)
    split = ", ".join(f'"{a}" = "{part}"' for a, part in (parts | {valid: "valid"}).items())
    described = folder / "table.toml"
    described.write_text(f'{TABLE.read_text("utf-8")}\n[split]\ncolumn = "actor"\nmap = {{ {split} }}\n', "utf-8")
    manifest = folder / "clips.csv"
    with manifest.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(("id", "audio"))
        rows.writerows((s.id, (root / str(s.audio)).resolve()) for s in samples if s.speaker in held)
    return described, manifest


def read(model: str, fold: list[Sample], table_file: Path, manifest: Path, folder: Path, options: argparse.Namespace):
    """Emotions as the exported model reads them, by id."""
    run, bundle, lines = folder / model, folder / f"{model}-bundle", folder / f"{model}.jsonl"
    sets = [f"run.model={model}", f"data.manifest={table_file}", f"training.seed={options.seed}"]
    demeanor(options.lab, "train", RUN, "--data", options.data, "--out", run, *(x for s in sets for x in ("--set", s)))
    demeanor(options.lab, "export", run, bundle, "--data", options.data)
    demeanor(sys.executable, "batch", manifest, "--out", lines, "--model", bundle, code=READ)
    found = {}
    for line in map(json.loads, lines.read_text("utf-8").splitlines()):
        chances = line["overall"]["emotions"]
        found[line["id"]] = max(chances, key=chances.get)
    if set(found) != {s.id for s in fold}:
        sys.exit(f"{model}: {len(fold)} clips, {len(found)} readings")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lab", required=True, help="an interpreter that has the lab")
    parser.add_argument("--models", default="concat", help="of those that read one modality, separated by commas")
    parser.add_argument("--folds", type=int, default=5, choices=range(1, 6), help="the first so many of the five")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a line per model is added to it")
    options = parser.parse_args()
    samples = table.read_manifest(TABLE, options.data)
    actors = sorted({str(s.speaker) for s in samples})
    for model in options.models.split(","):
        truth, guess, who = [], [], []
        for number in range(options.folds):
            # By fours, of both sexes: actors of odd number are men.
            held = set(actors[4 * number : 4 * number + 4])
            fold = [s for s in samples if s.speaker in held]
            with tempfile.TemporaryDirectory() as place:
                described, manifest = divided(samples, held, options.data, Path(place))
                found = read(model, fold, described, manifest, Path(place), options)
            truth += [s.labels["emotions"] for s in fold]
            guess += [found[s.id] for s in fold]
            who += [s.speaker for s in fold]
        uar = bootstrap.interval(
            lambda a, b: classification.macro_recall(a, b, EMOTIONS), truth, guess, clusters=who
        )  # fmt: skip
        print(f"{model:12s} UAR {uar}, {len(truth)} clips of {len(set(who))} actors, seed {options.seed}", flush=True)
        if options.out:
            with options.out.open("a", encoding="utf-8") as out:
                row = {
                    "model": model,
                    "folds": options.folds,
                    "seed": options.seed,
                    "clips": len(truth),
                    "uar": uar.to_dict(),
                }
                out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
