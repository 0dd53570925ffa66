"""`demeanor batch`: many samples into one file of JSON lines."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from demeanor.reader.batch import BatchResult


def batch(
    source: Annotated[
        str,
        typer.Argument(metavar="MANIFEST|FOLDER", help="A .csv, .tsv or .jsonl with a column id, or a folder."),
    ],
    out: Annotated[Path, typer.Option(metavar="OUT.jsonl", help="One line per sample; continued if there.")],
    pair: Annotated[
        bool, typer.Option("--pair", help="Files of a folder with equal stems (a.jpg, a.txt) are one sample.")
    ] = False,
    cues: Annotated[
        str | None, typer.Option(metavar="LIST", help="Some of words,voice,face,scene; default: all.")
    ] = None,
    model: Annotated[str, typer.Option(metavar="NAME|DIR", help="A bundle: see `demeanor models`.")] = "base",
    threads: Annotated[
        int, typer.Option(min=0, metavar="N", help="Processor threads; 0: all; of a cluster, of one reader (0: 1).")
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Samples read at once; default: 1, of a cluster all that fit."),
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Ray cluster that reads: host:port, auto or local.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline/--download", help="Whether missing weights may be fetched, once.")
    ] = True,
) -> None:
    """Read many samples into one file.

    Columns of a manifest: id, text, image, audio, video, start, end, language, speaker, group, time,
    author, label_…, split; paths are relative to it. A sample that fails costs its line only. Stopped at
    any time, the same command goes on where it was. Rows that have changed are read anew.

    Exit code 1: some samples failed, or have none of the cues asked for; 2: all of them, or wrong usage.
    """
    import demeanor
    from demeanor.cli._inputs import say_passed_over
    from demeanor.cli._terminal import EXIT_SOME, EXIT_USAGE, say
    from demeanor.errors import ConfigError
    from demeanor.reader.batch import run
    from demeanor.reader.cluster import Cluster
    from demeanor.reader.executor import Threads

    if not source:  # of a shell variable that is not set; as a path it would be this folder
        raise ConfigError("expected a manifest or a folder, got an empty name; name one, or . for this folder")
    reader = demeanor.load(model, threads=threads, offline=offline)
    executor = Threads(workers or 1) if cluster is None else Cluster(cluster, threads or 1, workers or 0, offline)
    try:
        with _bar() as step:
            result = run(source, out, reader=reader, pair=pair, executor=executor, cues=cues, progress=step)
    except KeyboardInterrupt:
        say(f"stopped; what was read is in {out}, and the same command goes on from there")
        raise
    _say_doubts(result, out)
    if Path(source).is_dir():
        say_passed_over(Path(source), out, pair)
    say(_summary(result, out))
    if result.failed or result.empty:
        sys.exit(EXIT_USAGE if result.nothing else EXIT_SOME)


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr; nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from demeanor.cli._terminal import stderr_console

    columns = TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=stderr_console(), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _say_doubts(result: BatchResult, out: Path) -> None:
    """Say what was guessed, and name the samples that failed or have none of the cues asked for."""
    from demeanor.cli._inputs import named
    from demeanor.cli._terminal import say

    for warning in result.warnings:
        say(warning)
    if not (result.failed or result.empty):
        return
    empty = frozenset(result.empty)
    with out.open(encoding="utf-8") as lines:
        for line in islice(lines, result.strange, None):  # those of other inputs stand at the top
            if '"error"' in line and "error" in (found := json.loads(line)):
                say(named(found["id"], found["error"]["message"]))
            elif empty and (found := json.loads(line))["id"] in empty:
                for told in found["warnings"]:
                    if " was asked for, but " in told:
                        say(named(found["id"], told))


def _summary(result: BatchResult, out: Path) -> str:
    parts = [f"{result.done} read"]
    parts += [f"{result.failed} failed"] if result.failed else []
    parts += [f"{len(result.empty)} without any cue that was asked for"] if result.empty else []
    parts += (
        [f"{result.changed} of them anew, as an earlier run read something else, or with something else"]
        if result.changed
        else []
    )
    parts += [f"{result.skipped} read by an earlier run"] if result.skipped else []
    left = f"; {result.strange} lines in it are of no sample of this input, and were left" if result.strange else ""
    return f"{', '.join(parts)}; lines in {out}{left}"
