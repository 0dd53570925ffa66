"""Learning from use without training: the words of a shipped bundle get a correction to their last layer.

The expert's encoder and heads stay. To each head's output z something linear in its hidden vector x is added, fitted to
what users say of its readings:

    polarity, emotions:  min over A, b of  Σ CE(softmax(z + A x + b), label) + HOLD / 2 · (‖A‖² + ‖b‖²)
    score:               the same with squares, a ridge regression

x is centred, and of length 1 on average, so that HOLD weighs about as much as one text. A text that nobody labelled has
the present reading for its label: what users left alone is to stay. The problems are convex and have one solution.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor import bundle
from demeanor.calibration.temperature import Temperature, softmax
from demeanor.datasets._groups import hashed_split, joined, text_key
from demeanor.encoders.text_expert import Config, Expert
from demeanor.errors import ConfigError
from demeanor.features.parts import group_of
from demeanor.label.agree import settled
from demeanor.label.corrected import Corrected, corrected
from demeanor.label.learn import CORRECTIONS, New, corrections_row, differences, refuse_learned
from demeanor.label.store import Mark
from demeanor.label.task import write_table
from demeanor.training.carry import refuse_place
from demeanor.training.measure import task_metrics
from demeanor.training.prepare import CLASSES
from demeanor.training.run import write_json
from demeanor.training.runfile import Task
from demeanor.types import EMOTIONS, POLARITIES, Sample

Floats = NDArray[np.float64]

HOLD = 1.0
"""How firmly the present readings are held to; see the formulas above. On posts anything between 0.3 and 3 gives the
same within a point or two (docs/log.md)."""

TASKS = {"polarity": Task(), "emotions": Task(), "score": Task()}


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts to learn from: `seen` are what the expert makes of them, `labels` what users say, NaN where nothing."""

    samples: Sequence[Sample]
    hidden: Floats
    seen: Mapping[str, Floats]
    labels: Mapping[str, Floats]
    held: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Change:
    """What is added to a head's raw output: hidden · weight.T + bias."""

    weight: Floats
    bias: Floats

    def of(self, hidden: Floats) -> Floats:
        """(N, D) → (N, outputs)."""
        return hidden @ self.weight.T + self.bias


def is_bundle(place: Path) -> bool:
    """Whether this is a bundle, by a shipped one's name or its folder, and not a run."""
    if (place / "run.json").is_file():
        return False
    return str(place) in bundle.shipped() or (place / "bundle.json").is_file()


def refit(
    name: str | Path, new: New, out: Path, *, hold: float = 0.2, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Learn from corrected readings of texts, into `out/bundle`, and tell what it changed.

    Args:
        name: a bundle with a words expert: a shipped one's name, or its folder.
        new: analyses with corrections.
        out: gets corrections.csv, bundle/ and learned.json; a bundle that is there is replaced.
        hold: share of the groups that is held back to measure on.
        say: where progress lines go.

    Returns:
        What learned.json holds: counts, and for the texts held back each metric before, after, and the difference with
        its 95 % interval over groups.

    Raises:
        ConfigError: no such bundle, a wrong share, nothing to learn from, `out/bundle` is something else, or `out`
            holds a finished run.
    """
    refuse_place(out / "bundle")
    refuse_learned(out)
    if not 0 <= hold < 1:
        raise ConfigError(f"expected a share to hold back in [0, 1), got {hold}")
    present = bundle.load(name)
    if present.spec.get("kind") == bundle.FUSED or "words" not in present.cues:
        raise ConfigError(
            f"{name}: expected a bundle with a words expert, such as base, got one exported from a run; name "
            "the folder of that run"
        )
    rows = _rows(present, new, hold, say)
    learning = ~rows.held
    if not any(s.labels for s, held in zip(rows.samples, rows.held, strict=True) if not held):
        raise ConfigError("expected corrections to learn from, but all of these few are held back; give --hold 0")
    changes = {task: _fitted(task, rows, learning, present.cues["words"]) for task in rows.seen}
    out.mkdir(parents=True, exist_ok=True)
    labelled = [s for s in rows.samples if s.labels]
    write_table(out / CORRECTIONS, [corrections_row(s, out) for s in labelled])
    told: dict[str, Any] = {
        "bundle": present.name,
        "corrected": sum(s.split == "train" for s in labelled),
        "held_back": sum(s.split == "test" for s in labelled),
        "left_as_read": len(rows.samples) - len(labelled),
        "parts": _compared(rows, changes, new.reviewed),
    }
    _write(present, changes, told, out / "bundle")
    write_json(out / "learned.json", told)
    return told


def _rows(present: bundle.Bundle, new: New, hold: float, say: Callable[[str], None]) -> Rows:
    """What users said of which texts, and what the expert makes of those."""
    found = corrected(new.corrections, TASKS, new.media, new.reviewed)
    for file in found.foreign:
        say(f"{file.name} passed over: nothing in it is an analysis")
    for why, count in found.left_out.items():
        say(f"{count} corrected items {why} left out")
    texts = _texts(found, say)
    if not any(s.labels for s in texts):
        raise ConfigError(
            "expected readings of texts or of speech that somebody corrected, found none; correct some "
            "(docs/label.md), or say --reviewed where all of them are right"
        )
    shares = {"test": hold, "train": 1 - hold}
    samples = [replace(s, split=hashed_split(f"learn:{group_of(s)}", shares)) for s in texts]
    words = present.cues["words"]
    expert = Expert(
        Config(
            graph=present.file(words["graph"]),
            tokenizer=present.file(words["tokenizer"]),
            max_tokens=words["max_tokens"],
        )
    )
    numbers = np.concatenate([_one(expert, s) for s in samples]).astype(np.float64)
    width = numbers.shape[1] - len(POLARITIES) - len(EMOTIONS) - 1
    hidden, polarity, emotions, score = np.split(numbers, [width, width + 3, width + 10], axis=1)
    seen = {"polarity": polarity, "emotions": emotions, "score": score}
    labels = {task: np.stack([_label(task, s) for s in samples]) for task in seen}
    return Rows(samples, hidden, seen, labels, np.array([s.split == "test" for s in samples]))


def _texts(found: Corrected, say: Callable[[str], None]) -> list[Sample]:
    """Each text once, with the label that follows from all that users say of it; equal texts join their groups."""
    spoken = [s for s in found.samples if s.image is None and (s.text or "").strip()]
    if others := len(found.samples) - len(spoken):
        say(f"{others} items left out: posts, and recordings as a whole, whose segments can be corrected instead")
    rows = [*spoken, *(s for s in found.untouched if s.image is None and (s.text or "").strip())]
    keys = [text_key(str(s.text)) or str(s.text) for s in rows]
    groups = joined([(f"group {group_of(s)}", f"text {key}") for s, key in zip(rows, keys, strict=True)])
    equal: dict[str, list[Sample]] = {}
    for sample, key, group in zip(rows, keys, groups, strict=True):
        same = equal.setdefault(key, [])
        if sample.labels or not same:  # what has a label comes first
            same.append(replace(sample, group=group.removeprefix("group ")))
    texts = [replace(same[0], labels=_agreed(same)) for same in equal.values()]
    kept = [t for t, same in zip(texts, equal.values(), strict=True) if t.labels or not same[0].labels]
    if apart := len(texts) - len(kept):
        say(f"{apart} texts left out, of which users say different things")
    return kept


def _agreed(same: Sequence[Sample]) -> Mapping[str, Any]:
    """The labels of equal texts, settled as several raters' are."""
    if len(same) == 1:
        return same[0].labels
    lists = [{n: str(v).split(",") if n == "emotions" else v for n, v in s.labels.items()} for s in same]
    found = settled([Mark(values) for values in lists])
    if "polarity" not in found and any("polarity" in values for values in lists):
        found.pop("score", None)  # the mean of those who contradict one another
    return {n: ",".join(v) if n == "emotions" else v for n, v in found.items()}


def _one(expert: Expert, sample: Sample) -> NDArray[Any]:
    found = expert.encode(sample)
    assert found is not None
    return found


def _label(task: str, sample: Sample) -> Floats:
    """A class as a row of chances, of several an even one; a score as itself; NaN where there is none."""
    said = sample.labels.get(task)
    if task == "score":
        return np.array([np.nan if said is None else float(np.clip(float(said), -1, 1))])
    classes = CLASSES[task]
    if said is None:
        return np.full(len(classes), np.nan)
    chosen = np.isin(classes, str(said).split(","))
    return np.asarray(chosen / chosen.sum())


def _fitted(task: str, rows: Rows, chosen: NDArray[np.bool_], words: Mapping[str, Any]) -> Change:
    """The change of one head; of raw outputs, which calibration divides by its temperature afterwards."""
    x, z, y = rows.hidden[chosen], rows.seen[task][chosen], rows.labels[task][chosen]
    centre = x.mean(0)
    size = float(np.sqrt(((x - centre) ** 2).sum(1).mean())) or 1.0
    inner = np.hstack([(x - centre) / size, np.ones((len(x), 1))])
    if task == "score":
        target = np.where(np.isnan(y), _meant(rows, chosen), y)
        found, t = _ridge(inner, target - z), 1.0
    else:
        scale = Temperature.from_dict(words["calibration"][task])
        t = scale.t
        now = z / t + np.asarray(scale.bias or 0.0)
        found = _softmax_regression(inner, now, np.where(np.isnan(y), softmax(now), y))
    weight, bias = found[:, :-1] / size, found[:, -1]
    return Change(t * weight, t * (bias - weight @ centre))


def _meant(rows: Rows, chosen: NDArray[np.bool_]) -> Floats:
    """Scores (N, 1) where nobody gave one: as they are, but where the polarity was put right, the mean of its side."""
    score: Floats = rows.seen["score"][chosen][:, 0].copy()
    side = rows.seen["polarity"][chosen].argmax(1)
    label = rows.labels["polarity"][chosen]
    for number, usual in enumerate((-0.5, 0.0, 0.5)):
        wrong = (np.nan_to_num(label).argmax(1) == number) & (side != number) & ~np.isnan(label[:, 0])
        score[wrong] = float(rows.seen["score"][chosen][side == number].mean()) if (side == number).any() else usual
    return score[:, None]


def _ridge(x: Floats, y: Floats) -> Floats:
    """(outputs, D + 1) of least squares with the penalty HOLD."""
    return np.asarray(np.linalg.solve(x.T @ x + HOLD * np.eye(x.shape[1]), x.T @ y).T)


def _softmax_regression(x: Floats, z: Floats, target: Floats) -> Floats:
    """(classes, D + 1): the logistic regression of rows that have logits already, with the penalty HOLD."""
    from scipy.optimize import minimize

    shape = z.shape[1], x.shape[1]

    def objective(flat: Floats) -> tuple[float, Floats]:
        a = flat.reshape(shape)
        scores = z + x @ a.T
        top = scores.max(axis=1, keepdims=True)
        logs = scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
        value = -(target * logs).sum() + HOLD / 2 * (a**2).sum()
        return float(value), ((np.exp(logs) - target).T @ x + HOLD * a).ravel()

    found = minimize(objective, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 1000})
    solved: Floats = found.x.reshape(shape)
    return solved


def _compared(rows: Rows, changes: Mapping[str, Change], reviewed: bool) -> dict[str, Any]:
    """Before and after on what was held back."""
    part = rows.held & np.array([bool(s.labels) for s in rows.samples])
    if not part.any():
        return {}
    tasks = [t for t, y in rows.labels.items() if not np.isnan(y[part]).all()]
    before = {t: _column(rows.seen[t][part]) for t in tasks}
    after = {t: _column(rows.seen[t][part] + changes[t].of(rows.hidden[part])) for t in tasks}
    labels = {t: _column(rows.labels[t][part]) for t in tasks}

    def measured(predicted: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, float]:
        return {f"{t}_{k}": v for t in tasks for k, v in task_metrics(TASKS[t], predicted[t], target[t]).items()}

    groups = [group_of(s) for s, held in zip(rows.samples, part, strict=True) if held]
    name = "held_back" if reviewed else "corrections"
    return {name: {"n": int(part.sum()), "metrics": differences(measured, before, after, labels, groups)}}


def _column(values: Floats) -> NDArray[np.float32]:
    """Classes as rows, a number per row as the row."""
    return (values[:, 0] if values.shape[1] == 1 else values).astype(np.float32)


def _write(present: bundle.Bundle, changes: Mapping[str, Change], told: Mapping[str, Any], out: Path) -> None:
    """The bundle with the changed graph, in place of what is there once it is whole."""
    spec = {k: v for k, v in present.spec.items() if k not in ("schema", "files")}
    words = {k: v for k, v in spec["cues"]["words"].items() if k != "sets"} | {"measured": False}
    spec = {**spec, "cues": {**spec["cues"], "words": words}}
    spec["name"] = f"{str(spec['name']).removesuffix('-learned')}-learned"
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.absolute().parent) as place:
        folder = Path(place) / "bundle"
        folder.mkdir()
        for file in present.spec["files"]:
            shutil.copyfile(present.file(file), folder / file)
        _add(folder / words["graph"], changes)
        with (folder / "card.md").open("a", encoding="utf-8") as card:
            card.write(_section(told))
        bundle.seal(folder, spec)
        if out.exists():
            shutil.rmtree(out)
        folder.rename(out.absolute())


def _add(graph: Path, changes: Mapping[str, Change]) -> None:
    """Add the changes to the outputs of a graph; a score stays within −1 and 1."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(str(graph))
    nodes, constants = model.graph.node, model.graph.initializer
    round_ = sum(i.name.startswith("learned.") and i.name.endswith(".polarity.weight") for i in constants)
    for task, change in changes.items():
        own = f"learned.{round_}.{task}"
        for node in nodes:
            node.output[:] = [f"{own}.before" if name == task else name for name in node.output]
        for name, value in (("weight", change.weight), ("bias", change.bias)):
            constants.append(numpy_helper.from_array(value.astype(np.float32), f"{own}.{name}"))
        nodes.append(helper.make_node("Gemm", ["hidden", f"{own}.weight", f"{own}.bias"], [f"{own}.change"], transB=1))
        if task != "score":
            nodes.append(helper.make_node("Add", [f"{own}.before", f"{own}.change"], [task]))
            continue
        # A score is a number per text, (B,), where classes are rows.
        constants.append(numpy_helper.from_array(np.array([-1], np.int64), f"{own}.flat"))
        for name, limit in (("least", -1), ("most", 1)):
            constants.append(numpy_helper.from_array(np.array(limit, np.float32), f"{own}.{name}"))
        nodes.append(helper.make_node("Reshape", [f"{own}.change", f"{own}.flat"], [f"{own}.row"]))
        nodes.append(helper.make_node("Add", [f"{own}.before", f"{own}.row"], [f"{own}.sum"]))
        nodes.append(helper.make_node("Clip", [f"{own}.sum", f"{own}.least", f"{own}.most"], [task]))
    onnx.save(model, str(graph))


def _section(told: Mapping[str, Any]) -> str:
    """What the card says of it."""
    lines = [
        "", "## Learned from use", "",
        f"The words of this bundle are those of `{told['bundle']}` with a linear change to their last layer, fitted",
        f"to {told['corrected']} texts that users labelled and {told['left_as_read']} that were to stay as they were.",
        "The scores, calibration and coverage above are those of the words before that: their confidence counts as",
        "`pooled`, and they have no prediction sets. Pictures, posts, faces and voices are read as before.",
    ]  # fmt: skip
    for part in told["parts"].values():
        lines += ["", f"| {part['n']} texts held back | before | after | change, 95 % interval |", "| --- " * 4 + "|"]
        for name, m in part["metrics"].items():
            change = f"{m['after'] - m['before']:+.3f} [{m['low']:+.3f}, {m['high']:+.3f}]"
            lines.append(f"| {name} | {m['before']:.3f} | {m['after']:.3f} | {change} |")
    return "\n".join(lines) + "\n"
