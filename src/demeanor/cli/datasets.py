"""`demeanor datasets`: which corpora and formats can be read."""

from __future__ import annotations

from typing import Annotated

import typer


def datasets(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the data-set readers: from files on disk to samples."""
    from demeanor.cli._plugins import print_summaries

    print_summaries("datasets", as_json)
