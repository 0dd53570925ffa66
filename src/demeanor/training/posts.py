"""What scene and the joint reading of posts learn from: the `posts` part of a run file.

Frozen features – the words expert's hidden vector, an ImageNet network's pooled features, what the face expert says –
and small heads on them, judged out of fold with duplicates (same text or same picture) kept together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from demeanor.bundle import Bundle
from demeanor.datasets import table
from demeanor.encoders.text_tokens import TextTokens, pad
from demeanor.encoders.visual_picture import picture_tensor
from demeanor.errors import DataError
from demeanor.fusion.concat import Concat, Config
from demeanor.layers.efficientnet_lite import EfficientNetLite0
from demeanor.media.image import decode_image
from demeanor.training.data import Rows, targets
from demeanor.training.folds import group_folds
from demeanor.training.loop import Progress, Settings, fit, predict
from demeanor.training.run import save_arrays, write_json
from demeanor.types import Sample

TASKS = {
    "words": ("words",), "scene": ("scene",), "picture": ("scene", "face"), "post": ("words", "scene", "face"),
}  # fmt: skip
"""Heads by the modalities they read; `words` is there to be compared with."""


def backbone(weights: Path) -> EfficientNetLite0:
    """EfficientNet-Lite0 with the packaged ImageNet weights."""
    model = EfficientNetLite0()
    state = torch.load(weights, map_location="cpu", weights_only=True)
    model.load_state_dict({k: v for k, v in state.items() if not k.startswith("_fc")})
    model.eval()
    return model


@torch.inference_mode()
def scene_features(samples: Sequence[Sample], model: EfficientNetLite0) -> NDArray[np.float32]:
    """Pooled features (N, 1280) of the samples' pictures."""
    model = model.to(memory_format=torch.channels_last)
    parts = []
    for start in range(0, len(samples), 32):
        pictures = [decode_image(s.image) for s in samples[start : start + 32] if s.image is not None]
        x = torch.from_numpy(picture_tensor(pictures)).to(memory_format=torch.channels_last)
        parts.append(model(x).numpy())
    return np.concatenate(parts)


def word_vectors(bundle: Bundle, texts: Sequence[str]) -> NDArray[np.float32]:
    """The words expert's hidden vectors (N, 384), through the graph that the reader runs."""
    cue = bundle.cues["words"]
    ids = TextTokens(bundle.file(cue["tokenizer"]), cue["max_tokens"]).encode(texts)
    parts = []
    for start in range(0, len(ids), 32):
        padded, valid = pad(ids[start : start + 32])
        parts.append(bundle.run(cue["graph"], {"ids": padded, "valid": valid})["hidden"])
    return np.concatenate(parts)


def features(spec: Mapping[str, Any], samples: Sequence[Sample], folder: Path) -> dict[str, NDArray[np.float32]]:
    """The feature sets, kept in the run folder; the words' go with the bundle they come from.

    `face` is what recipes/post_faces.py wrote, whose first number says whether there is one.
    """
    words = Bundle(Path(spec["run"]["words"]))
    path = folder / f"features-{words.spec['files']['words.onnx'][:12]}.npz"
    if not path.exists():
        found = {
            "words": word_vectors(words, [s.text or "" for s in samples]),
            "scene": scene_features(samples, backbone(Path(spec["run"]["imagenet"]))),
        }
        save_arrays(path, found)
    stored = np.load(path)
    faces = np.load(spec["run"]["faces"])["face"]
    if len(faces) != len(samples):
        raise DataError(f"{spec['run']['faces']}: expected {len(samples)} rows, got {len(faces)}; make it anew")
    return {**{name: stored[name] for name in ("words", "scene")}, "face": faces}


def learn(
    spec: Mapping[str, Any],
    vectors: Mapping[str, NDArray[np.float32]],
    labels: Mapping[str, NDArray[np.float32]],
    folder: Path,
    epochs_folder: str,
) -> tuple[Concat, Progress]:
    """One head on the given modalities."""
    settings = Settings(**spec["training"])
    torch.manual_seed(settings.seed)
    model = Concat(Config(dims={m: v.shape[1] for m, v in vectors.items()}, reads=True, **spec.get("model", {})))
    model.standardise({m: torch.from_numpy(v) for m, v in vectors.items()})
    rows = rows_of(vectors, labels)
    quiet = lambda line: None  # noqa: E731 - a head trains in seconds
    progress = fit(model, lambda epoch: rows, lambda model: {"score": 0.0}, settings, folder / epochs_folder, say=quiet)
    return model, progress


def rows_of(vectors: Mapping[str, NDArray[np.float32]], labels: Mapping[str, NDArray[np.float32]]) -> Rows:
    """Dense vectors as rows."""
    return Rows(dict(vectors), dict(labels), np.ones(len(labels["score"]), np.float32))


def out_of_fold(
    spec: Mapping[str, Any],
    vectors: Mapping[str, NDArray[np.float32]],
    labels: Mapping[str, NDArray[np.float32]],
    folds: NDArray[np.int64],
    folder: Path,
    name: str,
) -> NDArray[np.float32]:
    """Polarity logits (N, 3), each row's from a head that saw no row of its fold."""
    out = np.zeros((len(folds), 3), np.float32)
    for fold in np.unique(folds):
        held = folds == fold
        kept = {m: v[~held] for m, v in vectors.items()}
        model, _ = learn(spec, kept, {t: y[~held] for t, y in labels.items()}, folder, f"{name}-{fold}")
        tested = rows_of({m: v[held] for m, v in vectors.items()}, {t: y[held] for t, y in labels.items()})
        out[held] = predict(model, tested, 512)["polarity"]
    return out


def train(spec: Mapping[str, Any], tables: Path, root: Path, folder: Path) -> Progress:
    """Out-of-fold logits of each head into oof.npz, then each head on all posts into NAME/best.pt."""
    samples = table.read_manifest(tables / spec["data"][0]["table"], root)
    labels = targets(samples)
    vectors = features(spec, samples, folder)
    groups = [s.group or s.id for s in samples]
    folds = group_folds(groups, 5, 0)
    truth = labels["polarity"].argmax(1)
    found: dict[str, NDArray[Any]] = {
        "truth": truth,
        "folds": folds,
        "groups": np.array(groups),
    }
    progress = Progress()
    for name, modalities in TASKS.items():
        chosen = {m: vectors[m] for m in modalities}
        one = {**spec, "model": spec["heads"][name]}
        found[name] = out_of_fold(one, chosen, labels, folds, folder, name)
        print(f"{name}  accuracy {(found[name].argmax(1) == truth).mean():.4f}")
        _, progress = learn(one, chosen, labels, folder, name)
    save_arrays(folder / "oof.npz", found)
    write_json(folder / "valid.json", {n: float((found[n].argmax(1) == truth).mean()) for n in TASKS})
    return progress
