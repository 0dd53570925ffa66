"""`demeanor redact`: copies of texts, pictures, recordings and films without personal data and faces."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from demeanor.cli._inputs import JsonCommand

if TYPE_CHECKING:
    from demeanor.reader.redact import Redaction

SETTINGS: dict[str, Any] = {"cls": JsonCommand}

Job = tuple[str | Path, Path | None]
"""An input, a `Path` where a folder held it, and the file that its copy goes to, None for one that is printed."""


def redact(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="Files, folders, or sentences; - for stdin.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR|FILE", help="Where copies go; of a sentence the copy is printed without it."),
    ] = None,
    faces: Annotated[
        bool | None, typer.Option("--faces/--no-faces", help="Cover faces; both this and --beep if neither is given.")
    ] = None,
    beep: Annotated[
        bool | None, typer.Option("--beep/--no-beep", help="Recognise speech and cover what is personal in it.")
    ] = None,
    transcript: Annotated[
        Path | None, typer.Option(metavar="FILE", help=".srt, .vtt, .txt or .json: speech is not recognised then.")
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Somebody's name, to be taken out too; may be repeated.")
    ] = None,
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Number the placeholders: the same value gets the same number.")
    ] = False,
    silence: Annotated[bool, typer.Option("--silence", help="Silence instead of a tone.")] = False,
    fill: Annotated[bool, typer.Option("--fill", help="Patches of one colour over faces instead of a blur.")] = False,
    language: Annotated[str, typer.Option(metavar="auto|en|zh|…", help="Of the speech.")] = "auto",
    model: Annotated[str, typer.Option(metavar="NAME|DIR", help="A bundle: see `demeanor models`.")] = "base",
    threads: Annotated[int, typer.Option(min=0, metavar="N", help="Processor threads; 0 takes all.")] = 0,
    offline: Annotated[
        bool, typer.Option("--offline/--download", help="Whether missing weights may be fetched, once.")
    ] = True,
    json: Annotated[
        str | None,
        typer.Option(metavar="[FILE]", help="What was found where, without repeating it: on stdout, or in FILE.json."),
    ] = None,
) -> None:
    """Write copies without personal data.

    Texts get placeholders, faces are covered, and speech is beeped. Tags, places and subtitles of media are
    left behind. It is no anonymisation: docs/privacy.md says what is missed.

    Exit code 1: some inputs failed, the others were delivered; 2: wrong usage, or nothing could be read.
    """
    from demeanor.cli._terminal import leave
    from demeanor.privacy.spans import Pseudonyms

    blur, cover_speech = _wanted(faces, beep)
    jobs = _checked(inputs, out, transcript, language, json)
    options: dict[str, Any] = {
        "faces": blur, "beep": cover_speech, "transcript": transcript, "language": language, "names": name or [],
        "pseudonyms": Pseudonyms() if pseudonyms else None, "tone": "silence" if silence else "tone",
        "veil": "fill" if fill else "blur",
    }  # fmt: skip
    done, failed = _redact(jobs, options, _lazily(model, threads, offline), json)
    if failed < len(jobs):
        _tell(json, done)
    leave((failed, len(jobs)))


def _checked(
    inputs: list[str], out: Path | None, transcript: Path | None, language: str, json: str | None
) -> list[Job]:
    """The jobs, if nothing is wrong that is wrong for all of them.

    Raises:
        ConfigError: something is.
    """
    from demeanor.cli._inputs import check_transcript
    from demeanor.errors import ConfigError
    from demeanor.reader.inputs import language_of

    check_transcript(inputs, transcript)
    language_of(language)
    if "-" in inputs:  # what stdin holds has no name, and by its name a file is told to be JSON or subtitles
        raise ConfigError(
            "expected files, folders or texts, got - (stdin), which redact does not read; save it as a file"
        )
    jobs = _jobs(inputs, out)
    _check_json(json, jobs, transcript)
    return jobs


def _wanted(faces: bool | None, beep: bool | None) -> tuple[bool, bool]:
    """One of the two asked for is that one alone; one denied leaves the other."""
    if faces is None and beep is None:
        return True, True
    return (not beep if faces is None else faces), (not faces if beep is None else beep)


def _jobs(inputs: list[str], out: Path | None) -> list[Job]:
    """Each input with its place.

    Raises:
        ConfigError: no place for a copy, two copies in one place, an original in it, or an ending that does not fit.
    """
    from demeanor.errors import ConfigError
    from demeanor.media.kind import kind_of
    from demeanor.media.source import existing_file, is_folder
    from demeanor.reader.redact import check_target, fitting_name

    given = [(path, name) for value in inputs for path, name in _files(value, out)]
    there = out is not None and existing_file(str(out)) and not is_folder(out)
    several = len(given) > 1 or any(is_folder(i) for i in inputs if existing_file(i))
    into = out is not None and (several or is_folder(out) or not (there or out.suffix))
    if into and there:
        raise ConfigError(f"--out {out}: expected a folder for the copies, got a file; name a folder")
    jobs: list[Job] = []
    for number, (value, name) in enumerate(given, start=1):
        if out is None:
            if _is_file(value):
                raise ConfigError(f"{value}: expected a place for its copy, got none; add --out DIR or --out FILE")
            jobs.append((value, None))
            continue
        kind = _kind(kind_of, value)
        if into:
            inside = Path(name or f"text-{number}.txt")
            jobs.append((value, out / inside.parent / fitting_name(kind, inside.name)))
        else:
            check_target(kind, out)
            jobs.append((value, out))
    _check_places(jobs, inputs)
    return jobs


def _check_places(jobs: list[Job], inputs: list[str]) -> None:
    """Fail before the work where a copy would take the place of another copy, or of what may be an original.

    What is in a folder to redact already may be one, though it is no input as copies go there.

    Raises:
        ConfigError: one would.
    """
    from demeanor.errors import ConfigError
    from demeanor.media.source import existing_file, is_folder, resolved

    places = [(value, place, resolved(place)) for value, place in jobs if place is not None]
    if len({at for _, _, at in places}) < len(places):
        raise ConfigError("two inputs have one name, and their copies would be one file; redact them one after another")
    read = {resolved(Path(value)) for value, _ in jobs if _is_file(value)}
    folders = {resolved(Path(value)) for value in inputs if _is_file(value) and is_folder(value)}
    for value, place, at in places:
        if _is_file(value) and resolved(Path(value)) == at:
            continue  # told in its turn
        if at in read or (folders & {*at.parents} and existing_file(str(at))):
            raise ConfigError(
                f"{place}: expected a place for the copy of {value}, got a file of the input, which would be "
                "overwritten; name another folder by --out, or remove that file if it is an older copy"
            )


def _is_file(value: str | Path) -> bool:
    """Whether an input is something on disk, not a sentence."""
    from demeanor.media.source import existing_file

    return isinstance(value, Path) or existing_file(value)


def _check_json(json: str | None, jobs: list[Job], transcript: Path | None) -> None:
    """Fail before the work where what was found cannot be written, or would overwrite an input or a copy."""
    if json in (None, "-"):
        return
    from demeanor.cli._outputs import check_place
    from demeanor.media.source import resolved

    copies = [place for _, place in jobs if place is not None]
    read = [Path(value) for value, _ in jobs if _is_file(value)] + ([] if transcript is None else [transcript])
    taken = {resolved(p): "a copy" for p in copies} | {resolved(p): "an input" for p in read}
    made = {resolved(folder) for place in copies for folder in place.parents}
    check_place(f"--json {json}", "json", Path(str(json)), taken, made)


def _kind(kind_of: Callable[[Any], Any], value: str | Path) -> Any:
    """What an input is; one that cannot be read is told so in its turn."""
    from demeanor.errors import InputError

    try:
        return kind_of(value)
    except InputError:
        return "text"


def _files(value: str, out: Path | None) -> Iterator[tuple[str | Path, str | None]]:
    """An input as it is, or the files of a folder; each with the name its copy gets.

    A folder that is empty, or that may not be read, is given as it is, and fails in its turn. What is passed over in a
    folder is said: files of other kinds, and what lies in `out` below it, which may be copies of an earlier run.
    """
    from demeanor.cli._terminal import say
    from demeanor.media.kind import KNOWN_EXTENSIONS
    from demeanor.media.source import is_folder, resolved
    from demeanor.reader.folder import counted, files_below

    if not _is_file(value):
        yield value, None
        return
    path = Path(value)
    if not is_folder(path):
        yield value, path.name
        return
    written = {*KNOWN_EXTENSIONS, ".srt", ".vtt", ".json", ".jsonl"}
    inside = sorted(files_below(path))
    if out is not None and resolved(path) in resolved(out).parents:
        copies = {p for p in inside if resolved(out) in resolved(p).parents}
        inside = [p for p in inside if p not in copies]
        if copies:
            say(f"{path}: passed over what is in {out}, where the copies go")
    found = [p for p in inside if p.suffix.lower() in written or is_folder(p)]
    if others := counted(sorted({*inside} - {*found})):
        say(f"{path}: passed over {others}: not named as text, picture, sound, video, subtitles or JSON")
    if not found:
        yield path, None
    for inner in found:
        yield inner, str(inner.relative_to(path))


def _redact(
    jobs: list[Job], options: dict[str, Any], reader: Callable[[], Any], json: str | None
) -> tuple[list[dict[str, Any]], int]:
    """What was found in each, and how many failed; whatever is wrong with one of several costs that one only."""
    from demeanor.cli._inputs import named
    from demeanor.cli._terminal import say
    from demeanor.errors import DemeanorError, InputError

    done: list[dict[str, Any]] = []
    failed = 0
    for value, place in jobs:
        shown = str(value) if _is_file(value) else "the text"
        try:
            done.append({"source": shown, **_one(value, place, options, reader, json)})
        except DemeanorError as error:
            if len(jobs) == 1 and not isinstance(error, InputError):
                raise
            failed += 1
            say(named(shown, str(error)) if _is_file(value) else str(error))
        except Exception as error:  # a fault of ours, but the other inputs are to be delivered
            failed += 1
            traceback.print_exc()
            say(f"{shown}: {type(error).__name__}: {error}; this is a fault in demeanor, please report it")
    return done, failed


def _one(
    value: str | Path, place: Path | None, options: dict[str, Any], reader: Callable[[], Any], json: str | None
) -> dict[str, Any]:
    """One copy made; what is told of it in JSON.

    Raises:
        DemeanorError: it could not be made.
    """
    import demeanor
    from demeanor.cli._inputs import named
    from demeanor.cli._terminal import say
    from demeanor.errors import ConfigError, InputError
    from demeanor.media.kind import kind_of
    from demeanor.media.source import is_folder

    if _is_file(value) and is_folder(value):
        raise InputError("expected files to redact in this folder, found none that may be read; name another")
    if place is None:
        kind_of(value)  # a mistyped file is no text, and is told as `analyze` tells it
        return _printed(str(value), options, aside=json == "-")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{place.parent}: expected a folder for the copy, got {error.strerror}; name another"
        ) from error
    shown = str(value) if _is_file(value) else "the text"
    with _bar(shown) as step:
        result = demeanor.redact(value, place, **options, reader=reader(), progress=step)
    for warning in result.warnings:
        say(named(shown, warning))
    say(f"wrote {place}" + (f": {_summary(result)}" if json is None else ""))
    return result.to_dict()


def _printed(text: str, options: dict[str, Any], aside: bool) -> dict[str, Any]:
    """The copy of a sentence, on stdout unless it is for what is told of it."""
    from collections import Counter

    from demeanor.reader.redact import redact_plain

    counts: Counter[str] = Counter()
    copy = redact_plain(text, counts, {name: options[name] for name in ("names", "pseudonyms")})
    if not aside:
        print(copy, end="" if copy.endswith("\n") else "\n")
    return {"out": None, "kind": "text", "text": copy, "found": dict(counts)}


def _lazily(model: str, threads: int, offline: bool) -> Callable[[], Any]:
    """A reader that is loaded when it is first asked for speech."""
    from functools import cache

    @cache
    def load() -> Any:
        import demeanor

        return demeanor.load(model, threads=threads, offline=offline)

    return lambda: load


def _summary(result: Redaction) -> str:
    parts = [f"{count} {kind}" for kind, count in sorted(result.counts.items())]
    if result.faces:
        parts.append("1 face covered" if result.faces == 1 else f"{result.faces} faces covered")
    return ", ".join(parts) or "nothing was found"


def _tell(json: str | None, found: list[dict[str, Any]]) -> None:
    if json is None:
        return
    from demeanor.cli._terminal import json_text, print_json
    from demeanor.reader.analysis import write_whole

    if json == "-":
        print_json(found)
    else:
        write_whole(Path(json), json_text(found))


@contextlib.contextmanager
def _bar(name: str) -> Iterator[Callable[[float], None] | None]:
    """A progress bar on stderr; nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from demeanor.cli._terminal import stderr_console

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    with Progress(*columns, console=stderr_console(), transient=True) as progress:
        task = progress.add_task(name, total=1.0)
        yield lambda done: progress.update(task, completed=done)
