"""What the user typed → the samples to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.core import TyperCommand

from demeanor.errors import ConfigError, InputError

_NAME = 60  # characters of a sentence that stand for it in messages


@dataclass(frozen=True, slots=True)
class Job:
    """One sample: `arguments` of `Reader.analyze`, a `name` for messages, whether it takes a while."""

    name: str
    arguments: Mapping[str, Any] = field(repr=False)
    slow: bool = True


class JsonCommand(TyperCommand):
    """A command whose `--json` takes a file or none: the next word only if it ends in .json."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write the value out before the options are read."""
        given, rest = list(args), []
        while given:
            word = given.pop(0)
            if word == "--":
                rest += [word, *given]
                break
            if word == "--json":
                word = f"--json={given.pop(0) if given and given[0].lower().endswith('.json') else '-'}"
            rest.append(word)
        return super().parse_args(ctx, rest)


def jobs_of(inputs: Sequence[str], parts: Mapping[str, str | Path]) -> tuple[list[Job], bool]:
    """The samples, and whether they are to be delivered as several: more than one INPUT, or a folder.

    Raises:
        ConfigError: no input, or both inputs and parts.
        InputError: a folder in which there is nothing to read.
    """
    if inputs and parts:
        raise ConfigError(
            f"expected INPUT... or one sample from parts, got both ({inputs[0]!r} and "
            f"--{next(iter(parts))}); name the first by --text, --image, --audio or --video too"
        )
    if parts:
        return [Job("the sample", {name: _part(name, value) for name, value in parts.items()})], False
    if not inputs:
        raise ConfigError(
            "expected a sentence, a file or a folder to read, got none; see demeanor analyze --help"
        )
    jobs = [job for given in inputs for job in _jobs(given)]
    return jobs, len(inputs) > 1 or _is_folder(inputs[0])


def _jobs(given: str) -> list[Job]:
    if not _is_folder(given):
        is_file = _exists(given)
        return [
            Job(given if is_file or len(given) <= _NAME else f"{given[:_NAME]}…", {"source": given}, is_file)
        ]
    from demeanor.media.kind import KNOWN_EXTENSIONS

    folder = Path(given)
    found = [
        p for p in sorted(folder.rglob("*"))
        if p.suffix.lower() in KNOWN_EXTENSIONS and p.is_file() and not _hidden(p.relative_to(folder))
    ]  # fmt: skip
    if not found:
        raise InputError(
            f"{given}: expected files such as .mp4, .wav, .jpg or .txt in this folder, found none; "
            "name the files"
        )
    return [Job(str(p), {"source": p, "id": p.relative_to(folder).as_posix()}) for p in found]


def _part(name: str, value: str | Path) -> str | Path:
    """A part as the reader takes it: of `--text @FILE` the file; `@@…` is a text that begins with @."""
    if name != "text" or not str(value).startswith("@"):
        return value
    text = str(value)
    if text.startswith("@@"):
        return text[1:]
    if _exists(text[1:]):
        return Path(text[1:])
    if " " not in text and Path(text).suffix:
        raise InputError(
            f"--text {text}: no file {text[1:]!r}; check the path, or write @{text} for these very words"
        )
    return text


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _is_folder(given: str) -> bool:
    return _exists(given) and Path(given).is_dir()


def _exists(given: str) -> bool:
    from demeanor.media.source import existing_file

    return existing_file(given)
