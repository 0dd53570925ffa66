"""How the service bears load, damaged files and time: `python benchmarks/serve.py --load S --jobs N --fuzz N --soak S`.

Starts a service of its own on this machine, which client and service then share; for the jobs another one, with keys.
Prints one JSON object per part.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import demeanor
from demeanor.serve.keys import new_key

HERE = Path(__file__).resolve().parents[1]
SENTENCES = (HERE / "demo" / "sentences.txt").read_text(encoding="utf-8").splitlines()
THINGS = [
    "The soup",
    "This film",
    "Her answer",
    "The new phone",
    "Our flight",
    "那家店的服务",
    "这部电影",
    "The lecture",
]
VERDICTS = [
    "was cold",
    "made my day",
    "is not what I paid for",
    "left me speechless",
    "让人失望",
    "太好看了",
    "was fine",
]


class Service:
    """`demeanor serve` as a process."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demeanor", "serve", "--port", "0", "--folder", folder / "state", *options],
            stdout=subprocess.PIPE, stderr=self.log, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.host = self.url.removeprefix("http://").rstrip("/")
        while demeanor.Client(self.url).health()["status"] != "ok":
            time.sleep(0.2)

    def children(self) -> list[int]:
        """Its processes."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == self.process.pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
        return found

    def processor_seconds(self) -> float:
        """What the service itself has used so far, without its processes."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> list[int]:
        """Resident memory: of the service, then of its processes."""
        pages = [Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in (self.process.pid, *self.children())]
        return [int(p) * os.sysconf("SC_PAGE_SIZE") >> 20 for p in pages]


@contextmanager
def serving(*options: str) -> Iterator[Service]:
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), *options)
        try:
            yield service
        finally:
            children = service.children()
            service.process.terminate()
            service.process.wait(60)
            left = [pid for pid in children if Path(f"/proc/{pid}").exists()]
            print(json.dumps({"part": "stop", "processes_left": len(left)}), flush=True)


def post(line: http.client.HTTPConnection, body: bytes, kind: str, path: str = "/v1/analyze") -> tuple[int, bytes]:
    line.request("POST", path, body, {"Content-Type": kind})
    answer = line.getresponse()
    return answer.status, answer.read()


def sentence(chance: random.Random) -> bytes:
    text = chance.choice(SENTENCES) if chance.random() < 0.1 else f"{chance.choice(THINGS)} {chance.choice(VERDICTS)}"
    return json.dumps({"text": f"{text} ({chance.randrange(10**6)})"}).encode()


def load(service: Service, seconds: float, rate: float, lines: int = 16) -> dict[str, Any]:
    """Short texts at an even rate (0: as fast as they are answered), from so many connections."""
    waits: list[float] = []
    statuses: Counter[int] = Counter()
    lock, begin = threading.Lock(), time.perf_counter()
    turn = iter(range(10**9))

    def work(seed: int) -> None:
        line, chance = http.client.HTTPConnection(service.host, timeout=60), random.Random(seed)
        while True:
            with lock:
                due = begin + next(turn) / rate if rate else time.perf_counter()
            if due - begin >= seconds:
                return
            time.sleep(max(0.0, due - time.perf_counter()))
            status, _ = post(line, sentence(chance), "application/json")
            with lock:
                waits.append(time.perf_counter() - due)  # from when it was due: a line that forms is counted
                statuses[status] += 1

    used = service.processor_seconds()
    spread(work, lines)
    took, used = time.perf_counter() - begin, service.processor_seconds() - used
    return {
        "part": "load", "asked_per_second": rate or "all", "connections": lines, "seconds": round(took, 1),
        "answered_per_second": round(len(waits) / took, 1), "ms": quantiles(waits),
        "processor_ms_each": round(1e3 * used / max(1, len(waits)), 1), "statuses": dict(statuses),
        "megabytes": service.megabytes(),
    }  # fmt: skip


def jobs(clip: Path, number: int, owners: str = "ABCD") -> dict[str, Any]:
    """So many films at once, of several keys: first all of A, then all of B, and so on; all are to end well.

    Takes a service with keys of its own. `finished` tells whose film ended first, second, third …: where turns are
    fair the letters alternate although A handed in everything before B came.
    """
    with tempfile.TemporaryDirectory() as folder:
        keys = {owner: new_key(Path(folder) / "keys", owner) for owner in owners}
        with serving("--keys", f"{folder}/keys", "--rate", "0", "--queued", "1000", "--now-seconds", "300") as service:
            clients = {owner: demeanor.Client(service.url, key=key) for owner, key in keys.items()}
            begin, text = time.perf_counter(), list[float]()
            for n in range(number):
                clients[owners[n * len(owners) // number]].submit(video=clip, id=str(n))
            handed_in = time.perf_counter() - begin
            while any(job["finished"] is None for client in clients.values() for job in client.jobs()):
                began = time.perf_counter()
                clients[owners[0]].analyze("I love it")
                text.append(time.perf_counter() - began)
                time.sleep(1)
            took = time.perf_counter() - begin
            ended = sorted((job["finished"], owner, job["state"]) for owner in owners for job in clients[owner].jobs())
            order = "".join(owner for _, owner, _ in ended)
            return {
                "part": "jobs", "films": number, "film_seconds": 12, "handed_in_s": round(handed_in, 2),
                "all_done_s": round(took, 1), "states": dict(Counter(state for *_, state in ended)), "finished": order,
                "first_and_last_place": {o: [order.find(o) + 1, order.rfind(o) + 1] for o in owners},
                "text_meanwhile_ms": quantiles(text), "megabytes": service.megabytes(),
            }  # fmt: skip


def fuzz(service: Service, number: int, lines: int = 4) -> dict[str, Any]:
    """So many damaged files over HTTP; each is to be answered, and by no fault."""
    whole = seeds()
    statuses: Counter[str] = Counter()
    lock, turn, begin = threading.Lock(), iter(range(number)), time.perf_counter()
    memory: list[list[int]] = []

    def work(_: int) -> None:
        client = demeanor.Client(service.url, timeout=600, retries=20)
        while True:
            with lock:
                at = next(turn, None)
            if at is None:
                return
            chance = random.Random(at)
            part, data = chance.choice(whole)
            try:
                client.analyze(**{chance.choice([part, "file"]): damaged(data, chance)})  # type: ignore[arg-type]
                said = "read"
            except demeanor.InputError as error:
                said = "refused" if "died" not in str(error) else "killed its process"
            except demeanor.ServiceError as error:
                said = f"status {error.status}"
            with lock:
                statuses[said] += 1
                if at % (number // 8 or 1) == 0:
                    memory.append(service.megabytes())

    spread(work, lines)
    return {
        "part": "fuzz", "files": number, "answers": dict(statuses), "seconds": round(time.perf_counter() - begin, 1),
        "megabytes": memory, "processes": len(service.children()),
    }  # fmt: skip


def soak(service: Service, seconds: float) -> dict[str, Any]:
    """A bit of everything for a long while; memory is looked at ten times."""
    whole, memory, statuses = seeds(), [], Counter[str]()
    client, chance, begin = demeanor.Client(service.url, timeout=600), random.Random(1), time.perf_counter()
    looked = -1
    while (now := time.perf_counter() - begin) < seconds:
        if int(10 * now / seconds) > looked:
            looked = int(10 * now / seconds)
            memory.append(service.megabytes())
        part, data = chance.choice(whole)
        try:
            if chance.random() < 0.5:
                for _ in range(20):
                    client.analyze(json.loads(sentence(chance))["text"])
                said = "texts"
            else:
                client.wait(client.submit(**{part: data}))  # type: ignore[arg-type]
                said = "job"
        except demeanor.DemeanorError as error:
            said = type(error).__name__
        statuses[said] += 1
    return {"part": "soak", "seconds": seconds, "done": dict(statuses), "megabytes": [*memory, service.megabytes()]}


def spread(work: Callable[[int], None], lines: int) -> None:
    threads = [threading.Thread(target=work, args=(n,)) for n in range(lines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def quantiles(seconds: list[float]) -> dict[str, float]:
    if len(seconds) < 2:
        return {}
    parts = statistics.quantiles(seconds, n=100)
    return {"p50": round(1e3 * parts[49], 1), "p95": round(1e3 * parts[94], 1), "p99": round(1e3 * parts[98], 1)}


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A file with some of its bytes flipped, cut off, doubled, zeroed or mixed up."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        a, b = sorted(chance.randrange(len(out) + 1) for _ in range(2))
        how = chance.randrange(6)
        if how == 0:
            for _ in range(chance.randint(1, 64)):
                out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
        elif how == 1:
            del out[max(16, a) :]
        elif how == 2:
            out[a:b] = bytes(b - a)
        elif how == 3:
            out[a:a] = out[a:b][:4096]
        elif how == 4:
            out[a : a + 8] = chance.randbytes(8)
        else:
            out[:4096] = out[:4096][: chance.randrange(1, 4096)]
        out = out or bytearray(b"\0")
    return bytes(out)


def seeds() -> list[tuple[str, bytes]]:
    """Small whole files of the usual formats."""
    import av
    from PIL import Image

    chance = np.random.default_rng(0)
    found = [("image", (HERE / "demo" / "sky.jpg").read_bytes()), ("file", "总算吃上了!I love it. ".encode() * 9)]
    picture = Image.fromarray(chance.integers(0, 255, (64, 64, 3), np.uint8))
    for kind in ("PNG", "GIF", "WEBP", "TIFF", "BMP"):
        out = io.BytesIO()
        picture.save(out, kind)
        found.append(("image", out.getvalue()))
    tone = (0.2 * np.sin(np.arange(12_000) * 0.1)).astype(np.float32)
    for kind, sound, film in (
        ("mp4", "aac", "mpeg4"), ("webm", "libopus", "libvpx"), ("matroska", "flac", "mpeg4"), ("avi", "mp2", "mpeg4"),
        ("wav", "pcm_s16le", None), ("flac", "flac", None), ("mp3", "libmp3lame", None), ("ogg", "libopus", None),
    ):  # fmt: skip
        out = io.BytesIO()
        with av.open(out, "w", format=kind) as target:
            voice = target.add_stream(sound, rate=48_000, layout="mono")
            eye = target.add_stream(film, rate=10) if film else None
            if eye is not None:
                eye.width, eye.height, eye.pix_fmt = 64, 48, "yuv420p"
                for at in range(5):
                    frame = av.VideoFrame.from_ndarray(chance.integers(0, 255, (48, 64, 3), np.uint8), "rgb24")
                    frame.pts, frame.time_base = at, Fraction(1, 10)
                    target.mux(eye.encode(frame))
                target.mux(eye.encode(None))
            heard = av.AudioFrame.from_ndarray(tone[None], "flt", "mono")
            heard.rate, heard.pts, heard.time_base = 48_000, 0, Fraction(1, 48_000)
            target.mux(voice.encode(heard))
            target.mux(voice.encode(None))
        found.append(("video" if film else "audio", out.getvalue()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--load", type=float, default=0, metavar="S")
    parser.add_argument("--jobs", type=int, default=0, metavar="N")
    parser.add_argument("--fuzz", type=int, default=0, metavar="N")
    parser.add_argument("--soak", type=float, default=0, metavar="S")
    asked = parser.parse_args()
    machine = {"part": "machine", "cores": os.cpu_count(), "load_before": [round(x, 1) for x in os.getloadavg()]}
    print(json.dumps(machine), flush=True)
    if asked.jobs:
        print(json.dumps(jobs(HERE / "demo" / "clip.mp4", asked.jobs)), flush=True)
    if not (asked.load or asked.fuzz or asked.soak):
        return
    with serving("--queued", "1000", "--now-seconds", "300") as service:
        print(json.dumps({"part": "start", "megabytes": service.megabytes()}), flush=True)
        if asked.load:
            for rate in (100.0, 0.0):
                print(json.dumps(load(service, asked.load, rate)), flush=True)
        if asked.fuzz:
            print(json.dumps(fuzz(service, asked.fuzz)), flush=True)
        if asked.soak:
            print(json.dumps(soak(service, asked.soak)), flush=True)


if __name__ == "__main__":
    main()
