"""What the words expert learns from, and how well it does: the `words` part of a run file."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from demeanor.datasets import table
from demeanor.encoders.text_tokens import TextTokens
from demeanor.errors import ConfigError
from demeanor.fusion._model import Model
from demeanor.fusion.text_transformer import Config, TextTransformer
from demeanor.layers.q4 import dequantise
from demeanor.training.data import Rows, inverse_frequency, join, targets
from demeanor.training.held_out import is_held_out
from demeanor.training.loop import Progress, Settings, fit, predict
from demeanor.training.run import write_json
from demeanor.training.typos import mistyped
from demeanor.types import Sample


def read_corpora(
    specs: Sequence[Mapping[str, Any]], tables: Path, root: Path
) -> list[tuple[Mapping[str, Any], list[Sample]]]:
    """Each `[[data]]` entry with its samples; held-out sentences and duplicates across parts are dropped.

    A text that stands in a validation or test part of any corpus is never learned from under another one.
    """
    corpora = [(spec, table.read_manifest(tables / spec["table"], root)) for spec in specs]
    sealed = {_key(s.text or "") for _, samples in corpora for s in samples if s.split in ("valid", "test")}
    return [
        (spec, [s for s in samples if s.text and not (s.split == "train" and _sealed(s.text, sealed))])
        for spec, samples in corpora
    ]


def _key(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


def _sealed(text: str, sealed: set[str]) -> bool:
    key = _key(text)
    return is_held_out(text) or (len(key) >= 20 and key in sealed)


def with_typos(samples: Sequence[Sample], share: float) -> list[Sample]:
    """That share of the samples mistyped, 5 to 15 % of their letters; which ones and how hangs on the text alone."""
    out = []
    for sample in samples:
        rng = random.Random(f"typos:{sample.text}")
        if rng.random() < share:
            sample = replace(sample, text=mistyped(sample.text or "", rng.uniform(0.05, 0.15), rng))
        out.append(sample)
    return out


def encode(samples: Sequence[Sample], encoder: TextTokens, spec: Mapping[str, Any]) -> Rows:
    """Token ids, targets and row weights (`balance`: inverse class frequency to that power) of one corpus."""
    labels = targets(samples, spec.get("missing"))
    name = str(spec["table"]).removesuffix(".toml")
    return Rows(
        {"text": encoder.encode([s.text or "" for s in samples])},
        labels,
        class_weights(labels, float(spec.get("balance", 0.0))),
        [s.group or s.id for s in samples],
        [name] * len(samples),
    )


def class_weights(labels: Mapping[str, np.ndarray[Any, Any]], power: float) -> np.ndarray[Any, Any]:
    """Row weights of mean 1, higher for rare emotions (or polarities, where no emotion is labelled)."""
    weight = np.ones(len(labels["score"]), np.float32)
    for task in ("polarity", "emotions"):
        has = ~np.isnan(labels[task]).any(1)
        if has.mean() > 0.5 and power:
            weight[has] = inverse_frequency(labels[task][has], power)
    result: np.ndarray[Any, Any] = weight / weight.mean()
    return result


def sampler(parts: Sequence[tuple[Mapping[str, Any], Rows]], seed: int) -> Callable[[int], Rows]:
    """Epoch → rows: each corpus `repeat` times, at most `rows[epoch]` of it, drawn anew each epoch.

    `rows` is a number per epoch; the last one stands for all later epochs, and 0 leaves the corpus out.
    """

    def draw(epoch: int) -> Rows:
        rng = np.random.default_rng([seed, 17, epoch])
        chosen = []
        for spec, rows in parts:
            order = np.concatenate([rng.permutation(len(rows)) for _ in range(int(spec.get("repeat", 1)))])
            limits = spec.get("rows", [len(order)])
            if limit := int(limits[min(epoch, len(limits) - 1)]):
                chosen.append(rows.take(order[:limit]))
        return join(chosen)

    return draw


def measure(predicted: Mapping[str, np.ndarray[Any, Any]], rows: Rows) -> dict[str, float]:
    """Scores of one corpus' rows by the conventions of docs/metrics.md, for the tasks it labels."""
    from demeanor.metrics import classification, regression

    out: dict[str, float] = {}
    score = rows.labels["score"]
    has = ~np.isnan(score)
    if has.mean() > 0.5:
        return regression.mosi(predicted["score"][has] * 3, score[has] * 3)
    for task in ("polarity", "emotions"):
        target = rows.labels[task]
        single = ~np.isnan(target).any(1) & (target.max(1) > 0.99)
        if single.mean() < 0.5:
            continue
        known = np.flatnonzero((target[single] >= 0).all(0))
        truth = target[single].argmax(1)
        guess = known[predicted[task][single][:, known].argmax(1)]
        classes = [int(k) for k in known]
        out[f"{task}_accuracy"] = classification.accuracy(truth, guess)
        out[f"{task}_macro_f1"] = classification.macro_f1(truth, guess, classes)
        out[f"{task}_weighted_f1"] = classification.weighted_f1(truth, guess, classes)
        out[f"{task}_macro_recall"] = classification.uar(truth, guess, classes)
    return out


def build(spec: Mapping[str, Any]) -> TextTransformer:
    """The model with its start weights: config.json, encoder.safetensors and words_q4.npz of `run.start`."""
    from safetensors.torch import load_file

    start = Path(spec["run"]["start"])
    sizes = json.loads((start / "config.json").read_text())
    keys = ("vocabulary", "dim", "heads", "inner", "layers", "positions")
    model = TextTransformer(Config(**{k: sizes[k] for k in keys}, **spec.get("model", {})))
    state = load_file(str(start / "encoder.safetensors"))
    packed = np.load(start / "words_q4.npz")
    state["words.weight"] = torch.from_numpy(dequantise(packed["packed"], packed["scales"]))
    _, unexpected = model.load_state_dict(state, strict=False)
    if unexpected:
        raise ConfigError(f"{start}: expected weights of a text_transformer; got also {unexpected[:3]}")
    return model


Parts = list[tuple[Mapping[str, Any], Rows]]
"""Each `[[data]]` entry with its rows."""


def read_parts(spec: Mapping[str, Any], tables: Path, root: Path) -> dict[str, Parts]:
    """The encoded rows of `train` and `valid` of every corpus that has such a part."""
    encoder = TextTokens(Path(spec["run"]["start"]) / "tokenizer.json", spec["run"]["max_tokens"])
    parts: dict[str, Parts] = {"train": [], "valid": []}
    for data, samples in read_corpora(spec["data"], tables, root):
        for split, into in parts.items():
            chosen = [s for s in samples if s.split == split]
            if split == "train":
                chosen = with_typos(chosen, float(data.get("typos", 0.0)))
            if chosen:
                into.append((data, encode(chosen, encoder, data)))
    return parts


def validate(model: Model, parts: Parts) -> dict[str, dict[str, float]]:
    """Scores per corpus."""
    return {rows.corpus[0]: measure(predict(model, rows), rows) for _, rows in parts}


def train(spec: Mapping[str, Any], tables: Path, root: Path, folder: Path) -> Progress:
    """Train the words expert; validation scores per corpus go into `valid.json` of the run folder."""
    settings = Settings(**spec["training"])
    parts = read_parts(spec, tables, root)
    model = build(spec)

    def score(model: Model) -> dict[str, float]:
        scores = validate(model, parts["valid"])
        write_json(folder / "valid.json", scores)
        keys = ("corr", "polarity_macro_recall", "emotions_macro_recall")
        return {"score": float(np.mean([v for s in scores.values() for k, v in s.items() if k in keys]))}

    return fit(model, sampler(parts["train"], settings.seed), score, settings, folder)
