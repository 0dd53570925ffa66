"""Latency of live reading: a clip is fed in real time, sound in pieces of 0.1 s and pictures at 15 a second.

    python benchmarks/live.py [CLIP] [--times 5] [--cues words,voice,face,scene] [--threads 1] [--jpeg] [--service]

Latency is from the moment at which the last sound or picture that an event was read from had been pushed to the
moment at which the event is told. Of final segments, which come when a window of up to 30 s is full, it says little.
The row "turn ended" counts from the end of what was said instead: the pause that shows that it ended is in it.
With `--service` all of it goes to a `demeanor serve` of its own on this machine and back, over `WS /v1/stream`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import demeanor
from demeanor.media.audio import decode_audio
from demeanor.media.video import open_video

ROOT = Path(__file__).resolve().parents[1]
RATE, STEP, FPS = 16_000, 1600, 15
Told = Callable[[dict[str, Any]], None]


class Service:
    """A live session of a service on this machine, as `reader.stream()` is one here."""

    def __init__(self, told: Told, **options: Any) -> None:
        from websockets.sync.client import connect

        self._open, self._told = contextlib.ExitStack(), told
        self._number = self._heard = 0
        folder = self._open.enter_context(tempfile.TemporaryDirectory())
        self._process = subprocess.Popen(
            [sys.executable, "-m", "demeanor", "serve", "--port", "0", "--folder", folder],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        url = self._process.stdout.readline().strip().rstrip("/").replace("http", "ws", 1)
        self._socket = self._open.enter_context(connect(f"{url}/v1/stream", max_size=None, open_timeout=60))
        audio = {"format": "pcm", "rate": RATE, "channels": 1}
        self._socket.send(json.dumps({"type": "hello", "protocol": 1, "audio": audio, **options}))
        self._socket.recv()  # its own hello: the models are loaded
        self._hearing = threading.Thread(target=self._hear)
        self._hearing.start()

    def _hear(self) -> None:
        for message in self._socket:
            event = json.loads(message)
            if "seq" in event:
                self._told(event)

    def _send(self, kind: int, seconds: float, data: bytes) -> None:
        self._number += 1
        self._socket.send(struct.pack("<BBHId", kind, 1, 0, self._number, seconds) + data)

    def push_audio(self, samples: np.ndarray) -> None:
        self._send(1, self._heard / RATE, (samples * 32_767).astype("<i2").tobytes())
        self._heard += len(samples)

    def push_frame(self, picture: bytes, seconds: float) -> None:
        self._send(2, seconds, picture)

    def finish(self) -> None:
        self._socket.send('{"type": "end"}')
        self._hearing.join()
        self._process.terminate()
        self._process.wait()
        self._open.close()


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
    parser.add_argument("--service", action="store_true", help="over the wire indeed; implies --jpeg and --threads 1")
    options = parser.parse_args()
    sound = np.tile(decode_audio(options.clip), options.times)
    looks = {"face", "scene"} & set(options.cues.split(","))
    frames = [f.image for f in open_video(options.clip).frames(FPS, 640)] if looks else []
    pictures = [encoded(f) for f in frames] if options.jpeg or options.service else frames
    load, began = os.getloadavg()[0], 0.0
    told: list[tuple[float, dict[str, Any]]] = []
    pushed: list[float] = []

    def when(until: float) -> float:
        return pushed[min(max(0, int(np.ceil(until * RATE / STEP - 1e-6)) - 1), len(pushed) - 1)]

    def hear(event: dict[str, Any]) -> None:
        told.append((time.perf_counter() - began, event))

    if options.service:
        stream: Any = Service(hear, cues=options.cues, language=options.language)
    else:
        reader = demeanor.load(threads=options.threads)
        reader.analyze(options.clip)  # loads every expert
        stream = reader.stream(cues=options.cues, language=options.language, callback=lambda e: hear(e.to_dict()))
    began, processor = time.perf_counter(), time.process_time()
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
    live = [(at - when(e["until"]), e) for at, e in told]
    row("partial", [s for s, e in live if e["type"] == "partial"])
    for state in ("open", "closed", "final"):
        row(f"segment, {state}", [s for s, e in live if e.get("state") == state])
    last = {(round(at, 1), e["until"]): (at, e) for at, e in told if e.get("state") in ("open", "closed")}
    row("turn ended", [at - when(e["segment"]["end"]) for at, e in last.values() if e["state"] == "closed"])
    row(
        "partial, open and closed",
        [s for s, e in live if e["type"] == "partial" or e.get("state") in ("open", "closed")],
    )
    left_out = [e["message"] for _, e in told if e["type"] == "warning"]
    print(f"analysis {told[-1][0] + began - ended:.2f} s after the end; warnings: {left_out or 'none'}")
    if not options.service:
        print(f"processor {(time.process_time() - processor) / seconds:.2f} s per second")


if __name__ == "__main__":
    main()
