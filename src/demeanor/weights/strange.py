"""Graphs that are not the package's own: looked through before they are loaded, and run within a bound of memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from demeanor.errors import BundleError
from demeanor.weights.graph import check_graph

MOST_MEMORY = 4 * 2**30
"""Bytes that all such graphs of a process may hold at once: a few numbers in one can ask for all that a machine has."""


def load(path: Path, threads: int) -> Any:
    """An ONNX Runtime session of the file.

    Raises:
        BundleError: it reaches outside of its file, may not end, or is no graph.
    """
    import onnxruntime as ort

    check_graph(path)
    _bound_memory()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what goes wrong is an error of ours, which says it
    options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a class of its own for each fault, none of them ours
        reason = str(error).splitlines()[0]
        raise BundleError(f"{path}: ONNX Runtime cannot load it ({reason}); export it anew") from error


def run(session: Any, path: Path, names: Sequence[str], inputs: Mapping[str, Any]) -> list[Any]:
    """Those outputs.

    Raises:
        BundleError: the graph cannot be run on these inputs, or asks for more than `MOST_MEMORY`.
    """
    try:
        found: list[Any] = session.run(list(names), dict(inputs))
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise BundleError(f"{path}: ONNX Runtime cannot run it ({reason}); export it anew") from error
    return found


@cache
def _bound_memory() -> None:
    """One arena of that size for every session of this process that uses the shared allocator."""
    import onnxruntime as ort

    place = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    doubling = 0  # by exactly what is asked for, inputs that grow would leave all their smaller blocks behind
    bounds = ort.OrtArenaCfg({"max_mem": MOST_MEMORY, "arena_extend_strategy": doubling})
    ort.create_and_register_allocator(place, bounds)
