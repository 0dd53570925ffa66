"""How fast the reader is, on this machine: `python benchmarks/reader.py [--write docs/speed.md]`.

Needs nothing but the samples in demo/. A busy machine lengthens every figure, so the least of several runs is told, and
the load that was there before.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av

import demeanor
from demeanor.reader.batch import run

CLIP = Path(__file__).parents[1] / "demo" / "clip.mp4"
SUBJECTS = ("The soup", "My phone", "This film", "The nurse", "Our flight", "The last page", "Her answer", "The garden")
VERBS = ("was", "is", "seemed", "turned out")
WORDS = ("kind", "late", "cold", "a delight", "broken", "fine", "too loud", "on time", "boring", "worth it")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", type=Path, help="also write the table there")
    parser.add_argument("--peak", type=int, metavar="MINUTES", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        print(peak(arguments.peak))
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    lines = ["| what | goal | here |", "| --- | --- | --- |", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.write:
        arguments.write.write_text(f"{head(load)}\n{text}", encoding="utf-8")


def head(load: float) -> str:
    """What the figures are of."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        "# Speed\n\nWritten by `make bench` (`benchmarks/reader.py`), version "
        f"{demeanor.__version__}, Python {platform.python_version()}, {processors} processors ({platform.machine()}); "
        f"load before: {load:.1f}.\n"
    )


def measure(folder: Path) -> list[tuple[str, str, str]]:
    """(what, goal, result) per row."""
    python = sys.executable
    start = least(5, lambda: subprocess.run([python, "-c", "pass"], check=True))
    imported = least(5, lambda: subprocess.run([python, "-c", "import demeanor"], check=True)) - start
    command = [python, "-m", "demeanor", "analyze", "I love it"]
    busy = processor_seconds()
    sentence = least(5, lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    busy = (processor_seconds() - busy) / 5
    reader = demeanor.load()
    rate = sentences_per_second(reader, folder)
    minute = looped(folder / "minute.mp4", 60)
    reader.analyze(CLIP)  # loads every expert
    film = least(2, lambda: reader.analyze(minute))
    seconds = reader.analyze(CLIP, cues="words").duration or 0.0
    few, many = (peak_of(minutes) for minutes in (1, 6))
    return [
        ("`import demeanor`", "< 0.2 s", f"{max(0.0, imported):.2f} s"),
        ('`demeanor analyze "I love it"`, from nothing', "< 1.5 s", f"{sentence:.2f} s ({busy:.2f} s of processor)"),
        ("short English sentences, in a batch", "≥ 300 a second", f"{rate:.0f} a second"),
        ("a one-minute talking clip, all cues, after load", "≥ 4 × real time", f"{60 / film:.1f} × real time"),
        ("memory at its peak, clip of 1 minute", "–", f"{few:.0f} MB"),
        ("more of it, per further minute of video", "constant", f"{(many - few) / 5:+.1f} MB a minute"),
        ("sample clip", "–", f"{seconds:.1f} s"),
    ]


def least(times: int, work: Callable[[], object]) -> float:
    """Wall seconds of the fastest of several runs."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def processor_seconds() -> float:
    """That finished child processes have used: what a slow disk or a busy machine does not lengthen."""
    times = os.times()
    return times.children_user + times.children_system


def sentences_per_second(reader: demeanor.Reader, folder: Path) -> float:
    """Distinct sentences of three to six words, from a manifest to lines of JSON."""
    texts = [f"{s} {v} {w}{end}" for s in SUBJECTS for v in VERBS for w in WORDS for end in (".", "!", "?", " today.")]
    manifest = folder / "sentences.jsonl"
    lines = (json.dumps({"id": str(number), "text": text}) for number, text in enumerate(texts))
    manifest.write_text("\n".join(lines))
    reader.analyze("ready")
    best = least(2, lambda: run(manifest, Path(tempfile.mkdtemp(dir=folder)) / "out.jsonl", reader=reader))
    return len(texts) / best


def looped(path: Path, seconds: float) -> Path:
    """The sample clip over and over, packets as they are."""
    with av.open(str(path), "w") as out:
        with av.open(str(CLIP)) as clip:
            targets = {s.index: out.add_stream_from_template(s) for s in clip.streams}
            length = float(clip.duration) / av.time_base + 0.2  # decoders start a little before 0
        for turn in range(round(seconds / length)):
            with av.open(str(CLIP)) as clip:
                for packet in clip.demux():
                    if packet.dts is None:
                        continue
                    shift = round(turn * length / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = targets[packet.stream.index]
                    out.mux(packet)
    return path


def peak_of(minutes: int) -> float:
    """Memory in MB of a process of its own that reads so many minutes."""
    command = [sys.executable, __file__, "--peak", str(minutes)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak(minutes: int) -> float:
    """Read so many minutes; the most memory this process had, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        demeanor.analyze(looped(Path(folder) / "long.mp4", 60 * minutes))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main()
