"""A model that fuses features, opened from its bundle: samples in, numbers per task and set of modalities out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.bundle import Bundle
from demeanor.errors import BundleError, DemeanorError, InputError
from demeanor.features.context import in_context
from demeanor.features.described import Described, ModalityPart, described
from demeanor.features.exported import open_encoder, open_scales, shaped
from demeanor.types import Sample

Features = Mapping[str, NDArray[Any]]
"""Per modality present what the model takes of a sample."""

Numbers = Mapping[str, NDArray[np.float64]]
"""Per task raw numbers: (), or logits (classes,)."""

Present = tuple[str, ...]
"""Modalities that are there, in the bundle's order."""

_AT_ONCE = 1 << 24  # numbers of one modality that the graph is given at once
_TYPES = {"frames": "tensor(float)", "ids": "tensor(int64)", "picture": "tensor(float)"}
_LONGER = 4  # a whole may be so many times longer than the longest training sample
_ALWAYS, _ALWAYS_SECONDS = 2000, 20.0  # or have so many steps; or seconds, where an encoder gives one step


class Encoded(dict[str, NDArray[Any]]):
    """Per modality present what the model takes; `raw_steps` are those of its encoder, neither cut nor averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.raw_steps: dict[str, int] = {}


class JointModel:
    """Encoders, scales and graph of a bundle. May be used from several threads.

    Args:
        bundle: whose `kind` is `features`.

    Raises:
        BundleError: it does not fit this program, or is not what it says.
        MissingExtraError: an encoder needs a library that is not installed.
        WeightsError: an encoder needs weights that are not on this machine.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        place = str(bundle.folder / "bundle.json")
        self.spec: Described = described(bundle.spec, place)
        self.parts = self.spec.modalities
        self.encoders = {m: open_encoder(m, p.encoder, bundle.file) for m, p in self.parts.items()}
        self.scales = open_scales(bundle.file(self.spec.scales), self.parts) if self.spec.scales else {}
        self._takes = self._checked()

    def encode(self, sample: Sample, modalities: Sequence[str], faults: list[DemeanorError]) -> Encoded:
        """The modalities that a sample has; one that cannot be read is left out, and its error added to `faults`."""
        out = Encoded()
        for modality in modalities:
            try:
                value = self.encoders[modality].encode(sample)
            except (InputError, DemeanorError) as error:
                if isinstance(error, BundleError):
                    raise
                faults.append(error)
                continue
            if value is not None and value.size:
                out.raw_steps[modality] = len(value)
                out[modality] = self.shaped(modality, value)
        return out

    def shaped(self, modality: str, value: NDArray[Any]) -> NDArray[Any]:
        """What a modality's encoder gave, as the model takes it: cut, averaged, scaled.

        Raises:
            BundleError: the encoder gave another shape than the bundle says.
        """
        place = f"{self.bundle.folder}: {modality}"
        return shaped(value, self.parts[modality], self.scales.get(modality), place)

    def among(self, features: Sequence[Features], starts: Sequence[float | None]) -> list[Features]:
        """Each piece among those around it, for models that were trained on utterances in context; else as it is."""
        if not self.spec.context:
            return list(features)
        samples = [Sample(str(at), start=start, group="one") for at, start in enumerate(starts)]
        out: list[dict[str, NDArray[Any]]] = [{} for _ in features]
        for modality in self.parts:
            column = [f.get(modality) for f in features]
            if all(value is None for value in column):
                continue
            for found, window in zip(out, in_context(column, samples, self.spec.context), strict=True):
                if window is not None:
                    found[modality] = window
        return [*out]

    def too_long(self, features: Encoded, seconds: float | None = None) -> bool:
        """Whether a sample, which lasts so many seconds, is far longer than any the model was trained on."""
        return any(self._beyond(self.parts[m], x, features.raw_steps[m], seconds or 0) for m, x in features.items())

    @staticmethod
    def _beyond(part: ModalityPart, value: NDArray[Any], raw_steps: int, seconds: float) -> bool:
        if part.kind == "picture":
            return False
        if part.seconds is not None and seconds > max(_LONGER * part.seconds, _ALWAYS_SECONDS):
            return True
        if part.raw_steps is None:  # of an earlier version: what the model takes is all there is to compare
            return len(value) > max(_LONGER * part.steps, _ALWAYS)
        return raw_steps > max(_LONGER * part.raw_steps, _ALWAYS)

    def numbers(self, features: Features, sets: Sequence[Present]) -> list[Numbers]:
        """What the model says with only those modalities present, per set.

        Args:
            features: of one sample.
            sets: none of them empty.
        """
        largest = max((x.size for x in features.values()), default=1)
        step = max(1, _AT_ONCE // largest)
        out: list[Numbers] = []
        for first in range(0, len(sets), step):
            chosen = sets[first : first + step]
            found = self.bundle.run(self.spec.graph, self._inputs(features, chosen))
            out += [{t: self._finite(found[t][row]) for t in self.spec.tasks} for row in range(len(chosen))]
        return out

    def nothing(self) -> Numbers:
        """What is said where no modality is present: the training labels' mean, as raw numbers."""
        return {
            name: np.log(np.maximum(task.prior, 1e-9)) if task.classes else np.array(task.prior[0])
            for name, task in self.spec.tasks.items()
        }

    def _finite(self, value: Any) -> NDArray[np.float64]:
        x = np.asarray(value, np.float64)
        if not np.isfinite(x).all():
            raise BundleError(f"{self.bundle.folder}: expected finite numbers of the model, got others; train it again")
        return x

    def _inputs(self, features: Features, sets: Sequence[Present]) -> dict[str, NDArray[Any]]:
        out: dict[str, NDArray[Any]] = {}
        for modality, part in self.parts.items():
            value = features.get(modality)
            there = np.array([modality in chosen and value is not None for chosen in sets])
            if part.kind == "picture":
                one = np.zeros(part.shape, np.float32) if value is None else value
                out[modality], out[f"{modality}_present"] = _repeated(one, len(sets)), there
                continue
            width = () if part.kind == "ids" else (self.spec.width(modality),)
            one = np.zeros((1, *width), np.int64 if part.kind == "ids" else np.float32) if value is None else value
            out[modality] = _repeated(one, len(sets))
            out[f"{modality}_mask"] = np.repeat(there[:, None], len(one), 1)
        return {name: value for name, value in out.items() if name in self._takes}

    def _checked(self) -> frozenset[str]:
        """Names of the graph's inputs, each as the description says."""
        place = self.bundle.folder / self.spec.graph
        expected: dict[str, tuple[str, int]] = {}
        for modality, part in self.parts.items():
            rank = {"frames": 3, "ids": 2, "picture": 4}[part.kind]
            says = (f"{modality}_present", 1) if part.kind == "picture" else (f"{modality}_mask", 2)
            expected |= {modality: (_TYPES[part.kind], rank), says[0]: ("tensor(bool)", says[1])}
        inputs = self.bundle.inputs(self.spec.graph)
        for name, (kind, shape) in inputs.items():
            if name not in expected or expected[name] != (kind, len(shape)):
                raise BundleError(
                    f"{place}: expected the inputs {', '.join(expected)}, got '{name}' ({kind}, {len(shape)} axes); "
                    "export the run anew"
                )
        for modality, part in self.parts.items():
            shape = inputs.get(modality, ("", []))[1]
            said = list(part.shape) if part.kind != "frames" else [self.spec.width(modality)]
            own = shape[1:] if part.kind == "picture" else shape[2:]
            if part.kind != "ids" and any(isinstance(n, int) and n != m for n, m in zip(own, said, strict=False)):
                raise BundleError(f"{place}: {modality}: expected steps of {said}, got {own}; export the run anew")
        outputs = self.bundle.outputs(self.spec.graph)
        for task, said_of in self.spec.tasks.items():
            axes = 1 if said_of.classes is None else 2
            if task not in outputs or len(outputs[task][1]) != axes:
                raise BundleError(f"{place}: expected an output '{task}' with {axes} axes; export the run anew")
            count = outputs[task][1][-1]
            if axes == 2 and isinstance(count, int) and count != len(said_of.classes or ()):
                raise BundleError(
                    f"{place}: {task}: expected {len(said_of.classes or ())} classes, got {count}; export the run anew"
                )
        return frozenset(inputs)


def _repeated(value: NDArray[Any], count: int) -> NDArray[Any]:
    return np.ascontiguousarray(np.broadcast_to(value, (count, *value.shape)))


def subsets(present: Present) -> list[Present]:
    """Every set of these modalities but the empty one, the whole one first."""
    sizes = range(len(present), 0, -1)
    return [chosen for size in sizes for chosen in itertools.combinations(present, size)]
