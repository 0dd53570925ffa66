"""Whether what is said to count does: deletion curves of words, voices and pictures against random orders.

    python benchmarks/explanations.py words-en words-zh voice face scene --out results/explanations.jsonl

Parts of an input are left out from that which speaks most for its reading to that which speaks most against it, and the
score is read after each. `gain` is the area under the curves of random orders minus that under this one: above 0 the
shares know better than chance what a reading rests on. Shares are made as `demeanor explain` makes them. No label is
looked at, and no test part of a data set is read: MOSI, MELD and Weibo give their validation parts, RAVDESS and the
posts have no test part here. Faces are of FER2013's training pictures, those that did not teach (they are told by the
lab: .venv-lab). Items with a score of 0.1 or more, in size, and four parts or more; 95 % intervals by the
bootstrap over videos, texts, actors or pictures. `alone` orders parts by what their loss alone costs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import demeanor
from demeanor.datasets import table
from demeanor.explain.deletion import area, by_shares, curve
from demeanor.explain.game import Game, without_each
from demeanor.explain.shapley import shares
from demeanor.media.audio import decode_audio
from demeanor.media.image import decode_image
from demeanor.media.speech import Heard
from demeanor.metrics.bootstrap import interval
from demeanor.reader.reader import Reader
from demeanor.reader.reasons import pictures
from demeanor.reader.reasons.voice import voice_game
from demeanor.reader.reasons.words import word_game
from demeanor.types import Sample, Utterance

ROOT = Path(__file__).resolve().parents[1]
LEAST, FEWEST = 0.1, 4
ORDERS = 3  # random ones per item
BUDGET = 128  # readings per item; `demeanor explain` spends 256 on one sentence, so that its shares are a little surer


def chosen(name: str, data: Path, count: int, split: str | None) -> list[Sample]:
    """`count` samples, evenly taken from a table of recipes/tables."""
    found = [s for s in table.read_manifest(ROOT / f"recipes/tables/{name}.toml", data) if s.split == split]
    return [found[round(i * (len(found) - 1) / (count - 1))] for i in range(min(count, len(found)))]


def texts(reader: Reader, data: Path, names: Sequence[str], language: str, count: int) -> Iterator[tuple[str, Game]]:
    words = reader.experts.words
    assert words is not None
    for sample in (s for name in names for s in chosen(name, data, count, "valid")):
        if sample.text:
            yield sample.group or sample.id, word_game(sample.text, words, language=language)[1]


def voices(reader: Reader, data: Path, count: int) -> Iterator[tuple[str, Game]]:
    voice, recogniser = reader.experts.voice, reader.experts.recogniser
    assert voice is not None
    for sample in chosen("ravdess", data, count, None):
        sound = decode_audio(sample.audio)
        states = None if recogniser is None else recogniser.states(sound)
        said = Utterance(0.0, len(sound) / 16_000, "")
        yield sample.group or sample.id, voice_game(Heard(said, sound, states, 30.0), voice)[2]


def faces(reader: Reader, data: Path, count: int) -> Iterator[tuple[str, Game]]:
    from demeanor.training.face import divided  # imports torch
    from demeanor.training.run import read_run_file

    finder, face = reader.experts.finder, reader.experts.face
    assert finder is not None
    assert face is not None
    samples = table.read_manifest(ROOT / "recipes/tables/fer2013.toml", data)
    held = divided(samples, read_run_file(ROOT / "recipes/face.toml")["run"]["valid"])["valid"]
    for sample in (samples[row] for row in held[:count]):
        picture = decode_image(sample.image)
        for found in finder.find(picture)[:1]:
            yield sample.id, pictures.face_game(picture, found, face)[2]


def scenes(reader: Reader, data: Path, count: int) -> Iterator[tuple[str, Game]]:
    scene = reader.experts.scene
    assert scene is not None
    for sample in chosen("posts", data, count, None):
        yield sample.group or sample.id, pictures.scene_game(decode_image(sample.image), scene)[1]


def judged(games: Iterator[tuple[str, Game]], budget: int, wanted: int) -> dict[str, Any]:
    """Gains of the items that say something, with their intervals."""
    rows: list[tuple[str, float, float, bool]] = []
    began = time.process_time()
    for number, (group, game) in enumerate(games):
        score, _ = game.whole()
        if game.size < FEWEST or abs(score) < LEAST:
            continue
        found = shares(game, budget, seed=0)
        alone = score - game.scores(without_each(game.size))
        rng = np.random.default_rng(number)
        chance = np.mean([area(curve(game, rng.permutation(game.size))) for _ in range(ORDERS)])
        by_share, by_loss = (area(curve(game, by_shares(v, score))) for v in (found.values, alone))
        rows.append((group, float(chance - by_share), float(chance - by_loss), found.exact))
        if len(rows) % 20 == 0:
            print(f"  {len(rows)} items, {time.process_time() - began:.0f} s", file=sys.stderr, flush=True)
        if len(rows) == wanted:
            break
    clusters = [row[0] for row in rows]
    gains, losses = ([row[k] for row in rows] for k in (1, 2))
    return {
        "n": len(rows),
        "clusters": len(set(clusters)),
        "exact": sum(row[3] for row in rows),
        "gain": interval(np.mean, gains, clusters=clusters).to_dict(),
        "alone": interval(np.mean, losses, clusters=clusters).to_dict(),
        "better_than_chance": float(np.mean(np.array(gains) > 0)),
        "cpu_seconds": round(time.process_time() - began),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=("words-en", "words-zh", "voice", "face", "scene"))
    parser.add_argument("--data", type=Path, help="folder of the data sets; default: beside the checkout")
    parser.add_argument("--model", default="base")
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--out", type=Path, help="a line per part is added to it")
    given = parser.parse_args()
    shared = Path(os.environ.get("DEMEANOR_SHARED", ROOT.parent / "shared"))
    data = given.data or shared / "data"
    reader = demeanor.load(given.model, threads=1)
    most = 2 * given.items  # some say nothing
    made = {
        "words-en": (
            lambda: texts(reader, data, ["mosi_std", "meld_dev"], "en", most),
            BUDGET,
            "MOSI std_split and MELD, validation parts",
        ),
        "words-zh": (lambda: texts(reader, data, ["weibo"], "zh", most), BUDGET, "Weibo, validation part"),
        "voice": (lambda: voices(reader, data, most), BUDGET, "RAVDESS speech, 20 actors"),
        "face": (
            lambda: faces(reader, data, 2 * most),
            pictures.BUDGET,
            "FER2013, training pictures that did not teach",
        ),
        "scene": (lambda: scenes(reader, data, 2 * most), pictures.BUDGET, "pictures of posts"),
    }
    for part in given.parts:
        games, budget, what = made[part]
        record = {
            "part": part, "data": what, "bundle": reader.experts.bundle.name, "budget": budget, "orders": ORDERS,
            **judged(games(), budget, given.items),
        }  # fmt: skip
        print(json.dumps(record))
        if given.out is not None:
            with given.out.open("a", encoding="utf-8") as out:
                out.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
