"""A trained model → ONNX with 8-bit stored weights, computed in float32.

Each large weight is stored as int8 with one float32 scale per output channel, followed by Cast and Mul, which ONNX
Runtime folds once at load. So files are a quarter of the size, yet every processor computes the same float32 numbers,
whatever the batch: dynamic int8 arithmetic would differ between processors and between batches.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from demeanor.batch import FeatureBatch
from demeanor.fusion._model import Model
from demeanor.fusion.text_transformer import TextTransformer

OPSET = 18
SMALLEST = 2048
"""Weights of fewer numbers stay float32."""


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
    import onnx

    outputs = ["polarity", "emotions", "score", "hidden"]
    buffer = io.BytesIO()
    dynamic = {**axes, **{o: {0: "batch"} for o in outputs}}
    torch.onnx.export(
        graph.eval(),
        example,
        buffer,
        input_names=list(names),
        output_names=outputs,
        dynamic_axes=dynamic,
        opset_version=OPSET,
        dynamo=False,
        do_constant_folding=True,
    )
    model = store_int8(onnx.load_from_string(buffer.getvalue()))
    onnx.checker.check_model(model)
    temporary = path.with_suffix(".part")
    temporary.write_bytes(model.SerializeToString())
    temporary.replace(path)


def store_int8(model: Any) -> Any:
    """Replace every large float32 weight matrix or kernel by int8 · scale."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    first = {name: node.op_type for node in reversed(graph.node) for name in node.input}
    kept, nodes = [], []
    for tensor in graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or weights.ndim < 2 or weights.size < SMALLEST:
            kept.append(tensor)
            continue
        axis = weights.ndim - 1 if first.get(tensor.name) == "MatMul" else 0
        others = tuple(a for a in range(weights.ndim) if a != axis)
        scale = np.maximum(np.abs(weights).max(axis=others, keepdims=True), 1e-12).astype(np.float32) / 127
        stored = np.rint(weights / scale).astype(np.int8)
        kept.append(numpy_helper.from_array(stored, tensor.name + ".int8"))
        kept.append(numpy_helper.from_array(scale, tensor.name + ".scale"))
        nodes.append(helper.make_node("Cast", [tensor.name + ".int8"], [tensor.name + ".cast"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [tensor.name + ".cast", tensor.name + ".scale"], [tensor.name]))
    body = list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend([*nodes, *body])
    return model
