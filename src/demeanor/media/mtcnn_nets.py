"""Weights and graphs of the three MTCNN networks: packed arrays in, ONNX Runtime sessions out.

The weights are those of the PyPI package `mtcnn` 1.0.0 (MIT), which keeps them as joblib pickles. Nothing is
unpickled here: `demeanor.weights` pins each file by sha256, so the place of every array in it is a constant.
The graph is encoded as ONNX by the few lines at the end of this file, so neither torch, TensorFlow nor onnx
is needed to run it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import WeightsError

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Net:
    """Where the parts of a network lie and how they join.

    Attributes:
        arrays: byte offset and shape of each float32 array in the unpacked file: kernel (height, width, in,
            out), bias and PReLU slopes of each convolution, the same of the dense layer, kernel and bias of
            each output.
        pools: for each convolution the side of the max pooling after it (stride 2, 0 for none) and whether
            that is padded so as to cover the edge.
        dense: a fully connected layer stands before the outputs.
    """

    arrays: tuple[tuple[int, tuple[int, ...]], ...]
    pools: tuple[tuple[int, bool], ...]
    dense: bool


_NETS = {
    "pnet": _Net(
        (
            (240, (3, 3, 3, 10)), (1376, (10,)), (1472, (10,)),
            (1568, (3, 3, 10, 16)), (7376, (16,)), (7504, (16,)),
            (7632, (3, 3, 16, 32)), (26112, (32,)), (26304, (32,)),
            (26496, (1, 1, 32, 4)), (27056, (4,)), (27136, (1, 1, 32, 2)), (27440, (2,)),
        ),
        ((2, True), (0, False), (0, False)),
        dense=False,
    ),
    "rnet": _Net(
        (
            (240, (3, 3, 3, 28)), (3312, (28,)), (3488, (28,)),
            (3664, (3, 3, 28, 48)), (52096, (48,)), (52352, (48,)),
            (52608, (2, 2, 48, 64)), (101808, (64,)), (102128, (64,)),
            (102448, (576, 128)), (397408, (128,)), (397968, (128,)),
            (398528, (128, 4)), (400624, (4,)), (400688, (128, 2)), (401760, (2,)),
        ),
        ((3, True), (3, False), (0, False)),
        dense=True,
    ),
    "onet": _Net(
        (
            (240, (3, 3, 3, 32)), (3744, (32,)), (3936, (32,)),
            (4128, (3, 3, 32, 64)), (77904, (64,)), (78224, (64,)),
            (78544, (3, 3, 64, 64)), (226048, (64,)), (226368, (64,)),
            (226688, (2, 2, 64, 128)), (357808, (128,)), (358384, (128,)),
            (358960, (1152, 256)), (1538656, (256,)), (1539728, (256,)),
            (1540816, (256, 4)), (1544960, (4,)), (1545040, (256, 10)), (1555328, (10,)),
            (1555424, (256, 2)), (1557520, (2,)),
        ),
        ((3, True), (3, False), (2, True), (0, False)),
        dense=True,
    ),
}  # fmt: skip


def load(name: str, path: Path) -> Any:
    """ONNX Runtime session of the network `pnet`, `rnet` or `onet`, from its packed weight file.

    It takes `x` (batch, 3, height, width), RGB scaled to [-1, 1], and gives, in this order: box offsets as
    fractions of the box side; O-Net's landmarks (five x, then five y, as fractions of the box); the logits of
    no face and face. One thread: the networks are so small that a second one only costs.

    Raises:
        WeightsError: the file does not hold the arrays it should.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = _encode(_NETS[name], read_arrays(name, path))
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def read_arrays(name: str, path: Path) -> list[Floats]:
    """The float32 arrays of one network in the file's order; kernels are (height, width, in, out).

    Raises:
        WeightsError: the file does not hold the arrays it should.
    """
    import lz4.frame

    net = _NETS[name]
    try:
        data = lz4.frame.decompress(path.read_bytes())
        return [np.frombuffer(data, "<f4", int(np.prod(s)), at).reshape(s) for at, s in net.arrays]
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(
            f"{path}: expected the packed weights of {name}, got {error}; "
            "get them with: pip install --no-deps --force-reinstall mtcnn==1.0.0"
        ) from error


class _Graph:
    """Collects nodes and weights of an ONNX graph in their serialised form."""

    def __init__(self) -> None:
        self.nodes: list[bytes] = []
        self.weights: list[bytes] = []

    def add(self, op: str, x: str, weights: Sequence[Floats] = (), **attributes: Sequence[int] | str) -> str:
        """Append a node that reads `x` and the weights; gives the name of its output."""
        names = [f"w{len(self.weights) + i}" for i in range(len(weights))]
        self.weights += [_tensor(name, array) for name, array in zip(names, weights, strict=True)]
        out = f"y{len(self.nodes)}"
        inputs = b"".join(_field(1, name) for name in (x, *names))
        options = b"".join(_field(5, _attribute(key, value)) for key, value in attributes.items())
        self.nodes.append(inputs + _field(2, out) + _field(4, op) + options)
        return out

    def model(self, outputs: Sequence[str]) -> bytes:
        """The serialised ModelProto: IR version 8, operator set 17."""
        dims = b"".join(_field(1, _field(2, d)) for d in ("batch", "channel", "height", "width"))
        floats = _field(1, _field(1, 1) + _field(2, dims))
        parts = [_field(1, node) for node in self.nodes] + [_field(2, "mtcnn")]
        parts += [_field(5, weight) for weight in self.weights]
        parts += [_field(11, _field(1, "x") + _field(2, floats))]
        parts += [_field(12, _field(1, name) + _field(2, _field(1, _field(1, 1)))) for name in outputs]
        return _field(1, 8) + _field(7, b"".join(parts)) + _field(8, _field(1, "") + _field(2, 17))


def _encode(net: _Net, arrays: list[Floats]) -> bytes:
    """The network as a serialised ONNX model."""
    graph, left, x = _Graph(), iter(arrays), "x"
    for size, padded in net.pools:
        x = graph.add("Conv", x, [next(left).transpose(3, 2, 0, 1), next(left)])
        x = graph.add("PRelu", x, [next(left)[:, None, None]])
        if size:
            pad = "SAME_UPPER" if padded else "VALID"
            x = graph.add("MaxPool", x, kernel_shape=(size, size), strides=(2, 2), auto_pad=pad)
    if net.dense:  # its kernel was trained on (width, height, channel)
        x = graph.add("Flatten", graph.add("Transpose", x, perm=(0, 3, 2, 1)))
        x = graph.add("Gemm", x, [next(left), next(left)])
        x = graph.add("PRelu", x, [next(left)])
    outputs = []
    for kernel in left:
        weights = [kernel if net.dense else kernel.transpose(3, 2, 0, 1), next(left)]
        outputs.append(graph.add("Gemm" if net.dense else "Conv", x, weights))
    return graph.model(outputs)


def _field(number: int, value: int | str | bytes) -> bytes:
    """One protobuf field: a varint or a length-delimited value."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    value = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _tensor(name: str, array: Floats) -> bytes:
    """TensorProto: dims, data type float, name, raw little-endian data."""
    dims = b"".join(_field(1, int(d)) for d in array.shape)
    return dims + _field(2, 1) + _field(8, name) + _field(9, np.ascontiguousarray(array, "<f4").tobytes())


def _attribute(name: str, value: Sequence[int] | str) -> bytes:
    """AttributeProto of a string (type 3) or of integers (type 7)."""
    if isinstance(value, str):
        return _field(1, name) + _field(4, value) + _field(20, 3)
    return _field(1, name) + b"".join(_field(8, i) for i in value) + _field(20, 7)
