"""Start-up: how long until the program, its help, and the first step of a training are there.

    python benchmarks/start.py [--rounds 5]

Needs the lab. Every figure is the median of whole processes, one after another; the first step is that of a run file
of 64 made-up samples with features given, so that nothing is encoded. Prints wall and processor seconds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = """
[run]
name = "tiny"
model = "concat"
[data]
dataset = "synthetic"
samples = 64
[encoders.text]
name = "series"
[tasks.score]
scale = 3
[training]
epochs = 1
threads = 1
device = "cpu"
track = []
"""

FIRST_STEP = """
import os, sys
from torch.optim.optimizer import register_optimizer_step_post_hook
register_optimizer_step_post_hook(lambda *_: os._exit(0))
from demeanor.cli import main
main(sys.argv[1:])
sys.exit("expected a step of the optimiser, got none")
"""


def figures(command: list[str], rounds: int, folder: Path) -> tuple[float, float]:
    """Medians of wall and processor seconds."""
    wall, cpu = [], []
    for i in range(rounds):
        before, started = os.times(), time.perf_counter()
        said = [part.replace("ROUND", str(i)) for part in command]
        environment = {**os.environ, "DEMEANOR_FEATURES": str(folder / f"features-{i}")}
        done = subprocess.run([sys.executable, *said], capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(said)}\n{done.stderr[-2000:]}")
        after = os.times()
        wall.append(time.perf_counter() - started)
        cpu.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(wall), statistics.median(cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, medians of {rounds}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = folder / "run.toml"
        run.write_text(RUN, "utf-8")
        first = ["-c", FIRST_STEP, "train", str(run), "--data", name, "--out", f"{name}/run-ROUND"]
        for what, command in {
            "python -c pass": ["-c", "pass"],
            "import demeanor": ["-c", "import demeanor"],
            "demeanor --help": ["-m", "demeanor", "--help"],
            "demeanor train --help": ["-m", "demeanor", "train", "--help"],
            "import torch": ["-c", "import torch"],
            "first step of demeanor train": first,
        }.items():
            wall, cpu = figures(command, rounds, folder)
            print(f"{what:32s}{wall:6.2f} s wall {cpu:6.2f} s processor", flush=True)


if __name__ == "__main__":
    main()
