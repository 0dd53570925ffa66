"""Feature files of the MMSA project for MOSI, MOSEI, SIMS and SIMS v2: BERT, audio and visual features by step.

Paper: Mao et al. 2022, "M-SENA: An Integrated Platform for Multimodal Sentiment Analysis", ACL demonstrations (layout
of the files); the features as described with each corpus.

The pickle is read once, by a machine that runs nothing in it (`_plain_pickle.py`), and written as .npz: per part and
modality the real steps one after the other, with their number per sample. Padding is cut off by the lengths in the
file (text: the attention mask of text_bert); where there are none, trailing rows of zeros. Numbers that are not finite
become 0. Steps come as `series` text, audio, visual (time, dim); the words as `text`.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.datasets._dataset import Card, choose
from demeanor.datasets._plain_pickle import read_plain
from demeanor.errors import DataError, LayoutError
from demeanor.types import POLARITIES, Sample

CARD = Card(
    name="mmsa_pickle",
    title="Feature files of MMSA (Mao et al. 2022)",
    labels={
        "score": "in [-1, 1]: MOSI and MOSEI divided by 3, SIMS as it is",
        "polarity": "the file's annotation, else the sign of the score",
        "score_text": "of the words alone (SIMS)",
        "score_audio": "of the sound alone (SIMS)",
        "score_visual": "of the picture alone (SIMS)",
    },
    splits={
        "standard": "train, valid, test as in the file: MOSI 1284/229/686, MOSEI 16326/1871/4659, SIMS 1368/456/457"
    },
    groups="video (the id before $_$)",
    licence="research only, as the corpus",
    source="Download a processed file (aligned_50.pkl, unaligned_50.pkl, unaligned_39.pkl …) from the MMSA project "
    "(THUIAR, Tsinghua University). root is the file, or a folder that holds one.",
)

SHA256 = {
    "d3994fd25681": "MOSI aligned_50", "78e0f8b5ef8f": "MOSI unaligned_50", "45eccfb748a8": "MOSEI aligned_50",
    "ad8b23d50557": "MOSEI unaligned_50", "c9e20c13ec04": "SIMS unaligned_39",
}  # fmt: skip
"""First twelve digits of the published files' hashes → which it is."""

_PARTS = ("train", "valid", "test")
_SERIES = {"text": "text", "audio": "audio", "vision": "visual"}
_SCORES = {
    "regression_labels": "score", "regression_labels_T": "score_text", "regression_labels_A": "score_audio",
    "regression_labels_V": "score_visual",
}  # fmt: skip
_STRINGS = ("id", "raw_text", "annotations")
_FORMAT = 1

Arrays = dict[str, NDArray[Any]]


def read(root: Path, *, into: str | None = None, family: str = "auto") -> list[Sample]:
    """Every sample of a feature file.

    Args:
        root: the .pkl, a converted .npz, or a folder with one such file.
        into: the folder that takes the converted file; default: beside the pickle.
        family: mosi (labels in [-3, 3], English), sims (in [-1, 1], Chinese), or auto: sims where each modality is
            labelled.

    Raises:
        DataError: no such file; no plain data; a key is missing; a label is out of range.
        ConfigError: an option has no such value.
    """
    choose(CARD, "family", family, ("auto", "mosi", "sims"))
    stored = converted(root, Path(into) if into else None)
    seen: dict[str, int] = {}
    with np.load(stored) as arrays:
        return [s for part in _PARTS if f"{part}/id" in arrays for s in _part(arrays, part, family, seen)]


def converted(root: Path, into: Path | None = None) -> Path:
    """The .npz of a pickle, made now if it is not there or the pickle has changed since.

    Raises:
        DataError: there is no one file to read, or nowhere to write.
    """
    source = _source(root)
    if source.suffix == ".npz":
        if not _stamp(source):
            raise DataError(f"{source.name}: expected a file converted from a pickle, found another; convert it again")
        return source
    target = (into or source.parent) / f"{source.stem}.npz"
    facts = source.stat()
    stamp = json.dumps([_FORMAT, facts.st_size, facts.st_mtime_ns])
    if target.is_file() and _stamp(target) == stamp:
        return target
    if zipfile.is_zipfile(target) and not _stamp(target):
        raise DataError(
            f"mmsa_pickle: expected {target} to be free for the converted file, found another's arrays there; name "
            "another folder with the option into"
        )
    arrays = _arrays(read_plain(source), source.name)
    arrays["sha256"] = np.array(_sha256(source))
    arrays["stamp"] = np.array(stamp)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"mmsa_pickle: cannot write {target} ({error}); name another folder with the option into"
        ) from error
    return target


def _source(root: Path) -> Path:
    if root.is_file():
        return root
    for ending in ("*.pkl", "*.npz"):
        found = sorted(root.glob(ending)) if root.is_dir() else []
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(p.name for p in found[:5])
            raise DataError(f"mmsa_pickle: expected one {ending} in {root}, found {names}; name the file itself")
    raise LayoutError(f"mmsa_pickle: expected a .pkl at {root}, found none. {CARD.source}")


def _stamp(path: Path) -> str:
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return str(arrays["stamp"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _arrays(data: Any, name: str) -> Arrays:
    """The parts of a file as plain arrays, such as `train/audio` (steps, dim) and `train/audio_lengths` (samples,)."""
    if not isinstance(data, dict) or not isinstance(data.get("train"), dict):
        raise DataError(f"{name}: expected a dict of train, valid, test, found {_shape(data)}. {CARD.source}")
    out: Arrays = {}
    for part in _PARTS:
        if isinstance(data.get(part), dict):
            out |= {f"{part}/{key}": value for key, value in _part_arrays(data[part], f"{name}, {part}").items()}
    return out


def _shape(data: Any) -> str:
    return f"a dict of {', '.join(map(str, list(data)[:6]))}" if isinstance(data, dict) else f"a {type(data).__name__}"


def _part_arrays(part: Mapping[str, Any], place: str) -> Arrays:
    for key in ("id", "regression_labels"):
        if key not in part:
            raise DataError(f"{place}: expected a key {key}, found {', '.join(map(str, part))}. {CARD.source}")
    count = len(part["id"])
    out: Arrays = {key: _strings(part[key]) for key in _STRINGS if key in part}
    for key in _SCORES:
        if key in part:
            out[key] = np.asarray(part[key], np.float32).reshape(-1)
    for key in (*out, *(k for k in _SERIES if k in part)):
        if len(part[key]) != count:
            raise DataError(f"{place}: expected {count} of {key}, found {len(part[key])}; the file is damaged")
    lengths = _lengths(part)
    for key in lengths:
        values = np.asarray(part[key], np.float32)
        steps = np.arange(values.shape[1]) < lengths[key][:, None]
        out[key] = np.nan_to_num(values[steps], nan=0.0, posinf=0.0, neginf=0.0)
        out[f"{key}_lengths"] = lengths[key]
    return out


def _strings(values: Any) -> NDArray[Any]:
    """Strings as JSON in bytes: short ones do not pay for the longest."""
    return np.frombuffer(json.dumps([str(v) for v in values]).encode(), np.uint8)


def _lengths(part: Mapping[str, Any]) -> dict[str, NDArray[np.int64]]:
    """Real steps per sample and modality, at least 1 and at most what the array holds."""
    out: dict[str, NDArray[np.int64]] = {}
    masks = np.asarray(part["text_bert"])[:, 1].sum(-1) if "text_bert" in part else None
    for key in _SERIES:
        if key not in part:
            continue
        values = np.asarray(part[key])
        if values.ndim != 3:
            raise DataError(f"expected {key} as (samples, time, dim), found {values.shape}; take the file by steps")
        if f"{key}_lengths" in part:
            found = np.asarray(part[f"{key}_lengths"])
        elif masks is not None and values.shape[1] == np.asarray(part["text_bert"]).shape[2]:
            found = masks  # aligned files: a step is a word piece in all three
        else:
            real = np.any(values != 0, axis=2)
            found = values.shape[1] - np.argmax(real[:, ::-1], axis=1)
            found = np.where(real.any(axis=1), found, 0)
        out[key] = np.clip(found.astype(np.int64).reshape(-1), 1, values.shape[1])
    return out


def _part(arrays: Any, part: str, family: str, seen: dict[str, int]) -> list[Sample]:
    def of(keys: Mapping[str, str]) -> dict[str, str]:
        return {f"{part}/{key}": name for key, name in keys.items() if f"{part}/{key}" in arrays}

    strings = {name: json.loads(arrays[key].tobytes()) for key, name in of({k: k for k in _STRINGS}).items()}
    sims = f"{part}/regression_labels_T" in arrays if family == "auto" else family == "sims"
    scores = {label: arrays[key] * (1.0 if sims else 1 / 3) for key, label in of(_SCORES).items()}
    series = {name: _cut(arrays, key) for key, name in of(_SERIES).items()}
    blank = [""] * len(strings["id"])
    samples = []
    for row, name in enumerate(strings["id"]):
        seen[name] = seen.get(name, 0) + 1
        labels = _labels({k: float(v[row]) for k, v in scores.items()}, strings.get("annotations", blank)[row], name)
        sample = Sample(
            id=name if seen[name] == 1 else f"{name}#{seen[name]}", text=strings.get("raw_text", blank)[row] or None,
            language="zh" if sims else "en", group=f"mmsa:{name.partition('$_$')[0]}", labels=labels, split=part,
            series={k: v[row] for k, v in series.items()},
        )  # fmt: skip
        samples.append(sample)
    return samples


def _cut(arrays: Any, key: str) -> list[NDArray[np.float32]]:
    """One array (time, dim) per sample."""
    return np.split(arrays[key], np.cumsum(arrays[f"{key}_lengths"])[:-1])


def _labels(scores: dict[str, float], annotation: str, name: str) -> dict[str, float | str]:
    for label, score in scores.items():
        if not abs(score) <= 1 + 1e-6:
            raise DataError(
                f"mmsa_pickle: {name}: expected {label} in [-1, 1] after scaling, found {score:.3g}; "
                "see the option family"
            )
    given = annotation.strip().lower()
    sign = int(np.sign(scores["score"]))
    polarity = given if given in POLARITIES else POLARITIES[1 + sign]
    return {**{k: float(np.clip(v, -1, 1)) for k, v in scores.items()}, "polarity": polarity}
