"""`demeanor explain`: read as `analyze` does, and say why: which cue, word, second, region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demeanor.cli._inputs import JsonCommand
from demeanor.cli._options import (
    Audio,
    Cues,
    End,
    Image,
    Inputs,
    Json,
    Language,
    Model,
    Offline,
    ReportLanguage,
    Start,
    Text,
    Threads,
    Transcript,
    Video,
)
from demeanor.cli._outputs import Outputs

if TYPE_CHECKING:
    from rich.console import Console

    from demeanor.explain.explanation import Explanation
    from demeanor.reader.analysis import Analysis

SETTINGS: dict[str, Any] = {"cls": JsonCommand}


def explain(
    inputs: Inputs = None,
    text: Text = None,
    image: Image = None,
    audio: Audio = None,
    video: Video = None,
    cues: Cues = None,
    model: Model = "base",
    language: Language = "auto",
    threads: Threads = 0,
    offline: Offline = True,
    transcript: Transcript = None,
    start: Start = None,
    end: End = None,
    segments: Annotated[
        int, typer.Option(min=1, metavar="N", help="So many, the strongest, are looked into word by word.")
    ] = 8,
    json: Json = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="The analysis' page with the reasons in it.")
    ] = None,
    report_language: ReportLanguage = "auto",
) -> None:
    """Say why: which cue, word, second or region made the reading.

    Every INPUT is a sample of its own; --text, --image, --audio and --video are the parts of one. Prints a
    table unless an output is asked for. The JSON is the explanation (`demeanor.explanation/1`).

    Exit code 1: some inputs failed, the others were delivered; 2: wrong usage, or nothing could be read.
    """
    from demeanor.cli._inputs import jobs_of, stretch_of
    from demeanor.cli._terminal import leave
    from demeanor.cli.analyze import read_jobs

    parts = {"text": text, "image": image, "audio": audio, "video": video}
    jobs, several = jobs_of(inputs or [], {k: v for k, v in parts.items() if v is not None}, transcript)
    stretch = stretch_of(inputs or [], jobs, start, end)
    read = [*(path for job in jobs for path in job.files), *([transcript] if transcript else [])]
    outputs = Explained(json, {"html": report}, several=several, read=read, segments=segments, language=report_language)
    options = {"cues": cues, "language": language, "transcript": transcript, **stretch}
    failed, empty = read_jobs(jobs, outputs, model, threads, offline, options)
    leave((failed + empty, len(jobs)), outputs.close())


class Explained(Outputs):
    """Takes analyses, explains each, and delivers the explanations.

    Args:
        json: as for `Outputs`.
        files: likewise.
        several: likewise.
        read: likewise.
        language: likewise.
        segments: how many of one analysis are looked into.
    """

    def __init__(
        self,
        json: str | None,
        files: Mapping[str, Path | None],
        *,
        several: bool,
        read: Sequence[Path] = (),
        language: str = "auto",
        segments: int = 8,
    ) -> None:
        super().__init__(json, files, several=several, read=read, language=language)
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
        analyses = [a.to_dict() for a in self._kept]
        return render(analyses, media, language=self._language, folder=path.parent, reasons=why)
