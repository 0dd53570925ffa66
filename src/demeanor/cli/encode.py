"""`demeanor encode`: fill the feature store for a run file, or tell what is in it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from demeanor.features.store import Store
    from demeanor.training.runfile import RunFile
    from demeanor.types import Sample

    Fit = tuple[Any, Sequence[str]] | None  # an encoder fitted before, and the ids it was fitted on


def encode(
    run: Annotated[Path | None, typer.Argument(metavar="RUN.toml", help="A run file of the lab.")] = None,
    status: Annotated[bool, typer.Option("--status", help="Tell what is stored; compute nothing.")] = False,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="ROOT", envvar="DEMEANOR_DATA", help="The folder of the data sets."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; default one per processor.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a setting; may be given several times."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fill the feature store for a run file, or show its state."""
    from demeanor.errors import ConfigError
    from demeanor.features.store import Store

    store = Store(required=not status)  # filling it is all that is asked for
    found: dict[str, Any] = {"store": str(store.root)}
    if run is not None:
        found["encoders"] = _carried_out(run, data, overrides or (), store, workers, status)
    elif not status:
        raise ConfigError("expected a run file, as in `demeanor encode RUN.toml`, or --status; got neither")
    found["entries"] = [
        {"encoder": s.encoder, "entries": s.entries, "fitted": s.fitted, "bytes": s.bytes} for s in store.status()
    ]
    if as_json:
        from demeanor.cli._terminal import print_json

        print_json(found)
    else:
        _print(found)
    if any(row["failed"] for row in found.get("encoders", ())):
        from demeanor.cli._terminal import EXIT_SOME

        sys.exit(EXIT_SOME)


def _carried_out(
    path: Path, data: Path | None, overrides: Sequence[str], store: Store, workers: int | None, status: bool
) -> list[dict[str, Any]]:
    """Per encoder of the run file how many samples have it, are stored, failed."""
    from demeanor.cli._terminal import say
    from demeanor.errors import ConfigError
    from demeanor.features.read import data_root, encoders_of
    from demeanor.training.run import read_run_file, with_manifest
    from demeanor.training.sources import corpus_of, divided, restored, seen_by

    spec = with_manifest(read_run_file(path, overrides), path)
    for section in ("data", "encoders"):
        if not isinstance(spec.get(section), Mapping):
            raise ConfigError(f"{path}: expected a section [{section}], found none; it is no run file with encoders")
    run = _run_of(spec)
    root = data_root(data, spec)
    encoders = encoders_of(run.encoders, root)
    told, before = run.data, None if run.features.as_in is None else Path(run.features.as_in)
    learned: list[Sample] = []
    own: list[str] = []
    if told.also or any(encoder.learns for encoder in encoders.values()):
        samples, parts, rows = divided(told, root, store)
        learned, own = [samples[i] for i in parts.train], [samples[i].id for i in rows]
    else:  # samples that cannot be divided can still be encoded
        samples = corpus_of(told, root)
    seen = None if before is None else seen_by(before, say)
    work = _looked_up if status else _encoded
    found = []
    for modality, encoder in encoders.items():
        taken = restored(encoder, modality, before, seen, own) if before and encoder.learns else None
        row = {"modality": modality, "encoder": run.encoders[modality]["name"], "samples": len(samples)}
        found.append(row | work(encoder, samples, learned, store, workers, taken))
    return found


def _run_of(spec: Mapping[str, Any]) -> RunFile:
    """The run file as training checks it, but that it may lack tasks, and what its model makes of [model] needs torch.

    Raises:
        ConfigError: a wrong key or value in any section.
        UnknownNameError: no such model.
    """
    from demeanor.errors import UnknownNameError
    from demeanor.plugins import names
    from demeanor.training.runfile import checked

    run = checked({"tasks": {}, **spec})
    if run.run.model not in (known := names("fusion")):
        raise UnknownNameError("fusion", run.run.model, known)
    return run


def _encoded(
    encoder: Any, samples: Sequence[Sample], learned: Sequence[Sample], store: Store, workers: int | None, taken: Fit
) -> dict[str, Any]:
    import warnings

    from demeanor.features.store import encode_all, fitted

    encoder, ids = taken or fitted(encoder, learned, store)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are told below, all of them
        found = encode_all(samples, encoder, store, workers, fitted_ids=ids)
    from demeanor.cli._terminal import say

    for line in found.warnings:
        say(line)
    stored = sum(value is not None for value in found)
    return {"stored": stored, "missing": len(samples) - stored - len(found.warnings), "failed": len(found.warnings)}


def _looked_up(
    encoder: Any, samples: Sequence[Sample], learned: Sequence[Sample], store: Store, workers: int | None, taken: Fit
) -> dict[str, Any]:
    from demeanor.errors import DemeanorError
    from demeanor.features.digest import name_of
    from demeanor.features.store import stored_fit

    ids: Sequence[str] = ()
    if encoder.learns:
        fit = taken or stored_fit(encoder, learned, store)
        if fit is None:
            return {"stored": 0, "missing": len(samples), "failed": 0}
        encoder, ids = fit
    keys = store.keys(encoder, ids)
    stored = 0
    for sample in samples:
        try:
            key = keys.of(sample)
        except DemeanorError:
            continue
        stored += key is not None and store.has(name_of(encoder), key)
    return {"stored": stored, "missing": len(samples) - stored, "failed": 0}


def _print(found: Mapping[str, Any]) -> None:
    from rich.table import Table

    from demeanor.cli._terminal import stdout_console

    console = stdout_console()
    if "encoders" in found:
        table = Table("modality", "encoder", "samples", "stored", "missing", "failed", box=None, pad_edge=False)
        for row in found["encoders"]:
            table.add_row(*(str(row[c]) for c in ("modality", "encoder", "samples", "stored", "missing", "failed")))
        console.print(table)
    table = Table("in the store", "entries", "of them fitted", "MB", box=None, pad_edge=False)
    for row in found["entries"]:
        table.add_row(row["encoder"], str(row["entries"]), str(row["fitted"]), f"{row['bytes'] / 1e6:.1f}")
    console.print(f"\n{found['store']}")
    console.print(table)
