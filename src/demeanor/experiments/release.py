"""Scores of a release candidate on the sealed test parts, read once: records, and the tables of the card.

    python -m demeanor.experiments.release BUNDLE --data DIR --tables recipes/tables --out results/records.jsonl

Each test row is read by the bundle as a user's text would be (ONNX, calibrated), and each line says when. Intervals are
95 %, bootstrapped over the clusters named (videos, dialogues, duplicate groups, actors).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.bundle import Bundle
from demeanor.calibration import temperature
from demeanor.datasets import table
from demeanor.experiments import records
from demeanor.media.face_crop import FaceQuality
from demeanor.media.faces import FaceFinder
from demeanor.media.image import decode_image
from demeanor.media.language import detect_language
from demeanor.metrics import bootstrap, calibration, classification, regression
from demeanor.reader.cues.face import Face
from demeanor.reader.cues.words import Words
from demeanor.training.face import face_crop
from demeanor.training.measure import SIDED
from demeanor.training.run import commit
from demeanor.types import EMOTIONS, POLARITIES, Evidence, Sample

Array = NDArray[Any]

FEWEST = 50
"""Samples on either side of a gap, for it to be told."""


def words_scores(words: Words, manifest: Path, root: Path, split: str, protocol: str) -> list[dict[str, Any]]:
    """One record per labelled task of one test part, with the constant-prediction floor beside it."""
    samples = [s for s in table.read_manifest(manifest, root) if s.split == split and s.text]
    evidence = words.read([s.text or "" for s in samples])
    clusters = np.array([s.group or s.id for s in samples])
    name = manifest.stem.split("_")[0]
    out = []
    if "score" in samples[0].labels:
        out.append(_intensity(name, protocol, samples, evidence, clusters))
    for task, classes in (("polarity", POLARITIES), ("emotions", EMOTIONS)):
        rows = [i for i, s in enumerate(samples) if "," not in str(s.labels.get(task, ",")) and task in s.labels]
        if rows:
            chosen = [samples[i] for i in rows]
            said, sides = [evidence[i] for i in rows], by_text([s.text or "" for s in chosen])
            out.append(_classes(name, protocol, task, classes, chosen, said, clusters[rows], sides))
    return out


def _intensity(
    name: str, protocol: str, samples: Sequence[Sample], evidence: Sequence[Evidence], clusters: Array
) -> dict[str, Any]:
    truth = np.array([float(s.labels["score"]) * 3 for s in samples])
    guess = np.array([e.score * 3 for e in evidence])

    def value(key: str, p: Array, y: Array) -> float:
        return float(regression.mosi(p, y)[key])

    keys = ("mae", "corr", "acc7", "has0_acc2", "non0_acc2")
    metrics = {k: bootstrap.interval(partial(value, k), guess, truth, clusters=clusters).to_dict() for k in keys}
    median = np.median(truth)
    side = median or np.sign(np.sign(truth).sum())  # a median of 0 is neither negative nor positive
    floor, sided = (regression.mosi(np.full_like(truth, v), truth) for v in (median, side))
    return {
        "dataset": name,
        "protocol": protocol,
        "task": "score",
        "n": len(truth),
        "metrics": metrics,
        "floor": floor | {k: sided[k] for k in SIDED},
    }


def _classes(
    name: str,
    protocol: str,
    task: str,
    classes: Sequence[str],
    samples: Sequence[Sample],
    evidence: Sequence[Evidence],
    clusters: Array,
    sides: Mapping[str, Array],
) -> dict[str, Any]:
    """`sides`: gaps → which samples are on their first side."""
    truth = np.array([classes.index(str(s.labels[task])) for s in samples])
    present = sorted(set(truth.tolist()))
    p = np.stack([e.polarity if task == "polarity" else e.emotions for e in evidence])[:, present]
    p = p / p.sum(1, keepdims=True)
    guess = np.array(present)[p.argmax(1)]
    measures: dict[str, Callable[[Array, Array], float]] = {
        "accuracy": classification.accuracy,
        "macro_f1": partial(classification.macro_f1, classes=present),
        "weighted_f1": partial(classification.weighted_f1, classes=present),
        "macro_recall": partial(classification.uar, classes=present),
    }
    metrics: dict[str, Any] = {
        k: bootstrap.interval(m, truth, guess, clusters=clusters).to_dict() for k, m in measures.items()
    }
    for gap, inside in sides.items():
        if not FEWEST <= inside.sum() <= len(truth) - FEWEST:
            continue
        metrics[gap] = bootstrap.interval(_gap, truth, guess, inside, clusters=clusters).to_dict()
    sure, right = calibration.top_label(p, np.searchsorted(present, truth))
    metrics["ece"] = {"value": calibration.expected_calibration_error(sure, right)}
    constant = np.full_like(truth, np.bincount(truth).argmax())
    floor = {k: float(m(truth, constant)) for k, m in measures.items()}
    return {
        "dataset": name,
        "protocol": protocol,
        "task": task,
        "n": len(truth),
        "metrics": metrics,
        "floor": floor,
    }


def by_text(texts: Sequence[str]) -> dict[str, Array]:
    """Long texts against short ones, Chinese ones against others."""
    length = np.array([len(t.encode()) for t in texts])  # bytes: a Chinese character says as much as some letters
    return {
        "gap_long": length > np.median(length),
        "gap_chinese": np.array([detect_language(t) == "zh" for t in texts]),
    }


def by_light(pictures: Sequence[Array]) -> dict[str, Array]:
    """Dark pictures against light ones, by their mean grey, which is no proxy for anybody's skin."""
    light = np.array([p.mean() for p in pictures])
    return {"gap_dark": light < np.median(light)}


def _gap(truth: Array, guess: Array, inside: Array) -> float:
    """Accuracy of the samples inside minus that of the others."""
    right = truth == guess
    return float(right[inside].mean() - right[~inside].mean())


def face_score(bundle: Bundle, manifest: Path, root: Path) -> dict[str, Any]:
    """FER2013 validation, each picture found and aligned as a tight face; training held no exact duplicate of one."""
    samples = [s for s in table.read_manifest(manifest, root) if s.split == "test"]
    finder, pictures = FaceFinder(), [decode_image(s.image) for s in samples if s.image is not None]
    crops = [face_crop(p, finder) for p in pictures]
    evidence = Face(bundle).read(crops, [FaceQuality(48.0, 0.5, 1.0, 0.5)] * len(crops))
    clusters = np.array([hashlib.sha256(p.tobytes()).hexdigest() for p in pictures])
    protocol, sides = "validation part, tight crops", by_light(pictures)
    return _classes("fer2013", protocol, "emotions", EMOTIONS, samples, evidence, clusters, sides)


def voice_scores(run: Path) -> list[dict[str, Any]]:
    """Out-of-fold scores of a voice run, one per seed: clips alone, and cut from longer windows, plain and disturbed.

    Each by sex too: RAVDESS numbers its men odd and its women even.
    """
    out = []
    for path in sorted(run.glob("oof-*.npz")):
        stored = np.load(path)
        truth, actors = stored["truth"], stored["actors"]
        uar = partial(classification.uar, classes=range(7))
        metrics: dict[str, Any] = {}
        alone, *noisy, windows = (logits.argmax(1) for logits in stored["emotions"])
        heard = {"alone": [alone], "windows": [windows], "noisy_windows": noisy}
        women = actors.astype(int) % 2 == 0
        for name, guesses in heard.items():
            for who, own in (("", np.full(len(truth), True)), ("_women", women), ("_men", ~women)):
                y, people = (np.tile(x[own], len(guesses)) for x in (truth, actors))
                guess = np.concatenate([g[own] for g in guesses])
                metrics[f"uar_{name}{who}"] = bootstrap.interval(uar, y, guess, clusters=people).to_dict()
        record = {
            "split": "out of fold",
            "dataset": "ravdess",
            "protocol": "five folds over 20 actors, sexes balanced, 7 classes (calm = neutral)",
        }
        floor = {"uar": 1 / 7}
        seed = int(path.stem.split("-")[1])
        out.append({**record, "task": "emotions", "n": len(truth), "metrics": metrics, "floor": floor, "cv_seed": seed})
    return out


def posts_scores(run: Path) -> list[dict[str, Any]]:
    """Out-of-fold scores of a posts run: words, scene, scene and face, all three, and how these differ from words."""
    stored = np.load(run / "oof.npz")
    truth, groups, folds = stored["truth"], stored["groups"], stored["folds"]
    macro = partial(classification.macro_f1, classes=range(3))
    out = []
    for name in ("words", "scene", "picture", "post"):
        logits = stored[name]
        guess = logits.argmax(1)
        metrics: dict[str, Any] = {
            "accuracy": bootstrap.interval(classification.accuracy, truth, guess, clusters=groups).to_dict(),
            "macro_f1": bootstrap.interval(macro, truth, guess, clusters=groups).to_dict(),
            "recall_neutral": {"value": float((guess[truth == 1] == 1).mean())},
        }
        p = np.zeros(logits.shape)
        for fold in np.unique(folds):  # each fold's temperature comes from the other folds
            held = folds == fold
            p[held] = temperature.fit(logits[~held], truth[~held]).apply(logits[held])
        sure, right = calibration.top_label(p, truth)
        metrics["ece"] = {"value": calibration.expected_calibration_error(sure, right)}
        metrics["brier"] = {"value": calibration.brier(p, truth)}
        metrics["log_loss"] = {"value": calibration.log_loss(p, truth)}
        if name == "post":
            words = stored["words"].argmax(1)
            difference = bootstrap.paired_difference(classification.accuracy, guess, words, truth, groups)
            metrics["accuracy_minus_words"] = difference.to_dict()
        floor = {"accuracy": float(np.bincount(truth).max() / len(truth))}
        record = {
            "split": "out of fold",
            "dataset": "posts",
            "protocol": "five folds by duplicate group, out of fold",
            "task": f"polarity ({name})",
        }
        out.append({**record, "n": len(truth), "metrics": metrics, "floor": floor})
    return out


WORDS = (
    ("mosi_std", "test", "std_split test"),
    ("meld_test", "test", "test"),
    ("goemotions_dev", "test", "dev, single-label rows"),
    ("tweets", "test", "12 % by duplicate group"),
    ("weibo", "test", "20 % by duplicate group"),
    ("everyday", "valid", "our own sentences, those of writers held back"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Score a bundle and append the records."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", type=Path, default=Path("recipes/tables"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", default="words,face,voice,posts")
    parser.add_argument("--out", type=Path, default=Path("results/records.jsonl"))
    args = parser.parse_args(arguments)
    bundle = Bundle(args.bundle)
    only = args.only.split(",")
    for model, encoder, record in _records(bundle, args, only):
        records.append(stamp(record, model, [encoder], bundle), args.out)
        shown = {k: round(v["value"], 4) for k, v in record["metrics"].items()}
        print(record["dataset"], record["task"], record["n"], shown, file=sys.stderr)


def _records(
    bundle: Bundle, args: argparse.Namespace, only: Sequence[str]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(model, encoder, record), one after the other."""
    if "words" in only:
        words = Words(bundle)
        for stem, split, protocol in WORDS:
            for record in words_scores(words, args.tables / f"{stem}.toml", args.data, split, protocol):
                yield "text_transformer", "text_tokens", {**record, "split": split}
    if "face" in only:
        yield "image_cnn", "visual_face", face_score(bundle, args.tables / "fer2013.toml", args.data)
    if "voice" in only:
        for folder, encoder in (("voice", "audio_states"), ("voice-logmel", "audio_logmel")):
            for record in voice_scores(args.runs / folder):
                yield "audio_cnn", encoder, record
    if "posts" in only:
        for record in posts_scores(args.runs / "posts"):
            yield "concat", "text_tokens+visual_picture+visual_face", record


def stamp(record: Mapping[str, Any], model: str, encoders: Sequence[str], bundle: Bundle) -> dict[str, Any]:
    """A record with what is needed to make it again."""
    return {
        "split": "test",
        **record,
        "model": model,
        "encoders": list(encoders),
        "seed": 0,
        "bundle": bundle.name,
        "files": {k: v[:12] for k, v in bundle.spec["files"].items() if k.endswith(".onnx")},
        # What it took to train was not written down: a candidate comes of several runs.
        "params": None,
        "seconds_per_epoch": None,
        "peak_mb": None,
        "command": "python -m demeanor.experiments.release " + " ".join(sys.argv[1:]),
        "commit": commit(),
        "version": bundle.spec["version"],
        "test_read_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


if __name__ == "__main__":
    main()
