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
            # A run whose process died is gone on with; one that failed in this process gets no more numbers.
            self._wandb = wandb.init(
                project="demeanor", name=folder.name, dir=str(folder), config=dict(config),
                resume="auto", reinit="finish_previous",
            )  # fmt: skip
        if "mlflow" in services:
            require("mlflow", "tracking", "logging to MLflow")
            self._mlflow = _Mlflow(folder, config)

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """One row of numbers."""
        if self._board is not None:
            for name, value in numbers.items():
                self._board.add_scalar(name, value, step)
        if self._wandb is not None:
            self._wandb.log(dict(numbers), step=step)
        if self._mlflow is not None:
            self._mlflow.log(step, numbers)

    def close(self) -> None:
        """Everything is written."""
        if self._board is not None:
            self._board.close()
        if self._wandb is not None:
            self._wandb.finish()
        if self._mlflow is not None:
            self._mlflow.close()


class _Mlflow:
    """The run of a database in the run folder; one that was stopped goes on there.

    A client of its own: `mlflow.start_run` would refuse where the caller, or a run that failed, has one open.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        mlflow = importlib.import_module("mlflow")
        self._client = mlflow.MlflowClient(f"sqlite:///{(folder / 'mlflow.db').resolve()}")
        place = self._client.get_experiment_by_name("Default").experiment_id
        stopped = self._client.search_runs([place], "attributes.status = 'RUNNING'", max_results=1)
        self._run = (stopped or [self._client.create_run(place, run_name=folder.name)])[0].info.run_id
        for name, value in {} if stopped else config.items():
            self._client.log_param(self._run, name, value)

    def log(self, step: int, numbers: Mapping[str, float]) -> None:
        """One row of numbers."""
        for name, value in numbers.items():
            self._client.log_metric(self._run, name, value, step=step)

    def close(self) -> None:
        """The run is over."""
        self._client.set_terminated(self._run)
