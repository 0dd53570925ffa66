"""`demeanor search`: hyper-parameters, on the validation part only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def search(
    run: Annotated[Path, typer.Argument(metavar="RUN.toml", help="A run file with a [search] section.")],
    trials: Annotated[int, typer.Option("--trials", min=1, help="How many, those of a stopped search counted in.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a setting; may be given several times."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the trials go.")] = Path("runs"),
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="ROOT", envvar="DEMEANOR_DATA", help="The folder of the data sets."),
    ] = None,
) -> None:
    """Try settings; keep what scores best on validation."""
    from demeanor.plugins import require

    require("torch", "lab", "searching")
    from demeanor.experiments.search import search as look
    from demeanor.features.read import data_root
    from demeanor.training.run import read_run_file

    best = look(run, data_root(data, read_run_file(run, overrides or ())), trials, out, overrides=overrides or ())
    print(f"best of {best['trials']}: {best['score']:.4f}")
    for key, value in best["settings"].items():
        print(f"  --set {key}={value}")
