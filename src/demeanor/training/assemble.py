"""Finished runs → the shipped bundle: graphs, calibration fitted on held-back parts, sha256 of each file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.bundle import seal
from demeanor.calibration import temperature
from demeanor.calibration.domain import Domain
from demeanor.calibration.pool import PoolRule
from demeanor.encoders.visual_face import SIZE
from demeanor.fusion.concat import Concat
from demeanor.fusion.concat import Config as ConcatConfig
from demeanor.fusion.image_cnn import Config as FaceConfig
from demeanor.fusion.image_cnn import ImageCnn
from demeanor.training import posts, voice, words
from demeanor.training.data import Rows
from demeanor.training.export import DenseGraph, TextGraph, export
from demeanor.training.loop import predict
from demeanor.weights import WEIGHTS

PICTURE_PRIOR = (0.25, 0.5, 0.25)
"""What a picture says before it is looked at. The labelled posts are 60 % positive because people post what they like;
where a scene stands beside other cues, or in a film, it is taken to be neutral rather than glad, so the posts' shares
are divided out. The joint readings of a post and of a picture by itself keep them."""


def calibrated(logits: Mapping[str, NDArray[np.float32]], labels: Mapping[str, NDArray[np.float32]]) -> dict[str, Any]:
    """A temperature per task, from logits of rows that were held back: {"polarity": …, "emotions": …}."""
    found = {}
    for task in ("polarity", "emotions"):
        target = labels[task]
        single = ~np.isnan(target).any(1) & (np.nan_to_num(target).max(1) > 0.99) & (np.nan_to_num(target) >= 0).all(1)
        found[task] = temperature.fit(logits[task][single], target[single].argmax(1)).to_dict()
    return found


def words_cue(run: Path, folder: Path, valid: list[tuple[Any, Rows]]) -> dict[str, Any]:
    """words.onnx and tokenizer.json of a finished words run."""
    spec = json.loads((run / "run.json").read_text())["config"]
    start = Path(spec["run"]["start"])
    model = words.build(spec)
    model.load_state_dict(torch.load(run / "best.pt", map_location="cpu", weights_only=True))
    packed = np.load(start / "words_q4.npz")
    graph = TextGraph(model.eval(), torch.from_numpy(packed["packed"]), torch.from_numpy(packed["scales"]))
    ids, mask = torch.ones(2, 7, dtype=torch.int64), torch.ones(2, 7, dtype=torch.bool)
    axes = {"ids": {0: "batch", 1: "time"}, "valid": {0: "batch", 1: "time"}}
    export(graph, (ids, mask), ("ids", "valid"), axes, folder / "words.onnx")
    shutil.copyfile(start / "tokenizer.json", folder / "tokenizer.json")
    logits = [predict(model, rows) for _, rows in valid]
    joined = {t: np.concatenate([found[t] for found in logits]) for t in ("polarity", "emotions")}
    labels = {t: np.concatenate([rows.labels[t] for _, rows in valid]) for t in ("polarity", "emotions")}
    return {
        "graph": "words.onnx",
        "tokenizer": "tokenizer.json",
        "max_tokens": spec["run"]["max_tokens"],
        "languages": ["en", "zh"],
        "other_languages": 0.8,
        "calibration": calibrated(joined, labels),
    }


def face_cue(run: Path, folder: Path, valid: Rows) -> dict[str, Any]:
    """face.onnx of a finished face run."""
    from demeanor.training.face import mirrored

    spec = json.loads((run / "run.json").read_text())["config"]
    model = ImageCnn(FaceConfig(**spec.get("model", {})))
    model.load_state_dict(torch.load(run / "best.pt", map_location="cpu", weights_only=True))
    example = (torch.zeros(2, 1, SIZE, SIZE),)
    export(
        DenseGraph(model.eval(), "visual"),
        example,
        ("values",),
        {"values": {0: "batch"}},
        folder / "face.onnx",
    )
    return {
        "graph": "face.onnx",
        "crop_size": SIZE,
        "calibration": calibrated(mirrored(model, valid), valid.labels),
    }


def voice_cue(run: Path, folder: Path, graph: str) -> dict[str, Any]:
    """One voice expert: its graph, and calibration on out-of-fold logits of all views and seeds."""
    spec = json.loads((run / "run.json").read_text())["config"]
    model = voice.load(spec, run)
    dim, encoder = spec["model"]["dim"], spec["run"]["encoder"]
    example = (torch.zeros(2, 60, dim), torch.ones(2, 60, dtype=torch.bool))
    axes = {"values": {0: "batch", 1: "time"}, "valid": {0: "batch", 1: "time"}}
    export(DenseGraph(model, "audio"), example, ("values", "valid"), axes, folder / graph)
    calibration = {}
    for task, classes in (("emotions", 7), ("polarity", 3)):
        logits, truth = _out_of_fold(run, task, classes)
        calibration[task] = temperature.fit(logits, truth).to_dict()
    cue = {"graph": graph, "dim": dim, "calibration": calibration} | _domain(run)
    return cue | ({"sha256": WEIGHTS[encoder].editions[0].sha256} if encoder in WEIGHTS else {})


FOREIGN, LEAST = 1.1, 0.4
"""Times the usual distance, and what is trusted of a voice beyond: choices. That real and synthetic speech of other
sentences than the training data's two lies 1.05 to 1.5 times the usual distance away is all that was measured."""


def _domain(run: Path) -> dict[str, Any]:
    """How far actors that were held back are from the others: 99 % of their clips, alone and in plain windows."""
    away = [np.load(path)["away"][[0, -1]] for path in run.glob("oof-*.npz") if "away" in np.load(path)]
    if not away:
        return {}
    usual = float(np.quantile(np.stack(away), 0.99))
    return {"domain": Domain(usual, FOREIGN * usual, LEAST).to_dict()}


def _out_of_fold(run: Path, task: str, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    logits, truths = [], []
    for path in sorted(run.glob("oof-*.npz")):
        stored = np.load(path)
        truth = stored["truth"]
        if task == "polarity":
            truth = np.array([0, 0, 0, 2, 0, -1, 1])[truth]
        for view in stored[task]:
            logits.append(view[truth >= 0])
            truths.append(truth[truth >= 0])
    return np.concatenate(logits).reshape(-1, classes), np.concatenate(truths)


class SceneGraph(nn.Module):
    """Picture (B, 3, H, W) → the scene head's tasks; hidden is the network's pooled features (B, 1280)."""

    def __init__(self, network: nn.Module, head: Concat) -> None:
        super().__init__()
        self.network, self.head = network, head

    def forward(self, values: Tensor) -> tuple[Tensor, ...]:
        """polarity, emotions, score, hidden."""
        x = self.network(values)
        tasks = self.head(_batch({"scene": x})).tasks
        return tasks["polarity"], tasks["emotions"], tasks["score"], x


class JointGraph(nn.Module):
    """Hidden vectors of words (B, 384), where they are read, and scene (B, 1280), and what a face says (B, 11)."""

    def __init__(self, head: Concat) -> None:
        super().__init__()
        self.head = head

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        """polarity, emotions, score, hidden."""
        output = self.head(_batch(dict(zip(self.head.config.dims, values, strict=True))))
        assert output.hidden is not None
        return output.tasks["polarity"], output.tasks["emotions"], output.tasks["score"], output.hidden


def _batch(values: Mapping[str, Tensor]) -> FeatureBatch:
    count = next(iter(values.values())).shape[0]
    return FeatureBatch(values, dict.fromkeys(values), {m: torch.ones(count, dtype=torch.bool) for m in values})


def post_heads(run: Path, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """scene.onnx, picture.onnx and post.onnx of a finished posts run: (scene cue, joint readings of `fusion`)."""
    spec = json.loads((run / "run.json").read_text())["config"]
    oof = np.load(run / "oof.npz")
    network = posts.backbone(Path(spec["run"]["imagenet"]))
    heads: dict[str, Concat] = {}
    for name, modalities in posts.TASKS.items():
        state = torch.load(run / name / "best.pt", map_location="cpu", weights_only=True)
        dims = {m: state[f"mean_{m}"].shape[0] for m in modalities}
        heads[name] = Concat(ConcatConfig(dims=dims, reads=True, **spec["heads"][name]))
        heads[name].load_state_dict(state)
    picture = (torch.zeros(2, 3, 224, 224),)
    graph = SceneGraph(network, heads["scene"])
    export(graph, picture, ("values",), {"values": {0: "batch"}}, folder / "scene.onnx")
    shares = np.bincount(oof["truth"], minlength=3) / len(oof["truth"])
    joint = {}
    for name in ("picture", "post"):
        dims = heads[name].config.dims
        vectors = tuple(torch.zeros(2, dim) for dim in dims.values())
        axes = {m: {0: "batch"} for m in dims}
        export(JointGraph(heads[name]), vectors, tuple(dims), axes, folder / f"{name}.onnx")
        calibration = temperature.fit(oof[name], oof["truth"]).to_dict()
        joint[name] = {"graph": f"{name}.onnx", "calibration": calibration, "prior": shares.tolist()}
    shift = np.log(PICTURE_PRIOR) - np.log(shares)
    polarity = temperature.fit(oof["scene"], oof["truth"]).to_dict() | {"bias": (shift - shift.mean()).tolist()}
    cue = {"graph": "scene.onnx", "calibration": {"polarity": polarity}, "prior": list(PICTURE_PRIOR)}
    return cue, joint


def assemble(
    folder: Path, name: str, cues: Mapping[str, Any], joint: Mapping[str, Any], rule: PoolRule, licence: str
) -> None:
    """Seal a folder of finished graphs as a bundle; `joint` holds the learned joint readings, `picture` and `post`."""
    fusion: dict[str, Any] = {"pool": rule.to_dict(), **joint}
    spec = {
        "name": name,
        "version": version("demeanor"),
        "licence": licence,
        "cues": dict(cues),
        "fusion": fusion,
    }
    seal(folder, spec)
