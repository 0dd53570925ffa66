"""What the face expert learns from: the `face` part of a run file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from demeanor.batch import FeatureBatch
from demeanor.datasets import table
from demeanor.encoders.visual_face import SIZE, face_tensor
from demeanor.fusion._model import Model
from demeanor.fusion.image_cnn import Config, ImageCnn
from demeanor.media.faces import FaceFinder, align
from demeanor.media.image import decode_image
from demeanor.training.data import Rows, targets
from demeanor.training.loop import Progress, Settings, arithmetic, device_of, fit, predict
from demeanor.training.run import save_arrays, write_json
from demeanor.training.words import class_weights, measure
from demeanor.types import Sample


def read_parts(spec: Mapping[str, Any], tables: Path, root: Path, cache: Path) -> dict[str, Rows]:
    """Rows of train and valid. Exact duplicates of test pictures leave train; groups of duplicates stay together.

    `valid` is a share (`run.valid`) of the training groups, by hash.
    """
    samples = table.read_manifest(tables / spec["data"][0]["table"], root)
    parts = divided(samples, spec["run"]["valid"])
    stack = aligned(samples, cache / "crops.npz")
    balance = float(spec["data"][0].get("balance", 0.0))
    return {name: rows_of([samples[i] for i in rows], stack[rows], balance) for name, rows in parts.items()}


def divided(samples: Sequence[Sample], valid: float) -> dict[str, list[int]]:
    """Row numbers of train and valid, `valid` a share of the groups of equal pictures; nothing of the test part."""
    keys = [hashlib.sha256(decode_image(s.image).tobytes()).hexdigest() for s in samples if s.image is not None]
    sealed = {key for key, sample in zip(keys, samples, strict=True) if sample.split == "test"}
    parts: dict[str, list[int]] = {"train": [], "valid": []}
    for row, (key, sample) in enumerate(zip(keys, samples, strict=True)):
        if sample.split != "test" and key not in sealed:
            parts["valid" if int(key[:8], 16) / 16**8 < valid else "train"].append(row)
    return parts


def aligned(samples: Sequence[Sample], cache: Path) -> NDArray[np.uint8]:
    """Every picture as the reader sees it, found and aligned: (N, SIZE, SIZE), computed once.

    A picture in which no face is found stays as it is, squeezed to the size.
    """
    if not cache.exists():
        finder = FaceFinder()
        made = [face_crop(decode_image(s.image), finder) for s in samples if s.image is not None]
        save_arrays(cache, {"crops": np.stack(made)})
    crops: NDArray[np.uint8] = np.load(cache)["crops"]
    return crops


def face_crop(picture: NDArray[np.uint8], finder: FaceFinder) -> NDArray[np.uint8]:
    """The largest face of an RGB picture as a grey crop (SIZE, SIZE)."""
    import cv2

    found = finder.find(picture)
    if found:
        return align(picture, found[0], SIZE)
    return np.asarray(cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (SIZE, SIZE)), np.uint8)


def rows_of(samples: Sequence[Sample], crops: NDArray[np.uint8], balance: float) -> Rows:
    """Crops (N, SIZE, SIZE) as normalised rows."""
    labels = targets(samples)
    values = face_tensor(crops)
    return Rows(
        {"visual": values},
        labels,
        class_weights(labels, balance),
        [s.id for s in samples],
        ["face"] * len(samples),
    )


def augment(batch: FeatureBatch, generator: torch.Generator) -> FeatureBatch:
    """Flip, turn, scale, shift, blur or coarsen, lighten and hide parts of each face."""
    x = batch.values["visual"]
    count, side = len(x), x.shape[-1]

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return _uniform(x, generator, low, high, *shape)

    angle, scale, flip = uniform(-0.2, 0.2), uniform(0.85, 1.15), (uniform(0, 1) < 0.5) * -2.0 + 1.0
    cos, sin = angle.cos() / scale, angle.sin() / scale
    shift = uniform(-0.1, 0.1, 2)
    matrix = torch.stack([cos * flip, -sin, shift[:, 0], sin * flip, cos, shift[:, 1]], 1).view(count, 2, 3)
    grid = F.affine_grid(matrix, [count, 1, side, side], align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    coarse = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2.0, mode="bilinear")
    x = torch.where((uniform(0, 1) < 0.15).view(-1, 1, 1, 1), coarse, x)
    slope = torch.linspace(-1, 1, side, device=x.device)
    light = uniform(-0.5, 0.5, 1, 1, 1) * slope + uniform(-0.5, 0.5, 1, 1, 1) * slope[:, None]
    x = x * uniform(0.8, 1.2, 1, 1, 1) + light
    x = _erase(x, uniform(0, 1, 2), uniform(0.1, 0.35), uniform(0, 1) < 0.4)
    return replace(batch, values={"visual": x})


def _uniform(like: Tensor, generator: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    """Numbers for every picture, drawn on the CPU: the same on every device."""
    drawn = torch.rand(len(like), *shape, generator=generator) * (high - low) + low
    return drawn.to(like.device, non_blocking=True)


def _erase(x: Tensor, centre: Tensor, side: Tensor, chosen: Tensor) -> Tensor:
    """Rectangles of zeros (the mean grey) in the chosen pictures."""
    place = torch.linspace(0, 1, x.shape[-1], device=x.device)
    inside = ((place[None] - centre[:, :1]).abs() < side[:, None] / 2)[:, None, :] & (
        (place[None] - centre[:, 1:]).abs() < side[:, None] / 2
    )[:, :, None]
    return x.masked_fill((inside & chosen.view(-1, 1, 1))[:, None], 0.0)


def mix(batch: FeatureBatch, generator: torch.Generator, share: float) -> FeatureBatch:
    """Lay another face of the batch over that share of the faces, half transparent at the most; labels blend likewise.

    Paper: Zhang et al. 2018 (mixup).
    """
    x = batch.values["visual"]
    order = torch.randperm(len(x), generator=generator).to(x.device)
    other = _uniform(x, generator, 0, 0.5) * (_uniform(x, generator, 0, 1) < share)
    blend = other.view(-1, 1, 1, 1)
    labels = {
        t: y if t == "weight" else torch.lerp(y, y[order], other.view(-1, *[1] * (y.ndim - 1)))
        for t, y in batch.labels.items()
    }
    return replace(batch, values={"visual": torch.lerp(x, x[order], blend)}, labels=labels)


@torch.no_grad()
def taught(batch: FeatureBatch, teachers: Sequence[Model], share: float) -> FeatureBatch:
    """Labels blended with what the teachers say of the very same pictures.

    Paper: Hinton et al. 2015 (distillation); Beyer et al. 2022 (teachers see what the pupil sees).
    """
    labels = dict(batch.labels)
    device = batch.values["visual"].device
    with arithmetic(device, "bfloat16"):
        said = [teacher(batch).tasks for teacher in teachers]
    for task in ("emotions", "polarity"):
        mean = torch.stack([tasks[task].float().softmax(1) for tasks in said]).mean(0)
        labels[task] = torch.lerp(labels[task], mean, share)
    return replace(batch, labels=labels)


def mirrored(model: Model, rows: Rows) -> dict[str, NDArray[np.float32]]:
    """Predictions as the reader makes them: the mean of a face and its mirror image."""
    values = rows.values["visual"]
    assert isinstance(values, np.ndarray)
    other = Rows({"visual": values[..., ::-1].copy()}, rows.labels, rows.weight)
    first, second = predict(model, rows, 256), predict(model, other, 256)
    return {task: (first[task] + second[task]) / 2 for task in first}


def load(folder: Path) -> Model:
    """The trained network of a run folder."""
    spec = json.loads((folder / "run.json").read_text(encoding="utf-8"))["config"]
    model = ImageCnn(Config(**spec.get("model", {})))
    model.load_state_dict(torch.load(folder / "best.pt", map_location="cpu", weights_only=True))
    model.to(memory_format=torch.channels_last).eval()
    return model


def train(spec: Mapping[str, Any], tables: Path, root: Path, folder: Path) -> Progress:
    """Train the face expert."""
    return learn(spec, read_parts(spec, tables, root, folder), folder)


def learn(spec: Mapping[str, Any], parts: Mapping[str, Rows], folder: Path) -> Progress:
    """Train on the rows `train`, measure on `valid`.

    `run.mix` is the share of faces blended with another; `run.teachers` are run folders of finished face experts, whose
    word counts `run.taught` against the label's.
    """
    run, settings = spec["run"], Settings(**spec["training"])
    model = ImageCnn(Config(**spec.get("model", {}))).to(memory_format=torch.channels_last)
    teachers = [load(Path(name)).to(device_of(settings.device)) for name in run.get("teachers", ())]

    def score(model: Model) -> dict[str, float]:
        scores = measure(mirrored(model, parts["valid"]), parts["valid"])
        write_json(folder / "valid.json", scores)
        return {"score": scores["emotions_accuracy"], "macro_f1": scores["emotions_macro_f1"]}

    def varied(batch: FeatureBatch, generator: torch.Generator, epoch: int) -> FeatureBatch:
        batch = mix(augment(batch, generator), generator, run.get("mix", 0.0))
        return taught(batch, teachers, run["taught"]) if teachers else batch

    return fit(model, lambda epoch: parts["train"], score, settings, folder, varied)
