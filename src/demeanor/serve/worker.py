"""The process that reads what strangers send: one order after another, within limits, replaced when it dies.

Orders come as lines of JSON on stdin, answers go as lines of JSON to what was stdout; libraries that print are
printing into nothing. A fault is told by its kind and place alone: messages may quote what was sent.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import resource
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demeanor.serve.confine import confine, die_with, limit_processor_time, own_output
from demeanor.serve.copies import hidden, make_copy

if TYPE_CHECKING:
    from demeanor.explain.explanation import Explanation
    from demeanor.reader.analysis import Analysis
    from demeanor.reader.reader import Reader

Answer = Callable[..., None]

_LARGEST_WRITTEN = 512 << 20
_EVERY = 0.25  # seconds between two words about progress
_READING = 0.4  # of the work on a sample that is explained too, or copied
_LATER = ("reasons", "copy")  # steps after those of reading
_REPEATED = re.compile(r"\bgot .*(?=; )", re.DOTALL)  # of a message: what may quote a line of what was sent
PARTS = ("image", "audio", "video")


def main() -> None:
    """Read orders until stdin ends."""
    model, threads, memory, parent = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    answer = _answers()
    confine(memory, _LARGEST_WRITTEN)
    die_with(parent)
    reader = _loaded(model, threads)
    answer(ready=True)
    for line in sys.stdin:
        order = json.loads(line)
        limit_processor_time(order["seconds"])
        try:
            _carry_out(order, reader, answer)
        except MemoryError:
            answer(error={"status": 413, "kind": "too-large", "message": _TOO_MUCH}, spent=True)
        except Exception as error:
            answer(**_told(error, Path(order["folder"])))
        else:
            answer(done=True, resident=_resident())


_TOO_MUCH = "expected a sample that can be read in the memory this service grants, got a larger one; send a smaller one"


def _answers() -> Answer:
    """A way to answer that no library's output can disturb."""
    out = own_output()

    def answer(**said: Any) -> None:
        out.write(json.dumps(said).encode() + b"\n")
        out.flush()

    return answer


def _loaded(model: str, threads: int) -> Reader:
    """A reader with everything in memory that an order could need."""
    from demeanor.reader.reader import load

    reader = load(model, threads)
    experts = reader.experts
    for load_expert in ("words", "scene", "face", "recogniser", "voice"):
        with contextlib.suppress(Exception):  # told again, to whom it concerns, when it is needed
            getattr(experts, load_expert)
    return reader


def _carry_out(order: dict[str, Any], reader: Reader, answer: Answer) -> None:
    from demeanor.reader.progress import watched

    folder, out = Path(order["folder"]), Path(order["out"])
    asked = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    stored = folder / "analysis"
    given = {} if stored.is_file() else _given(folder, order["media_seconds"], order["longest"])
    check_length(given, order["media_seconds"])
    explains, copies = bool(asked.get("explain")), bool(asked.get("copy"))
    with watched(_Progress(answer, "video" in given and not copies, explains or copies)):
        why: Explanation | None
        if copies:
            return make_copy(given, asked, out, reader, order["media_seconds"])
        if stored.is_file():
            analysis, why = explained_again(stored.read_bytes())
        else:
            chosen = {name: asked.get(name) for name in ("cues", "language", "id")}
            analysis = _named(reader.analyze(**_timed(given, str(asked.get("name"))), **chosen), asked)
            if asked.get("redact"):  # before the reasons: they know nothing but what is left, and repeat no more
                analysis = analysis.redacted(**hidden(asked))
            why = analysis.explain() if explains else None
    _deliver(analysis, why, folder, out, order["reports"])


def _deliver(analysis: Analysis, why: Explanation | None, folder: Path, out: Path, reports: Sequence[str]) -> None:
    """Write what was made of it, and a report in each of these languages: the pictures in it are gone afterwards."""
    from dataclasses import replace

    from demeanor.report.html import render
    from demeanor.report.why import Reasons

    out.mkdir(mode=0o700, exist_ok=True)
    (out / "analysis.json").write_text(analysis.to_json(), encoding="utf-8")
    reasons = None
    if why is not None:
        why = replace(why, limits=tuple(_without(folder, limit) for limit in why.limits))
        reasons = Reasons(why.to_dict(), why.pictures)
        told = json.dumps(reasons.explanation, ensure_ascii=False, allow_nan=False)
        (out / "explanation.json").write_text(told, encoding="utf-8")
    for language in reports:
        page = render(analysis.to_dict(), analysis.media, language=language, reasons=reasons)
        (out / f"report-{language}.html").write_text(page, encoding="utf-8")


def explained_again(body: bytes) -> tuple[Analysis, Explanation]:
    """An analysis that came back as JSON, and its reasons as far as its numbers go.

    Raises:
        InputError: it is none.
    """
    from demeanor.errors import DataError, InputError
    from demeanor.reader.analysis import Analysis

    try:
        analysis = Analysis.from_dict(json.loads(body))
        why = analysis.explain()
        json.dumps([analysis.to_dict(), why.to_dict()], allow_nan=False)
        return analysis, why
    except (DataError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise InputError(
            "expected an analysis as in demeanor.analysis/1, got something else; send what POST /v1/analyze or a job's "
            "result gave"
        ) from error


def _given(folder: Path, most: float, longest: int) -> dict[str, Any]:
    """The parts as arguments of `Reader.analyze`: paths for media, the words themselves for text.

    Raises:
        LimitError: a file that turns out to be a text of more than `longest` characters.
        DecodeError: it is in no known encoding.
    """
    from demeanor.media.kind import kind_of
    from demeanor.media.text import decode_text

    given: dict[str, Any] = {part: folder / part for part in PARTS if (folder / part).is_file()}
    if (folder / "text").is_file():
        given["text"] = (folder / "text").read_bytes().decode("utf-8", "replace")
    if (folder / "transcript").is_file():
        given["transcript"] = (folder / "transcript").read_bytes()
    if (folder / "file").is_file():
        from demeanor.serve.problem import of_two

        kind = kind_of(folder / "file")
        if kind in given:
            raise of_two(kind)
        given[kind] = folder / "file"
        if kind == "text":
            given[kind] = (folder / "file").read_bytes()
            check_text(decode_text(given[kind]), longest)
    if given.keys() & {"audio", "video"}:
        given["end"] = most
    return given


class _Named(io.BytesIO):
    """Bytes that are known by the name of their file."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def _timed(given: dict[str, Any], name: str) -> dict[str, Any]:
    """The parts, a text by itself that came as a file of subtitles as such."""
    from demeanor.media.kind import is_subtitles

    said = given.get("text")
    if given.keys() != {"text"} or not is_subtitles(name):
        return given
    return {"text": _Named(said.encode() if isinstance(said, str) else said, name)} if said else given


def check_text(text: str, longest: int) -> None:
    """Refuse a text that has too many characters.

    Raises:
        LimitError: it has.
    """
    from demeanor.errors import LimitError

    if len(text) > longest:
        raise LimitError(f"expected a text of at most {longest} characters, got {len(text)}; send it in pieces")


def check_length(given: dict[str, Any], most: float) -> None:
    """Refuse media that declare more than is read here; of others no more than that is read.

    Raises:
        LimitError: they do.
    """
    from demeanor.errors import InputError, LimitError
    from demeanor.media.container import is_length_guessed, open_container

    for part in given.keys() & {"audio", "video"}:
        declared = 0.0
        with contextlib.suppress(InputError), open_container(given[part], "measure") as container:
            if not is_length_guessed(container.format.name, given[part], "measure"):
                declared = (container.duration or 0) / 1e6
        if declared > most:
            raise LimitError(f"expected at most {most:.0f} s of sound or film, got {declared:.0f} s; cut it")


def _named(analysis: Analysis, asked: dict[str, Any]) -> Analysis:
    """The analysis under the names its sender knows; where the service kept the file is nobody's business."""
    from dataclasses import replace

    name = asked.get("name")
    media = replace(analysis.media, media_file=None) if analysis.media is not None else None
    timed_or_seen = analysis.kind != "text"
    return replace(
        analysis,
        id=asked.get("id") or name or analysis.kind,
        source=name if timed_or_seen or name else analysis.source,
        media=media,
    )


class _Progress:
    """Turns the parts of two passes, and of the reasons or the copy after them, into one part of the whole."""

    def __init__(self, answer: Answer, film: bool, goes_on: bool) -> None:
        self._answer, self._film = answer, film
        self._reading, self._later = _READING if goes_on else 1.0, False
        self._said, self._most, self._step = 0.0, 0.0, ""

    def __call__(self, step: str, part: float) -> None:
        now = time.monotonic()
        if now - self._said < _EVERY and step == self._step:
            return
        self._said, self._step = now, step
        self._later = self._later or step in _LATER
        if self._later and step not in _LATER:
            return  # what is listened to once more is a part of the reasons
        if self._later:
            part = self._reading + (1 - self._reading) * part
        else:
            passes = part if not self._film else part / 2 if step == "pictures" else (1 + part) / 2
            part = self._reading * passes
        self._most = max(self._most, 0.99 * part)
        self._answer(progress=round(self._most, 4), stage=step)


def _told(error: Exception, folder: Path) -> dict[str, Any]:
    """What went wrong: for the sender if it was the sample, for the log without content if it was us."""
    from demeanor.errors import DemeanorError
    from demeanor.serve import problem

    if isinstance(error, DemeanorError):
        found = problem.of(error)
        message = _unrepeated(_without(folder, found.detail), folder)
        return {"error": {"status": found.status, "kind": found.kind, "message": message}}
    return {"fault": place(error)}


def _unrepeated(message: str, folder: Path) -> str:
    """A message that repeats nothing of what was sent, nor what it is called, where that is not to be told again."""
    from demeanor.privacy.text import redact_text

    try:
        asked = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    except OSError:
        asked = {"redact": True}
    if not (asked.get("redact") or asked.get("copy")):
        return message
    for called in (asked.get("name"), asked.get("id")):
        message = re.sub(rf"(?<!\w){re.escape(called)}(?!\w)", "the file", message) if called else message
    message = _REPEATED.sub("got something else, which is not repeated here", message)
    return redact_text(message, names=hidden(asked)["names"]).text


def _without(folder: Path, told: str) -> str:
    """What is told, without where the service keeps what was sent."""
    return told.replace(f"{folder}{os.sep}", "").replace(str(folder), "")


def place(error: BaseException) -> str:
    """Kind and place of an error, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames[-4:]))
    return f"{type(error).__name__} at {where}"


def _resident() -> int:
    """Bytes of memory this process holds."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return 0


if __name__ == "__main__":
    main()
