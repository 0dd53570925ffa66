"""Memory and time of a long film: is it read in bounded memory, from end to end?

    python benchmarks/film.py [MINUTES ...] [--clip FILE] [--cues LIST] [--threads N]

For each length a film is made of a talking clip (the demo's) by repeating it without coding it anew, and read by
`demeanor analyze FILM --json … --report …` in a process of its own. Prints a line per film: seconds, how many times
faster than real time, and the memory of that process: its peak, and its mean over each quarter of the run (Linux;
elsewhere the peak only).
A repeated clip says the same sentences again, and equal sentences are read once; everything else is done in full.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from math import ceil
from pathlib import Path

import av

ROOT = Path(__file__).resolve().parents[1]
_STEP = 1.0  # seconds between two looks at the memory


def repeated(clip: Path, film: Path, minutes: float) -> float:
    """Write a film of a clip's packets over and over; seconds of it."""
    with av.open(str(clip)) as source, av.open(str(film), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in source.streams}
        kept = [(p, p.pts, p.dts, p.time_base) for p in source.demux() if p.dts is not None and p.pts is not None]
        end = max((pts + (p.duration or 0)) * base for p, pts, _, base in kept)
        length = end - min(pts * base for _, pts, _, base in kept)
        times = ceil(minutes * 60 / length)
        for number in range(times):
            for packet, pts, dts, base in kept:
                packet.stream = streams[packet.stream.index]
                packet.time_base = base  # muxing puts the output's in its place
                shift = round(number * length / base)
                packet.pts, packet.dts = pts + shift, dts + shift
                out.mux(packet)
    return float(times * length)


def memory(process: int) -> float:
    """MB that a process holds now; NaN where the system does not say."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def read(film: Path, folder: Path, options: list[str]) -> tuple[float, list[float], dict[str, object]]:
    """Seconds that the reading took, the memory at each look, and the analysis."""
    out = folder / "film.json"
    command = [sys.executable, "-m", "demeanor", "analyze", str(film), *options]
    command += ["--json", str(out), "--report", str(folder / "film.html")]
    began, held = time.perf_counter(), []
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            held.append(memory(process.pid))
            time.sleep(_STEP)
    if process.returncode:
        sys.exit(f"the reading of {film.name} failed with exit code {process.returncode}")
    return time.perf_counter() - began, held, json.loads(out.read_text(encoding="utf-8"))


def quarters(held: list[float]) -> str:
    """Mean memory over each quarter of the run."""
    edges = [round(i * len(held) / 4) for i in range(5)]
    parts = [held[a:b] or held[-1:] for a, b in pairwise(edges)]
    return " ".join(f"{sum(part) / len(part):5.0f}" for part in parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minutes", nargs="*", type=float, default=[30, 60, 120])
    parser.add_argument("--clip", type=Path, default=ROOT / "demo" / "clip.mp4")
    parser.add_argument("--cues", default="words,voice,face,scene")
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    options = ["--cues", args.cues, "--threads", str(args.threads)]
    for minutes in sorted(args.minutes):  # the peak is that of all processes so far
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            film = folder / "film.mp4"
            seconds = repeated(args.clip, film, minutes)
            load = os.getloadavg()[0]
            took, held, analysis = read(film, folder, options)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
        print(
            f"{seconds / 60:6.1f} min of film, {len(analysis['segments'])} segments, cues {sorted(analysis['cues'])}: "
            f"{took:7.1f} s = {seconds / took:4.1f} × real time, peak {peak:5.0f} MB, "
            f"quarters {quarters(held)} MB, load {load:.1f} at the start",
            flush=True,
        )


if __name__ == "__main__":
    main()
