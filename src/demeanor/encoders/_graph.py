"""Encoders that are an ONNX graph: opened once, run on one thread, so that its numbers are the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demeanor.errors import ConfigError
from demeanor.weights import strange


class EncoderGraph:
    """A graph with one output, `states` (rows, dim).

    Args:
        path: the `.onnx` file.

    Raises:
        ConfigError: no such file, or no such graph.
        BundleError: it reaches outside of its file, or ONNX Runtime cannot load it.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ConfigError(f"graph: expected an ONNX file at {path}, found nothing there")
        self._path, self._session = path, strange.load(path, threads=1)
        self.takes = {i.name for i in self._session.get_inputs()}
        (output, *others) = self._session.get_outputs()
        if others or output.name != "states" or len(output.shape) != 2:
            raise ConfigError(f"graph: expected one output, states (rows, dim), in {path.name}; got {output.name}")
        self.width = output.shape[1]

    def states(self, inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        """(rows, dim) of one input; what the graph does not take is left out."""
        taken = {k: v for k, v in inputs.items() if k in self.takes}
        found = strange.run(self._session, self._path, ["states"], taken)
        return np.asarray(found[0], np.float32)
