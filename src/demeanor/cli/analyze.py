"""`demeanor analyze`: read sentences, files, folders, or one sample made of parts."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

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

if TYPE_CHECKING:
    from demeanor.cli._inputs import Job
    from demeanor.reader.analysis import Analysis

SETTINGS: dict[str, Any] = {"cls": JsonCommand}


def analyze(
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
    json: Json = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="A page that works from a file, without network.")
    ] = None,
    report_language: ReportLanguage = "auto",
    srt: Annotated[Path | None, typer.Option(metavar="FILE", help="Subtitles with sentiment.")] = None,
    vtt: Annotated[Path | None, typer.Option(metavar="FILE", help="Subtitles with sentiment, coloured.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="A row per segment.")] = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Leave personal data and faces out of every output; see docs/privacy.md.")
    ] = False,
) -> None:
    """Read sentences, files or folders.

    Every INPUT is a sample of its own; --text, --image, --audio and --video are the parts of one. Prints a
    table unless an output is asked for.

    Exit code 1: some inputs failed, the others were delivered; 2: wrong usage, or nothing could be read.
    """
    from demeanor.cli._inputs import jobs_of, stretch_of
    from demeanor.cli._outputs import Outputs
    from demeanor.cli._terminal import leave

    parts = {"text": text, "image": image, "audio": audio, "video": video}
    jobs, several = jobs_of(inputs or [], {k: v for k, v in parts.items() if v is not None}, transcript)
    stretch = stretch_of(inputs or [], jobs, start, end)
    files = {"html": report, "srt": srt, "vtt": vtt, "csv": csv}
    read = [*(path for job in jobs for path in job.files), *([transcript] if transcript else [])]
    outputs = Outputs(json, files, several=several, read=read, language=report_language)
    options = {"cues": cues, "language": language, "transcript": transcript, **stretch}
    failed, empty = read_jobs(jobs, outputs, model, threads, offline, options, redact)
    leave((failed + empty, len(jobs)), outputs.close())


class Taker(Protocol):
    """What analyses go to, one by one."""

    def prepare(self, analysis: Analysis) -> None:
        """Work out what is to be delivered beside one; an error costs that one only."""

    def add(self, analysis: Analysis) -> None:
        """Take one."""


def read_jobs(
    jobs: list[Job],
    outputs: Taker,
    model: str,
    threads: int,
    offline: bool,
    options: dict[str, Any],
    redact: bool = False,
) -> tuple[int, int]:
    """Read one after another; how many failed, and how many have none of the cues that were asked for.

    Whatever is wrong with one of several samples costs that sample only.

    Raises:
        DemeanorError: an option is wrong, for all of them; or there is one sample, and that cannot be read.
    """
    import demeanor
    from demeanor.cli._inputs import named
    from demeanor.cli._terminal import say, working
    from demeanor.errors import DemeanorError, InputError
    from demeanor.reader.inputs import chosen_cues, language_of

    chosen_cues(options["cues"])  # what is wrong for all inputs is told once
    language_of(options["language"])
    reader = demeanor.load(model, threads=threads, offline=offline)
    failed = empty = 0
    for number, job in enumerate(jobs, start=1):
        place = f" ({number}/{len(jobs)})" if len(jobs) > 1 else ""
        try:
            job.check()
            with working(f"{job.name}{place}", job.slow):
                analysis = reader.analyze(**job.arguments, **options)
                analysis = analysis.redacted() if redact else analysis
            outputs.prepare(analysis)
        except DemeanorError as error:
            if len(jobs) == 1 and not isinstance(error, InputError):
                raise
            failed += 1
            say(named(job.name, str(error)))
        except Exception as error:  # a fault of ours, but the other inputs are to be delivered
            failed += 1
            traceback.print_exc()
            say(f"{job.name}: {type(error).__name__}: {error}; this is a fault in demeanor, please report it")
        else:
            empty += bool(analysis.lacking and not analysis.cues)
            for cue in analysis.lacking:
                say(named(job.name, next(w for w in analysis.warnings if w.startswith(f"{cue} was asked for"))))
            outputs.add(analysis)
    return failed, empty
