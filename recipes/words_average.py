"""Average the weights of two runs of the words expert, and set the gain of its intensity again.

    python recipes/words_average.py RUN_A RUN_B OUT --data DIR [--share 0.65]

Runs that start from the same weights end in one basin: the mean of their weights reads at least as well as either
(Wortsman et al. 2022, Model soups). Averaging shrinks what the heads say, so the intensity head is scaled by the gain
that gives the least error on the validation part of MOSI; the classes are calibrated later anyway.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
import torch

from demeanor.encoders.text_tokens import TextTokens
from demeanor.training import words
from demeanor.training.loop import predict, save_atomically
from demeanor.training.run import read_run_file, write_json

RECIPES = Path(__file__).parent
GAINS = np.arange(1.0, 2.05, 0.1)


def average(one: Path, two: Path, out: Path, data: Path, share: float) -> None:
    """Write best.pt and history.json of the averaged run."""
    spec = read_run_file(RECIPES / "words.toml")
    encoder = TextTokens(Path(spec["run"]["start"]) / "tokenizer.json", spec["run"]["max_tokens"])
    a, b = (torch.load(run / "best.pt", map_location="cpu", weights_only=True) for run in (one, two))
    mixed = {k: (1 - share) * a[k] + share * b[k] if a[k].is_floating_point() else a[k] for k in a}
    model = words.build(spec)
    model.load_state_dict(mixed)
    mosi = [d for d in spec["data"] if d["table"] == "mosi_std.toml"]
    (_, samples), *_ = words.read_corpora(mosi, RECIPES / "tables", data)
    rows = words.encode([s for s in samples if s.split == "valid"], encoder, mosi[0])
    raw = np.arctanh(np.clip(predict(model, rows)["score"], -0.999, 0.999))
    errors = [float(np.abs(np.tanh(raw * g) - rows.labels["score"]).mean()) for g in GAINS]
    gain = float(GAINS[int(np.argmin(errors))])
    for name in ("heads.score.weight", "heads.score.bias"):
        mixed[name] = mixed[name] * gain
    out.mkdir(parents=True, exist_ok=True)
    save_atomically(mixed, out / "best.pt")
    shutil.copy(two / "run.json", out / "run.json")
    write_json(out / "history.json", [{"runs": [str(one), str(two)], "share": share, "gain": gain}])
    print(f"gain {gain:.1f}, validation error {3 * min(errors):.3f} on the MOSI scale")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs=2)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.65, help="of the second run")
    args = parser.parse_args()
    average(*args.runs, args.out, args.data, args.share)
