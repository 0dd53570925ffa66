"""What the face expert learns from: the `face` part of a run file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
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
from demeanor.media.image import decode_image
from demeanor.training.data import Rows, targets
from demeanor.training.loop import Progress, Settings, fit, predict
from demeanor.training.run import write_json
from demeanor.training.words import class_weights, measure
from demeanor.types import Sample


def read_parts(spec: Mapping[str, Any], tables: Path, root: Path) -> dict[str, Rows]:
    """Rows of train, valid and test. Exact duplicates of test pictures leave train; groups of duplicates stay together.

    `valid` is a share (`run.valid`) of the training groups, by hash; the test part is only read by `score_test`.
    """
    samples = table.read(tables / spec["data"][0]["table"], root)
    crops = [grey(sample) for sample in samples]
    keys = [hashlib.sha256(crop.tobytes()).hexdigest() for crop in crops]
    sealed = {key for key, sample in zip(keys, samples, strict=True) if sample.split == "test"}
    parts: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for row, (key, sample) in enumerate(zip(keys, samples, strict=True)):
        if sample.split == "test":
            parts["test"].append(row)
        elif key not in sealed:
            share = int(key[:8], 16) / 16**8
            parts["valid" if share < spec["run"]["valid"] else "train"].append(row)
    stack = np.stack(crops)
    balance = float(spec["data"][0].get("balance", 0.0))
    return {name: rows_of([samples[i] for i in rows], stack[rows], balance) for name, rows in parts.items()}


def grey(sample: Sample) -> NDArray[np.uint8]:
    """A picture of the set as grey (SIZE, SIZE)."""
    assert sample.image is not None
    rgb = decode_image(sample.image)
    return np.ascontiguousarray(rgb[..., 0]) if rgb.shape[:2] == (SIZE, SIZE) else _resized(rgb)


def _resized(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    grey_picture: NDArray[np.uint8] = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (SIZE, SIZE))
    return grey_picture


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
    count = len(x)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) * (high - low) + low

    angle, scale, flip = uniform(-0.3, 0.3), uniform(0.85, 1.2), (uniform(0, 1) < 0.5) * -2.0 + 1.0
    cos, sin = angle.cos() / scale, angle.sin() / scale
    shift = uniform(-0.16, 0.16, 2)
    matrix = torch.stack([cos * flip, -sin, shift[:, 0], sin * flip, cos, shift[:, 1]], 1).view(count, 2, 3)
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    coarse = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2.0, mode="bilinear")
    x = torch.where((uniform(0, 1) < 0.15).view(-1, 1, 1, 1), coarse, x)
    slope = torch.linspace(-1, 1, x.shape[-1])
    light = uniform(-0.5, 0.5, 1, 1, 1) * slope + uniform(-0.5, 0.5, 1, 1, 1) * slope[:, None]
    x = x * uniform(0.8, 1.2, 1, 1, 1) + light
    x = _erase(x, uniform(0, 1, 2), uniform(0.15, 0.4), uniform(0, 1) < 0.4)
    return FeatureBatch({"visual": x}, batch.valid, batch.present, batch.labels, batch.index)


def _erase(x: Tensor, centre: Tensor, side: Tensor, chosen: Tensor) -> Tensor:
    """Rectangles of zeros (the mean grey) in the chosen pictures."""
    place = torch.linspace(0, 1, x.shape[-1])
    inside = ((place[None] - centre[:, :1]).abs() < side[:, None] / 2)[:, None, :] & (
        (place[None] - centre[:, 1:]).abs() < side[:, None] / 2
    )[:, :, None]
    return x.masked_fill((inside & chosen.view(-1, 1, 1))[:, None], 0.0)


def mirrored(model: Model, rows: Rows) -> dict[str, NDArray[np.float32]]:
    """Predictions as the reader makes them: the mean of a face and its mirror image."""
    values = rows.values["visual"]
    assert isinstance(values, np.ndarray)
    other = Rows({"visual": values[..., ::-1].copy()}, rows.labels, rows.weight)
    first, second = predict(model, rows, 256), predict(model, other, 256)
    return {task: (first[task] + second[task]) / 2 for task in first}


def train(spec: Mapping[str, Any], tables: Path, root: Path, folder: Path) -> Progress:
    """Train the face expert."""
    settings = Settings(**spec["training"])
    parts = read_parts(spec, tables, root)
    model = ImageCnn(Config(**spec.get("model", {}))).to(memory_format=torch.channels_last)

    def score(model: Model) -> dict[str, float]:
        scores = measure(mirrored(model, parts["valid"]), parts["valid"])
        write_json(folder / "valid.json", scores)
        return {"score": scores["emotions_accuracy"], "macro_f1": scores["emotions_macro_f1"]}

    return fit(model, lambda epoch: parts["train"], score, settings, folder, augment)
