"""Training epochs of the zoo's published systems against the reference framework's, alternately, on one thread.

    python benchmarks/zoo.py --reference PYTHON --timer run_mmsa.py --bert make_bert.py --data A.pkl [--models mult]

PYTHON is an interpreter that has MMSA (`pip install MMSA torch`), TIMER a script that times one of its models and
prints JSON with `epochs` [{cpu, wall}], `params` and `peak_rss_mb`; `make_bert.py OUT LAYERS` writes a BERT of base
width with random weights; A.pkl is a feature file of MOSI's shape in the MMSA layout, of which the first `--rows`
training samples are taken. Both sides train the same number of weights (± 2 %) on the same samples, batches and thread,
in full precision. MulT reads the file's text features; MISA, Self-MM and MMIM read its token ids through a BERT that is
tuned along: theirs is transformers' BertModel, ours the lab's own text encoder. Compared are processor seconds of a
training epoch without its validation: the least of the epochs after the first, which warms up. `--layers 0` leaves the
BERT's layers out on both sides (its word vectors stay): what is not BERT.

    python benchmarks/zoo.py --parts --data A.pkl [--models mult]

times ours alone: as it is, without the fused kernel for attention, and without batches of like length."""

from __future__ import annotations

import argparse
import json
import math
import os
import pickle
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from demeanor.batch import FeatureBatch, Output
from demeanor.datasets._plain_pickle import read_plain
from demeanor.fusion._model import Model
from demeanor.layers.text_encoder import TextEncoder
from demeanor.plugins import load
from demeanor.training import loop as loop_module
from demeanor.training.data import Rows, collate
from demeanor.training.loop import fit
from demeanor.training.settings import Settings

# Batch, accumulation and clipping as in the reference's settings for MOSI; `read_text`: whether a BERT is tuned along.
MODELS: dict[str, dict[str, Any]] = {
    "mult": {"batch": 16, "accumulate": 8, "rate": 2e-3, "clip": 0.6, "clip_by": "value", "read_text": False},
    "misa": {"batch": 16, "accumulate": 2, "rate": 1e-4, "clip": 0.8, "clip_by": "value", "read_text": True},
    "self_mm": {"batch": 16, "accumulate": 4, "rate": 1e-3, "clip": 0.0, "read_text": True},
    "mmim": {"batch": 32, "accumulate": 1, "rate": 1e-3, "clip": 1.0, "read_text": True},
}
VOCABULARY, WIDTH = 30522, 768


class Tuned(Model):
    """A model behind a text encoder that learns with it: token ids (B, T) come in."""

    def __init__(self, inner: Model, layers: int) -> None:
        super().__init__()
        self.inner = inner
        self.encoder = TextEncoder(VOCABULARY, WIDTH, layers, 12, 4 * WIDTH, 512, 0.1)

    @property
    def phase(self) -> str:  # type: ignore[override]
        """The inner model's."""
        return self.inner.phase

    @phase.setter
    def phase(self, name: str) -> None:
        self.inner.phase = name

    def forward(self, batch: FeatureBatch) -> Output:
        """What the inner model says of the encoder's states."""
        states, mask = self.encoder(batch, "text")
        output: Output = self.inner(
            replace(batch, values={**batch.values, "text": states}, valid={**batch.valid, "text": mask})
        )
        return output

    def loss(self, output: Output, batch: FeatureBatch) -> dict[str, Tensor]:
        """The inner model's."""
        return self.inner.loss(output, replace(batch, values={**batch.values, "text": batch.values["text"].float()}))

    def after_step(self, output: Output, batch: FeatureBatch, epoch: int) -> None:
        """The inner model's."""
        self.inner.after_step(output, batch, epoch)

    def phases(self) -> Iterator[str]:
        """The inner model's."""
        return self.inner.phases()

    def param_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """The inner model's, and the encoder at a rate of its own in the pass that trains the model."""
        theirs = {"params": list(self.encoder.parameters()), "lr": 5e-5, "weight_decay": weight_decay}
        last = list(self.phases())[-1]
        return [
            *self.inner.param_groups(learning_rate, weight_decay),
            theirs | ({"phase": last} if last != "all" else {}),
        ]


def rows_of(part: Mapping[str, Any], tokens: bool) -> Rows:
    """A part of the file as the loop takes it, padding cut off."""
    text = np.asarray(part["text_bert"])
    lengths = {"text": text[:, 1].sum(1).astype(int)}
    values: dict[str, Any] = {"text": text[:, 0].astype(np.int64) if tokens else np.asarray(part["text"])}
    for key, name in (("audio", "audio"), ("vision", "visual")):
        values[name], lengths[name] = np.asarray(part[key]), np.asarray(part[f"{key}_lengths"])
    ragged = {m: [x[:n] for x, n in zip(v, lengths[m], strict=True)] for m, v in values.items()}
    label = np.asarray(part["regression_labels"], np.float32)
    return Rows(ragged, {"score": label}, np.ones(len(label), np.float32))


PARTS = ("as it is", "no fused attention", "no like lengths")


def mixed(rows: Rows, size: int, rng: np.random.Generator | None, balanced: bool = False) -> Iterator[FeatureBatch]:
    """Batches in a random order, whatever the lengths."""
    order = np.arange(len(rows)) if rng is None else rng.permutation(len(rows))
    yield from (collate(rows, order[i : i + size]) for i in range(0, len(rows), size))


def own(name: str, data: Path, epochs: int, layers: int, part: str = PARTS[0]) -> dict[str, Any]:
    """Train here; what the reference's timer prints."""
    torch.set_num_threads(1)
    if part == "no like lengths":
        loop_module.batches = mixed
    kernels = [SDPBackend.MATH] if part == "no fused attention" else [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]
    with sdpa_kernel(kernels):
        return trained(name, data, epochs, layers)


def trained(name: str, data: Path, epochs: int, layers: int) -> dict[str, Any]:
    """Epochs, parameters and memory."""
    torch.manual_seed(0)
    settings, module = MODELS[name], load("fusion", name)
    rows = rows_of(read_plain(data)["train"], settings["read_text"])
    dims = {"text": WIDTH, "audio": 5, "visual": 20}
    model: Model = module.MODEL(module.Config(**module.PRESETS["mosi"], dims=dims))
    if settings["read_text"]:
        model = Tuned(model, layers)
    clocks: list[tuple[float, float]] = []
    took: list[dict[str, float]] = []

    def train(epoch: int) -> Rows:
        clocks.append((time.process_time(), time.perf_counter()))
        return rows

    def score(trained: Model) -> dict[str, float]:
        cpu, wall = clocks[-1]
        took.append({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall})
        return {"score": float(len(took))}

    loop = Settings(
        epochs=epochs, batch=settings["batch"], accumulate=settings["accumulate"], learning_rate=settings["rate"],
        clip=settings["clip"], clip_by=settings.get("clip_by", "norm"), optimiser="adam", schedule="constant",
        warmup=0.0, weight_decay=0.0, precision="float32", device="cpu", threads=1, track=(),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        fit(model, train, score, loop, Path(folder), say=lambda line: None)
    return {
        "epochs": took,
        "params": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def trimmed(data: Path, rows: int, out: Path) -> Path:
    """The file with its first `rows` training samples and a few for validation and test, in the same layout."""
    whole = read_plain(data)
    count = {"train": rows, "valid": 16, "test": 16}
    parts = {p: {k: v[: count[p]] for k, v in whole[p].items()} for p in count}
    with out.open("wb") as file:
        pickle.dump(parts, file, protocol=4)
    return out


def ran(command: list[str]) -> dict[str, Any]:
    """The JSON a timer prints last."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{\n") :])
    return found


def least(found: Mapping[str, Any], clock: str) -> float:
    """Seconds of one epoch: the least, after the first."""
    return float(min(e[clock] for e in found["epochs"][1:] or found["epochs"]))


def compare(name: str, args: argparse.Namespace, data: Path, bert: Path) -> tuple[float, float]:
    """One model, both sides in turn; prints a line; (times as fast, share of the memory)."""
    theirs, ours = [], []
    for _ in range(args.rounds):
        timer = [args.reference, str(args.timer), name, str(data), "--epochs", str(args.epochs), "--threads", "1"]
        more = ["--bert", str(bert)] if MODELS[name]["read_text"] else []
        theirs.append(ran([*timer, "--workers", "0", "--tests", "1", "--out", os.devnull, *more]))
        here = [sys.executable, __file__, "--own", name, "--data", str(data), "--epochs", str(args.epochs)]
        ours.append(ran([*here, "--layers", str(args.layers)]))
    a, b = (statistics.median(least(f, "cpu") for f in found) for found in (theirs, ours))
    wall = [statistics.median(least(f, "wall") for f in found) for found in (theirs, ours)]
    memory = ours[0]["peak_rss_mb"] / theirs[0]["peak_rss_mb"]
    print(
        f"{name:8s} reference {a:6.2f} s, here {b:6.2f} s per epoch: {a / b:4.2f} times as fast "
        f"(wall {wall[0]:.1f} and {wall[1]:.1f} s); parameters {theirs[0]['params']:,} and {ours[0]['params']:,}; "
        f"memory {theirs[0]['peak_rss_mb']:.0f} and {ours[0]['peak_rss_mb']:.0f} MB",
        flush=True,
    )
    return a / b, memory


def parts(name: str, args: argparse.Namespace, data: Path) -> None:
    """What each part of ours is worth: one line, in turn, the least of `--rounds`."""
    seconds: dict[str, float] = {}
    for _ in range(args.rounds):
        for part in PARTS:
            here = [sys.executable, __file__, "--own", name, "--part", part, "--data", str(data)]
            found = ran([*here, "--epochs", str(args.epochs), "--layers", str(args.layers)])
            seconds[part] = min(least(found, "cpu"), seconds.get(part, math.inf))
    whole = seconds[PARTS[0]]
    print(f"{name:8s} " + "; ".join(f"{p} {s:.2f} s ({s / whole:.2f})" for p, s in seconds.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--own", help=argparse.SUPPRESS)
    parser.add_argument("--part", default=PARTS[0], help=argparse.SUPPRESS)
    parser.add_argument("--parts", action="store_true", help="time ours alone, part by part")
    parser.add_argument("--reference", help="an interpreter that has MMSA")
    parser.add_argument("--timer", type=Path)
    parser.add_argument("--bert", type=Path, help="a script that writes a random BERT")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=192, help="training samples")
    parser.add_argument("--layers", type=int, default=2, help="of the BERT")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1, help="how often both are timed, in turn")
    args = parser.parse_args()
    if args.own:
        print(json.dumps(own(args.own, args.data, args.epochs, args.layers, args.part), indent=1))
        return
    with tempfile.TemporaryDirectory() as folder:
        data, bert = trimmed(args.data, args.rows, Path(folder) / "mosi.pkl"), Path(folder) / "bert"
        if args.parts:
            for name in args.models.split(","):
                parts(name, args, data)
            return
        subprocess.run([args.reference, str(args.bert), str(bert), str(args.layers)], check=True, capture_output=True)
        found = [compare(name, args, data, bert) for name in args.models.split(",")]
    mean = math.exp(sum(math.log(ratio) for ratio, _ in found) / len(found))
    share = sum(memory for _, memory in found) / len(found)
    print(f"geometric mean {mean:.2f} times as fast; memory {share:.2f} of the reference's")


if __name__ == "__main__":
    main()
