"""`demeanor encoders`: what turns a part of a sample into numbers."""

from __future__ import annotations

from typing import Annotated

import typer


def encoders(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the encoders: from text, sound or pictures to numbers."""
    from demeanor.cli._plugins import print_summaries

    print_summaries("encoders", as_json)
