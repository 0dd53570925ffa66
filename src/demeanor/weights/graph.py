"""What an ONNX file holds, read without running it: only standard operators, and all of its numbers inside.

A few fields of the protocol buffer are walked over (https://onnx.ai/onnx/intro/concepts.html, onnx.proto3); tensors are
skipped, so a large file takes milliseconds. The library `onnx` is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from demeanor.errors import BundleError

STANDARD = frozenset(("", "ai.onnx"))
"""Domains of operators that ONNX itself defines."""

_ENDLESS = frozenset(("Loop", "Scan"))  # a graph of ours has none, and a stranger's may never end
_MOST = 200_000  # nodes
_DEEPEST = 16  # graphs within graphs

# Field numbers of the messages.
_MODEL_GRAPH, _MODEL_OPSET, _MODEL_FUNCTIONS, _OPSET_DOMAIN = 7, 8, 25, 1
_GRAPH_NODE, _GRAPH_TENSOR, _GRAPH_SPARSE = 1, 5, 15
_NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES = 22, 23
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14


@dataclass
class Graph:
    """What was found: operators by name, domains, whether a tensor lies in another file, functions of its own."""

    operators: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    nodes: int = 0
    external: bool = False
    functions: bool = False


def check_graph(path: Path) -> Graph:
    """Refuse a graph that reaches outside of its file, or may not end.

    Raises:
        BundleError: no ONNX, operators of another domain, tensors in other files, loops, too many nodes.
    """
    found = Graph()
    try:
        _model(memoryview(path.read_bytes()), found)
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise BundleError(f"{path}: expected an ONNX graph, got something else ({error}); export it anew") from error
    if strange := sorted(found.domains - STANDARD):
        raise BundleError(
            f"{path}: expected standard operators only, got some of {', '.join(strange)}; they are not run"
        )
    if found.functions:
        raise BundleError(f"{path}: expected standard operators only, got functions of its own; they are not run")
    if found.external:
        raise BundleError(f"{path}: expected all weights in the file, got some in other files; they are not read")
    if endless := sorted(found.operators & _ENDLESS):
        raise BundleError(f"{path}: expected a graph without loops, got {', '.join(endless)}; it is not run")
    if not found.nodes:
        raise BundleError(f"{path}: expected an ONNX graph with operators, got none; export it anew")
    return found


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """(number, bytes or integer) of a message's fields."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
        elif kind == 2:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("a field is longer than its message")
            yield number, data[at : at + size]
            at += size
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(f"unknown wire type {kind}")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")


def _model(data: memoryview, found: Graph) -> None:
    for number, value in _fields(data):
        if not isinstance(value, memoryview):
            continue
        if number == _MODEL_GRAPH:
            _graph(value, found, 0)
        elif number == _MODEL_FUNCTIONS:
            found.functions = True
        elif number == _MODEL_OPSET:
            found.domains |= {_text(v) for n, v in _fields(value) if n == _OPSET_DOMAIN}


def _graph(data: memoryview, found: Graph, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError("graphs lie too deep in one another")
    for number, value in _fields(data):
        if not isinstance(value, memoryview):
            continue
        if number == _GRAPH_NODE:
            _node(value, found, depth)
        elif number == _GRAPH_TENSOR:
            _tensor(value, found)
        elif number == _GRAPH_SPARSE:
            _sparse(value, found)


def _node(data: memoryview, found: Graph, depth: int) -> None:
    found.nodes += 1
    if found.nodes > _MOST:
        raise ValueError(f"more than {_MOST} operators")
    for number, value in _fields(data):
        if number == _NODE_OPERATOR:
            found.operators.add(_text(value))
        elif number == _NODE_DOMAIN:
            found.domains.add(_text(value))
        elif number == _NODE_ATTRIBUTE and isinstance(value, memoryview):
            _attribute(value, found, depth)


def _attribute(data: memoryview, found: Graph, depth: int) -> None:
    for number, value in _fields(data):
        if not isinstance(value, memoryview):
            continue
        if number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
            _tensor(value, found)
        elif number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
            _graph(value, found, depth + 1)
        elif number in (_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES):
            _sparse(value, found)


def _tensor(data: memoryview, found: Graph) -> None:
    for number, value in _fields(data):
        if number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value == 1):
            found.external = True


def _sparse(data: memoryview, found: Graph) -> None:
    for number, value in _fields(data):
        if number in (1, 2) and isinstance(value, memoryview):
            _tensor(value, found)


def _text(value: memoryview | int) -> str:
    return bytes(value).decode() if isinstance(value, memoryview) else str(value)
