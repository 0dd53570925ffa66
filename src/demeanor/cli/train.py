"""`demeanor train`: one training run."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Annotated

import typer


def train(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN.toml", help="A run file; those of the shipped bundle are in recipes/."),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a setting; may be given several times."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The run folder; default: runs/NAME.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="ROOT", envvar="DEMEANOR_DATA", help="The folder of the data sets."),
    ] = None,
) -> None:
    """Train what a run file describes. A run folder that is there already is continued."""
    from demeanor.plugins import require

    require("torch", "lab", "training")
    from demeanor.training.run import train as train_run

    folder = train_run(run, overrides or (), out, data)
    if os.environ.get("RANK", "0") != "0":  # one of several that `torchrun` started: the first writes
        return
    if (folder / "scores.json").exists() and importlib.util.find_spec("matplotlib"):
        from demeanor.experiments.summary import write_summary

        print(write_summary(folder))
