"""`demeanor evaluate`: a finished run, or the bundle made of it, on its validation or test part."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    run: Annotated[
        Path, typer.Argument(metavar="RUN|BUNDLE", help="A run folder, or what `demeanor export` made of it.")
    ],
    split: Annotated[str, typer.Option("--split", help="valid or test; a test read is recorded.")] = "valid",
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="FIELD", help="Scores by speaker, language, group, author, or a label, too."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
    results: Annotated[Path, typer.Option("--results", metavar="FILE", help="Where a test read is recorded.")] = Path(
        "results/records.jsonl"
    ),
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="ROOT", envvar="DEMEANOR_DATA", help="The folder of the data sets."),
    ] = None,
) -> None:
    """Score a finished run or an exported bundle, with intervals."""
    from demeanor.plugins import require

    require("torch", "lab", "evaluating")
    from demeanor.cli._lab import print_record
    from demeanor.cli._terminal import print_json, say
    from demeanor.experiments.evaluate import evaluate as score
    from demeanor.experiments.evaluate_bundle import config_of, evaluate_bundle, is_bundle
    from demeanor.features.read import data_root
    from demeanor.training.run import plain

    work = evaluate_bundle if is_bundle(run) else score
    record = work(run, data_root(data, config_of(run)), split, results, say=say, by=by)
    if as_json:
        print_json(plain(record))
    else:
        print_record(record)
