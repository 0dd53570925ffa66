"""Training epochs of the lab against the reference framework's, alternately in one run, on one thread.

    python benchmarks/lab.py --reference PYTHON --timer run_mmsa.py --aligned A.pkl --unaligned U.pkl [--models tfn,lmf]

PYTHON is an interpreter that has MMSA (`pip install MMSA torch`), TIMER a script that times one of its models and
prints JSON with `epochs` [{cpu, wall}], `params` and `peak_rss_mb`; A.pkl and U.pkl are feature files of MOSI's shape
in the MMSA layout. Compared are processor seconds of the training pass over the same rows, batch, threads and (± 2 %)
trainable parameters, and each process's peak memory. Prints one line per model and the geometric mean.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = {
    "tfn": {"batch": 32, "aligned": False, "mean": ["audio", "visual"], "training": {}},
    "lmf": {"batch": 64, "aligned": False, "mean": ["audio", "visual"], "training": {"weight_decay": 0.005}},
    "ef_lstm": {"batch": 32, "aligned": True, "mean": [], "training": {"weight_decay": 0.005}},
}


def own(model: str, data: Path, epochs: int) -> None:
    """Train here and print what the reference's timer prints."""
    import torch

    torch.set_num_threads(1)
    from demeanor.training import lab
    from demeanor.training.loop import fit
    from demeanor.training.prepare import prepare

    settings = MODELS[model]
    run = lab.check(
        {
            "run": {"name": model, "model": model},
            "data": {"dataset": "mmsa_pickle", "root": str(data)},
            "encoders": {m: {"name": "series"} for m in ("text", "audio", "visual")},
            "features": {"mean": settings["mean"], "normalise": "none"},
            "tasks": {"score": {"scale": 3, "metrics": "mosi"}},
            "model": {"preset": "mosi"},
            "training": {
                "epochs": epochs, "batch": settings["batch"], "learning_rate": 1e-3, "optimiser": "adam", "threads": 1,
                "schedule": "constant", "warmup": 0.0, "clip": 0.0, "precision": "float32", "device": "cpu",
                "track": [], **settings["training"],
            },
        }
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DEMEANOR_FEATURES"] = folder
        prepared = prepare(run, Path("/"), say=lambda line: None)
        network = lab.build(run, prepared)
        rows = prepared.rows(prepared.parts.train)
        started: list[tuple[float, float]] = []
        took: list[dict[str, float]] = []

        def train(epoch: int):
            started.append((time.process_time(), time.perf_counter()))
            return rows

        def score(network: object) -> dict[str, float]:
            cpu, wall = started[-1]
            took.append({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall})
            return {"score": 0.0}

        fit(network, train, score, run.training, Path(folder), say=lambda line: None)
    print(
        json.dumps(
            {
                "epochs": took,
                "params": sum(p.numel() for p in network.parameters() if p.requires_grad),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def ran(command: list[str]) -> dict:
    """The JSON a timer prints last."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout[done.stdout.index("{") :])


def cpu(found: dict) -> float:
    """Processor seconds of one epoch: the least, after the first, which warms up."""
    return min(e["cpu"] for e in found["epochs"][1:] or found["epochs"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--own", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--reference", help="an interpreter that has MMSA")
    parser.add_argument("--timer", type=Path)
    parser.add_argument("--aligned", type=Path)
    parser.add_argument("--unaligned", type=Path)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1, help="how often both are timed, in turn")
    args = parser.parse_args()
    if args.own:
        own(args.own, args.data, args.epochs)
        return
    ratios, memory = [], []
    for model in args.models.split(","):
        data = (args.aligned if MODELS[model]["aligned"] else args.unaligned).resolve()
        ours, theirs = [], []
        for _ in range(args.rounds):
            timer = [args.reference, str(args.timer), model, str(data), "--epochs", str(args.epochs)]
            theirs.append(ran([*timer, "--threads", "1", "--workers", "0", "--tests", "1", "--out", os.devnull]))
            here = [sys.executable, __file__, "--own", model, "--data", str(data), "--epochs", str(args.epochs)]
            ours.append(ran(here))
        a, b = statistics.median(map(cpu, theirs)), statistics.median(map(cpu, ours))
        ratios.append(a / b)
        memory.append(ours[0]["peak_rss_mb"] / theirs[0]["peak_rss_mb"])
        print(
            f"{model:8s} reference {a:6.2f} s, here {b:6.2f} s per epoch: {a / b:4.2f} times as fast; "
            f"parameters {theirs[0]['params']:,} and {ours[0]['params']:,}; "
            f"memory {theirs[0]['peak_rss_mb']:.0f} and {ours[0]['peak_rss_mb']:.0f} MB",
            flush=True,
        )
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"geometric mean {mean:.2f} times as fast; memory {sum(memory) / len(memory):.2f} of the reference's")


if __name__ == "__main__":
    main()
