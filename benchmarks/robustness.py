"""How readings hold under noise, codecs, blur, low light, typos and mixed languages: a curve per cue.

    python benchmarks/robustness.py [words voice face scene post] [--rows 600] --out results/robustness.jsonl
    python benchmarks/robustness.py --draw results/robustness.jsonl docs/robustness.png   # and the tables of the docs

Every condition reads the same rows as the clean one, damaged; the loss to it is paired, with 95 % intervals by the
bootstrap over texts, actors, equal pictures or equal posts. Words: validation parts of GoEmotions and Weibo (emotions)
and of the tweets (polarity). Faces: the part set aside of FER2013's train (needs torch). None of them taught the
experts, and no test part is read. Voices are RAVDESS, scenes and posts MVSA-Single, which did teach what is shipped:
their clean figures flatter, the losses are the matter. What the last bundle that read them says is drawn.
Also the gaps that such rows can show: by length and language of a text, by sex of a speaker, by brightness of a face.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from damages import FACES, PICTURES, RATE, WEIBO, WORDS, Damage, babble, coded, typos

import demeanor
from demeanor.datasets import table
from demeanor.media.audio import decode_audio
from demeanor.media.image import decode_image
from demeanor.media.speech import Heard
from demeanor.media.whisper import STRIDE
from demeanor.metrics import bootstrap, classification
from demeanor.reader.reader import Reader
from demeanor.types import EMOTIONS, POLARITIES, Evidence, Sample, Utterance

ROOT = Path(__file__).resolve().parents[1]
Read = Callable[[Sequence[Any]], Sequence[Evidence]]


def some(samples: Sequence[Sample], rows: int) -> list[Sample]:
    """At most so many, the same ones every time."""
    return sorted(samples, key=lambda s: hashlib.sha256(s.id.encode()).hexdigest())[:rows]


def truth_of(samples: Sequence[Sample], task: str) -> np.ndarray:
    """Class numbers; rows with another number of labels than one are left out before."""
    names = POLARITIES if task == "polarity" else EMOTIONS
    return np.array([names.index(str(s.labels[task])) for s in samples])


def single(samples: Sequence[Sample], task: str) -> list[Sample]:
    return [s for s in samples if task in s.labels and "," not in str(s.labels[task])]


class Judge:
    """Scores of conditions on the same rows, each with its loss to the clean one."""

    def __init__(self, cue: str, data: str, task: str, samples: Sequence[Sample], groups: Sequence[str]) -> None:
        self.about = {"cue": cue, "data": data, "task": task}
        self.task, self.truth, self.groups = task, truth_of(samples, task), np.array(groups)
        self.clean: np.ndarray | None = None
        self.metric = partial(classification.uar, classes=sorted(set(self.truth.tolist())))

    def guess(self, found: Sequence[Evidence]) -> np.ndarray:
        """The most probable of the classes that the rows have."""
        p = np.stack([e.polarity if self.task == "polarity" else e.emotions for e in found])
        present = np.unique(self.truth)
        return np.asarray(present[p[:, present].argmax(1)])

    def scored(self, condition: str, found: Sequence[Evidence]) -> dict[str, Any]:
        guess = self.guess(found)
        self.clean = guess if self.clean is None else self.clean
        loss = bootstrap.paired_difference(self.metric, guess, self.clean, self.truth, self.groups)
        uar = bootstrap.interval(self.metric, self.truth, guess, clusters=self.groups)
        scores = {"uar": uar.to_dict(), "against_clean": loss.to_dict()}
        return {**self.about, "condition": condition, "n": len(guess), **scores}

    def gaps(self, name: str, parts: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
        """Scores of parts of the clean rows: {part: (rows,) bool}."""
        guess = self.clean
        assert guess is not None
        for part, rows in parts.items():
            if rows.sum() >= 30:
                uar = bootstrap.interval(self.metric, self.truth[rows], guess[rows], clusters=self.groups[rows])
                yield {**self.about, "gap": name, "part": part, "n": int(rows.sum()), "uar": uar.to_dict()}


def curves(judge: Judge, clean: Sequence[Any], damages: Mapping[str, Damage], read: Read) -> Iterator[dict[str, Any]]:
    """The clean reading and every damaged one."""
    yield judge.scored("clean", read(clean))
    for name, damage in damages.items():
        yield judge.scored(name, read([damage(x, random.Random(f"{name}{n}")) for n, x in enumerate(clean)]))


def words(reader: Reader, data: Path, rows: int) -> Iterator[dict[str, Any]]:
    expert = reader.experts.words
    assert expert is not None
    kinds = (("goemotions_train", "emotions"), ("tweets", "polarity"), ("weibo", "emotions"))
    for name, task in kinds:
        samples = [s for s in read_table(name, data) if s.split == "valid" and s.text]
        samples = some(single(samples, task), rows)
        judge = Judge("words", name.partition("_")[0], task, samples, [s.group or s.id for s in samples])
        texts = [s.text or "" for s in samples]
        yield from curves(judge, texts, WORDS if name != "weibo" else WEIBO, expert.read)
        lengths = np.array([len(t.split()) if name != "weibo" else len(t) // 2 for t in texts])
        parts = {"up to 6 words": lengths <= 6, "7 to 15": (lengths > 6) & (lengths <= 15), "more": lengths > 15}
        yield from judge.gaps("length", parts)


def voice(reader: Reader, data: Path, rows: int) -> Iterator[dict[str, Any]]:
    expert, recogniser = reader.experts.voice, reader.experts.recogniser
    assert expert is not None
    samples = some(single(read_table("ravdess", data), "emotions"), rows)
    sounds = [decode_audio(s.audio) for s in samples]

    def read(heard: Sequence[np.ndarray]) -> list[Evidence]:
        out = []
        for sound in heard:
            found = [] if recogniser is None else recogniser.detect(sound)
            start, end = (found[0][0], found[-1][1]) if found else (0, len(sound))  # as the reader cuts utterances
            states = None if recogniser is None else recogniser.states(sound)[start // STRIDE : -(-end // STRIDE)]
            said = Utterance(start / RATE, end / RATE, "")
            out += expert.read([Heard(said, sound[start:end], states, 30.0)])
        return out

    damages = {f"babble {d} dB": babble(sounds[:60], d) for d in (20, 10, 5, 0)}
    damages |= {
        "telephone (8 kHz, µ-law)": coded("pcm_mulaw", "wav", 8000),
        "opus 16 kbit/s": coded("libopus", "ogg", 48_000, 16_000),
    }
    judge = Judge("voice", "ravdess", "emotions", samples, [s.speaker or s.id for s in samples])
    yield from curves(judge, sounds, damages, read)
    female = np.array([int(s.speaker or 0) % 2 == 0 for s in samples])
    yield from judge.gaps("sex", {"female": female, "male": ~female})


def face(reader: Reader, data: Path, rows: int) -> Iterator[dict[str, Any]]:
    from demeanor.media.face_crop import FaceQuality
    from demeanor.training import face as taught
    from demeanor.training.run import read_run_file

    expert, finder = reader.experts.face, reader.experts.finder
    assert expert is not None
    assert finder is not None
    every = read_table("fer2013", data)
    share = float(read_run_file(ROOT / "recipes/face.toml")["run"]["valid"])
    samples = some([every[i] for i in taught.divided(every, share)["valid"]], rows)
    pictures = [decode_image(s.image) for s in samples if s.image is not None]

    def read(shown: Sequence[np.ndarray]) -> list[Evidence]:
        crops = [taught.face_crop(p, finder) for p in shown]
        return list(expert.read(crops, [FaceQuality(48.0, 0.5, 1.0, 0.5)] * len(crops)))

    groups = [hashlib.sha256(p.tobytes()).hexdigest() for p in pictures]
    judge = Judge("face", "fer2013, set aside", "emotions", samples, groups)
    yield from curves(judge, pictures, FACES, read)
    light = np.array([p.mean() for p in pictures])
    low, high = np.quantile(light, (1 / 3, 2 / 3))
    parts = {"darkest third": light <= low, "middle": (light > low) & (light <= high), "brightest": light > high}
    yield from judge.gaps("brightness of the picture", parts)


def scene(reader: Reader, data: Path, rows: int) -> Iterator[dict[str, Any]]:
    expert = reader.experts.scene
    assert expert is not None
    samples = some(read_table("posts", data), rows)
    judge = Judge("scene", "posts", "polarity", samples, [s.group or s.id for s in samples])
    yield from curves(judge, [decode_image(s.image) for s in samples if s.image is not None], PICTURES, expert.read)


def post(reader: Reader, data: Path, rows: int) -> Iterator[dict[str, Any]]:
    """Words, scene and faces together, as the reader joins them."""
    samples = some(read_table("posts", data), rows)

    def read(posts: Sequence[tuple[str, np.ndarray]]) -> list[Evidence]:
        found = []
        for text, picture in posts:
            overall = reader.analyze(text=text, image=picture).overall
            assert overall.sentiment is not None
            polarity = np.array([overall.sentiment.probabilities[p] for p in POLARITIES])
            found.append(Evidence(polarity, np.zeros(len(EMOTIONS)), overall.sentiment.score))
        return found

    def of_picture(damage: Damage) -> Damage:
        return lambda both, rng: (both[0], damage(both[1], rng))

    whole = [(s.text or "", decode_image(s.image)) for s in samples if s.image is not None]
    judge = Judge("post", "posts", "polarity", samples, [s.group or s.id for s in samples])
    damages = {name: of_picture(damage) for name, damage in PICTURES.items()}
    damages["typos 10 %"] = lambda both, rng: (typos(0.1, both[0], rng), both[1])
    yield from curves(judge, whole, damages, read)


CURVES = {"words": words, "voice": voice, "face": face, "scene": scene, "post": post}


def read_table(name: str, data: Path) -> list[Sample]:
    found: list[Sample] = table.read_manifest(ROOT / f"recipes/tables/{name}.toml", data)
    return found


def shown(found: Mapping[str, float], sign: str = "") -> str:
    """Value and interval; bold where a difference excludes 0."""
    text = f"{found['value']:{sign}.3f} [{found['low']:{sign}.3f}, {found['high']:{sign}.3f}]"
    return f"**{text}**" if sign and not found["low"] <= 0 <= found["high"] else text


def panel(record: Mapping[str, Any]) -> tuple[str, ...]:
    return record["cue"], record["data"], record["task"]


def newest(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each data set the records of the bundle that read it last, by cue."""
    last = {panel(r): r["bundle"] for r in records}
    kept = {
        (*panel(r), r.get("condition"), r.get("gap"), r.get("part")): r
        for r in records
        if r["bundle"] == last[panel(r)]
    }
    return sorted(kept.values(), key=lambda r: list(CURVES).index(r["cue"]))


def tables(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the conditions as Markdown, and the gaps below."""
    print("| cue | data, task | condition | n | mean recall | against clean | bundle |", f"|{' --- |' * 7}", sep="\n")
    for r in [r for r in rows if "condition" in r]:
        loss = "" if r["condition"] == "clean" else shown(r["against_clean"], sign="+")
        scores = f"{r['n']} | {shown(r['uar'])} | {loss} | {r['bundle'].rpartition('+')[2]}"
        print(f"| {r['cue']} | {r['data']}, {r['task']} | {r['condition']} | {scores} |")
    print("\n| cue | data, task | by | part | n | mean recall |", f"|{' --- |' * 6}", sep="\n")
    for r in [r for r in rows if "gap" in r]:
        print(f"| {r['cue']} | {r['data']}, {r['task']} | {r['gap']} | {r['part']} | {r['n']} | {shown(r['uar'])} |")


def draw(rows: Sequence[dict[str, Any]], picture: Path) -> None:
    """A panel per data set: unweighted recall by condition, with its interval; the clean one as a line."""
    import matplotlib.pyplot as plt

    panels: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for r in [r for r in rows if "condition" in r]:
        panels.setdefault(panel(r), []).insert(0, r)
    figure, axes = plt.subplots(2, -(-len(panels) // 2), figsize=(15, 7), layout="constrained", squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, (key, own) in zip(axes.flat, panels.items(), strict=False):
        values = [r["uar"] for r in own]
        y = np.arange(len(own))
        axis.hlines(y, [v["low"] for v in values], [v["high"] for v in values], color="#9bb6d3", lw=5)
        axis.plot([v["value"] for v in values], y, "o", color="#1d4f86", ms=5)
        axis.axvline(own[-1]["uar"]["value"], color="#8d939d", lw=1, ls="--")
        axis.set_yticks(y, [r["condition"] for r in own], fontsize=8)
        axis.set_xlim(0, 1)
        axis.set_title(f"{key[0]}: {key[1]}, {key[2]}", loc="left", fontsize=9)
        axis.set_xlabel("mean recall", fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(length=0, labelsize=8)
    figure.savefig(picture, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cues", nargs="*", default=[*CURVES], help=f"of {', '.join(CURVES)}; default: all")
    parser.add_argument("--data", type=Path, help="folder of the data sets; default: beside the checkout")
    parser.add_argument("--model", default="base")
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--out", type=Path, help="gets a line per condition")
    parser.add_argument("--draw", type=Path, nargs=2, metavar=("RECORDS", "PNG"))
    given = parser.parse_args()
    if given.draw:
        records, picture = given.draw
        rows = newest([json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()])
        tables(rows)
        draw(rows, picture)
        return
    shared = Path(os.environ.get("DEMEANOR_SHARED", ROOT.parent / "shared"))
    reader = demeanor.load(given.model, threads=1)
    for cue in given.cues:
        for record in CURVES[cue](reader, given.data or shared / "data", given.rows):
            record["bundle"] = reader.experts.bundle.name
            about = record.get("condition") or f"{record['gap']}: {record['part']}"
            print(f"{cue:6} {record['data']:20} {about:26} {record['uar']['value']:.3f}", file=sys.stderr, flush=True)
            if given.out:
                with given.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
