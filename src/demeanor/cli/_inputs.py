"""What the user typed → the samples to read."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperOption

from demeanor.errors import ConfigError, DemeanorError, InputError

_NAME = 60  # characters of a sentence that stand for it in messages
_LONG = 20_000  # characters of a text that takes seconds
_STDIN = "-"
_PARTS = ("--text", "--image", "--audio", "--video")
_NO_FILE = Path(os.devnull)  # what a folder's search leaves out


@dataclass(frozen=True, slots=True)
class Job:
    """One sample: `arguments` of `Reader.analyze`, a `name` for messages, whether it takes a while.

    `fault` says why an input has no sample to read, and is None if it has.
    """

    name: str
    arguments: Mapping[str, Any] = field(repr=False)
    slow: bool = True
    fault: str | None = None

    def check(self) -> None:
        """Fail where there is nothing to read.

        Raises:
            InputError: there is not; says why.
        """
        if self.fault is not None:
            raise InputError(self.fault)

    @property
    def files(self) -> list[Path]:
        """What is read from disk."""
        given = [value for key, value in self.arguments.items() if key != "id"]
        named = [value for value in given if isinstance(value, str | Path)]
        return [Path(value) for value in named if isinstance(value, Path) or (self.slow and _exists(value))]


class JsonCommand(TyperCommand):
    """A command whose `--json` takes a file or none: the next word only if it ends in .json, or is a `-` for stdout.

    The only `-` of a call without any other input, part or value of an option apart, is stdin.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write the value out before the options are read.

        Raises:
            ConfigError: it is there twice.
        """
        given, rest = list(args), []
        while given:
            word = given.pop(0)
            if word == "--":
                rest += [word, *given]
                break
            if word == "--json":
                dash = given[:1] == ["-"] and self._has_input([*rest, *given[1:]])
                takes = dash or (bool(given) and given[0].lower().endswith(".json"))
                word = f"--json={given.pop(0) if takes else '-'}"
            rest.append(word)
        options = rest[: rest.index("--")] if "--" in rest else rest
        places = [word.removeprefix("--json=") for word in options if word.startswith("--json=")]
        if len(places) > 1:
            raise ConfigError(f"expected one --json, got {len(places)} ({', '.join(places)}); leave the others out")
        return super().parse_args(ctx, rest)

    def _has_input(self, words: Sequence[str]) -> bool:
        """Whether there is an INPUT or a part to read among the words, values of other options apart."""
        takes = {name for p in self.params if isinstance(p, TyperOption) and not p.is_flag for name in p.opts}
        left = iter(words)
        for word in left:
            option, equals, _ = word.partition("=")
            if word == "--":
                return next(left, None) is not None
            if option in _PARTS or word == _STDIN or not word.startswith("-"):
                return True
            if option in takes and not equals:
                next(left, None)
        return False


def jobs_of(
    inputs: Sequence[str], parts: Mapping[str, str | Path], transcript: Path | None = None
) -> tuple[list[Job], bool]:
    """The samples, and whether they are to be delivered as several: more than one INPUT, or a folder.

    A folder with nothing to read in it, or that may not be read, is a job that fails in its turn, among several.

    Raises:
        ConfigError: no input, both inputs and parts, such a folder is the only input, a transcript for several, or
            `-` for stdin among several.
    """
    check_transcript(inputs, transcript)
    if inputs and parts:
        raise ConfigError(
            f"expected INPUT... or one sample from parts, got both ({inputs[0]!r} and "
            f"--{next(iter(parts))}); name the first by --text, --image, --audio or --video too"
        )
    if parts:
        files = [str(value) for name, value in parts.items() if name != "text"]
        given = {name: _part(name, value) for name, value in parts.items()}
        return [Job(" + ".join(files) or "--text", given, bool(files) or _is_long(given["text"]))], False
    if not inputs:
        raise ConfigError(
            "expected a sentence, a file, a folder, or - for stdin to read, got none; see demeanor analyze --help"
        )
    if (piped := read_stdin(inputs)) is not None:
        return [Job("stdin", {"source": piped}, slow=len(piped) > _LONG)], False
    if len(inputs) == 1:
        return _jobs(inputs[0]), _is_folder(inputs[0])
    return [job for given in inputs for job in _jobs_or_fault(given)], True


def read_stdin(inputs: Sequence[str]) -> bytes | None:
    """What `-`, the only input, stands for, to its end; None where it is no input. Its content says what it is.

    Raises:
        ConfigError: it is one of several.
    """
    if _STDIN not in inputs:
        return None
    if len(inputs) > 1:
        raise ConfigError(
            f"expected - (stdin) as the only INPUT, got {len(inputs)}; read it in a call of its own, or write ./- for "
            "a file of that name"
        )
    return sys.stdin.buffer.read()


def check_transcript(inputs: Sequence[str], transcript: Path | None) -> None:
    """Fail where one transcript is given for several inputs, of which it says what only one of them says.

    Raises:
        ConfigError: it is.
    """
    if transcript is not None and (len(inputs) > 1 or (inputs and _is_folder(inputs[0]))):
        raise ConfigError("--transcript is what one recording says; give one INPUT with it")


def stretch_of(inputs: Sequence[str], jobs: Sequence[Job], start: float | None, end: float | None) -> dict[str, Any]:
    """The stretch of one recording that is to be read, as arguments of `Reader.analyze`; {} for the whole.

    It stands in the analysis as it does for a row of a manifest, so that labels of its segments lie right in the file.

    Raises:
        ConfigError: there is no one recording (sound, film, or subtitles by themselves) of which it can be a stretch.
    """
    said = {name: value for name, value in (("start", start), ("end", end)) if value is not None}
    if not said:
        return {}
    told = " and ".join(f"--{name}" for name in said)
    if len(inputs) > 1 or (inputs and _is_folder(inputs[0])):
        raise ConfigError(f"expected one recording beside {told}, got several inputs; call demeanor once per recording")
    if not jobs[0].files and not isinstance(jobs[0].arguments.get("source"), bytes):
        raise ConfigError(f"expected a recording beside {told}, got a text that was typed; leave {told} out")
    if _is_timeless(jobs[0]):
        raise ConfigError(
            f"expected a recording (sound or film) beside {told}, got {jobs[0].name}, which has no seconds; "
            f"leave {told} out"
        )
    return {**said, "sample": said}


def _is_timeless(job: Job) -> bool:
    """Whether its files are texts and pictures alone; what cannot be read is told when it is read."""
    from demeanor.media.source import is_regular
    from demeanor.reader.inputs import gather

    if not all(is_regular(path) for path in job.files):  # a pipe can be read once only
        return False
    with contextlib.suppress(DemeanorError):
        return not gather(**{name: value for name, value in job.arguments.items() if name != "id"}).timed
    return False


def named(name: str, message: str) -> str:
    """A message with the input's name in front, once: most begin with the file's own name already."""
    if not name.strip():
        return message
    own = f"{Path(name).name}: "
    if message.startswith(own):
        return f"{name}: {message[len(own) :]}"
    told = name in message and len(name) > 3  # the id "a" stands in any message
    return message if told else f"{name}: {message}"


def _jobs_or_fault(given: str) -> list[Job]:
    """An input of several costs itself only."""
    try:
        return _jobs(given)
    except DemeanorError as error:
        return [Job(given, {}, slow=False, fault=str(error))]


def _jobs(given: str) -> list[Job]:
    if not _is_folder(given):
        if _exists(given):
            return [Job(given, {"source": given})]
        said = _as_typed(given)
        return [Job(said if len(said) <= _NAME else f"{said[:_NAME]}…", {"source": said}, slow=_is_long(said))]
    from demeanor.reader.manifest import read_items

    folder = Path(given)
    items = read_items(folder, _NO_FILE)
    say_passed_over(folder)  # after what fails: that says it too
    return [Job(str(folder / item.id), {**item.given, "id": item.id}) for item in items]


def say_passed_over(folder: Path, out: Path = _NO_FILE, pair: bool = False) -> None:
    """Say which files of a folder are not read, if there are any; `out` is none of them, nor what `pair` joins."""
    from demeanor.cli._terminal import say
    from demeanor.reader.folder import passed_over, subtitles_beside

    if others := passed_over(folder, out):
        say(f"{folder}: passed over {others}: not named as text, picture, sound or video")
    if beside := subtitles_beside(folder, pair):
        first = beside[0].relative_to(folder)
        how = "with --pair those of its very stem are joined" if pair else "join those of its stem by `batch --pair`"
        say(
            f"{folder}: passed over {len(beside)} file{'s' * (len(beside) > 1)} of subtitles (first: {first}): they "
            f"belong to the recordings beside them; give them by `analyze RECORDING --transcript` ({how})"
        )


def _is_long(text: str | Path) -> bool:
    return isinstance(text, Path) or len(text) > _LONG


def _part(name: str, value: str | Path) -> str | Path:
    """A part as the reader takes it: of `--text @FILE` the file; `@@…` is a text that begins with @."""
    if name != "text":
        return value
    text = _as_typed(str(value))
    if not text.startswith("@"):
        return text
    if text.startswith("@@"):
        return text[1:]
    if _exists(str(value)[1:]):
        return Path(str(value)[1:])
    if " " not in text and Path(text).suffix:
        raise InputError(f"--text {text}: no file {text[1:]!r}; check the path, or write @{text} for these very words")
    return text


def _as_typed(text: str) -> str:
    """A sentence whose bytes the locale could not decode, taken for UTF-8."""
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        return text


def _is_folder(given: str) -> bool:
    from demeanor.media.source import is_folder

    return _exists(given) and is_folder(given)


def _exists(given: str) -> bool:
    from demeanor.media.source import existing_file

    return existing_file(given)
