"""Chinese reviews, leave one category out: one fine-tuned expert per category, which never saw a review of it.

    python recipes/zh_reviews_loco.py WEIGHTS.pt --data DIR [--rows 600] [--tested 500] [--epochs 1]

WEIGHTS are those of recipes/words.toml after its first epoch, which holds no reviews
(`demeanor train recipes/words.toml --set training.epochs=1`). For each category they are tuned on `rows`
reviews of every other category, and read `tested` reviews of the one left out. Texts that stand in two categories are
left out of training. Prints accuracy per category, before and after tuning, the means and the worst; appends a record.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from demeanor.datasets import table
from demeanor.encoders.text_tokens import TextTokens
from demeanor.experiments import records
from demeanor.training import words
from demeanor.training.data import Rows
from demeanor.training.loop import Settings, fit, predict
from demeanor.training.run import provenance, read_run_file
from demeanor.types import Sample

RECIPES = Path(__file__).parent


def draw(data: Path, count: int) -> list[Sample]:
    """At most `count` reviews of every category, each text once."""
    tables = (RECIPES / "tables/zh_products.toml", RECIPES / "tables/zh_meals.toml")
    samples = [s for manifest in tables for s in table.read_manifest(manifest, data)]
    rng = np.random.default_rng(0)
    chosen, seen = [], set()
    for category in sorted({s.speaker or "" for s in samples}):
        own = [s for s in samples if s.speaker == category and s.group not in seen]
        chosen += [own[i] for i in rng.permutation(len(own))[:count]]
        seen |= {s.group for s in own}
    return chosen


def right(model: torch.nn.Module, rows: Rows) -> float:
    """Share of reviews whose side is right; neutral is not an answer here."""
    found = predict(model.eval(), rows, 64)["polarity"]
    return float(((found[:, 2] > found[:, 0]) == (rows.labels["polarity"][:, 2] > 0.5)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=600, help="reviews of each other category to learn from")
    parser.add_argument("--tested", type=int, default=500, help="reviews of the category left out")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/records.jsonl"))
    args = parser.parse_args()
    spec = read_run_file(RECIPES / "words.toml")
    model = words.build(spec)
    weights = torch.load(args.weights, map_location="cpu", weights_only=True)
    encoder = TextTokens(Path(spec["run"]["start"]) / "tokenizer.json", spec["run"]["max_tokens"])
    chosen = draw(args.data, max(args.rows, args.tested))
    rows = words.encode(chosen, encoder, {"table": "zh", "missing": {"polarity": ["neutral"]}})
    category = np.array([s.speaker for s in chosen])
    within = np.concatenate([np.arange((category == c).sum()) for c in dict.fromkeys(category)])
    settings = Settings(epochs=args.epochs, batch=32, learning_rate=6e-5, keep="last", track=())
    result = {}
    for name in np.unique(category):
        held = rows.take(np.flatnonzero((category == name) & (within < args.tested)))
        others = rows.take(np.flatnonzero((category != name) & (within < args.rows)))
        model.load_state_dict(weights)
        before = right(model, held)
        with tempfile.TemporaryDirectory() as folder:
            fit(
                model,
                lambda epoch, o=others: o,
                lambda m: {"score": 0.0},
                settings,
                Path(folder),
                say=lambda line: None,
            )
        result[str(name)] = {"n": len(held), "untaught": before, "taught": right(model, held)}
        print(name, result[str(name)], flush=True)
    metrics = {}
    for key in ("untaught", "taught"):
        values = {k: v[key] for k, v in result.items()}
        worst = min(values, key=values.__getitem__)
        metrics[f"mean_accuracy_{key}"] = {"value": float(np.mean(list(values.values())))}
        metrics[f"worst_accuracy_{key}"] = {"value": values[worst], "category": worst}
    print(metrics)
    source = provenance(spec)
    record = {
        "dataset": "zh_reviews", "protocol": "leave one category out, tuned on the others", "task": "polarity",
        "split": "test", "n": sum(r["n"] for r in result.values()), "metrics": metrics, "per_category": result,
        "floor": {"accuracy": 0.5}, "model": "text_transformer", "encoders": ["text_tokens"], "seed": 0, "files": {},
        "params": sum(p.numel() for p in model.parameters()), "seconds_per_epoch": None, "peak_mb": None,
        "command": "python recipes/zh_reviews_loco.py " + " ".join(sys.argv[1:]),
        "commit": source["commit"], "version": source["versions"]["demeanor"],
        "test_read_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    records.append(record, args.out)


if __name__ == "__main__":
    main()
