"""`demeanor serve`: the HTTP and WebSocket API, and the page."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Another than this machine's own needs --keys.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0: any that is free.")] = 8765,
    model: Annotated[str, typer.Option(metavar="NAME|DIR", help="A bundle: see `demeanor models`.")] = "base",
    threads: Annotated[
        int, typer.Option(min=0, metavar="N", help="Processor threads per process; 0: all, shared out.")
    ] = 0,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Jobs read at the same time.")] = 1,
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Hashed keys, one of which every request must bring.")
    ] = None,
    new_key: Annotated[
        str | None, typer.Option(metavar="NAME", help="Make a key, add its hash to --keys, print it, and end.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(metavar="HOST", help="A name it may be called by (repeat for more).")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="A page elsewhere that may call it (repeat for more).")
    ] = None,
    rate: Annotated[int, typer.Option(min=0, metavar="N", help="Requests a minute and key; 0: any number.")] = 600,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For jobs while they are needed; default: a state folder.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="postgresql://… for several machines (or DEMEANOR_DATABASE); default: SQLite in --folder.",
        ),
    ] = None,
    keep: Annotated[float, typer.Option(min=1, metavar="S", help="Seconds that a finished job is kept.")] = 3600,
    keep_fetched: Annotated[
        float, typer.Option(min=0, metavar="S", help="Seconds that a result is kept once it was fetched.")
    ] = 60,
    largest: Annotated[int, typer.Option(min=1, metavar="MB", help="Of one request.")] = 200,
    longest: Annotated[int, typer.Option(min=1, metavar="N", help="Characters of one text.")] = 100_000,
    media_seconds: Annotated[
        float, typer.Option(min=1, metavar="S", help="Longest sound or film that is read.")
    ] = 14_400,
    seconds: Annotated[float, typer.Option(min=1, metavar="S", help="That a job may take.")] = 3600,
    now_seconds: Annotated[
        float, typer.Option(min=1, metavar="S", help="That a sample may take which is to be answered at once.")
    ] = 120,
    memory: Annotated[int, typer.Option(min=1024, metavar="MB", help="Of a process that reads media.")] = 6144,
    queued: Annotated[int, typer.Option(min=1, metavar="N", help="Jobs of one key that wait or run.")] = 100,
    label: Annotated[
        Path | None,
        typer.Option(metavar="TASK", help="A labelling task, whose page is served too; for this machine alone."),
    ] = None,
    warm: Annotated[bool, typer.Option("--warm/--cold", help="Whether to load the models at the start.")] = True,
) -> None:
    """Serve the API and the page, to this machine alone.

    Another --host opens it to others, who then need keys. Ctrl-C ends it.

    Nothing is kept: uploads go when they have been read, results when they were fetched, or after --keep.
    """
    from demeanor.plugins import require

    for library in ("fastapi", "uvicorn", "python_multipart", "prometheus_client"):
        require(library, "serve", "the service")
    if new_key is not None:
        _make_key(keys, new_key)
        return
    from demeanor.serve.run import run
    from demeanor.serve.settings import MB, Settings

    settings = Settings(
        host=host, port=port, model=model, threads=threads, workers=workers, folder=folder,
        database=database or os.environ.get("DEMEANOR_DATABASE") or None, keys=keys, names=tuple(name or ()),
        origins=tuple(origin or ()), rate=rate or None, keep=keep, keep_fetched=keep_fetched, largest=largest * MB,
        longest=longest, seconds=seconds, now_seconds=now_seconds, media_seconds=media_seconds, memory=memory * MB,
        queued=queued, warm=warm,
    )  # fmt: skip
    with _labelling(label) as address:
        run(replace(settings, label=address))


@contextmanager
def _labelling(task: Path | None) -> Iterator[str | None]:
    """The page of a labelling task beside the service, and its address."""
    if task is None:
        yield None
        return
    from demeanor.cli.label import open_with_labels
    from demeanor.label.page import Page
    from demeanor.label.work import Work

    with Page(Work(*open_with_labels(task))) as page:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # else its converted media would outlive it
        threading.Thread(target=page.serve_forever, daemon=True).start()
        try:
            yield page.url
        finally:
            page.shutdown()


def _make_key(path: Path | None, name: str) -> None:
    from demeanor.cli._terminal import say
    from demeanor.errors import ConfigError
    from demeanor.serve.keys import new_key

    if path is None:
        raise ConfigError("--new-key: expected --keys FILE too, to which the key's hash is added; give it")
    print(new_key(path, name), flush=True)
    say(f"{path} holds its hash only: this key is shown once. Send it as `Authorization: Bearer KEY`")
