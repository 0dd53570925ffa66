"""Chinese reviews, leave one category out, on an encoder that never saw a review.

    python recipes/zh_reviews_loco.py WEIGHTS.pt --data DIR [--rows 800]

WEIGHTS are those of recipes/words.toml after its first epoch, which holds no reviews
(`demeanor train recipes/words.toml --set training.epochs=1`). Each category in turn is held out: its reviews are read
once as they are (no review learned from at all), and once by a linear head learned on the other categories' reviews.
Prints accuracy per category, the means, and the worst; appends a record.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from demeanor.datasets import table
from demeanor.encoders.text_tokens import TextTokens
from demeanor.experiments.release import append
from demeanor.training import words
from demeanor.training.loop import predict
from demeanor.training.run import read_run_file

RECIPES = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=800, help="reviews drawn of each category")
    parser.add_argument("--out", type=Path, default=Path("results/records.jsonl"))
    args = parser.parse_args()
    spec = read_run_file(RECIPES / "words.toml")
    model = words.build(spec)
    model.load_state_dict(torch.load(args.weights, weights_only=True))
    encoder = TextTokens(Path(spec["run"]["start"]) / "tokenizer.json", spec["run"]["max_tokens"])
    samples = [s for t in ("zh_products", "zh_meals") for s in table.read(RECIPES / f"tables/{t}.toml", args.data)]
    rng = np.random.default_rng(0)
    chosen, seen = [], set()
    for category in sorted({s.speaker or "" for s in samples}):
        own = [s for s in samples if s.speaker == category and s.group not in seen]
        chosen += [own[i] for i in rng.permutation(len(own))[: args.rows]]
        seen |= {s.group for s in chosen}
    rows = words.encode(chosen, encoder, {"table": "zh", "missing": {"polarity": ["neutral"]}})
    found = predict(model.eval(), rows, 64)
    positive = rows.labels["polarity"][:, 2] > 0.5
    category = np.array([s.speaker for s in chosen])
    result = {}
    for name in np.unique(category):
        held = category == name
        untaught = (found["polarity"][held, 2] > found["polarity"][held, 0]) == positive[held]
        head = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=500))
        head.fit(found["hidden"][~held], positive[~held])
        taught = head.predict(found["hidden"][held]) == positive[held]
        result[str(name)] = {"n": int(held.sum()), "untaught": float(untaught.mean()), "taught": float(taught.mean())}
        print(name, result[str(name)])
    metrics = {}
    for key in ("untaught", "taught"):
        values = {k: v[key] for k, v in result.items()}
        worst = min(values, key=values.__getitem__)
        metrics[f"mean_accuracy_{key}"] = {"value": float(np.mean(list(values.values())))}
        metrics[f"worst_accuracy_{key}"] = {"value": values[worst], "category": worst}
    print(metrics)
    record = {
        "dataset": "zh_reviews", "protocol": "leave one category out, encoder without reviews", "task": "polarity",
        "split": "test", "n": len(chosen), "metrics": metrics, "per_category": result, "floor": {"accuracy": 0.5},
        "model": "text_transformer", "encoders": ["text_tokens"], "seed": 0, "files": {},
        "command": "python recipes/zh_reviews_loco.py " + " ".join(sys.argv[1:]),
        "test_read_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    append(args.out, record)


if __name__ == "__main__":
    main()
