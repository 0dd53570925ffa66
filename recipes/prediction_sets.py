"""Prediction sets of a bundle: fitted on one half of held-back data, verified on the other.

    python recipes/prediction_sets.py --data DIR [--out BUNDLE] [--voice RUN] [--faces FILE] [--results FILE]
        [--plot FILE.png] [--only words,posts]

Held back is what neither trained an expert nor is a test part: the validation parts of the words' corpora, and the part
of FER2013's training faces that was set aside. Groups (dialogues, videos, equal texts) are dealt into the two halves by
hash. A threshold is the strictest of those of the kinds of text (talks, dialogue, tweets, …), so that the promise holds
for each kind by itself. Pictures and posts, whose final weights learned from every row there is, are judged by heads
that saw no row of the fold they read, trained as the final ones are; so is the voice on Whisper's states, by actors.
The log-mel voice and the scene have no sets.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demeanor.bundle import Bundle, seal
from demeanor.calibration import conformal
from demeanor.calibration.conformal import Conformal
from demeanor.calibration.temperature import Temperature
from demeanor.datasets import table
from demeanor.datasets._groups import hashed_split
from demeanor.encoders.visual_picture import picture_tensor
from demeanor.media.face_crop import FaceQuality
from demeanor.media.faces import FaceFinder
from demeanor.media.image import decode_image
from demeanor.metrics import bootstrap
from demeanor.metrics.calibration import expected_calibration_error, reliability, top_label
from demeanor.reader.cues.face import Face
from demeanor.reader.cues.words import Words
from demeanor.report.reliability import diagrams
from demeanor.training import face, posts, run, words
from demeanor.training.data import POLARITY_OF, targets
from demeanor.training.folds import group_folds
from demeanor.types import EMOTIONS, POLARITIES, Evidence, Sample

RECIPES = Path(__file__).parent
COVERAGE = 0.9
MOST = 1500
"""Rows of one corpus at most, drawn by hash."""

HALVES = {"fit": 0.5, "check": 0.5}
KINDS = {
    "mosi_std": "talks", "mosei": "talks", "meld_dev": "dialogue", "goemotions_train": "forum",
    "zh_products": "reviews", "zh_meals": "reviews", "fer2013": "faces",
}  # fmt: skip
"""Corpora of one kind have one threshold: of a few videos alone it would be mere chance. Others are their own kind."""

LABELLED = {
    "polarity": ("talks", "dialogue", "tweets", "reviews", "everyday", "faces", "voices alone", "voices in windows"),
    "emotions": ("dialogue", "forum", "weibo", "everyday", "faces", "voices alone", "voices in windows"),
}
"""Where a task was labelled by people, or follows from a face's emotion; polarities that follow from others do not."""

_NEUTRAL = 1 / 6


@dataclass
class Read:
    """One kind of samples as a cue read them: probabilities (rows, classes) and true classes (rows,) per task."""

    kind: str
    groups: np.ndarray
    probabilities: dict[str, np.ndarray]
    truth: dict[str, np.ndarray]

    def of(self, task: str, half: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities, classes and groups of the labelled rows of one half."""
        inside = np.array([hashed_split(f"sets:{g}", HALVES) == half for g in self.groups]) & (self.truth[task] >= 0)
        return self.probabilities[task][inside], self.truth[task][inside], self.groups[inside]


def read(kind: str, samples: list[Sample], found: list[Evidence]) -> Read:
    """What was said of samples beside their labels; what the cue abstains from is left out, as readings leave it."""
    kept = [(s, e) for s, e in zip(samples, found, strict=True) if not e.abstain]
    labels = targets([s for s, _ in kept])
    truth = {}
    for task, kinds in LABELLED.items():
        sure = np.nan_to_num(labels[task]).max(1) > 0.99
        truth[task] = np.where(sure & (kind in kinds), np.nan_to_num(labels[task]).argmax(1), -1)
    scored = ~np.isnan(labels["score"])
    truth["polarity"][scored] = np.digitize(labels["score"][scored], (-_NEUTRAL, _NEUTRAL))
    said = {"polarity": np.stack([e.polarity for _, e in kept]), "emotions": np.stack([e.emotions for _, e in kept])}
    return Read(kind, np.array([s.group or s.id for s, _ in kept]), said, truth)


def some(samples: list[Sample]) -> list[Sample]:
    """At most `MOST` of them, the same ones every time."""
    return sorted(samples, key=lambda s: hashlib.sha256(s.id.encode()).hexdigest())[:MOST]


def words_read(bundle: Bundle, data: Path) -> Iterator[Read]:
    """The validation parts of the words' corpora."""
    spec = run.read_run_file(RECIPES / "words_everyday.toml")
    expert = Words(bundle)
    kinds: dict[str, list[Sample]] = {}
    for entry, samples in words.read_corpora(spec["data"], RECIPES / "tables", data):
        if valid := some([s for s in samples if s.split == "valid"]):
            corpus = entry["table"].removesuffix(".toml")
            kinds.setdefault(KINDS.get(corpus, corpus), []).extend(valid)
    for kind, valid in kinds.items():
        yield read(kind, valid, expert.read([s.text or "" for s in valid]))


def face_read(bundle: Bundle, data: Path) -> Iterator[Read]:
    """The faces set aside of FER2013's training part."""
    spec = run.read_run_file(RECIPES / "face.toml")
    samples = table.read_manifest(RECIPES / "tables" / spec["data"][0]["table"], data)
    finder, expert = FaceFinder(), Face(bundle)
    valid = some([samples[i] for i in face.divided(samples, spec["run"]["valid"])["valid"]])
    crops = [face.face_crop(decode_image(s.image), finder) for s in valid if s.image is not None]
    # Equal pictures share a group; the quality of a face does not change what is said of it.
    names = [hashlib.sha256(crop.tobytes()).hexdigest() for crop in crops]
    alike = [Sample(s.id, labels=s.labels, group=name) for s, name in zip(valid, names, strict=True)]
    yield read("faces", alike, expert.read(crops, [FaceQuality(48, 0.25, 1.0, 1.0)] * len(crops)))


def voice_read(bundle: Bundle, folder: Path) -> Iterator[Read]:
    """RAVDESS by networks that heard no clip of the actor, from the logits that training leaves in its run folder."""
    stored = np.load(folder / "oof-0.npz")
    scaling = {t: Temperature.from_dict(c) for t, c in voice_spec(bundle)["calibration"].items()}
    feelings = stored["truth"]
    sides = np.array([POLARITIES.index(POLARITY_OF[e]) if e in POLARITY_OF else -1 for e in EMOTIONS])[feelings]
    for kind, views in (("voices alone", slice(0, 1)), ("voices in windows", slice(1, None))):
        said = {task: np.concatenate([scaling[task].apply(x) for x in stored[task][views]]) for task in scaling}
        times = len(stored["emotions"][views])
        yield Read(
            kind,
            np.tile(stored["actors"], times),
            said,
            {"polarity": np.tile(sides, times), "emotions": np.tile(feelings, times)},
        )


def voice_spec(bundle: Bundle) -> dict:
    """The voice expert that reads Whisper's states."""
    return bundle.spec["cues"]["voice"]["whisper-base"]


def post_vectors(bundle: Bundle, samples: list[Sample], faces: Path) -> dict[str, np.ndarray]:
    """What the joint readings take of posts: hidden vectors of words and scene, and what a face says."""
    found = []
    for start in range(0, len(samples), 16):
        pictures = [decode_image(s.image) for s in samples[start : start + 16] if s.image is not None]
        found.append(bundle.run(bundle.cues["scene"]["graph"], {"values": picture_tensor(pictures)})["hidden"])
    texts = [s.text or "" for s in samples]
    return {"words": posts.word_vectors(bundle, texts), "scene": np.concatenate(found), "face": np.load(faces)["face"]}


def posts_read(bundle: Bundle, data: Path, faces: Path) -> Iterator[tuple[str, Read]]:
    """Posts, by their picture and as a whole, out of fold."""
    spec = run.read_run_file(RECIPES / "posts.toml")
    samples = table.read_manifest(RECIPES / "tables" / spec["data"][0]["table"], data)
    vectors, labels = post_vectors(bundle, samples, faces), targets(samples)
    groups = [s.group or s.id for s in samples]
    truth = {"polarity": labels["polarity"].argmax(1), "emotions": np.full(len(samples), -1)}
    for name in ("picture", "post"):
        chosen = {m: vectors[m] for m in posts.TASKS[name]}
        with tempfile.TemporaryDirectory() as place:
            one = {**spec, "model": spec["heads"][name]}
            logits = posts.out_of_fold(one, chosen, labels, group_folds(groups, 5, 0), Path(place), name)
        scaling = Temperature.from_dict(bundle.spec["fusion"][name]["calibration"])
        yield name, Read("posts", np.array(groups), {"polarity": scaling.apply(logits)}, truth)


def fitted(parts: list[Read], task: str) -> Conformal:
    """The strictest threshold of the kinds' own, on their first halves."""
    found = [conformal.fit(p, y, COVERAGE) for p, y, _ in (part.of(task, "fit") for part in parts)]
    return Conformal(max(f.threshold for f in found), COVERAGE, sum(f.samples for f in found))


def verified(limit: Conformal, p: np.ndarray, y: np.ndarray, groups: np.ndarray, classes: tuple[str, ...]) -> dict:
    """Coverage, mean size, share of single classes and how often those are right, each with its interval."""
    inside = np.array([[c in limit.among(row, classes) for c in classes] for row in p])
    sure, right = top_label(p, y)

    def scores(inside: np.ndarray, y: np.ndarray, sure: np.ndarray, right: np.ndarray) -> dict[str, float]:
        single = inside.sum(1) == 1
        return {
            "coverage": float(inside[np.arange(len(y)), y].mean()),
            "size": float(inside.sum(1).mean()),
            "single": float(single.mean()),
            "right_where_single": float(right[single].mean()) if single.any() else float("nan"),
            "accuracy": float(right.mean()),
        }

    found = bootstrap.intervals(scores, inside, y, sure, right, clusters=groups, n=1000)
    # Drawing again adds noise to every bin: a bootstrap of the calibration error would say too much, so no interval.
    ece = round(expected_calibration_error(sure, right), 4)
    return {
        "n": len(y),
        "ece": ece,
        **{name: {k: round(v, 4) for k, v in i.to_dict().items()} for name, i in found.items()},
    }


def measured(parts: list[Read], task: str, limit: Conformal) -> dict:
    """The second halves: all together and each kind, and the table of the reliability diagram."""
    classes = POLARITIES if task == "polarity" else EMOTIONS
    halves = {part.kind: part.of(task, "check") for part in parts}
    whole = tuple(np.concatenate(columns) for columns in zip(*halves.values(), strict=True))
    return {
        "threshold": limit.threshold, "stated_coverage": limit.coverage, "fitted_on": limit.samples,
        "all": verified(limit, *whole, classes),
        "kinds": {name: verified(limit, *half, classes) for name, half in halves.items()},
        "reliability": reliability(*top_label(*whole[:2])).to_dict(),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("src/demeanor/assets/base"))
    parser.add_argument("--voice", type=Path, default=Path("runs/voice"), help="of recipes/voice.toml")
    parser.add_argument("--faces", type=Path, default=Path("runs/post-faces.npz"), help="of recipes/post_faces.py")
    parser.add_argument("--results", type=Path, default=Path("results/prediction-sets.json"))
    parser.add_argument("--plot", type=Path, default=Path("docs/reliability.png"))
    parser.add_argument("--only", default="words,face,voice,posts", help="the others stay as they were")
    args = parser.parse_args()
    bundle, only = Bundle(args.out), args.only.split(",")
    spec, results = bundle.spec, json.loads(args.results.read_text(encoding="utf-8")) if args.results.exists() else {}
    found: list[tuple[dict, str, list[Read]]] = []
    if "words" in only:
        found.append((spec["cues"]["words"], "words", [*words_read(bundle, args.data)]))
    if "face" in only:
        found.append((spec["cues"]["face"], "face", [*face_read(bundle, args.data)]))
    if "voice" in only:
        found.append((voice_spec(bundle), "voice", [*voice_read(bundle, args.voice)]))
    if "posts" in only:
        found += [(spec["fusion"][name], name, [part]) for name, part in posts_read(bundle, args.data, args.faces)]
    for place, name, parts in found:
        place["sets"] = {}
        for task in ("polarity", "emotions"):
            if labelled := [part for part in parts if (part.truth[task] >= 0).any()]:
                limit = fitted(labelled, task)
                place["sets"][task] = limit.to_dict()
                results[f"{name}: {task}"] = measured(labelled, task, limit)
    seal(args.out, {k: v for k, v in spec.items() if k not in ("schema", "files")})
    args.results.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    diagrams({title: found["reliability"] for title, found in results.items()}).savefig(args.plot, dpi=110)
    for title, found in results.items():
        for name, one in {"all": found["all"], **found["kinds"]}.items():
            spans = {k: v for k, v in one.items() if isinstance(v, dict)}
            said = "  ".join(f"{k} {v['value']:.3f} [{v['low']:.3f}, {v['high']:.3f}]" for k, v in spans.items())
            print(f"{title:16} {name:9} n {one['n']:5}  ece {one['ece']:.3f}  {said}")


if __name__ == "__main__":
    main()
