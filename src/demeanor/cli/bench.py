"""`demeanor bench`: many models and seeds side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN.toml...", help="Run files of the lab; their [bench] gives defaults.")
    ],
    models: Annotated[str, typer.Option("--models", metavar="A,B,C", help="Models to compare.")] = "",
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="Seeds per model; default: the file's, or 3.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a setting; may be given several times."),
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Also test every set of modalities, and with frames lost at random.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where run folders go.")] = Path("runs"),
    results: Annotated[Path, typer.Option("--results", metavar="FILE", help="Where the records go.")] = Path(
        "results/records.jsonl"
    ),
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="ROOT", envvar="DEMEANOR_DATA", help="The folder of the data sets."),
    ] = None,
) -> None:
    """Compare models over several seeds, each tested once.

    Exit code 1: of some run files every row diverged; 2: of all of them, or wrong usage.
    """
    from demeanor.plugins import require

    require("torch", "lab", "a benchmark")
    from demeanor.cli._lab import print_rows
    from demeanor.cli._terminal import leave, say
    from demeanor.errors import DivergedError
    from demeanor.experiments.bench import bench as compare
    from demeanor.experiments.bench import planned
    from demeanor.features.read import data_root
    from demeanor.training.run import read_run_file

    names = [m.strip() for m in models.split(",") if m.strip()]
    for run in runs[1:]:  # of the first it is told at once, of the others not after hours
        planned(run, names, overrides or ())
    lost = 0
    for run in runs:
        root = data_root(data, read_run_file(run, overrides or ()))
        try:
            print_rows(compare(run, root, names, seeds, out, results, overrides or (), less=missing))
        except DivergedError as error:  # no reason to leave the others undone
            say(f"{run}: {error}")
            lost += 1
    leave((lost, len(runs)))
