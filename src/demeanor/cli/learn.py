"""`demeanor learn`: corrections and unlabelled samples go back into a run or a shipped bundle, out comes a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def learn(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN|BUNDLE", help="The folder of a finished run; or a bundle: base, open, a folder."),
    ],
    corrections: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[ANALYSES]...", help="Analyses with corrections: .json, .jsonl, or folders of them."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Gets bundle/, run/, the tables, learned.json.")] = (
        Path("learned")
    ),
    unlabelled: Annotated[
        Path | None, typer.Option("--unlabelled", metavar="FOLDER|MANIFEST", help="Samples without labels.")
    ] = None,
    media: Annotated[
        Path | None, typer.Option("--media", help="What the analyses were made from; default: their own folder.")
    ] = None,
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="All of the analyses was looked at: what was not corrected is right.")
    ] = False,
    pair: Annotated[bool, typer.Option("--pair", help="Join unlabelled files of equal stems.")] = False,
    at_least: Annotated[
        float, typer.Option("--at-least", metavar="P", help="Confidence from which an unlabelled sample is learned.")
    ] = 0.9,
    hold: Annotated[
        float, typer.Option("--hold", metavar="SHARE", help="Of the corrected groups, held back to measure on.")
    ] = 0.2,
    pretrain: Annotated[
        int, typer.Option("--pretrain", metavar="N", help="Epochs over unlabelled pairs of modalities first.")
    ] = 0,
    epochs: Annotated[int | None, typer.Option("--epochs", metavar="N", help="Default: as the run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print learned.json.")] = False,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="ROOT", envvar="DEMEANOR_DATA", help="Default: where the run found its data."),
    ] = None,
) -> None:
    """Learn from corrections and from what nobody labelled.

    A run is trained on; the words of a bundle are fitted to texts that users labelled.
    """
    from demeanor.plugins import require

    require("torch", "lab", "learning")
    require("onnx", "lab", "exporting a run")
    from demeanor.cli._lab import print_learned
    from demeanor.cli._terminal import print_json, say
    from demeanor.label.learn import New
    from demeanor.label.refit import is_bundle, refit

    new = New(corrections or (), unlabelled, media, pair, reviewed)
    overrides: dict[str, Any] = {"pretrain": pretrain} | ({} if epochs is None else {"epochs": epochs})
    if is_bundle(run):
        _refuse_training(run, unlabelled is not None or overrides != {"pretrain": 0})
        told = refit(str(run), new, out, hold=hold, say=say)
    else:
        told = _trained_on(run, new, data, out, at_least=at_least, hold=hold, overrides=overrides)
    (print_json if as_json else print_learned)(told)


def _trained_on(run: Path, new: Any, data: Path | None, out: Path, **settings: Any) -> dict[str, Any]:
    """A run trained on and exported; what learned.json says."""
    from demeanor.cli._terminal import say
    from demeanor.cli.export import export, run_root
    from demeanor.label.learn import learn as train_on

    root = run_root(data, run)

    def exported(folder: Path) -> None:
        export(folder, out / "bundle", data=root)

    told: dict[str, Any] = train_on(run, new, root, out, say=say, then=exported, **settings)
    return told


def _refuse_training(bundle: Path, asked: bool) -> None:
    if asked:
        from demeanor.errors import ConfigError

        raise ConfigError(
            f"expected corrections alone for the bundle {bundle}, got options of runs (--unlabelled, --pretrain, "
            "--epochs); leave them out, or name a run of yours"
        )
