"""Pickle files of plain data, read without running anything in them.

A pickle is a program for a small stack machine, and Python's own machine lets it import and call whatever it names.
Here is another machine: it knows the instructions that build numbers, strings, bytes, lists, tuples, dicts and numpy
arrays of numbers or strings, imports nothing, and calls nothing but what is written in this file. Whatever else a file
asks for ends the reading with its name.
"""

from __future__ import annotations

import math
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from demeanor.errors import DataError

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_DTYPE = re.compile(r"[<>|=]?(?:[fiu][1248]|b1|\?|[US]\d+|O8?)")
_MANY = 1 << 20  # empty strings that take no bytes in the file
_CONSTANTS = {
    "NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": (), "EMPTY_LIST": list, "EMPTY_DICT": dict,
}  # fmt: skip
_LITERALS = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    }
)
_FAULTS = (
    ValueError, TypeError, IndexError, KeyError, OverflowError, MemoryError, RecursionError, AttributeError, EOFError,
)  # fmt: skip


def read_plain(path: Path) -> Any:
    """What a pickle of plain data holds.

    Args:
        path: the file, of any protocol; strings of Python 2 are taken as Latin-1.

    Raises:
        DataError: it is no pickle, is cut short, or asks for anything but plain data (says for what).
    """
    try:
        with path.open("rb") as file:
            return _resolved(_Machine(path.name).run(file), {})
    except _FAULTS as error:
        raise DataError(f"{path.name}: expected a pickle of plain data, found a damaged file ({error})") from error


@dataclass(frozen=True)
class _Name:
    """Something the file names: never looked up, only recognised."""

    module: str
    name: str


@dataclass
class _Dtype:
    code: str
    order: str = "="

    def numpy(self) -> np.dtype[Any]:
        if not _DTYPE.fullmatch(self.code):
            raise ValueError(f"an array of type {self.code!r}")
        kind = np.dtype(self.code)
        return kind.newbyteorder("<") if self.order == "<" else kind.newbyteorder(">") if self.order == ">" else kind


@dataclass
class _Array:
    """An array whose contents come after it was put into place."""

    value: Any = None


class _Mark:
    """Where a run of items begins on the stack."""


class _Machine:
    def __init__(self, name: str) -> None:
        self._file = name
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self, file: BinaryIO) -> Any:
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name in _LITERALS:
                self._stack.append(argument)
            elif opcode.name in _CONSTANTS:
                made = _CONSTANTS[opcode.name]
                self._stack.append(made() if callable(made) else made)
            elif opcode.name == "STOP":
                (found,) = self._stack
                return found
            else:
                self._step(opcode.name, argument)
        raise ValueError("no end")

    def _step(self, name: str, argument: Any) -> None:
        step: Callable[[Any], None] | None = getattr(self, f"_do_{name.lower()}", None)
        if step is None:
            raise self._refusal(f"the instruction {name}")
        step(argument)

    def _refusal(self, what: str) -> DataError:
        return DataError(
            f"{self._file}: expected plain data (numbers, strings, lists, dicts, arrays), found {what}; "
            "the file was not read. Nothing in a pickle is ever run here: ask its author for another format"
        )

    def _items(self) -> list[Any]:
        """Everything above the last mark."""
        at = max(i for i, item in enumerate(self._stack) if isinstance(item, _Mark))
        items = self._stack[at + 1 :]
        del self._stack[at:]
        return items

    def _do_proto(self, _: Any) -> None:
        pass

    _do_frame = _do_proto
    _do_readonly_buffer = _do_proto

    def _do_mark(self, _: Any) -> None:
        self._stack.append(_Mark())

    def _do_pop(self, _: Any) -> None:
        self._stack.pop()

    def _do_pop_mark(self, _: Any) -> None:
        self._items()

    def _do_dup(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def _do_memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _do_put(self, place: int) -> None:
        self._memo[place] = self._stack[-1]

    _do_binput = _do_long_binput = _do_put

    def _do_get(self, place: int) -> None:
        self._stack.append(self._memo[place])

    _do_binget = _do_long_binget = _do_get

    def _do_list(self, _: Any) -> None:
        self._stack.append(self._items())

    def _do_append(self, _: Any) -> None:
        item = self._stack.pop()
        self._filled(list).append(item)

    def _do_appends(self, _: Any) -> None:
        items = self._items()
        self._filled(list).extend(items)

    def _do_dict(self, _: Any) -> None:
        items = self._items()
        self._stack.append({})
        self._set(items)

    def _do_setitem(self, _: Any) -> None:
        value = self._stack.pop()
        self._set([self._stack.pop(), value])

    def _do_setitems(self, _: Any) -> None:
        self._set(self._items())

    def _set(self, items: list[Any]) -> None:
        self._filled(dict).update(zip(items[::2], items[1::2], strict=True))

    def _filled(self, kind: type) -> Any:
        if not isinstance(self._stack[-1], kind):
            raise ValueError(f"items for a {kind.__name__} where there is none")
        return self._stack[-1]

    def _do_tuple(self, _: Any) -> None:
        self._stack.append(tuple(self._items()))

    def _do_tuple1(self, _: Any) -> None:
        self._stack[-1:] = [tuple(self._stack[-1:])]

    def _do_tuple2(self, _: Any) -> None:
        self._stack[-2:] = [tuple(self._stack[-2:])]

    def _do_tuple3(self, _: Any) -> None:
        self._stack[-3:] = [tuple(self._stack[-3:])]

    def _do_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._named(module, name)

    def _do_stack_global(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._named(module, name)

    def _named(self, module: Any, name: Any) -> None:
        found = _Name(str(module), str(name))
        if found not in _KNOWN:
            raise self._refusal(f"a wish for {module}.{name}")
        self._stack.append(found)

    def _do_reduce(self, _: Any) -> None:
        arguments, called = self._stack.pop(), self._stack.pop()
        if not isinstance(called, _Name) or not isinstance(arguments, tuple) or called not in _CALLS:
            raise self._refusal("a call of something that is no plain data")
        self._stack.append(_CALLS[called](*arguments))

    def _do_build(self, _: Any) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, _Dtype) and isinstance(state, tuple):
            if len(state) < 4 or any(part is not None for part in state[2:5]):
                raise self._refusal("an array of records")
            target.order = {"<": "<", ">": ">"}.get(state[1], "=")
        elif isinstance(target, _Array) and isinstance(state, tuple):
            shape, dtype, fortran, data = state[-4:]
            target.value = _array(data, dtype, shape, "F" if fortran else "C")
        else:
            raise self._refusal("a state of something that is no array")


def _array(data: Any, dtype: Any, shape: Any, order: Any = "C") -> Any:
    """The array of some bytes; of an object array the list (its items are plain data too)."""
    kind = dtype.numpy()
    size = math.prod(shape)
    if kind.kind == "O":
        if not isinstance(data, list) or len(data) != size or len(shape) != 1:
            raise ValueError("an object array that is no list")
        return data
    raw = data.encode("latin-1") if isinstance(data, str) else data
    if any(n < 0 for n in shape) or len(raw) != size * kind.itemsize:
        raise ValueError(f"{len(raw)} bytes for an array {shape} of {kind}")
    if not len(raw):
        if size > _MANY:
            raise ValueError(f"an array {shape} of nothing")
        return np.zeros(shape, kind)
    return np.frombuffer(raw, kind).reshape(shape, order="F" if order == "F" else "C")


def _scalar(dtype: _Dtype, data: Any = b"") -> Any:
    return _array(data, dtype, ()).item()


def _encoded(text: str, encoding: str = "latin-1") -> bytes:
    if encoding.replace("-", "").replace("_", "").lower() not in ("latin1", "utf8", "ascii"):
        raise ValueError(f"bytes in {encoding}")
    return text.encode(encoding)


def _plain_bytes(*parts: Any) -> bytes:
    if parts and not isinstance(parts[0], bytes):
        raise ValueError("bytes of something else")
    return parts[0] if parts else b""


_CALLS: dict[_Name, Callable[..., Any]] = {
    **{_Name(m, "_reconstruct"): lambda *_: _Array() for m in _MULTIARRAY},
    **{_Name(m, "scalar"): _scalar for m in _MULTIARRAY},
    **{_Name(m, "_frombuffer"): _array for m in _NUMERIC},
    _Name("numpy", "dtype"): lambda code, *_: _Dtype(str(code)),
    _Name("_codecs", "encode"): _encoded,
    **{_Name(m, "bytes"): _plain_bytes for m in ("builtins", "__builtin__")},
    **{_Name(m, "bytearray"): _plain_bytes for m in ("builtins", "__builtin__")},
    _Name("collections", "OrderedDict"): lambda *_: {},
}
_KNOWN = frozenset(_CALLS) | {_Name("numpy", "ndarray")}


def _resolved(value: Any, seen: dict[int, tuple[Any, Any]]) -> Any:
    """Arrays in their places; what the file merely named is no data. `seen` keeps each original beside its result."""
    if isinstance(value, _Array):
        if value.value is None:
            raise ValueError("an array without contents")
        return _resolved(value.value, seen) if isinstance(value.value, list) else value.value
    if isinstance(value, _Name | _Dtype | _Mark):
        raise ValueError(f"{value} in place of data")
    if not isinstance(value, list | dict | tuple):
        return value
    if id(value) in seen:
        return seen[id(value)][1]
    if isinstance(value, tuple):
        made: Any = tuple(_resolved(item, seen) for item in value)
        seen[id(value)] = (value, made)
        return made
    seen[id(value)] = (value, value)
    for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
        value[key] = _resolved(item, seen)
    return value
