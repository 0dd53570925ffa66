"""What the reader says of faces in the pictures of posts: the joint readings learn from it, beside words and scene.

    python recipes/post_faces.py DATA OUT.npz

One row per post, in the table's order, as `demeanor.reader.fuse.face_vector` makes it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import demeanor
from demeanor.datasets import table
from demeanor.reader.fuse import face_vector
from demeanor.training.run import save_arrays

TABLE = Path(__file__).parent / "tables" / "posts.toml"


def main() -> None:
    root, out = Path(sys.argv[1]), Path(sys.argv[2])
    reader = demeanor.load()
    rows = []
    for number, sample in enumerate(table.read_manifest(TABLE, root), 1):
        rows.append(face_vector(reader.analyze(image=sample.image, cues="face").cues.get("face")))
        if number % 500 == 0:
            print(number, file=sys.stderr)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_arrays(out, {"face": np.stack(rows)})
    print(f"{sum(row[0] for row in rows):.0f} of {len(rows)} pictures show a face")


if __name__ == "__main__":
    main()
