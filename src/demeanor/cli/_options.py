"""The options that `analyze` and `explain` share: what is read, how, and where it goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Inputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="INPUT...", help="Files, folders, or sentences; - for stdin.", show_default=False),
]
Text = Annotated[str | None, typer.Option(metavar="STR|@FILE", help="The words of one sample made of parts.")]
Image = Annotated[Path | None, typer.Option(metavar="FILE", help="Its picture.")]
Audio = Annotated[Path | None, typer.Option(metavar="FILE", help="Its sound.")]
Video = Annotated[Path | None, typer.Option(metavar="FILE", help="Its film.")]
Cues = Annotated[
    str | None, typer.Option(metavar="LIST", help="Some of words,voice,face,scene; default: all there are.")
]
Model = Annotated[str, typer.Option(metavar="NAME|DIR", help="A bundle: see `demeanor models`.")]
Language = Annotated[str, typer.Option(metavar="auto|en|zh|…", help="Of the words.")]
Threads = Annotated[int, typer.Option(min=0, metavar="N", help="Processor threads; 0 takes all.")]
Offline = Annotated[bool, typer.Option("--offline/--download", help="Whether missing weights may be fetched, once.")]
Transcript = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help=".srt, .vtt, .txt or .json: no speech recognition is done then."),
]
Start = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Pass over what comes before; all times count from here.")
]
End = Annotated[float | None, typer.Option(metavar="SECONDS", help="Read nothing from here on.")]
Json = Annotated[
    str | None,
    typer.Option(metavar="[FILE]", help="JSON on stdout and nothing else there, or into FILE.json (or =FILE)."),
]
ReportLanguage = Annotated[
    str, typer.Option(metavar="auto|en|zh", help="Of the report's page; auto: that of what was read.")
]
