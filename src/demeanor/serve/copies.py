"""Copies without personal data: made in the process that decodes, handed over in their own media types.

::

    copy.mp4, copy.txt, …   the copy
    found.json              its name and media type, and what was found: kinds and counts, never what was taken out
"""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from starlette.responses import Response

    from demeanor.reader.reader import Reader
    from demeanor.types import Kind

MEDIA_TYPES = {
    ".txt": "text/plain; charset=utf-8", ".srt": "application/x-subrip; charset=utf-8",
    ".vtt": "text/vtt; charset=utf-8", ".json": "application/json", ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png",
    ".webp": "image/webp", ".wav": "audio/wav", ".flac": "audio/flac", ".m4a": "audio/mp4", ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg", ".opus": "audio/ogg", ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
}  # fmt: skip
"""Endings of copies: nothing else of a name from outside becomes part of a path."""

FOUND = "X-Demeanor-Redaction"
"""The header that tells what was found, as JSON in ASCII."""

_KINDS = {"text": "a text", "image": "a picture"}
_PIECE = 256 << 10
_WARNINGS = 20  # told of in a header, which has to stay short


def hidden(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a request says of its redaction, as arguments of `Analysis.redacted`."""
    names = [name for name in asked.get("names") or () if name.strip()]
    return {"names": names, "faces": asked.get("faces") is not False}


def make_copy(given: Mapping[str, Any], asked: Mapping[str, Any], out: Path, reader: Reader, most: float) -> None:
    """Write the copy of one text, picture, recording or film, and what was found.

    Args:
        given: paths of the parts as `Reader.analyze` takes them; the words of a text themselves.
        asked: the options of the request.
        out: folder; made.
        reader: recognises speech.
        most: seconds of sound or film.

    Raises:
        InputError: it cannot be read, or its speech not be recognised.
        ConfigError: several parts, or a transcript without sound or film.
        LimitError: it, or the copy, is too long.
    """
    from demeanor.errors import ConfigError, LimitError
    from demeanor.media.kind import kind_of
    from demeanor.reader.progress import tell
    from demeanor.reader.redact import redact
    from demeanor.serve.worker import check_length

    parts = given.keys() & {"text", "image", "audio", "video"}
    if len(parts) != 1:
        raise ConfigError(f"expected one text or medium to copy, got {', '.join(sorted(parts))}; send them one by one")
    (part,) = parts
    source: Any = given[part]
    source = io.StringIO(source) if isinstance(source, str) else source  # words, be they the name of a file here
    kind = kind_of(source)
    if "transcript" in given and kind in ("text", "image"):
        raise ConfigError(f"expected sound or film beside a transcript, got {_KINDS[kind]}; send it by itself, as text")
    out.mkdir(mode=0o700, exist_ok=True)
    if part != "text":
        check_length({kind: source}, most)
    name = f"copy{_ending(kind, asked.get('name'))}"
    try:
        done = redact(
            source, out / name, beep=asked.get("beep") is not False, transcript=given.get("transcript"),
            language=asked.get("language") or "auto", reader=reader, **hidden(asked),
            progress=lambda part: tell("copy", part, 1.0),
        )  # fmt: skip
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        raise LimitError(
            "expected a medium whose copy is not larger than this service may write, got one whose copy is; send a "
            "shorter one, or give its file the name of a compressed kind, such as .flac or .mp4"
        ) from error
    told = {"kind": done.kind, "found": dict(done.counts), "faces": done.faces, "warnings": list(done.warnings)}
    (out / "found.json").write_text(json.dumps({"name": name, "told": told}), encoding="utf-8")


def _ending(kind: Kind, name: str | None) -> str:
    """The ending of the copy's name: that of the file, where such copies can be written; no medium's for a text."""
    from demeanor.reader.redact import fitting_name

    ending = Path(fitting_name(kind, f"copy{Path(name or '').suffix.lower()}")).suffix
    return ending if ending in MEDIA_TYPES else ".txt"


def copied(folder: Path) -> Response | None:
    """The copy that lies in a folder, which may be deleted while it is sent; None where there is none."""
    from starlette.responses import StreamingResponse  # not at the top: worker processes answer nobody

    try:
        said = json.loads((folder / "found.json").read_text(encoding="utf-8"))
        file = (folder / said["name"]).open("rb")
    except FileNotFoundError:
        return None
    told = {**said["told"], "warnings": said["told"]["warnings"][:_WARNINGS]}
    headers = {
        "Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{said["name"]}"',
        "Content-Length": str((folder / said["name"]).stat().st_size), FOUND: json.dumps(told),
    }  # fmt: skip
    return StreamingResponse(_pieces(file), 200, headers, MEDIA_TYPES[Path(said["name"]).suffix])


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece
