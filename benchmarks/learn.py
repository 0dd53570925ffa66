"""What learning from use brings on real data: python benchmarks/learn.py --data DIR [--results FILE]

Posts (MVSA-Single), words alone: heads on the shipped words expert's vectors, which never saw these posts. A run with
few labels is the start; then a user looks at further posts and puts right what the model got wrong – `corrections`
takes these alone, `reviewed` also what the user left as it was –, and the rest comes without labels. Measured on posts
set aside by duplicate group, which pick nothing: the last epoch is kept. One line per seed and way.

Then the same user over the shipped reader itself: its readings of 30, 100 and 300 posts, put right; `learn base` fits
the words to them. These lines have `bundle` for a start.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import demeanor
from demeanor.datasets import table
from demeanor.datasets._groups import hashed_split
from demeanor.features.more import prefix_of
from demeanor.features.store import Store
from demeanor.label.learn import New, learn
from demeanor.label.refit import refit
from demeanor.label.task import write_table
from demeanor.metrics.bootstrap import interval
from demeanor.training import lab
from demeanor.training.prepare import prepare
from demeanor.training.run import provenance, write_json
from demeanor.training.runfile import RunFile
from demeanor.types import POLARITIES

TABLE = Path(__file__).parent.parent / "recipes/tables/posts.toml"
LABELLED, SEEN, SEEDS = 60, 300, 3
SETTINGS = {
    "epochs": 30, "batch": 32, "learning_rate": 1e-3, "weight_decay": 0.05, "precision": "float32", "keep": "last",
    "device": "cpu", "threads": 1, "track": [],
}  # fmt: skip


def run_file(seed: int) -> dict:
    return {
        "run": {"name": "posts", "model": "concat"},
        "data": {"dataset": "table", "root": "few.csv", "protocol": "70/30 by duplicate group"},
        "encoders": {"text": {"name": "text_expert", "heads": False}},
        "tasks": {"polarity": {}},
        "training": {**SETTINGS, "seed": seed},
    }


def posts(root: Path) -> tuple[list[dict], list[dict]]:
    """Rows to learn from, and rows set aside."""
    parts: dict[str, list[dict]] = {"train": [], "valid": []}
    for s in table.read_manifest(TABLE, root):
        group = s.group or s.id
        part = hashed_split(f"learn:{group}", {"train": 0.7, "valid": 0.3})
        row = {"id": s.id, "text": s.text, "group": group, "split": part, "label_polarity": s.labels["polarity"]}
        parts[part].append(row)
    return parts["train"], parts["valid"]


def analyses(rows: list[dict], said: list[str], out: Path) -> None:
    """Readings as the page leaves them: each with the model's polarity, wrong ones put right."""
    lines = []
    for row, label in zip(rows, said, strict=True):
        reading = {"sentiment": {"score": 0.0, "label": label}, "abstain": False}
        right = {"path": "segments[0].reading.sentiment.label", "value": row["label_polarity"], "by": "user"}
        lines.append(json.dumps({
            "id": row["id"], "kind": "text", "language": "en", "overall": reading, "sample": {"group": row["group"]},
            "segments": [{"text": row["text"], "reading": reading}],
            "corrections": [] if label == row["label_polarity"] else [right],
        }))  # fmt: skip
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def one(seed: int, train: list[dict], aside: list[dict], place: Path, store: Store) -> list[dict]:
    """All ways with one draw of labelled and seen posts."""
    order = np.random.default_rng(seed).permutation(len(train))
    few, seen, rest = (
        [train[i] for i in order[a:b]]
        for a, b in ((0, LABELLED), (LABELLED, LABELLED + SEEN), (LABELLED + SEEN, len(train)))
    )
    write_table(place / "few.csv", [*few, *aside])
    run = lab.check(run_file(seed))
    prepared = prepare(run, place, store, quiet)
    start = place / "start"
    start.mkdir()
    write_json(start / "run.json", provenance(run_file(seed)))
    lab.train(run, place, start, store, quiet, prepared)
    analyses(seen, answers(run, start, seen, place, store), place / "seen.jsonl")
    write_table(place / "rest.csv", [{"id": r["id"], "text": r["text"], "group": r["group"]} for r in rest])
    ways: dict[str, tuple[New, float]] = {
        "corrections": (New([place / "seen.jsonl"]), 0.9),
        "reviewed": (New([place / "seen.jsonl"], reviewed=True), 0.9),
        "unlabelled": (New(unlabelled=place / "rest.csv"), 0.7),
        "reviewed + unlabelled": (New([place / "seen.jsonl"], place / "rest.csv", reviewed=True), 0.7),
    }
    found = []
    for way, (new, at_least) in ways.items():
        told = learn(start, new, place, place / way, at_least=at_least, hold=0.0, store=store, say=quiet)
        counts = {k: told[k] for k in ("corrected", "pseudo_labelled")}
        valid = told["parts"]["valid"]
        chosen = {k: valid["metrics"][k] for k in ("accuracy", "macro_f1")}
        found.append({"way": way, "seed": seed, **counts, "n": valid["n"], **chosen})
        print(json.dumps(found[-1]), flush=True)
    return found


def over_base(seed: int, train: list[dict], aside: list[dict], place: Path) -> list[dict]:
    """The shipped words on the posts set aside, before and after learning from the first posts of one draw."""
    order = np.random.default_rng(seed).permutation(len(train))
    right = np.array([row["label_polarity"] for row in aside])
    present, found = said_by("base", [*train, *aside]), []
    before = np.array(present[len(train) :])
    for count in (30, 100, 300):
        seen = [train[i] for i in order[:count]]
        analyses(seen, [present[i] for i in order[:count]], place / "seen.jsonl")
        for reviewed in (False, True):
            told = refit("base", New([place / "seen.jsonl"], reviewed=reviewed), place / "out", hold=0.0, say=quiet)
            after = np.array(said_by(place / "out/bundle", aside))
            change = interval(
                lambda a, b: float(a.mean() - b.mean()), after == right, before == right,
                clusters=np.array([row["group"] for row in aside]), n=1000,
            )  # fmt: skip
            found.append({
                "way": "bundle, reviewed" if reviewed else "bundle, corrections", "seed": seed, "seen": count,
                "corrected": told["corrected"], "n": len(aside), "accuracy": {
                    "before": float((before == right).mean()), "after": float((after == right).mean()),
                    "low": change.low, "high": change.high,
                },
            })  # fmt: skip
            print(json.dumps(found[-1]), flush=True)
    return found


def said_by(bundle: str | Path, rows: list[dict]) -> list[str]:
    """The polarity that a bundle reads in texts."""
    words = demeanor.load(bundle, threads=1).experts.words
    return [POLARITIES[int(e.polarity.argmax())] for e in words.read([row["text"] for row in rows])]


def answers(run: RunFile, start: Path, rows: list[dict], place: Path, store: Store) -> list[str]:
    """What the first model says of posts."""
    write_table(place / "seen.csv", rows)
    data = run.data.model_copy(update={"also": (str(place / "seen.csv"),)})
    prepared = prepare(run.model_copy(update={"data": data}), place, store, quiet)
    where = {prepared.samples[i].id: i for i in prepared.parts.train}
    part = np.array([where[prefix_of(0) + row["id"]] for row in rows], np.intp)
    said = lab.predictions(run, prepared, lab.load(run, prepared, start), part)["polarity"]
    return [POLARITIES[k] for k in said.argmax(1)]


def quiet(line: str) -> None:
    """Training is not told line by line."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=Path("results/learn-posts.json"))
    args = parser.parse_args()
    train, aside = posts(args.data)
    store, found = Store(), []
    for seed in range(SEEDS):
        with tempfile.TemporaryDirectory() as place:
            found += one(seed, train, aside, Path(place), store)
            found += over_base(seed, train, aside, Path(place))
    args.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
