"""`demeanor export`: a finished run as a bundle, which `analyze --model` reads without torch."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Stored(StrEnum):
    """What large weights are stored in."""

    FLOAT32 = "float32"
    FP16 = "fp16"
    INT8 = "int8"


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The bundle's folder; an older bundle is replaced.")],
    variant: Annotated[
        Stored, typer.Option("--variant", help="What large weights are stored in; the loss is measured.")
    ] = Stored.FLOAT32,
    name: Annotated[str | None, typer.Option("--name", help="The bundle's name; default: the run's.")] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", metavar="TEXT", help="Of the weights; default: as the data allow.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="ROOT",
            envvar="DEMEANOR_DATA",
            help="The folder of the data sets; default: where the run found them.",
        ),
    ] = None,
) -> None:
    """Make a bundle of a finished run, which needs no torch."""
    from demeanor.plugins import require

    require("torch", "lab", "exporting a run")
    require("onnx", "lab", "exporting a run")
    from demeanor.cli._terminal import say
    from demeanor.experiments.evaluate import evaluate, spec_of
    from demeanor.training import lab
    from demeanor.training.pack import pack
    from demeanor.training.prepare import prepare

    root = run_root(data, run)
    checked = lab.check(spec_of(run)["config"], begins=False)
    prepared = prepare(checked, root, say=say)
    if not (run / "valid.json").is_file():
        evaluate(run, root, "valid", None, prepared, say)
    pack(run, out, prepared, name, licence, variant.value, say=print)


def run_root(given: Path | None, run: Path) -> Path:
    """The folder of the data sets: named, else the one the run was trained on.

    Raises:
        ConfigError: it is not there.
    """
    from demeanor.experiments.evaluate import spec_of
    from demeanor.features.read import data_root, reads_files

    stored = spec_of(run)
    known = stored.get("data_root") if reads_files(stored["config"]) else None
    return data_root(given if given is not None or known is None else Path(known), stored["config"])
