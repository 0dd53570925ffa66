"""Where the analyses of one call go: the terminal, JSON, and files."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demeanor.cli._inputs import named
from demeanor.cli._terminal import json_text, print_json, say, stdout_console
from demeanor.errors import ConfigError, DemeanorError
from demeanor.media.source import is_folder, resolved

if TYPE_CHECKING:
    from rich.console import Console

    from demeanor.reader.analysis import Analysis

_SINGLE = ("srt", "vtt")
_STDOUT = "-"


class Outputs:
    """Takes analyses one by one and delivers them. Files are written at the end, whole or not at all.

    Args:
        json: a file's name, `-` for stdout, None for no JSON.
        files: per kind (html, srt, vtt, csv) a file, or None.
        several: the call is for several samples: JSON is a list then, even of one.
        read: files that are read, and so are not to be written over.
        language: of the report's page: en, zh, or auto.

    Raises:
        ConfigError: a folder that is not there, one file for two outputs or for an input, subtitles of several
            samples, or a language that reports do not have.
    """

    def __init__(
        self,
        json: str | None,
        files: Mapping[str, Path | None],
        *,
        several: bool,
        read: Sequence[Path] = (),
        language: str = "auto",
    ) -> None:
        from demeanor.report.wording import language_of

        language_of([], language)  # fail before the work, not after it
        self._language = language
        self._files = {kind: path for kind, path in files.items() if path is not None}
        self._to_stdout = json == _STDOUT
        if json is not None and not self._to_stdout:
            self._files["json"] = Path(json)
        self._table = json is None and not self._files
        self._several = several
        self._kept: list[Analysis] = []
        self._printed = 0
        self._check({resolved(path) for path in read})

    def prepare(self, analysis: Analysis) -> None:
        """Nothing is worked out before it is delivered."""

    def add(self, analysis: Analysis) -> None:
        """Print it if a table is wanted, else keep it."""
        if self._table:
            console = stdout_console()
            if self._printed:
                console.print()
            self._print(analysis, console)
            self._printed += 1
            sys.stdout.flush()
        else:
            # Pictures are for the report alone, and many samples of them would fill the memory.
            shown = analysis if "html" in self._files else replace(analysis, media=None)
            self._kept.append(replace(shown, hold=None))

    def _print(self, analysis: Analysis, console: Console) -> None:
        from demeanor.report.table import render

        render(analysis.to_dict(), console)

    def close(self) -> tuple[int, int]:
        """Deliver what was kept; nothing at all where every sample failed.

        Returns:
            How many outputs could not be made or written, and of how many; each is said, and costs itself only.
        """
        if not self._kept:
            return 0, 0
        if self._to_stdout:
            print_json(self._json())
        lost = 0
        for kind, path in self._files.items():
            try:
                say(f"wrote {path}{self._write(kind, path)}")
            except Exception as error:  # whatever it is, what was read is not lost with one of its outputs
                lost += 1
                kind = "" if isinstance(error, DemeanorError) else f"{type(error).__name__}: "
                say(named(str(path), f"{kind}{error}"))
        return lost, len(self._files) + self._to_stdout

    def _write(self, kind: str, path: Path) -> str:
        """Write one file; what is to be said of it."""
        from demeanor.reader.analysis import write_whole

        text = self._text(kind, path).encode("utf-8", "replace").decode("utf-8")
        write_whole(path, text)
        empty = kind in _SINGLE and "-->" not in text
        return ", which is empty: nothing was said and no face was seen" if empty else ""

    def _json(self) -> Any:
        found = [analysis.to_dict() for analysis in self._kept]
        return found if self._several else found[0]

    def _text(self, kind: str, path: Path) -> str:
        if kind == "html":
            from demeanor.report.html import render

            media = [analysis.media for analysis in self._kept]
            return render([a.to_dict() for a in self._kept], media, language=self._language, folder=path.parent)
        if kind == "csv":
            from demeanor.report.spreadsheet import csv

            return csv([a.to_dict() for a in self._kept])
        if kind == "json":
            return json_text(self._json())
        from demeanor.report import subtitles

        text: str = getattr(subtitles, kind)(self._kept[0].to_dict())
        return text

    def _check(self, read: set[Path]) -> None:
        """Fail before the work, not after it."""
        for kind, path in self._files.items():
            option = "--report" if kind == "html" else f"--{kind}"
            if self._several and kind in _SINGLE:
                raise ConfigError(f"{option} is for one input, got several; call demeanor once per input")
            check_place(f"{option} {path}", kind, path, dict.fromkeys(read, "an input"))
        places = [resolved(path) for path in self._files.values()]
        if len(set(places)) < len(places):
            raise ConfigError("two outputs go to the same file; give each a name of its own")


def check_place(told: str, kind: str, path: Path, taken: Mapping[Path, str], made: Collection[Path] = ()) -> None:
    """Fail where an output cannot be written, or would not be what its name says.

    Args:
        told: how a message begins.
        kind: of the output: json, html, srt, vtt, csv.
        path: where it is to go.
        taken: what must not be written over, by resolved path, with what it is.
        made: folders, resolved, that the work makes.

    Raises:
        ConfigError: its folder is not there, a folder is in its place, it is taken, or its ending is of another kind.
    """
    from demeanor.media.kind import KNOWN_EXTENSIONS

    if path == Path("-") and kind != "json":
        raise ConfigError(f"{told}: expected a file's name, got -, which stands for the terminal after --json alone")
    if not is_folder(path.parent) and resolved(path.parent) not in made:
        raise ConfigError(f"{told}: expected an existing folder, found no {path.parent}; make it")
    if is_folder(path):
        raise ConfigError(f"{told}: expected a file's name, got a folder; add a name")
    if what := taken.get(resolved(path)):
        raise ConfigError(f"{told}: this file is {what}, and would be overwritten; name another")
    if kind != "html" and (of := KNOWN_EXTENSIONS.get(path.suffix.lower(), "text")) != "text":
        raise ConfigError(
            f"{told}: expected a name for {kind}, got that of {'a picture' if of == 'image' else of}; "
            f"name it {path.stem}.{kind}"
        )
    if kind == "html" and path.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(
            f"{told}: expected a name in .html, for the report is a page, got "
            f"{path.suffix or 'no ending'}; name it {path.stem}.html (a browser prints it to PDF)"
        )
