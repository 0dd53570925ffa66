"""Speed of the reader: start-up, short sentences per second, a one-minute talking clip with all four cues.

    python benchmarks/reader.py [--data DIR]

Prints one line per figure, wall and processor seconds. The clip is the demo's, read five times: about a minute.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SENTENCES = ["I love it", "The bus was late again", "What a lovely surprise", "Nobody answered my mail", "It is fine"]


def timed(name: str, work, per: float | None = None, unit: str = "s") -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    shown = f"{wall:8.2f} s wall {cpu:8.2f} s processor"
    print(f"{name:44s}{shown}" + (f"  = {per / wall:.1f} {unit} (wall)" if per else ""), flush=True)


def process(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    timed("python -c 'pass'", lambda: process(sys.executable, "-c", "pass"))
    timed("python -c 'import demeanor'", lambda: process(sys.executable, "-c", "import demeanor"))
    timed("demeanor --help", lambda: process(sys.executable, "-m", "demeanor", "--help"))
    timed("demeanor analyze 'I love it'", lambda: process(sys.executable, "-m", "demeanor", "analyze", "I love it"))
    import demeanor

    reader = demeanor.load()
    reader.analyze("warm up")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "t.csv"
        count = 2000
        lines = [f"{i},{SENTENCES[i % 5]} {i}" for i in range(count)]
        table.write_text("id,text\n" + "\n".join(lines) + "\n", encoding="utf-8")
        from demeanor.reader import batch

        work = lambda: batch.run(table, Path(folder) / "o.jsonl", reader=reader)  # noqa: E731
        timed(f"batch of {count} short sentences", work, count, "sentences/s")
    clip = ROOT / "demo" / "clip.mp4"
    seconds = 5 * float(reader.analyze(clip).duration or 0)  # the first time loads every expert
    timed(
        f"talking clip, four cues, five times ({seconds:.0f} s)",
        lambda: [reader.analyze(clip) for _ in range(5)],
        seconds,
        "times real time",
    )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
