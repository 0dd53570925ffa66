"""Encoders that are an ONNX graph: opened once, run on one thread, so that its numbers are the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import BundleError, ConfigError
from demeanor.weights.graph import check_graph


class EncoderGraph:
    """A graph with one output, `states` (rows, dim).

    Args:
        path: the `.onnx` file.

    Raises:
        ConfigError: no such file, or no such graph.
        BundleError: it reaches outside of its file.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        if not path.is_file():
            raise ConfigError(f"graph: expected an ONNX file at {path}, found nothing there")
        check_graph(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has a class of its own for each fault, none of them ours
            raise BundleError(f"{path}: ONNX Runtime cannot load it: {str(error).splitlines()[0]}") from error
        self.takes = {i.name for i in self._session.get_inputs()}
        (output, *others) = self._session.get_outputs()
        if others or output.name != "states" or len(output.shape) != 2:
            raise ConfigError(f"graph: expected one output, states (rows, dim), in {path.name}; got {output.name}")
        self.width = output.shape[1]

    def states(self, inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        """(rows, dim) of one input; what the graph does not take is left out."""
        found = self._session.run(["states"], {k: v for k, v in inputs.items() if k in self.takes})
        return np.asarray(found[0], np.float32)
