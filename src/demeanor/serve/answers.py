"""What `demeanor.Client` hears: errors, and copies, written as they come. Standard library only, as the client."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from demeanor.errors import ConfigError, DecodeError, DemeanorError, InputError, LimitError, UnknownNameError
from demeanor.media.kind import KNOWN_EXTENSIONS
from demeanor.reader.redact import Redaction
from demeanor.serve.copies import FOUND

_PIECE = 256 << 10
_UNFIT: dict[str, Callable[[str], DemeanorError]] = {
    "unreadable": DecodeError,
    "bad-option": ConfigError,
    "unknown-name": UnknownNameError.told,
}
"""What the reader raises here for what the service says of a sample (422); for anything else `InputError`."""


class ServiceError(DemeanorError):
    """The service refused or failed, or does not answer.

    Attributes:
        status: of HTTP; 0 where there was no answer.
        kind: last part of the problem's type, such as `too-many`; of a job waited for in vain `cancelled` or `deleted`.
        retry_after: seconds to wait, where it said so.
    """

    def __init__(self, message: str, status: int = 0, kind: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.kind, self.retry_after = status, kind, retry_after


def address_of(url: str) -> SplitResult:
    """The parts of a service's address.

    Raises:
        ConfigError: it can be none.
    """
    try:
        parts = urlsplit(url)
        sent = parts.netloc + parts.path
        shown = sent.isprintable() and " " not in sent and parts.path.isascii()
        named = parts.hostname and parts.hostname.encode("idna")  # as it will be looked up
        if parts.scheme in ("http", "https") and named and parts.port != 0 and shown:
            return parts
    except ValueError:
        pass  # no number for a port, half of an IPv6 address, a name too long
    raise ConfigError(f"expected a service's address such as http://127.0.0.1:8765, got {url!r}; mend it")


def why(error: Exception) -> str:
    """What the network did wrong, in words."""
    if isinstance(error, TimeoutError):
        return "nothing in time"
    if isinstance(error, http.client.IncompleteRead):
        return "a connection that broke off"
    return str(error) or type(error).__name__


def problem_of(answer: http.client.HTTPResponse) -> dict[str, Any]:
    """What a refusal says, {} where that cannot be told."""
    try:
        found: dict[str, Any] = json.loads(answer.read())
        return found if isinstance(found, dict) else {}
    except (ValueError, OSError, http.client.HTTPException):
        return {}  # the status says enough


def error_of(status: int, problem: Mapping[str, Any], retry_after: str | None) -> DemeanorError:
    """A problem of the service as an error of the package."""
    detail = str(problem.get("detail") or f"the service answered {status}")
    kind = str(problem.get("type", "")).rpartition(":")[2]
    if status == 413:
        return LimitError(detail)
    if status == 422:
        return _UNFIT.get(kind, InputError)(detail)
    wait = float(retry_after) if retry_after and retry_after.isdigit() else None
    return ServiceError(detail, status, kind, wait)


def pieces_of(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body of an answer as it comes; blocks.

    Raises:
        OSError, HTTPException: the network.
    """
    while piece := answer.read(_PIECE):
        yield piece
    if answer.length:
        raise http.client.IncompleteRead(b"")


def write_copy(headers: Message, pieces: Iterable[bytes], draft: Path, path: Path) -> Redaction:
    """A copy as it comes, into the file that takes the place of `path`.

    Raises:
        ServiceError: it is not said to be a copy.
        ConfigError: it is of another form than its name says, or cannot be written.
    """
    try:
        told = json.loads(headers.get(FOUND) or "")
        kind, found, faces, warnings = (told[name] for name in ("kind", "found", "faces", "warnings"))
    except (LookupError, TypeError, ValueError) as error:
        raise ServiceError(
            f"expected a copy that says in {FOUND} what was found, got an answer that does not; is it `demeanor serve` "
            "that answers there, and does a proxy leave its headers in place?"
        ) from error
    ending, own = Path(headers.get_filename() or "").suffix, path.suffix.lower()
    if ending != own if kind != "text" else KNOWN_EXTENSIONS.get(own, "text") != "text":
        raise ConfigError(f"{path.name}: expected a name that ends in {ending}, as this copy does; rename it")
    try:
        with draft.open("wb") as file:
            file.writelines(pieces)
    except OSError as error:
        raise ConfigError(
            f"{path}: expected room for the copy, got {error.strerror or error}; make some, or name another place"
        ) from error
    return Redaction(path, kind, found, faces=faces, warnings=tuple(warnings))
