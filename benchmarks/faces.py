"""Time to find, align and judge faces in a 640 px picture: `python benchmarks/faces.py [VIDEO ...]`.

Without arguments the talking-head clips beside the checkout are used. CPU time is printed beside wall time,
because a busy machine lengthens only the latter.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np

from demeanor.media.faces import FaceFinder, align, quality
from demeanor.media.tracks import FaceTracker

WIDTH, MIN_SIZE, STEP = 640, 40, 10


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        chosen = [f for i, f in enumerate(container.decode(video=0)) if i % STEP == 0]
        pictures = [f.to_ndarray(format="rgb24") for f in chosen]
    return [cv2.resize(p, (WIDTH, round(p.shape[0] * WIDTH / p.shape[1]))) for p in pictures]


def main() -> None:
    shared = Path(os.environ.get("DEMEANOR_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    paths = [Path(p) for p in sys.argv[1:]] or sorted((shared / "data" / "talking_heads").glob("*.mp*"))
    if not paths:
        sys.exit("no pictures: name some, or set DEMEANOR_SHARED")
    clips = [frames(p) for p in paths]
    pictures = [p for clip in clips for p in clip]
    finder = FaceFinder()
    finder.find(pictures[0])
    wall, cpu = time.perf_counter(), time.process_time()
    found = [finder.find(p, min_size=MIN_SIZE) for p in pictures]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    count, total = len(found), sum(map(len, found))
    print(f"find:  {1e3 * wall / count:6.1f} ms ({1e3 * cpu / count:.1f} ms CPU) per {WIDTH} px picture,")
    print(f"       {total} faces in {count} pictures, {total / wall:.0f} faces/s")
    pairs = [(p, f) for p, faces in zip(pictures, found, strict=True) for f in faces]
    for name, function in (("align", lambda p, f: align(p, f)), ("judge", lambda p, f: quality(p, f))):
        wall = time.perf_counter()
        for pair in pairs:
            function(*pair)
        print(f"{name}: {1e3 * (time.perf_counter() - wall) / len(pairs):6.2f} ms per face")
    wall, tracker = time.perf_counter(), FaceTracker()
    for index, (picture, faces) in enumerate(zip(pictures, found, strict=True)):
        tracker.update(index / 3, faces, picture)
    print(f"track: {1e3 * (time.perf_counter() - wall) / len(pictures):6.2f} ms per picture")


if __name__ == "__main__":
    main()
