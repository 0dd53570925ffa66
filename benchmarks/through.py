"""Labelled samples read through `demeanor batch`, as a user would: what comes of the whole reader, not of one expert.

    python benchmarks/through.py voice DATA/ravdess/audio [--actors 21-24] [--count N]
    python benchmarks/through.py faces DATA/fer2013_train_validation.zip [--part train] [--count N]
    python benchmarks/through.py posts DATA/posts [--count N]

`voice`: RAVDESS speech. Unweighted average recall of the voice cue and of `overall`, which has neutral words to
outweigh, also by the actors' sex; how often the polarity has the right sign. `faces`: FER2013, tight grey pictures of
48 pixels; how many faces are found, and accuracy. `posts`: pictures and texts of equal stems, read by `--pair`;
accuracy of `overall` and of each cue.

The shipped weights were trained on actors 1 to 20, on FER2013's train part and on these posts: on those the figures say
whether the parts of the reader work together, and nothing about people and posts not seen.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from demeanor.datasets import ravdess
from demeanor.metrics.classification import accuracy, macro_f1, uar
from demeanor.types import EMOTIONS, POLARITIES

Lines = Mapping[str, Mapping[str, Any]]

_FER = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "joy",
    "sad": "sadness",
    "surprise": "surprise",
}
_SEEN = range(1, 21)  # actors whose clips the shipped voice expert was trained on


def read(source: Path, folder: Path, *options: str) -> Lines:
    """The lines of `demeanor batch`, by id."""
    out = folder / "out.jsonl"
    command = [sys.executable, "-m", "demeanor", "batch", str(source), "--out", str(out), *options]
    subprocess.run(command, check=False)
    with out.open(encoding="utf-8") as lines:
        found = {line["id"]: line for line in map(json.loads, lines)}
    for line in found.values():
        if "error" in line:
            print(f"{line['id']}: {line['error']['message']}")
    return {name: line for name, line in found.items() if "error" not in line}


def chosen(items: Iterable[Any], count: int | None) -> list[Any]:
    """All, or so many at random (always the same ones)."""
    items = list(items)
    return items if count is None or count >= len(items) else random.Random(0).sample(items, count)


def top(reading: Mapping[str, Any] | None) -> str:
    """The emotion of a reading; "" where there is none."""
    felt = (reading or {}).get("emotions")
    return max(felt, key=felt.get) if felt else ""


def told(reading: Mapping[str, Any] | None) -> str:
    """The polarity of a reading; "" where there is none."""
    return ((reading or {}).get("sentiment") or {}).get("label", "")


def show(name: str, labels: Sequence[str], found: Sequence[str], classes: Sequence[str]) -> None:
    """One line: how many were read, UAR, accuracy and macro-F1; what was not read counts as wrong."""
    read_ = sum(map(bool, found))
    wrong = [f or next(c for c in classes if c != label) for label, f in zip(labels, found, strict=True)]
    have = [c for c in classes if c in set(labels)]
    print(
        f"{name:28s} {read_:5d} of {len(labels):5d} read   UAR {uar(labels, wrong, have):6.1%}   "
        f"accuracy {accuracy(labels, wrong):6.1%}   macro-F1 {macro_f1(labels, wrong, have):6.1%}"
    )


def voice(root: Path, actors: Sequence[int], count: int | None, threads: int) -> None:
    """RAVDESS clips: the voice alone, and everything together."""
    samples = chosen((s for s in ravdess.read(root) if int(s.speaker or 0) in actors), count)
    with tempfile.TemporaryDirectory() as name:
        table = Path(name) / "clips.csv"
        with table.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerows([("id", "audio"), *((s.id, Path(str(s.audio)).resolve()) for s in samples)])
        lines = read(table, Path(name), "--threads", str(threads))
    samples = [s for s in samples if s.id in lines]
    seen = sum(int(s.speaker or 0) in _SEEN for s in samples)
    print(f"{len(samples)} clips, {seen} of them of actors that the shipped weights were trained on")
    labels = [str(s.labels["emotions"]) for s in samples]
    for what, of in (("voice", lambda a: a["cues"].get("voice")), ("overall", lambda a: a["overall"])):
        show(f"{what}, emotions", labels, [top(of(lines[s.id])) for s in samples], EMOTIONS)
        for sex, odd in (("men", 1), ("women", 0)):
            own = [s for s in samples if int(s.speaker or 0) % 2 == odd]
            if own:
                found = [top(of(lines[s.id])) for s in own]
                show(f"{what}, emotions, {sex}", [str(s.labels["emotions"]) for s in own], found, EMOTIONS)
        signed = [s for s in samples if "polarity" in s.labels]
        found = [told(of(lines[s.id])) for s in signed]
        show(f"{what}, polarity", [str(s.labels["polarity"]) for s in signed], found, POLARITIES)
    for s, label in zip(samples, labels, strict=True):
        a = lines[s.id]
        if top(a["overall"]) != label:
            cues = {c: (top(r), told(r), round(r["weight"], 2)) for c, r in a["cues"].items()}
            print(f"  {s.id} {label}: overall {top(a['overall'])}, {cues}, {[p['text'] for p in a['segments']]}")


def faces(archive: Path, part: str, count: int | None, threads: int) -> None:
    """FER2013 pictures as they are."""
    with zipfile.ZipFile(archive) as pictures, tempfile.TemporaryDirectory() as name:
        names = chosen(sorted(n for n in pictures.namelist() if n.startswith(f"{part}/") and n[-4:] == ".jpg"), count)
        pictures.extractall(Path(name) / "in", names)
        lines = read(Path(name) / "in", Path(name), "--threads", str(threads))
    names = [n for n in names if n in lines]
    labels = [_FER.get(n.split("/")[1], n.split("/")[1]) for n in names]
    print(f"{sum('face' in lines[n]['cues'] for n in names)} of {len(names)} have a face that was found")
    show("face", labels, [top(lines[n]["cues"].get("face")) for n in names], EMOTIONS)
    show("overall", labels, [top(lines[n]["overall"]) for n in names], EMOTIONS)


def posts(root: Path, count: int | None, threads: int) -> None:
    """Posts of a picture and a text."""
    with (root / "posts.csv").open(encoding="utf-8", newline="") as file:
        rows = chosen(csv.DictReader(file), count)
    with zipfile.ZipFile(root / "images.zip") as pictures, tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "in"
        pictures.extractall(folder, [row["image"] for row in rows])
        for row in rows:
            (folder / row["image"]).with_suffix(".txt").write_text(row["text"], encoding="utf-8")
        lines = read(folder, Path(name), "--pair", "--threads", str(threads))
    rows = [row for row in rows if Path(row["image"]).stem in lines]
    labels = [row["sentiment"] for row in rows]
    read_ = [lines[Path(row["image"]).stem] for row in rows]
    show("overall", labels, [told(a["overall"]) for a in read_], POLARITIES)
    for cue in ("words", "scene", "face"):
        show(cue, labels, [told(a["cues"].get(cue)) for a in read_], POLARITIES)


def _actors(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("voice", "faces", "posts"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--actors", type=_actors, default=_actors("1-24"), help="first-last")
    parser.add_argument("--part", default="train", choices=("train", "validation"))
    parser.add_argument("--count", type=int)
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.what == "voice":
        voice(args.data, args.actors, args.count, args.threads)
    elif args.what == "faces":
        faces(args.data, args.part, args.count, args.threads)
    else:
        posts(args.data, args.count, args.threads)


if __name__ == "__main__":
    main()
