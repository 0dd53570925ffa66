"""What is right and wrong with a data set on disk: counts, balance, groups, duplicates, broken files; as plain data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import numpy as np

from demeanor.datasets._groups import digest, text_key
from demeanor.datasets._media import fault_of, pixels_of
from demeanor.datasets._recognise import Found, counts_of
from demeanor.types import EMOTIONS, POLARITIES, Sample

MEDIA = ("image", "audio", "video")

_TOLERANCE = 0.001  # share of samples by which releases of a corpus differ
_FAST = 200  # items of a medium that are decoded in a hurry
_SHORT = 8  # words (or 16 characters without spaces) below which equal texts are chance
_MANY = 20  # classes beyond which a label is free text
_SHOWN = 5


def check(
    found: Found, fast: bool = False, progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """Look at everything.

    Args:
        found: what `read_any` gave.
        fast: decode at most 200 items of each medium, and of each its beginning.
        progress: called with media decoded and media in all.

    Returns:
        name, samples, parts {part: {found, expected}}, modalities {name: count}, labels {label: {part: …}}, groups,
        duplicates {kind: […]}, broken […], problems [sentence …], notes [sentence …]; JSON-ready.
    """
    samples = found.samples
    broken, pixels = _decoded(samples, fast, progress)
    report: dict[str, Any] = {
        "name": found.card.name, "title": found.card.title, "licence": found.card.licence, "samples": len(samples),
        "parts": _parts(found), "modalities": _modalities(samples), "labels": _labels(samples),
        "groups": _groups(samples), "duplicates": _duplicates(samples, pixels), "broken": broken,
    }  # fmt: skip
    problems, notes = _judged(report, samples)
    return {**report, "problems": problems, "notes": [*found.notes, *notes]}


def _parts(found: Found) -> dict[str, dict[str, int | None]]:
    counts, expected = counts_of(found.whole), dict(found.card.counts)
    if not counts.get("valid") and counts.get("test", 0) > expected.get("test", math.inf):
        expected["test"] += expected.pop("valid", 0)  # a release that holds both parts in one
    order = [p for p in ("train", "valid", "test", "all") if p in counts or p in expected]
    return {p: {"found": counts.get(p, 0), "expected": expected.get(p)} for p in order}


def _modalities(samples: Sequence[Sample]) -> dict[str, int]:
    out: Counter[str] = Counter()
    for s in samples:
        out.update(m for m in ("text", *MEDIA) if getattr(s, m) is not None)
        out.update(f"series {m}" for m in s.series)
    return dict(out)


def _labels(samples: Sequence[Sample]) -> dict[str, dict[str, Any]]:
    """Per label and part how often each class occurs, or of numbers how many, where and how wide."""
    out: dict[str, dict[str, Any]] = {}
    for label in dict.fromkeys(name for s in samples for name in s.labels):
        parts: dict[str, list[float | str]] = {}
        for s in samples:
            if label in s.labels:
                parts.setdefault(s.split or "all", []).append(s.labels[label])
        out[label] = {part: _balance(values) for part, values in parts.items()}
    return out


def _balance(values: Sequence[float | str]) -> dict[str, Any]:
    numbers = [float(v) for v in values if not isinstance(v, str)]
    if len(numbers) == len(values):
        return {
            "count": len(numbers), "least": min(numbers), "mean": fmean(numbers), "greatest": max(numbers),
            "deviation": pstdev(numbers),
        }  # fmt: skip
    classes = Counter(c for v in values for c in str(v).split(","))
    if len(classes) > _MANY:
        return {"count": len(values), "distinct": len(classes)}
    return {"count": len(values), "classes": dict(classes.most_common())}


def _groups(samples: Sequence[Sample]) -> dict[str, Any]:
    parts: dict[str, set[str]] = {}
    for s in samples:
        if s.group and s.split:
            parts.setdefault(s.group, set()).add(s.split)
    divided = sorted(g for g, p in parts.items() if len(p) > 1)
    return {
        "count": len({s.group for s in samples if s.group}), "without": sum(not s.group for s in samples),
        "divided": divided,
    }  # fmt: skip


def _duplicates(samples: Sequence[Sample], pixels: dict[str, str]) -> dict[str, list[list[str]]]:
    """Per kind the ids of equal contents in different parts; where there are no parts, in different groups."""
    keys: dict[str, dict[str, str]] = {"text": {}, **{m: _hashes(samples, m) for m in MEDIA}, "pixels": pixels}
    for s in samples:
        if s.text and _long(key := text_key(s.text)):
            keys["text"][s.id] = digest(key)
    divided = any(s.split for s in samples)
    place = {s.id: (s.split if divided else s.group) or "" for s in samples}
    out = {}
    for kind, found in keys.items():
        same: dict[str, list[str]] = {}
        for name, key in found.items():
            same.setdefault(key, []).append(name)
        across = [ids for ids in same.values() if len({place[i] for i in ids if place[i]}) > 1]
        if across:
            out[kind] = across
    return out


def _long(text: str) -> bool:
    return len(text.split()) >= _SHORT or (len(text) >= 2 * _SHORT and len(text) > 8 * len(text.split()))


def _hashes(samples: Sequence[Sample], medium: str) -> dict[str, str]:
    """Id → hash of the file's bytes; a file whose size no other has is not read."""
    sources = {s.id: (s, getattr(s, medium)) for s in samples if getattr(s, medium) is not None}
    sizes = {name: _size(source) for name, (_, source) in sources.items()}
    often = Counter(size for size in sizes.values() if size)
    out = {}
    for name, (s, source) in sources.items():
        if often[sizes[name]] > 1:
            data = source.tobytes() if isinstance(source, np.ndarray) else source
            data = data if isinstance(data, bytes) else Path(data).read_bytes()
            out[name] = f"{digest(data)} {s.start} {s.end}"
    return out


def _size(source: Any) -> int:
    if isinstance(source, np.ndarray):
        return source.nbytes
    if isinstance(source, bytes):
        return len(source)
    path = Path(source)
    return path.stat().st_size if path.is_file() else 0


def _decoded(
    samples: Sequence[Sample], fast: bool, progress: Callable[[int, int], None]
) -> tuple[list[dict[str, str]], dict[str, str]]:
    """What cannot be read, and the hash of each picture's pixels."""
    work: list[tuple[Sample, str]] = []
    for medium in ("text", *MEDIA, "series"):
        having = [s for s in samples if getattr(s, medium) is not None and (medium != "series" or s.series)]
        step = max(1, math.ceil(len(having) / _FAST)) if fast and medium in MEDIA else 1
        work += [(s, medium) for s in having[::step]]
    broken, pixels = [], {}
    for done, (sample, medium) in enumerate(work, 1):
        fault = fault_of(sample, medium, fast)
        if fault:
            broken.append({"id": sample.id, "medium": medium, "problem": fault})
        elif medium == "image" and (found := pixels_of(sample)):
            pixels[sample.id] = found
        progress(done, len(work))
    return broken, pixels


def _judged(report: dict[str, Any], samples: Sequence[Sample]) -> tuple[list[str], list[str]]:
    problems: list[str] = []
    notes: list[str] = []
    for part, n in report["parts"].items():
        if n["expected"] is not None and n["found"] != n["expected"]:
            near = abs(n["found"] - n["expected"]) <= _TOLERANCE * n["expected"]
            (notes if near else problems).append(f"{part}: expected {n['expected']} samples, found {n['found']}")
    twice = [i for i, n in Counter(s.id for s in samples).items() if n > 1]
    problems += [f"ids that stand twice: {_some(twice)}"] if twice else []
    problems += _wrong_labels(samples)
    groups = report["groups"]
    if groups["without"]:
        problems.append(f"{groups['without']} samples without a group")
    if groups["divided"]:
        problems.append(f"{len(groups['divided'])} groups in more than one part: {_some(groups['divided'])}")
    places = "parts" if any(s.split for s in samples) else "groups"
    for kind, sets in report["duplicates"].items():
        alone = kind != "text" or not set(report["modalities"]) - {"text"}
        line = f"{len(sets)} × equal {kind} in different {places}: {_some([' = '.join(ids[:3]) for ids in sets])}"
        (problems if alone else notes).append(line)
    if report["broken"]:
        first = [f"{b['id']} ({b['medium']}: {b['problem']})" for b in report["broken"]]
        problems.append(f"{len(first)} broken: {_some(first)}")
    for label, parts in report["labels"].items():
        seen = {part: set(b.get("classes", ())) for part, b in parts.items()}
        if lacking := seen.get("test", set()) - seen.get("train", seen.get("test", set())):
            notes.append(f"{label}: classes of the test part that training never sees: {_some(sorted(lacking))}")
    if torn := [f"{s.id}: {s.labels['polarity']}, {s.labels['score']:+g}" for s in samples if _is_torn(s)]:
        notes.append(f"{len(torn)} × polarity and score on opposite sides: {_some(torn)}")
    return problems, notes


def _is_torn(sample: Sample) -> bool:
    """Whether its class and its score contradict each other."""
    side = {"positive": 1, "negative": -1}.get(str(sample.labels.get("polarity")), 0)
    score = sample.labels.get("score", 0.0)
    return not isinstance(score, str) and side * score < 0


def _wrong_labels(samples: Sequence[Sample]) -> list[str]:
    allowed = {"polarity": POLARITIES, "emotions": EMOTIONS}
    wrong: dict[str, list[str]] = {}
    for s in samples:
        for label, value in s.labels.items():
            if label.startswith("score") and not (not isinstance(value, str) and -1 <= value <= 1):
                wrong.setdefault(f"{label}: expected a number in [-1, 1]", []).append(f"{s.id}: {value}")
            elif label in allowed and not set(str(value).split(",")) <= set(allowed[label]):
                wrong.setdefault(f"{label}: expected {', '.join(allowed[label])}", []).append(f"{s.id}: {value}")
    return [f"{what}, found {_some(found)}" for what, found in wrong.items()]


def _some(items: Sequence[str]) -> str:
    return ", ".join(items[:_SHOWN]) + (" …" if len(items) > _SHOWN else "")
