"""The command `demeanor`: one file per command, each loading what it needs only when it runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from demeanor.cli._terminal import EXIT_USAGE, prepare, say
from demeanor.errors import DemeanorError

COMMANDS = (
    "analyze", "explain", "batch", "redact", "models", "encoders", "datasets", "encode", "train",
    "search", "bench", "evaluate", "export", "learn", "label", "serve", "doctor",
)  # fmt: skip
"""In the order of the help; each is a file of this folder with a function of its name."""


def _version(wanted: bool) -> None:
    if wanted:
        from demeanor import __version__

        print(f"demeanor {__version__}")
        raise typer.Exit


def _program(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version.")
    ] = False,
) -> None:
    """Sentiment and emotion from text, image, audio and video: offline, timed, calibrated."""


def app() -> typer.Typer:
    """The program: help in plain text (fast, and the same everywhere), no traceback dressing."""
    program = typer.Typer(
        name="demeanor",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback()(_program)
    for name in COMMANDS:
        module = importlib.import_module(f"demeanor.cli.{name}")
        program.command(name, **getattr(module, "SETTINGS", {}))(getattr(module, name))
    return program


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and leave with its exit code: 0 done, 1 some inputs failed, 2 nothing was done."""
    prepare()
    try:
        app()(args=None if arguments is None else list(arguments), prog_name="demeanor")
    except DemeanorError as error:
        say(str(error))
        sys.exit(EXIT_USAGE)
