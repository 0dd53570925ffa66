"""Where a run's numbers go beside its history.json: TensorBoard, Weights & Biases, MLflow."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demeanor.plugins import require


class Tracker:
    """Sends rows of numbers to each service asked for.

    Args:
        services: `tensorboard`, `wandb`, `mlflow`; None takes TensorBoard where it is installed.
        folder: the run folder; its name is the run's name.
        config: what is noted beside the run.

    Raises:
        MissingExtraError: a service that was asked for is not installed.
    """

    def __init__(self, services: Sequence[str] | None, folder: Path, config: Mapping[str, Any]) -> None:
        if services is None:
            services = ["tensorboard"] if importlib.util.find_spec("tensorboard") else []
        self._board = self._wandb = self._mlflow = None
        if "tensorboard" in services:
            require("tensorboard", "tracking", "logging to TensorBoard")
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"))
        if "wandb" in services:
            wandb = require("wandb", "tracking", "logging to Weights & Biases")
            self._wandb = wandb.init(project="demeanor", name=folder.name, dir=str(folder), config=dict(config))
        if "mlflow" in services:
            self._mlflow = require("mlflow", "tracking", "logging to MLflow")
            self._mlflow.set_tracking_uri(f"sqlite:///{(folder / 'mlflow.db').resolve()}")
            self._mlflow.start_run(run_name=folder.name)
            self._mlflow.log_params(dict(config))

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """One row of numbers."""
        if self._board is not None:
            for name, value in numbers.items():
                self._board.add_scalar(name, value, step)
        if self._wandb is not None:
            self._wandb.log(dict(numbers), step=step)
        if self._mlflow is not None:
            self._mlflow.log_metrics(dict(numbers), step=step)

    def close(self) -> None:
        """Everything is written."""
        if self._board is not None:
            self._board.close()
        if self._wandb is not None:
            self._wandb.finish()
        if self._mlflow is not None:
            self._mlflow.end_run()
