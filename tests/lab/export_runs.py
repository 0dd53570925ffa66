"""Tiny runs of the lab on media made here, for what is exported from them."""

import wave
from pathlib import Path

import cv2
import numpy as np
import pytest

from demeanor.cli import main
from demeanor.features.store import Store
from demeanor.training import lab
from demeanor.training.prepare import Prepared, prepare
from demeanor.training.run import provenance, save_arrays, write_json

TEXTS = ("I loved every minute of it", "what a waste of time", "it was fine I suppose", "never again", "so good")
TASKS = {"score": {"scale": 3.0}, "kind": {"classes": ["hot", "cold", "mild"]}}
ENCODERS = {
    "text": {"name": "text_words", "min_count": 1},
    "audio": {"name": "audio_mfcc", "hop": 1600, "n_mfcc": 6, "mels": 16},
    "visual": {"name": "visual_hog", "size": 32, "fps": 1.0},
}


def spec_of(table: str, name: str = "concat", **sections) -> dict:
    settings = {} if name == "concat" else {"preset": "tiny", "tasks": {"score": 1, "kind": 3}}
    settings |= {"limit": 3.0} if name == "tfn" else {}  # how far the scores go
    training = {"epochs": 2, "batch": 4, "precision": "float32", "threads": 1, "device": "cpu", "track": []}
    spec = {
        "run": {"name": name, "model": name},
        "data": {"dataset": "table", "root": table},
        "encoders": ENCODERS | {"text": {"name": "text_bag", "min_count": 1}},
        "tasks": TASKS,
        "model": settings,
        "training": training,
    }
    return {**spec, **sections}


def run_of(spec: dict, root: Path, folder: Path, store: Store, prepared: Prepared | None = None) -> Prepared:
    """Train into a folder, as `demeanor train` does, and keep what the lab says of both held-back parts."""
    run = lab.check(spec)
    folder.mkdir(parents=True)
    write_json(folder / "run.json", provenance(spec))
    prepared = prepared or prepare(run, root, store, say=lambda line: None)
    progress = lab.train(run, root, folder, store, lambda line: None, prepared)
    write_json(folder / "history.json", progress.history)
    model = lab.load(run, prepared, folder)
    for split in ("valid", "test"):
        part = getattr(prepared.parts, split)
        ids = np.array([prepared.samples[i].id for i in part])
        save_arrays(folder / f"{split}-predictions.npz", {**lab.predictions(run, prepared, model, part), "id": ids})
    return prepared


def table_of(folder: Path, media: list[dict[str, str]]) -> list[dict[str, str]]:
    """clips.csv: every third clip is for validation, every fourth for the test, labels are arbitrary."""
    rng = np.random.default_rng(3)
    lines = ["id,group,text,image,audio,video,label_score,label_kind,split"]
    rows = []
    for number, row in enumerate(media):
        split = ("train", "train", "valid", "test")[number % 4]
        full = {"text": "", "image": "", "audio": "", "video": "", **row}
        rows.append({k: v for k, v in row.items() if v} | {"id": str(number), "split": split})
        label = f"{rng.uniform(-1, 1):.2f},{('hot', 'cold', 'mild')[rng.integers(3)]}"
        lines.append(
            f"{number},{number},{full['text']},{full['image']},{full['audio']},{full['video']},{label},{split}"
        )
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return rows


def write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((samples * 32_000).astype("<i2").tobytes())


def media_of(folder: Path) -> list[dict[str, str]]:
    """Tones and patterns of our own, with sentences; some samples lack a part."""
    rng = np.random.default_rng(0)
    media = []
    for number in range(16):
        time = np.arange(16_000 + 800 * number) / 16_000
        tone = 0.3 * np.sin(2 * np.pi * (120 + 40 * number) * time) + 0.02 * rng.standard_normal(len(time))
        write_wav(folder / f"{number}.wav", tone)
        picture = cv2.resize(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8), (64, 48))
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        row = {"text": TEXTS[number % 5], "audio": f"{number}.wav", "image": f"{number}.png"}
        if number % 5 == 4:
            del row[("text", "audio", "image")[number % 3]]
        media.append(row)
    return table_of(folder, media)


def typed(*arguments: str) -> None:
    """Run a command of demeanor's, which must end well."""
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    assert not left.value.code, arguments
