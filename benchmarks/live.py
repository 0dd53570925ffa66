"""Latency of live reading: a clip is fed in real time, sound in pieces of 0.1 s and pictures at 15 a second.

    python benchmarks/live.py [CLIP] [--times 5] [--cues words,voice,face,scene] [--threads 1] [--jpeg]

Latency is from the moment at which the last sound or picture that an event was read from had been pushed to the
moment at which the event is told. Of final segments, which come when a window of up to 30 s is full, it says little.
The row "turn ended" counts from the end of what was said instead: the pause that shows that it ended is in it.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

import demeanor
from demeanor.media.audio import decode_audio
from demeanor.media.video import open_video

ROOT = Path(__file__).resolve().parents[1]
RATE, STEP, FPS = 16_000, 1600, 15


def encoded(image: np.ndarray) -> bytes:
    import cv2

    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def row(name: str, seconds: list[float]) -> None:
    if seconds:
        p50, p95, worst = np.percentile(seconds, [50, 95, 100])
        print(f"{name:28s}{len(seconds):5d} events   p50 {p50:5.2f} s   p95 {p95:5.2f} s   max {worst:5.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", nargs="?", type=Path, default=ROOT / "demo" / "clip.mp4")
    parser.add_argument("--times", type=int, default=5, help="how often the clip is fed, one after another")
    parser.add_argument("--cues", default="words,voice,face,scene")
    parser.add_argument("--threads", type=int, default=1, help="of each library, as in the service; 0 takes all")
    parser.add_argument("--language", default="auto")
    parser.add_argument("--jpeg", action="store_true", help="pictures as JPEG, as over the wire")
    options = parser.parse_args()
    reader = demeanor.load(threads=options.threads)
    reader.analyze(options.clip)  # loads every expert
    sound = np.tile(decode_audio(options.clip), options.times)
    looks = {"face", "scene"} & set(options.cues.split(","))
    frames = [f.image for f in open_video(options.clip).frames(FPS, 640)] if looks else []
    pictures = [encoded(f) for f in frames] if options.jpeg else frames
    load, told, pushed = os.getloadavg()[0], [], []

    def when(until: float) -> float:
        return pushed[min(max(0, int(np.ceil(until * RATE / STEP - 1e-6)) - 1), len(pushed) - 1)]

    began, processor = time.perf_counter(), time.process_time()
    stream = reader.stream(cues=options.cues, language=options.language,
                           callback=lambda e: told.append((time.perf_counter() - began, e)))  # fmt: skip
    shown = 0
    for at in range(0, len(sound), STEP):
        now = (at + STEP) / RATE
        time.sleep(max(0.0, began + now - time.perf_counter()))
        stream.push_audio(sound[at : at + STEP])
        while frames and shown / FPS <= now:
            stream.push_frame(pictures[shown % len(pictures)], shown / FPS)
            shown += 1
        pushed.append(time.perf_counter() - began)
    ended = time.perf_counter()
    stream.finish()
    seconds = len(sound) / RATE
    print(f"{options.clip.name}, {seconds:.0f} s, {os.cpu_count()} processors, load {load:.1f} before and "
          f"{os.getloadavg()[0]:.1f} after (this process among it)")  # fmt: skip
    live = [(at - when(e.until), e) for at, e in told]
    row("partial", [s for s, e in live if e.type == "partial"])
    for state in ("open", "closed", "final"):
        row(f"segment, {state}", [s for s, e in live if e.state == state])
    last = {(round(at, 1), e.until): (at, e) for at, e in told if e.state in ("open", "closed")}
    row("turn ended", [at - when(e.segment.end) for at, e in last.values() if e.state == "closed"])
    row("partial, open and closed", [s for s, e in live if e.type == "partial" or e.state in ("open", "closed")])
    print(f"analysis {time.perf_counter() - ended:.2f} s after the end; left out: "
          f"{({k: v for k, v in stream.left_out.items() if v}) or 'nothing'}; "
          f"processor {(time.process_time() - processor) / seconds:.2f} s per second")  # fmt: skip


if __name__ == "__main__":
    main()
