"""What commands say to the terminal: messages on stderr, results on stdout; neither ever causes a crash."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

EXIT_SOME, EXIT_USAGE = 1, 2

_PIPE_WIDTH = 100
"""Columns where there is no terminal to fit."""


def prepare() -> None:
    """Let a terminal that cannot show a character show `?` (C locale, file names in another encoding)."""
    for stream, errors in ((sys.stdout, "replace"), (sys.stderr, "backslashreplace")):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors=errors)  # type: ignore[union-attr]


def say(message: str) -> None:
    """One message on stderr."""
    print(f"demeanor: {message}", file=sys.stderr, flush=True)


def leave(*counts: tuple[int, int]) -> None:
    """End the program if something was lost, of inputs or outputs: with 2 where all of one of them was, else with 1."""
    if any(lost for lost, _ in counts):
        sys.exit(EXIT_USAGE if any(lost and lost == of for lost, of in counts) else EXIT_SOME)


def stdout_console() -> Console:
    """Where tables go. Colours follow the terminal, NO_COLOR and FORCE_COLOR."""
    from rich.console import Console

    wide = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=wide, highlight=False, emoji=False, markup=False)


def stderr_console() -> Console:
    """Where progress goes."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False, markup=False)


def json_text(value: Any) -> str:
    """Readable JSON, one final line end; bytes of file names that are no Unicode become `?`."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2)
    return text.encode("utf-8", "replace").decode("utf-8") + "\n"


def print_json(value: Any) -> None:
    """JSON on stdout; escaped to ASCII where the terminal has no UTF-8, so that it stays JSON."""
    text = json_text(value)
    if "utf" not in (sys.stdout.encoding or "").lower():
        text = json.dumps(json.loads(text), indent=2) + "\n"
    sys.stdout.write(text)
    sys.stdout.flush()


@contextlib.contextmanager
def working(what: str, slow: bool = True) -> Iterator[None]:
    """A line on stderr while something takes its time; nothing if it does not, or where nobody watches."""
    if not slow or not sys.stderr.isatty():
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from demeanor.reader.progress import watched

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=stderr_console(), transient=True) as progress:
        task = progress.add_task(what, total=None)
        with watched(lambda step, part: progress.update(task, description=f"{what}: {step} {part:.0%}")):
            yield
