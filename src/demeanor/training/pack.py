"""A finished run → a bundle that the reader runs without torch, with the same numbers, measured before it is sealed."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor import bundle
from demeanor.batch import FeatureBatch
from demeanor.errors import ConfigError
from demeanor.features.described import MOST_MODALITIES, described
from demeanor.features.digest import of_ids
from demeanor.features.store import Store
from demeanor.fusion._docstring import labelled
from demeanor.fusion._model import Model
from demeanor.plugins import load as plugin
from demeanor.training import lab
from demeanor.training.calibrate import FEWEST, calibrate, calibration_error, described_task
from demeanor.training.card import write_card
from demeanor.training.carry import as_carried, carry, cue_name, longest_seconds, refuse_features, refuse_place
from demeanor.training.data import Rows, collate
from demeanor.training.export import Variant, stored, trace_fusion, write_onnx
from demeanor.training.measure import measure
from demeanor.training.prepare import Prepared
from demeanor.training.run import plain, save_arrays
from demeanor.training.runfile import RunFile, Task
from demeanor.weights.graph import check_graph

Arrays = dict[str, NDArray[np.float32]]
Say = Callable[[str], None]

CLOSE = 1e-4
"""How far the graph's numbers may lie from the lab's, for numbers up to 1; larger ones in proportion."""

_TRACED = 8  # steps of the example that is traced
_BATCH = 32


def pack(
    run_folder: Path,
    out: Path,
    prepared: Prepared,
    name: str | None = None,
    licence: str | None = None,
    variant: Variant = "float32",
    store: Store | None = None,
    say: Say = print,
) -> Path:
    """Write the bundle of a run.

    Args:
        run_folder: of a finished run; its valid.json and test.json, as `demeanor evaluate` leaves them, go into the
            card.
        out: the bundle's folder: not there, empty, or an older bundle, which is replaced as a whole.
        prepared: the run's data.
        name: of the bundle; the run's by default.
        licence: of the weights; by default what the data's licence says.
        variant: what large weights are stored in; all of them compute in float32.
        store: of features; default the user's.
        say: where progress lines go.

    Returns:
        The folder.

    Raises:
        ConfigError: the run is not finished, its data have changed, something cannot be exported, or `out` holds
            something else.
    """
    told = json.loads((run_folder / "run.json").read_text(encoding="utf-8"))
    run = lab.check(told["config"], begins=False)
    refuse_place(out)
    refuse_features(run.features)
    model = lab.load(run, prepared, run_folder).to("cpu")
    used = modalities_of(model, prepared)
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.absolute().parent) as place:
        (folder := Path(place) / "bundle").mkdir()
        rows = _only(prepared.rows(prepared.parts.valid), used)
        graph = trace_fusion(model, _example(prepared, used))
        write_onnx(graph, Path(place) / "exact.onnx")
        exact = GraphNumbers(Path(place) / "exact.onnx", rows, run.tasks).of()
        apart = _as_in_lab(exact, run_folder)
        write_onnx(stored(graph, variant), folder / "model.onnx")
        spec = plain(_described(run, prepared, used, folder, variant))
        rows = as_carried(rows, prepared, spec, folder, store)
        numbers = GraphNumbers(folder / "model.onnx", rows, run.tasks)
        if variant == "float32":
            apart = max(apart, _as_in_lab(numbers.of(), run_folder, "the graph of an encoder gives other features"))
        spec["tasks"], spec["validation"] = _measured(run, prepared, rows, exact, numbers, used)
        spec["validation"]["largest_difference_to_the_lab"] = apart
        spec |= _told(run, told, prepared, run_folder, name, licence, variant)
        _seal(plain(spec), folder)
        if out.exists():
            shutil.rmtree(out)
        folder.rename(out.absolute())
    _tell_unmeasured(spec["tasks"], say)
    say(f"{out}: {sum(p.stat().st_size for p in out.iterdir()) / 1e6:.1f} MB, within {apart:.1e} of the lab's numbers")
    return out


def _tell_unmeasured(tasks: Mapping[str, Any], say: Say) -> None:
    """Name the tasks that had too few labels on validation for a confidence of theirs to be measured."""
    for name, task in tasks.items():
        if (labels := max(task["rows"].values(), default=0)) < FEWEST:
            say(
                f"{name}: {labels} labelled validation rows, fewer than the {FEWEST} that its confidence would be "
                "measured on; label more, or set more aside ([data] valid)"
            )


def _seal(spec: dict[str, Any], folder: Path) -> None:
    """Card and seal of a bundle that the reader can open."""
    described(spec, "the bundle")
    write_card(spec, folder / "card.md")
    bundle.seal(folder, spec)
    check_graph(folder / "model.onnx")


def modalities_of(model: Model, prepared: Prepared) -> list[str]:
    """The modalities that a model takes, in the run file's order.

    Raises:
        ConfigError: more of them than a reading can be made of.
    """
    config = getattr(model, "config", None)
    one, dims = getattr(config, "modality", None), getattr(config, "dims", None)
    used = [m for m in prepared.columns if (one is None or m == one) and (dims is None or m in dims)]
    if len(used) > MOST_MODALITIES:
        raise ConfigError(f"expected at most {MOST_MODALITIES} modalities in a bundle, got {len(used)}")
    return used


class GraphNumbers:
    """What a graph says of rows: raw outputs per task.

    Args:
        path: the `.onnx` file.
        rows: of the modalities that it takes.
        tasks: names of its outputs.
    """

    def __init__(self, path: Path, rows: Rows, tasks: Mapping[str, Task]) -> None:
        import onnxruntime

        self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self._takes = {i.name for i in self._session.get_inputs()}
        self._rows, self._tasks = rows, list(tasks)

    def of(self, present: Sequence[str] | None = None) -> Arrays:
        """Per task (rows, …), with only those modalities counted as there; None: those that are."""
        parts: dict[str, list[Any]] = {task: [] for task in self._tasks}
        for start in range(0, len(self._rows), _BATCH):
            batch = collate(self._rows, np.arange(start, min(start + _BATCH, len(self._rows))))
            fed = {n: v for n, v in _fed(batch, present).items() if n in self._takes}
            for task, found in zip(self._tasks, self._session.run(self._tasks, fed), strict=True):
                parts[task].append(found)
        return {task: np.concatenate(found) for task, found in parts.items()}


def _fed(batch: FeatureBatch, present: Sequence[str] | None) -> dict[str, NDArray[Any]]:
    out = {}
    for modality, values in batch.values.items():
        there = present is None or modality in present
        out[modality] = values.numpy()
        if batch.valid[modality] is None:
            out[f"{modality}_present"] = batch.present[modality].numpy() & there
        else:
            out[f"{modality}_mask"] = batch.mask(modality).numpy() & there
    return out


def _example(prepared: Prepared, used: Sequence[str]) -> FeatureBatch:
    """Two training rows to trace with, every modality there, sequences cut short."""
    values: dict[str, Any] = {}
    for modality in used:
        column = prepared.columns[modality]
        found = [x for x in (column[i] for i in prepared.parts.train) if x is not None][:2]
        if not found:
            raise ConfigError(f"expected training samples with {modality}, found none; leave its encoder out")
        values[modality] = [x if x.ndim == 3 else x[:_TRACED] for x in (*found, found[0])[:2]]
    return collate(Rows(values, {}, np.ones(2, np.float32)), np.arange(2))


def _only(rows: Rows, used: Sequence[str]) -> Rows:
    return dataclasses.replace(
        rows, values={m: rows.values[m] for m in used}, shapes={m: rows.shapes[m] for m in used if m in rows.shapes}
    )


def _as_in_lab(
    found: Arrays, run_folder: Path, cause: str = "its data, an encoder or the program have changed since"
) -> float:
    """The largest difference to the predictions that the run left.

    Raises:
        ConfigError: it is too large: the data are not those of the run, or the graph is not the model; says the cause.
    """
    with np.load(run_folder / "valid.npz", allow_pickle=False) as arrays:
        before = {task: arrays[task] for task in found}
    apart = 0.0
    for task, numbers in found.items():
        if before[task].shape != numbers.shape:
            raise ConfigError(
                f"expected the {len(before[task])} validation rows of the run, got {len(numbers)}: its data have "
                "changed; train it again"
            )
        if not (np.isfinite(numbers).all() and np.isfinite(before[task]).all()):  # no difference to such is too large
            raise ConfigError(
                f"expected finite validation predictions of {task}, got others; the training went astray: train it "
                "again with a lower training.learning_rate, or in float32"
            )
        apart = max(apart, float((np.abs(numbers - before[task]) / np.maximum(1, np.abs(before[task]))).max(initial=0)))
    if not apart <= CLOSE:
        raise ConfigError(
            f"expected the graph to give the validation predictions of the run within {CLOSE}, got {apart:.2e}: "
            f"{cause}; train it again"
        )
    return apart


def _described(run: RunFile, prepared: Prepared, used: Sequence[str], folder: Path, variant: Variant) -> dict[str, Any]:
    """The part of bundle.json that says how a sample becomes numbers; encoders and scales are written."""
    parts: dict[str, Any] = {}
    taken: set[str] = set()
    for modality in used:
        encoder, column = prepared.encoders[modality], prepared.columns[modality]
        train = [column[i] for i in prepared.parts.train]
        example = next(x for x in train if x is not None)
        kind = {1: "ids", 2: "frames", 3: "picture"}[example.ndim]
        width = example.shape[1] - bool(run.features.context) if kind == "frames" else 0
        parts[modality] = {
            "cue": cue_name(modality, encoder.cue, taken),
            "encoder": carry(modality, encoder, folder, variant),
            "kind": kind,
            "shape": list(example.shape) if kind == "picture" else [width] if kind == "frames" else [],
            "longest": run.features.longest.get(modality),
            "mean": kind == "frames" and modality in run.features.mean,  # ids and pictures are not averaged
            "moments": kind == "frames" and modality in run.features.moments,
            "steps": 1 if kind == "picture" else max(len(x) for x in train if x is not None),
            "raw_steps": None if kind == "picture" else prepared.raw_steps[modality],
            "seconds": longest_seconds([prepared.samples[i] for i in prepared.parts.train], encoder)
            if kind == "frames" and prepared.raw_steps[modality] == 1
            else None,
        }
    scales = {f"{m}/{k}": v for m in used if m in prepared.scales for k, v in prepared.scales[m].state().items()}
    if scales:
        save_arrays(folder / "scales.npz", scales)
    return {
        "kind": bundle.FUSED,
        "graph": "model.onnx",
        "scales": "scales.npz" if scales else None,
        "context": run.features.context,
        "modalities": parts,
    }


def _measured(
    run: RunFile, prepared: Prepared, rows: Rows, exact: Arrays, graph: GraphNumbers, used: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tasks with their calibration, and what the bundle's own graph reaches on the validation part."""
    there = {m: np.array([x is not None for x in rows.values[m]]) for m in used}
    tasks = {name: described_task(run, prepared, name) for name in run.tasks}
    scores: dict[str, Any] = {}
    numbers: dict[str, Arrays] = {}
    for chosen in (c for n in range(len(used), 0, -1) for c in itertools.combinations(used, n)):
        key = "+".join(chosen)
        having = np.logical_and.reduce([there[m] for m in chosen])
        numbers[key] = graph.of(chosen)
        for name, task in tasks.items():
            calibrate(task, key, numbers[key][name][having], rows.labels[name][having])
        if having.any():
            with np.errstate(invalid="ignore"):
                found = {t: y[having] for t, y in numbers[key].items()}
                scores[key] = measure(run, found, {t: y[having] for t, y in rows.labels.items()})
    whole = "+".join(used)
    with np.errstate(invalid="ignore"):
        before = measure(run, exact, rows.labels)
        after = measure(run, numbers[whole], rows.labels)
    return tasks, {
        "rows": len(rows),
        "ids_sha256": of_ids(prepared.samples[i].id for i in prepared.parts.valid),
        "metrics": after,
        "float32": before,
        "loss": {k: after[k] - before[k] for k in after},
        "subsets": scores,
        "calibration_error": {
            name: calibration_error(task, whole, numbers[whole][name], rows.labels[name])
            for name, task in tasks.items()
            if task["classes"]
        },
    }


def _told(
    run: RunFile,
    stored: Mapping[str, Any],
    prepared: Prepared,
    run_folder: Path,
    name: str | None,
    licence: str | None,
    variant: Variant,
) -> dict[str, Any]:
    """What bundle.json says for people: name, licence, variant, where it comes from, records of `demeanor evaluate`."""
    card = getattr(plugin("datasets", run.data.dataset), "CARD", None)
    data = run.data.name or run.data.dataset
    theirs = "unknown" if card is None else card.licence
    records = {
        split: json.loads((run_folder / f"{split}.json").read_text(encoding="utf-8"))
        for split in ("valid", "test")
        if (run_folder / f"{split}.json").is_file()
    }
    scores = json.loads((run_folder / "scores.json").read_text(encoding="utf-8"))
    return {
        "name": name or run.run.name,
        "version": "1",
        "licence": licence or f"as the data allow ({data}: {theirs})",
        "variant": variant,
        "provenance": {
            "run": run.run.name,
            "model": run.run.model,
            **_origin(run.run.model),
            "config": without_places(stored["config"]),
            "config_sha256": stored["config_sha256"],
            "commit": stored["commit"],
            "versions": {**stored["versions"], "demeanor": version("demeanor")},
            "data": {"name": data, "title": data if card is None else card.title, "licence": theirs},
            "parts": {p: len(getattr(prepared.parts, p)) for p in ("train", "valid", "test")},
            "groups": {p: len(set(prepared.groups(getattr(prepared.parts, p)))) for p in ("train", "valid", "test")},
            "params": scores["params"],
            "seed": run.training.seed,
        },
        "records": {split: without_places(record) for split, record in records.items()},
        "floor": scores["floor"],
    }


def _origin(name: str) -> dict[str, Any]:
    """The paper that a model's file names, and whether the model is a reconstruction of what is not published."""
    module = plugin("fusion", name)
    paper = labelled(module.__doc__ or "").get("Paper")
    return {"paper": paper, "reconstruction": bool(getattr(module, "RECONSTRUCTION", False))}


def without_places(value: Any) -> Any:
    """Plain data in which a path keeps only its file's name: where it lay on this machine is nobody's business."""
    if isinstance(value, Mapping):
        return {k: without_places(v) for k, v in value.items() if k != "command"}
    if isinstance(value, list | tuple):
        return [without_places(v) for v in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value
