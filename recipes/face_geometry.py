"""Measure where the five landmarks lie in FER2013 pictures, and in how many of them a face is found.

Prints the array `CANONICAL` of `demeanor.media.face_crop` and, of the validation part, the share of pictures
in which a face is found. Needs a zip file with folders train/CLASS and validation/CLASS of 48 px grey JPEG:

    python recipes/face_geometry.py ../shared/data/fer2013_train_validation.zip
"""

from __future__ import annotations

import argparse
import random
import zipfile
from pathlib import Path

import cv2
import numpy as np

from demeanor.media.faces import FaceFinder, align

SURE = 0.97


def pictures(archive: zipfile.ZipFile, part: str, count: int) -> list[np.ndarray]:
    names = sorted(n for n in archive.namelist() if n.startswith(f"{part}/") and n.endswith(".jpg"))
    chosen = random.Random(0).sample(names, min(count, len(names)))
    return [cv2.imdecode(np.frombuffer(archive.read(n), np.uint8), cv2.IMREAD_GRAYSCALE) for n in chosen]


def geometry(finder: FaceFinder, images: list[np.ndarray]) -> tuple[np.ndarray, int]:
    """Mean landmarks (5, 2) as fractions of the side, symmetric, and over how many pictures."""
    found = [(image, finder.find(image)) for image in images]
    sure = [f[0].landmarks / i.shape[0] for i, f in found if f and f[0].landmarks_measured and f[0].score > SURE]
    mean = np.mean(sure, axis=0)
    mirrored = mean[[1, 0, 2, 4, 3]] * (-1, 1) + (1, 0)
    return (mean + mirrored) / 2, len(sure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--count", type=int, default=1500, help="pictures of each part to read (default 1500)")
    given = parser.parse_args()
    finder = FaceFinder()
    with zipfile.ZipFile(given.archive) as archive:
        points, count = geometry(finder, pictures(archive, "train", given.count))
        print(f"CANONICAL over {count} of {given.count} training pictures:\n{points.round(3)}")
        images = pictures(archive, "validation", given.count)
    faces = [finder.find(image) for image in images]
    seen = [(i, f[0]) for i, f in zip(images, faces, strict=True) if f]
    alike = [np.corrcoef(align(i, f, 48).ravel(), i.ravel())[0, 1] for i, f in seen if i.std() > 1]
    print(f"validation: a face in {len(seen)} of {len(images)} ({len(seen) / len(images):.2%}),")
    print(f"exactly one in {sum(len(f) == 1 for f in faces)},")
    print(f"landmarks measured in {sum(f.landmarks_measured for _, f in seen)},")
    print(f"correlation of the aligned crop with the picture: mean {np.mean(alike):.3f}")


if __name__ == "__main__":
    main()
