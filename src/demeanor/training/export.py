"""A trained model → ONNX with 8-bit stored weights, computed in float32.

Each large weight is stored as int8 with one float32 scale per output channel, followed by Cast and Mul, which ONNX
Runtime folds once at load. So files are a quarter of the size, yet every processor computes the same float32 numbers,
whatever the batch: dynamic int8 arithmetic would differ between processors and between batches.
"""

from __future__ import annotations

import io
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.fusion._model import Model
from demeanor.fusion.text_transformer import TextTransformer

Variant = Literal["float32", "fp16", "int8"]
OPSET = 18
SMALLEST = 2048
"""Weights of fewer numbers stay float32."""

_RECURRENT = ("LSTM", "GRU", "RNN")


class TextGraph(nn.Module):
    """Token ids and mask → the three tasks and the hidden vector; the word vectors stay packed in 4 bits."""

    def __init__(self, model: TextTransformer, packed: Tensor, scales: Tensor) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("packed", packed)
        self.register_buffer("scales", scales)

    def forward(self, ids: Tensor, valid: Tensor) -> tuple[Tensor, ...]:
        """Ids (B, T) int64, valid (B, T) bool → polarity (B, 3), emotions (B, 7), score (B,), hidden (B, D)."""
        rows, scales = self.packed[ids], self.scales[ids].float()
        nibbles = torch.cat([rows & 15, rows >> 4], dim=-1).float() - 8.0
        vectors = (nibbles * scales[..., None]).flatten(-2)
        hidden = self.model.encode(vectors, valid)
        tasks = self.model.heads(hidden)
        return tasks["polarity"], tasks["emotions"], tasks["score"], hidden


class DenseGraph(nn.Module):
    """A model of one dense modality (pictures, frames) as a function of its tensor."""

    def __init__(self, model: Model, modality: str) -> None:
        super().__init__()
        self.model, self.modality = model, modality

    def forward(self, values: Tensor, valid: Tensor | None = None) -> tuple[Tensor, ...]:
        """Values (B, …), valid (B, T) for sequences → polarity, emotions, score, hidden."""
        present = torch.ones(values.shape[0], dtype=torch.bool)
        output = self.model(FeatureBatch({self.modality: values}, {self.modality: valid}, {self.modality: present}))
        assert output.hidden is not None
        return output.tasks["polarity"], output.tasks["emotions"], output.tasks["score"], output.hidden


def export(
    graph: nn.Module,
    example: tuple[Tensor, ...],
    names: Sequence[str],
    axes: Mapping[str, Mapping[int, str]],
    path: Path,
) -> None:
    """Write `graph` as ONNX with outputs polarity, emotions, score, hidden.

    Args:
        graph: in eval mode is set here.
        example: inputs that run.
        names: input names, in order.
        axes: dynamic axes of the inputs.
        path: the `.onnx` file, written whole.
    """
    write_onnx(store_int8(traced(graph, example, names, ["polarity", "emotions", "score", "hidden"], axes)), path)


def traced(
    graph: nn.Module,
    example: tuple[Tensor, ...],
    names: Sequence[str],
    outputs: Sequence[str],
    axes: Mapping[str, Mapping[int, str]],
) -> Any:
    """`graph`, in eval mode, as an ONNX model in memory; `axes` are those of the inputs that vary."""
    import onnx

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter warns that it traces, and that batches may differ for recurrent layers: the states of ours
        # start from zeros of the batch's own size, and the contract suite runs other sizes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.eval(),
            example,
            buffer,
            input_names=list(names),
            output_names=list(outputs),
            dynamic_axes={**axes, **{o: {0: "batch"} for o in outputs}},
            opset_version=OPSET,
            dynamo=False,
            do_constant_folding=True,
        )
    return onnx.load_from_string(buffer.getvalue())


def write_onnx(model: Any, path: Path) -> None:
    """The checked model, written whole."""
    import onnx

    onnx.checker.check_model(model)
    temporary = path.with_suffix(".part")
    temporary.write_bytes(model.SerializeToString())
    temporary.replace(path)


class FusionGraph(nn.Module):
    """Any model as a function of plain tensors: per modality its values, and its mask or (pictures) its presence."""

    def __init__(self, model: Model, pictured: Mapping[str, bool]) -> None:
        super().__init__()
        self.model, self.pictured = model, dict(pictured)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Tensors in the order of `inputs_of` → the tasks in the model's order."""
        values: dict[str, Tensor] = {}
        valid: dict[str, Tensor | None] = {}
        present: dict[str, Tensor] = {}
        for modality, (value, says) in zip(self.pictured, zip(tensors[::2], tensors[1::2], strict=True), strict=True):
            values[modality] = value
            valid[modality] = None if self.pictured[modality] else says
            present[modality] = says if self.pictured[modality] else says.any(1)
        return tuple(self.model(FeatureBatch(values, valid, present)).tasks.values())


def export_fusion(model: Model, batch: FeatureBatch, path: Path, variant: Variant = "float32") -> Path:
    """Write a model of the lab as ONNX: `trace_fusion`.

    Args:
        model: on the CPU.
        batch: an example with every modality of the model present.
        path: the `.onnx` file, written whole.
        variant: what the large weights are stored in.
    """
    write_onnx(stored(trace_fusion(model, batch), variant), path)
    return path


def trace_fusion(model: Model, batch: FeatureBatch) -> Any:
    """A model of the lab as an ONNX model in memory, weights in float32.

    Inputs are `NAME` (batch, time, …) and `NAME_mask` (batch, time) bool for every modality, or `NAME` (batch, C, H, W)
    and `NAME_present` (batch,) bool for pictures; a modality that is not there has an all-false mask. Outputs are the
    model's tasks.

    Args:
        model: on the CPU.
        batch: an example with every modality of the model present.
    """
    pictured = {m: v is None for m, v in batch.valid.items()}
    names, example, axes = [], [], {}
    for modality, flat in pictured.items():
        says = f"{modality}_present" if flat else f"{modality}_mask"
        names += [modality, says]
        example += [batch.values[modality], batch.present[modality] if flat else batch.mask(modality)]
        time = {} if flat else {1: f"{modality}_time"}
        axes[modality] = axes[says] = {0: "batch", **time}
    with torch.no_grad():
        tasks = list(model.eval()(batch).tasks)
    return traced(FusionGraph(model, pictured), tuple(example), names, tasks, axes)


def stored(model: Any, variant: Variant) -> Any:
    """The model with its large weights in that type; it computes in float32 whatever they are stored in."""
    if variant == "float32":
        return model
    return store_int8(model) if variant == "int8" else store_half(model)


def store_half(model: Any) -> Any:
    """Replace every large float32 weight by float16, cast back when the graph is loaded."""
    from onnx import TensorProto, helper, numpy_helper

    def half(name: str, weights: NDArray[Any], first: str) -> tuple[list[Any], list[Any]]:
        kept = numpy_helper.from_array(weights.astype(np.float16), name + ".half")
        return [kept], [helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT)]

    return _restored(model, half)


def store_int8(model: Any) -> Any:
    """Replace every large float32 weight matrix or kernel by int8 · scale, a scale per output channel."""
    from onnx import TensorProto, helper, numpy_helper

    def packed(name: str, weights: NDArray[Any], first: str) -> tuple[list[Any], list[Any]]:
        if first in _RECURRENT:  # (directions, rows, columns): a scale per row
            others: tuple[int, ...] = (2,)
        else:
            axis = weights.ndim - 1 if first == "MatMul" else 0
            others = tuple(a for a in range(weights.ndim) if a != axis)
        scale = np.maximum(np.abs(weights).max(axis=others, keepdims=True), 1e-12).astype(np.float32) / 127
        # Rounded up or down by chance, in proportion: the nearest step would undo most of what training on from weights
        # that lie on these very steps has changed (docs/decisions.md). The name makes the chance the same every time.
        chance = np.random.default_rng(zlib.crc32(name.encode())).random(weights.shape)
        whole = np.clip(np.floor(weights / scale + chance), -127, 127).astype(np.int8)
        tensors = [numpy_helper.from_array(whole, name + ".int8"), numpy_helper.from_array(scale, name + ".scale")]
        cast = helper.make_node("Cast", [name + ".int8"], [name + ".cast"], to=TensorProto.FLOAT)
        return tensors, [cast, helper.make_node("Mul", [name + ".cast", name + ".scale"], [name])]

    return _restored(model, packed)


def _restored(model: Any, pack: Callable[[str, NDArray[Any], str], tuple[list[Any], list[Any]]]) -> Any:
    """Every large float32 weight as tensors and the nodes that give it back.

    Args:
        model: changed in place.
        pack: name, weights and the operator that first takes them → tensors, nodes.
    """
    from onnx import TensorProto, numpy_helper

    graph = model.graph
    first = {name: node.op_type for node in reversed(graph.node) for name in node.input}
    kept, nodes = [], []
    for tensor in graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or weights.ndim < 2 or weights.size < SMALLEST:
            kept.append(tensor)
            continue
        tensors, restoring = pack(tensor.name, weights, first.get(tensor.name, ""))
        kept += tensors
        nodes += restoring
    body = list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend([*nodes, *body])
    return model
