"""What `demeanor.Client` sends: a sample as multipart/form-data. Standard library only, as the client."""

from __future__ import annotations

import contextlib
import secrets
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from demeanor.errors import ConfigError, InputError
from demeanor.media.kind import kind_of
from demeanor.media.source import existing_file
from demeanor.privacy.names import several
from demeanor.reader.inputs import like_a_name

_PIECE = 256 << 10
_BYTES = bytes | bytearray | memoryview
Part = str | bytes | bytearray | memoryview | Path | IO[bytes] | IO[str]


class Form:
    """A sample as multipart/form-data, read from disk while it is sent.

    Attributes:
        media: the parts that are files.
        repeatable: whether it can be sent twice, which an open file cannot.
        headers: of the request.

    Args:
        fields: parts that are short texts.
        media: as the attribute.
        called: what the first of the files is called, in place of its own name.

    Raises:
        InputError: a part that is no path, no bytes and no open file.
    """

    def __init__(self, fields: Mapping[str, str], media: Mapping[str, Part], called: str | None = None) -> None:
        for name, part in media.items():
            if not isinstance(part, _BYTES | str | Path) and not hasattr(part, "read"):
                raise InputError(f"{name}: expected a path, bytes or an open file, got {type(part).__name__}; give one")
        self._boundary = secrets.token_hex(16)
        self._fields, self.media, self._called = fields, media, called
        self.repeatable = not any(hasattr(part, "read") for part in media.values())
        self.headers = {"Content-Type": f"multipart/form-data; boundary={self._boundary}"}

    def body(self) -> Iterator[bytes]:
        """Piece by piece; http.client sends it chunked."""
        for name, value in self._fields.items():
            yield self._head(name, None) + value.encode("utf-8", "replace") + b"\r\n"
        called = self._called
        for name, part in self.media.items():
            own = Path(part).name if isinstance(part, str | Path) else _name(part)
            yield self._head(name, called or own)
            called = None
            yield from _pieces(part)
            yield b"\r\n"
        yield f"--{self._boundary}--\r\n".encode()

    def _head(self, name: str, file: str | None) -> bytes:
        told = f'; filename="{_quoted(file)}"' if file else ""
        return f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'.encode()


def _pieces(part: Part) -> Iterator[bytes]:
    """The bytes of a part; in UTF-8 where it is a file that was opened as text.

    Raises:
        InputError: its file cannot be read, or is closed.
    """
    if isinstance(part, _BYTES):
        yield bytes(part)
        return
    try:
        with Path(part).open("rb") if isinstance(part, str | Path) else contextlib.nullcontext(part) as file:
            while piece := file.read(_PIECE):
                yield piece.encode("utf-8", "replace") if isinstance(piece, str) else piece
    except (OSError, ValueError) as error:
        named = part if isinstance(part, str | Path) else _name(part) or "a file"
        raise InputError(f"{named}: expected a file that can be read, got: {error}; check it") from error


def _quoted(name: str) -> str:
    shown = name.encode("utf-8", "replace").decode()
    return shown.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _name(part: object) -> str | None:
    name = getattr(part, "name", None)
    return Path(name).name if isinstance(name, str) else None


def sample_form(
    source: Part | None,
    text: str | None,
    media: Mapping[str, Part | None],
    language: str | None,
    cues: str | Iterable[str] | None,
    id: str | None,
    redact: bool = False,
    names: Iterable[str] = (),
    faces: bool = True,
) -> Form:
    """What a caller of `Client` gave, ready to be sent.

    Raises:
        InputError: nothing to read, no file of that name, or something of another kind.
        ConfigError: names or faces of a redaction that is not asked for, or two parts of one kind.
    """
    if source is not None:
        kind, source = _as_read(source)
        if (text if kind == "text" else media.get(kind)) is not None:
            raise ConfigError(f"expected one {kind}, got two: the source and {kind}=…; send them one after another")
        text, media = (str(source), media) if kind == "text" else (text, {**media, kind: source})
    _check_texts(text=text, language=language, id=id)
    hidden = _hidden(names, faces)
    if not redact and any(hidden.values()):
        raise ConfigError("expected redact=True beside names and faces=False, got redact=False; set it, or leave them")
    parts = {name: part for name, part in media.items() if part is not None}
    for part in parts.values():
        if isinstance(part, str | Path) and not Path(part).is_file():
            raise InputError(f"{part}: expected a file, found none; check the path")
    fields = {
        "text": text,
        "language": language,
        "cues": _in_line(cues),
        "id": id,
        "redact": "true" if redact else None,
    }
    fields |= hidden
    given = {name: value for name, value in fields.items() if value is not None}
    if text is None and not parts.keys() - {"transcript"}:
        raise InputError("nothing to read: expected a text, image, audio, video or file, got none")
    return Form(given, parts)


def _as_read(source: Any) -> tuple[str, Any]:
    """`("text", a sentence)` or `("file", anything else)`, told apart as the reader does.

    Raises:
        InputError: a text that looks like the name of a file that is not there, or a URL.
    """
    if not isinstance(source, str) or existing_file(source):
        return "file", source
    kind_of(source)  # refuses what was meant as a file
    if like_a_name(source):
        warnings.warn(
            f"{source.strip()!r} was read as words, for there is no such file; check the path if one was meant",
            UserWarning, stacklevel=4,
        )  # fmt: skip
    return "text", source


def copy_form(
    source: str | Path,
    out: Path,
    faces: bool,
    beep: bool,
    names: Iterable[str],
    transcript: Part | None,
    language: str | None,
) -> Form:
    """What a caller of `Client.redact` gave, ready to be sent; under the name of the copy, whose ending says its form.

    Raises:
        InputError: no file of that name, a text that looks like one's, or names that are no texts.
    """
    fields = {"language": language, "beep": None if beep else "false", **_hidden(names, faces)}
    media: dict[str, Part]
    kind, part = _as_read(source)
    if kind == "file" and not Path(part).is_file():
        raise InputError(f"{part}: expected a file, found none; check the path")
    media = {kind: part.encode("utf-8", "replace") if kind == "text" else part}
    if transcript is not None:
        media["transcript"] = transcript
    return Form({name: value for name, value in fields.items() if value is not None}, media, f"copy{out.suffix}")


def _hidden(names: Iterable[str], faces: bool) -> dict[str, str | None]:
    """What is said of a redaction, as fields.

    Raises:
        InputError: names that are no texts.
    """
    return {"names": ",".join(several(names)) or None, "faces": None if faces else "false"}


def _in_line(cues: str | Iterable[str] | None) -> str | None:
    """Names of cues as a field.

    Raises:
        InputError: something else.
    """
    try:
        return cues if cues is None or isinstance(cues, str) else ",".join(cues)
    except TypeError as error:
        raise InputError(f"cues: expected names such as ['words', 'voice'], got {cues!r}; mend it") from error


def _check_texts(**given: Any) -> None:
    """Refuse what is none.

    Raises:
        InputError: something else than a str or None.
    """
    for name, text in given.items():
        if not isinstance(text, str | None):
            raise InputError(f"{name}: expected a text, got {type(text).__name__}; give str(…) of it, or leave it out")
