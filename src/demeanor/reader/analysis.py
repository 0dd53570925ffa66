"""One finished analysis: what was read, as plain data, and its ways out – JSON, report, subtitles, plot."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from demeanor.errors import ConfigError, DataError
from demeanor.media.encoding import whole_characters
from demeanor.media.source import is_device, resolved
from demeanor.plugins import require
from demeanor.reader import record
from demeanor.report.schema import mistyped
from demeanor.types import Kind, Person, Reading, Segment

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from demeanor.explain.explanation import Explanation
    from demeanor.privacy.spans import Pseudonyms
    from demeanor.reader.hold import Hold, JointHold
    from demeanor.report.html import ReportMedia


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was read from one sample; the fields are the keys of the JSON (`demeanor.analysis/1`).

    Attributes:
        id: what the caller calls the sample.
        source: file name or what was typed; None for arrays and bytes.
        kind: text, image, audio, video, or mixed where parts of several kinds are one sample.
        duration: seconds; None without time.
        language: code such as "en"; None where there are no words or it could not be told.
        overall: the fused reading; everything in it is None where there was nothing to read.
        cues: reading per cue present, with weight and share.
        segments: utterances, stretches of time, or sentences.
        people: faces and voices by person, for how long, and the mean of what is read of them.
        missing: names of the cues that are not present.
        warnings: what was damaged, left out or not found, in words.
        provenance: version, bundle, speech, threads, seconds.
        corrections: a user's overlay, `{path, value, by, at}` each.
        sample: what a manifest says of the sample beside its media (labels, speaker, …); None without one.
        media: pictures and waveform for the report; not part of the JSON.
        lacking: cues that were asked for by name and that such a sample cannot have; not part of the JSON.
        hold: what `explain` needs of the reading; None for an analysis that comes from JSON, or another process.
    """

    id: str
    source: str | None
    kind: Kind
    duration: float | None
    language: str | None
    overall: Reading
    cues: Mapping[str, Reading]
    segments: tuple[Segment, ...]
    people: tuple[Person, ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    provenance: Mapping[str, Any]
    corrections: tuple[Mapping[str, Any], ...] = ()
    sample: Mapping[str, Any] | None = None
    media: ReportMedia | None = field(default=None, repr=False, compare=False)
    lacking: tuple[str, ...] = field(default=(), repr=False, compare=False)
    hold: Hold | JointHold | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the contract as plain data, numbers rounded to six places."""
        return record.from_analysis(self)

    def to_json(self, indent: int | None = None) -> str:
        """The same as text, in one line unless `indent` says otherwise."""
        # names of files and what a manifest says of a sample may hold what UTF-8 cannot write
        return whole_characters(json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Analysis:
        """The inverse of `to_dict`.

        Raises:
            DataError: not an analysis of this schema; the message names the part that is wrong.
        """
        schema = data.get("schema") if isinstance(data, Mapping) else f"{type(data).__name__}, which is no object"
        if schema != record.SCHEMA:
            raise DataError(
                f"expected an analysis with schema {record.SCHEMA}, got {schema}; "
                "a line of a batch that failed holds an error instead"
            )
        if wrong := mistyped(data):
            raise DataError(
                f"expected an analysis as in {record.SCHEMA}, got one that does not fit at {wrong}; mend that part "
                "(demeanor.report.schema.validate checks all of it)"
            )
        try:
            return cls(**record.fields_of(data))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"expected an analysis as in {record.SCHEMA}, got one that misses or mistypes {error}; "
                "check it with demeanor.report.schema.validate"
            ) from error

    def to_frame(self, backend: Literal["polars", "pandas"] = "polars") -> Any:
        """One row per segment, with the columns of the CSV.

        Raises:
            ConfigError: no such backend.
            MissingExtraError: its library is not installed.
        """
        from demeanor.report.spreadsheet import table

        columns, rows = table(self.to_dict())
        filled = {column: [row.get(column) for row in rows] for column in columns}
        if backend == "polars":
            return require("polars", "frames", "a data frame").DataFrame(filled, strict=False)
        if backend == "pandas":
            return require("pandas", None, "backend='pandas' (the other one is 'polars')").DataFrame(filled)
        raise ConfigError(f"expected the backend 'polars' or 'pandas', got '{backend}'")

    def plot(self) -> Figure:
        """The timeline as a matplotlib figure (extra `plots`).

        Raises:
            InputError: there are no segments in time or text.
            MissingExtraError: matplotlib is not installed.
        """
        from demeanor.report.plot import timeline

        return timeline(self.to_dict())

    def redacted(
        self,
        *,
        names: Iterable[str] = (),
        recogniser: Callable[[str], Iterable[tuple[int, int]]] | None = None,
        pseudonyms: Pseudonyms | None = None,
        hide_source: bool = False,
        faces: bool = True,
    ) -> Analysis:
        """A copy with placeholders for personal data in all its texts, and with covered faces in the report's pictures.

        What is and what is not found is in docs/privacy.md; it is no anonymisation.

        Args:
            names: of people, to be found wherever they stand.
            recogniser: finds further names: a text in, (start, end) of each name out.
            pseudonyms: gives the same value the same mark, `[NAME 1]`; see `demeanor.privacy.spans`.
            hide_source: take the file's name out whole, not only what is personal in it.
            faces: cover faces, and leave out the link to the recording, in which they are not covered.
        """
        from demeanor.reader.redact import redacted

        return redacted(
            self, names=names, recogniser=recogniser, pseudonyms=pseudonyms, hide_source=hide_source, faces=faces
        )

    def explain(self, *, segments: int = 8, budget: int = 1024, seed: int = 0) -> Explanation:
        """Why it says what it says: shares of cues, words, seconds, regions and frames, and what would change it.

        An analysis that this process has read is explained in full, which takes about as long as reading it, or
        longer, and opens its media again. One that comes from JSON is explained as far as its numbers go; what is
        left out is in `limits`.

        Args:
            segments: so many, those with the strongest readings, are looked into: their words and their voice.
            budget: readings that are spent on the words of all of them, 256 on one at most; more make the shares of
                long sentences surer.
            seed: of what is sampled.
        """
        from demeanor.reader.reasons.explain import explain

        return explain(self, segments=segments, budget=budget, seed=seed)

    def save(self, path: str | Path, *, language: str = "auto") -> Path:
        """Write the analysis as its suffix says: .html, .json, .csv, .srt or .vtt; whole or not at all.

        Args:
            path: of the file.
            language: of an .html page: `en`, `zh`, or `auto` (that of what was read).

        Returns:
            The path.

        Raises:
            ConfigError: another suffix, or a language that the page does not have.
            InputError: subtitles of something without times.
        """
        path = Path(path)
        writers = _writers(language)
        writer = writers.get(path.suffix.lower())
        if writer is None:
            raise ConfigError(f"{path.name}: expected a name that ends in {', '.join(writers)}; rename it")
        write_whole(path, writer(self, path))
        return path

    def _repr_html_(self) -> str:
        """The report, for notebooks: in a frame of its own, so that its style touches nothing else."""
        from demeanor.report.html import render

        page = escape(render(self.to_dict(), self.media), quote=True)
        style = "width:100%;height:42rem;border:0"
        return f'<iframe srcdoc="{page}" sandbox="allow-scripts" style="{style}"></iframe>'


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that it is there whole or as it was before; a device or pipe is written into.

    Of a link the file it leads to is written.

    Raises:
        ConfigError: the folder is not there or may not be written.
    """
    try:
        if is_device(path):
            with path.open("a", encoding="utf-8", newline="") as stream:  # what a redirected stdout holds stays
                stream.write(whole_characters(text))
            return
        place = resolved(path)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=place.parent, prefix=f".{place.name}.", delete=False
        ) as out:
            try:
                out.write(whole_characters(text))
                out.close()
                _as_usual(Path(out.name))
                Path(out.name).replace(place)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    Path(out.name).unlink()
    except OSError as error:
        raise ConfigError(
            f"{path}: expected a place to write to, got {error.strerror or error}; check the folder"
        ) from error


def _as_usual(path: Path) -> None:
    """Give a temporary file, which only its owner may read, the permissions any new file has."""
    import os

    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def _writers(language: str) -> dict[str, Callable[[Analysis, Path], str]]:
    from demeanor.report.html import render
    from demeanor.report.spreadsheet import csv
    from demeanor.report.subtitles import srt, vtt

    return {
        ".html": lambda a, path: render(a.to_dict(), a.media, language=language, folder=path.parent),
        ".json": lambda a, _: a.to_json(indent=2) + "\n",
        ".csv": lambda a, _: csv(a.to_dict()),
        ".srt": lambda a, _: srt(a.to_dict()),
        ".vtt": lambda a, _: vtt(a.to_dict()),
    }
