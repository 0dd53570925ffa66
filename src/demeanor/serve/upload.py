"""What a client sends → the parts of one sample: JSON, or multipart streamed to disk while it arrives.

File names from outside are only ever told back; no path is made of them.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from demeanor.privacy.names import several
from demeanor.serve.problem import Problem
from demeanor.serve.worker import check_text
from demeanor.types import COMMAS

_PARSER_LOG = logging.getLogger("python_multipart")
_PARSER_LOG.addHandler(logging.NullHandler())
_PARSER_LOG.propagate = False
"""What the parser has to say quotes bytes of what was sent; that a body does not parse is answered and logged by us."""

MEDIA = ("image", "audio", "video", "file")
WORDS = ("text", "transcript")
OPTIONS = ("language", "cues", "id", "redact", "names", "faces", "beep")
_LISTS = ("cues", "names")
_SWITCHES = ("redact", "faces", "beep")
_HIDDEN = ("names", "faces")  # what is said of a redaction
_OPTION_BYTES = 1000
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_NAME = 255  # letters of a file's name, or of what an analysis is called: as many as systems allow
MOST_NAMES, LONGEST_NAME = 200, 200
"""Names of people that may be given, as many as a school class and their families, and letters of each."""

_NAMES_BYTES = MOST_NAMES * (4 * LONGEST_NAME + 2)


class Options(BaseModel):
    """What may be said of a sample."""

    model_config = ConfigDict(extra="forbid", strict=True)

    language: str | None = Field(default=None, max_length=35, description="Code such as `en`; found out otherwise.")
    cues: list[str] | None = Field(
        default=None, min_length=1, max_length=8, description="Some of words, voice, face, scene; all otherwise."
    )
    id: str | None = Field(default=None, max_length=_NAME, description="What the analysis is to be called.")
    redact: bool | None = Field(
        default=None, description="Whether personal data and faces are left out of the analysis and all made of it."
    )
    names: list[Annotated[str, Field(max_length=LONGEST_NAME)]] | None = Field(
        default=None,
        max_length=MOST_NAMES,
        description="Of people, to be left out wherever they stand; of what is redacted. Empty ones are passed over.",
    )
    faces: bool | None = Field(default=None, description="Whether faces are covered in what is redacted; they are.")
    beep: bool | None = Field(
        default=None, description="Whether a copy's speech is recognised and what is personal in it covered; it is."
    )

    @field_validator("names", mode="before")
    @classmethod
    def _one_by_one(cls, names: Any) -> Any:
        """Names as they are looked for, so that the limits hold for these."""
        listed = isinstance(names, list) and all(isinstance(name, str) for name in names)
        return several(names) if listed else names


class Sample(Options):
    """A sample of text alone."""

    text: str = Field(description="What is to be read.", examples=["The soup was cold and the waiter just shrugged."])


@dataclass(slots=True)
class Upload:
    """One sample as it came.

    Attributes:
        folder: where its media lie, each under the name of its part.
        words: text and transcript, as bytes.
        options: language, cues, id, what to redact, and name: that of the first file but a transcript, for telling
            back; whether to explain it, or to copy it.
        parts: names of the media.
        size: bytes of everything.
        digest: of everything.
    """

    folder: Path
    words: dict[str, bytes] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    size: int = 0
    digest: str = ""

    @property
    def only_text(self) -> bool:
        """Whether there is nothing to decode."""
        return not self.parts and set(self.words) == {"text"}

    def write_down(self) -> None:
        """Put what is not yet there into the folder, for a worker."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in self.words.items():
            (self.folder / name).write_bytes(data)
        (self.folder / "request.json").write_text(json.dumps(self.options), encoding="utf-8")


async def receive(request: Request, folder: Path, longest: int, copy: bool = False) -> Upload:
    """Take in one sample.

    Args:
        request: whose body has not been read.
        folder: where media go; made when the first of them comes.
        longest: characters of a text.
        copy: whether a copy without personal data is wanted, and no analysis.

    Raises:
        Problem: another media type, damaged, too large, parts that are unknown, doubled or none; something is said
            of a redaction, and none is asked for.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind == b"application/json":
        most = 8 * longest + 8 * MOST_NAMES * LONGEST_NAME + 8192
        upload = sample_of(await body_of(request, most, "send media as multipart"), folder)
    elif kind == b"multipart/form-data" and options.get(b"boundary"):
        upload = await _from_multipart(request, folder, options[b"boundary"], 4 * longest)
    else:
        raise Problem(
            415, "media-type", "expected application/json, or multipart/form-data with its boundary; set Content-Type"
        )
    if not upload.parts and "text" not in upload.words:
        raise Problem(422, "nothing", "expected at least one part of text, image, audio, video, file; got none")
    check_redaction(upload, copy)
    if copy:
        upload.options["copy"] = True
    return upload


def check_redaction(upload: Upload, copy: bool = False) -> None:
    """Refuse what is said of a redaction or a copy where none is asked for: who leaves names out is not given them.

    Raises:
        Problem: it is said.
    """
    said = [name for name in _HIDDEN if name in upload.options]
    if said and not copy and not upload.options.get("redact"):
        raise Problem(
            422, "bad-option", f"expected redact=true beside {', '.join(said)}, got none; add it, or ask for a copy"
        )
    if "beep" in upload.options and not copy:
        raise Problem(
            422, "bad-option", "expected beep beside a copy, got it beside an analysis, which has no sound; leave it "
            "out, or ask POST /v1/redact"
        )  # fmt: skip


async def body_of(request: Request, most: int, instead: str = "send less") -> bytes:
    """A body of JSON, whole.

    Args:
        request: whose body has not been read.
        most: bytes.
        instead: what to do where there are more.

    Raises:
        Problem: it is larger.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Problem(413, "too-large", f"expected JSON of at most {most} bytes, got more; {instead}")
    return bytes(body)


def sample_of(body: bytes, folder: Path) -> Upload:
    """A sample that came as JSON.

    Raises:
        Problem: it is none.
    """
    try:
        sample = Sample.model_validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise Problem(400, "malformed", f"expected JSON, got {error.errors()[0]['msg']}; mend the body") from error
        raise _refused(error) from error
    given = sample.model_dump(exclude_none=True)
    words = {"text": given.pop("text").encode("utf-8", "replace")}
    return Upload(folder, words, given, [], len(body), hashlib.sha256(body).hexdigest())


def _refused(error: ValidationError) -> Problem:
    said = [f"{'.'.join(str(p) for p in e['loc']) or 'body'}: {e['msg']}" for e in error.errors()[:5]]
    return Problem(422, "bad-option", "; ".join(said) + "; see /openapi.json")


async def _from_multipart(request: Request, folder: Path, boundary: bytes, longest: int) -> Upload:
    upload = Upload(folder)
    form = _Form(upload, longest)
    digest = hashlib.sha256()
    try:
        parser = MultipartParser(boundary, form.callbacks())  # type: ignore[arg-type]
        async for chunk in request.stream():
            upload.size += len(chunk)
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise Problem(400, "malformed", "expected multipart/form-data, got a body that does not parse") from error
    finally:
        form.close()
    if not form.ended:
        raise Problem(400, "malformed", "expected multipart/form-data to its end, got a body that stops before; resend")
    try:
        Options.model_validate({name: said for name, said in upload.options.items() if name in OPTIONS})
    except ValidationError as error:
        raise _refused(error) from error
    for name in sorted(form.digests):
        digest.update(f"{name}:{form.digests[name].hexdigest()};".encode())
    upload.digest = digest.hexdigest()
    return upload


class _Form:
    """Takes in the parts of a form as they arrive; the boundary, which differs each time, is in no digest."""

    def __init__(self, upload: Upload, longest: int) -> None:
        self._upload, self._longest = upload, longest
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._name = ""
        self._file: BinaryIO | None = None
        self._data = bytearray()
        self.digests: dict[str, Any] = {}
        self.ended = False

    def callbacks(self) -> dict[str, Callable[..., None]]:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin, "on_header_field": self._field, "on_header_value": self._said,
            "on_header_end": self._header_end, "on_headers_finished": self._opened, "on_part_data": self._bytes,
            "on_part_end": self._end, "on_end": self._all,
        }  # fmt: skip

    def close(self) -> None:
        """Close a file that was not finished."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._disposition, self._data = b"", bytearray()

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _said(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _opened(self) -> None:
        kind, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("ascii", "replace")
        if kind != b"form-data" or self._name not in (*MEDIA, *WORDS, *OPTIONS):
            got = repr(self._name[:60]) if kind == b"form-data" else "one that is not form-data"
            raise Problem(
                422, "unknown-part", f"expected parts named {', '.join((*MEDIA, *WORDS, *OPTIONS))}, got {got}; "
                "rename it, or leave it out"
            )  # fmt: skip
        if self._name in self.digests:
            raise Problem(422, "doubled-part", f"expected one part {self._name}, got two; send samples one by one")
        self.digests[self._name] = hashlib.sha256()
        if self._name in MEDIA:
            self._upload.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = (self._upload.folder / self._name).open("xb")
        if b"filename" in options and "name" not in self._upload.options and self._name in (*MEDIA, "text"):
            self._upload.options["name"] = _told_back(options[b"filename"])

    def _bytes(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        self.digests[self._name].update(piece)
        if self._file is not None:
            self._file.write(piece)
            return
        self._data += piece
        most = _NAMES_BYTES if self._name == "names" else _OPTION_BYTES if self._name in OPTIONS else self._longest
        if len(self._data) > most:
            raise Problem(413, "too-large", f"{self._name}: expected at most {most} bytes, got more; shorten it")

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._upload.parts.append(self._name)
        elif self._name in WORDS:
            self._upload.words[self._name] = bytes(self._data)
        elif self._data or self._name in _SWITCHES:
            text = _UNSEEN.sub(" ", bytes(self._data).decode("utf-8", "replace")).strip()
            self._upload.options[self._name] = _meant(self._name, text)

    def _all(self) -> None:
        self.ended = True


def _meant(name: str, text: str) -> Any:
    """The value of an option as JSON would have it; one that is none is refused with the others."""
    if name in _LISTS:
        return [item.strip() for item in COMMAS.split(text) if item.strip()]
    return {"true": True, "false": False}.get(text, text) if name in _SWITCHES else text


def _told_back(name: bytes) -> str | None:
    """The last part of a file's name, without what does not show."""
    shown = _UNSEEN.sub("", re.split(r"[\\/]", name.decode("utf-8", "replace"))[-1]).strip()
    return shown[:_NAME] or None


def decoded_text(upload: Upload, longest: int) -> str:
    """The text of an upload, "" where there is none; from here on it is UTF-8.

    Raises:
        LimitError: too long.
        DecodeError: bytes of no known encoding, or text within the marks of another program.
    """
    from demeanor.media.kind import refuse_markup
    from demeanor.media.text import decode_text

    if "text" not in upload.words:
        return ""
    data = upload.words["text"]
    refuse_markup(data, upload.options.get("name") or "text")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = decode_text(data)
        upload.words["text"] = text.encode("utf-8", "replace")
    check_text(text, longest)
    return text
