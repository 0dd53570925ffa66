"""`demeanor explain`: read as `analyze` does, and say why: which cue, word, second, region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demeanor.cli._inputs import JsonCommand
from demeanor.cli._outputs import Outputs

if TYPE_CHECKING:
    from rich.console import Console

    from demeanor.explain.explanation import Explanation
    from demeanor.reader.analysis import Analysis

SETTINGS: dict[str, Any] = {"cls": JsonCommand}

_FILE = {"metavar": "FILE"}


def explain(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT...", help="Files, folders, or sentences.", show_default=False),
    ] = None,
    text: Annotated[
        str | None, typer.Option(metavar="STR|@FILE", help="The words of one sample made of parts.")
    ] = None,
    image: Annotated[Path | None, typer.Option(**_FILE, help="Its picture.")] = None,
    audio: Annotated[Path | None, typer.Option(**_FILE, help="Its sound.")] = None,
    video: Annotated[Path | None, typer.Option(**_FILE, help="Its film.")] = None,
    cues: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Some of words,voice,face,scene; default: all there are."),
    ] = None,
    model: Annotated[str, typer.Option(metavar="NAME|DIR", help="A bundle: see `demeanor models`.")] = "base",
    language: Annotated[str, typer.Option(metavar="auto|en|zh|…", help="Of the words.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, metavar="N", help="Processor threads; 0 takes all.")] = 0,
    offline: Annotated[
        bool, typer.Option("--offline/--download", help="Whether missing weights may be fetched, once.")
    ] = True,
    transcript: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=".srt, .vtt, .txt or .json: no speech recognition is done then."),
    ] = None,
    segments: Annotated[
        int, typer.Option(min=1, metavar="N", help="So many, the strongest, are looked into word by word.")
    ] = 8,
    json: Annotated[
        str | None,
        typer.Option(metavar="[FILE]", help="JSON on stdout and nothing else there, or into FILE.json (or =FILE)."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="The analysis' page with the reasons in it.")
    ] = None,
) -> None:
    """Say why: which cue, word, second or region made the reading.

    Every INPUT is a sample of its own; --text, --image, --audio and --video are the parts of one. Prints a
    table unless an output is asked for. The JSON is the explanation (`demeanor.explanation/1`).

    Exit code 1: some inputs failed, the others were delivered; 2: wrong usage, or nothing could be read.
    """
    from demeanor.cli._inputs import jobs_of
    from demeanor.cli._terminal import leave
    from demeanor.cli.analyze import read_jobs

    parts = {"text": text, "image": image, "audio": audio, "video": video}
    jobs, several = jobs_of(inputs or [], {k: v for k, v in parts.items() if v is not None}, transcript)
    read = [*(path for job in jobs for path in job.files), *([transcript] if transcript else [])]
    outputs = Explained(json, {"html": report}, several=several, read=read, segments=segments)
    options = {"cues": cues, "language": language, "transcript": transcript}
    failed, empty = read_jobs(jobs, outputs, model, threads, offline, options)
    leave((failed + empty, len(jobs)), outputs.close())


class Explained(Outputs):
    """Takes analyses, explains each, and delivers the explanations.

    Args:
        json: as for `Outputs`.
        files: likewise.
        several: likewise.
        read: likewise.
        segments: how many of one analysis are looked into.
    """

    def __init__(
        self,
        json: str | None,
        files: Mapping[str, Path | None],
        *,
        several: bool,
        read: Sequence[Path] = (),
        segments: int = 8,
    ) -> None:
        super().__init__(json, files, several=several, read=read)
        self._segments = segments
        self._found: list[Explanation] = []

    def prepare(self, analysis: Analysis) -> None:
        """Explain it."""
        from demeanor.cli._terminal import working

        with working(f"{analysis.source or analysis.id}: why", analysis.kind != "text"):
            self._found.append(analysis.explain(segments=self._segments))

    def _print(self, analysis: Analysis, console: Console) -> None:
        from demeanor.report.why_table import render

        render(analysis.to_dict(), self._found[-1].to_dict(), console)

    def _json(self) -> Any:
        found = [explanation.to_dict() for explanation in self._found]
        return found if self._several else found[0]

    def _text(self, kind: str, path: Path) -> str:
        if kind != "html":
            return super()._text(kind, path)
        from demeanor.report.html import render
        from demeanor.report.why import Reasons

        media = [analysis.media for analysis in self._kept]
        why = [Reasons(e.to_dict(), e.pictures) for e in self._found]
        return render([a.to_dict() for a in self._kept], media, folder=path.parent, reasons=why)
