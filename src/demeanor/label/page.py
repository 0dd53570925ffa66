"""The page that raters label on: a small web server for this machine only.

It listens on 127.0.0.1, answers only under an address that holds a random token, and only to requests that name this
machine as their host (so that no web page elsewhere can reach it). Media are named by the item's number, never by path.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from demeanor.errors import ConfigError, DemeanorError, InputError
from demeanor.label.playable import CONVERTED, PLAYABLE, convert
from demeanor.label.work import Work

_STATIC = {
    "": ("page.html", "text/html; charset=utf-8"),
    "label.js": ("label.js", "text/javascript; charset=utf-8"),
    "label.css": ("label.css", "text/css; charset=utf-8"),
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
}  # fmt: skip
_MEDIUM = re.compile(r"media/(\d{1,9})/(image|audio|video)(/plain)?")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_LARGEST_BODY = 64 * 1024
_PIECE = 256 * 1024


class Page(ThreadingHTTPServer):
    """The server: `url` is what to open; use as a context, then `serve_forever`.

    Args:
        work: what the page works on.
        port: 0 takes any that is free.

    Raises:
        ConfigError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, work: Work, port: int = 0) -> None:
        self.work = work
        self.token = secrets.token_urlsafe(16)
        self._copies = tempfile.TemporaryDirectory(prefix="demeanor-label-")
        self._converting = threading.Lock()
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise ConfigError(
                f"port {port}: expected it to be free, got {error.strerror}; leave --port out for any that is"
            ) from error

    @property
    def url(self) -> str:
        """The address with its token."""
        return f"http://127.0.0.1:{self.server_port}/{self.token}/"

    def server_close(self) -> None:
        """Stop listening and delete converted media."""
        super().server_close()
        self._copies.cleanup()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of a film is no error."""

    def playable(self, number: int, part: str, plain: bool) -> tuple[Path, str]:
        """The file of an item's medium and its media type, converted where the browser could not play it.

        Raises:
            InputError: the item has no such medium, its file is gone, or it cannot be converted.
        """
        item = self.work.item(number)
        path = getattr(item, part)
        if path is None or not Path(path).is_file():
            raise InputError(f"expected a file at {path}, found nothing there; put it back")
        kind = PLAYABLE[part].get(Path(path).suffix.lower())
        if kind and not plain:
            return Path(path), kind
        ending, kind = CONVERTED[part]
        copy = Path(self._copies.name) / f"{number}-{part}{ending}"
        with self._converting:
            if not copy.exists():
                half = copy.with_name(f"half-{copy.name}")
                convert(Path(path), part, half, item.start, item.end)
                half.replace(copy)
        return copy, kind


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Page
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "demeanor", ""
    timeout = 60

    def log_message(self, format: str, *args: Any) -> None:
        """Names and labels are nobody's log."""

    def do_GET(self) -> None:
        """A page, an item or a piece of a medium."""
        self._answer(self._get)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """A label."""
        self._answer(self._post)

    def _answer(self, action: Callable[[str, dict[str, str]], None]) -> None:
        where = urlsplit(self.path)
        token, _, path = where.path.removeprefix("/").partition("/")
        own = {f"{name}:{self.server.server_port}" for name in ("127.0.0.1", "localhost")}
        origin = self.headers.get("Origin")
        if (
            not hmac.compare_digest(token.encode(), self.server.token.encode())
            or self.headers.get("Host") not in own
            or (origin is not None and origin.removeprefix("http://") not in own)
        ):
            self._error(HTTPStatus.NOT_FOUND, "nothing here; open the address that `demeanor label` printed")
            return
        asked = {name: values[-1] for name, values in parse_qs(where.query).items()}
        try:
            action(path, asked)
        except InputError as error:
            self._error(HTTPStatus.NOT_FOUND, str(error))
        except (DemeanorError, KeyError, ValueError, TypeError, AttributeError) as error:
            self._error(HTTPStatus.BAD_REQUEST, str(error))

    def _get(self, path: str, asked: dict[str, str]) -> None:
        work = self.server.work
        if path in _STATIC:
            name, kind = _STATIC[path]
            self._send(_asset(name), kind)
        elif path == "api/task":
            self._json(work.about())
        elif path == "api/work":
            self._json(work.of(asked["rater"]))
        elif path == "api/item":
            self._json(work.shown(int(asked["number"])))
        elif match := _MEDIUM.fullmatch(path):
            self._file(*self.server.playable(int(match[1]), match[2], bool(match[3])))
        else:
            self._error(HTTPStatus.NOT_FOUND, "nothing here")

    def _post(self, path: str, _: dict[str, str]) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get_content_type() != "application/json" or not 0 < length <= _LARGEST_BODY:
            self.close_connection = True
            raise ConfigError(f"expected JSON of 1 to {_LARGEST_BODY} bytes, got {length} of another kind or size")
        said = json.loads(self.rfile.read(length))
        work = self.server.work
        if path == "api/label":
            work.label(said["rater"], int(said["number"]), said["values"], bool(said.get("skipped")))
            self._json({"saved": True})
        elif path == "api/undo":
            self._json({"number": work.undo(said["rater"])})
        else:
            self._error(HTTPStatus.NOT_FOUND, "nothing here")

    def _json(self, value: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        data = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        self._send(data, "application/json", status)

    def _error(self, status: HTTPStatus, message: str) -> None:
        if self.command == "POST":
            self.close_connection = True  # its body may not have been read
        self._json({"error": message}, status)

    def _send(self, data: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._head(status, kind, len(data))
        if self.command != "HEAD":
            self.wfile.write(data)

    def _head(self, status: HTTPStatus, kind: str, length: int, **more: str) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(length), **more}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _file(self, path: Path, kind: str) -> None:
        """A file, or the range of it that a player asks for when someone seeks."""
        with path.open("rb") as file:
            size = file.seek(0, 2)
            span = _span(self.headers.get("Range"), size)
            if span is None:
                self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, kind, 0, Content_Range=f"bytes */{size}")
                return
            first, last = span
            if "Range" in self.headers:
                told = f"bytes {first}-{last}/{size}"
                self._head(
                    HTTPStatus.PARTIAL_CONTENT, kind, last - first + 1, Accept_Ranges="bytes", Content_Range=told
                )
            else:
                self._head(HTTPStatus.OK, kind, size, Accept_Ranges="bytes")
            if self.command == "HEAD":
                return
            file.seek(first)
            left = last - first + 1
            while left > 0 and (piece := file.read(min(_PIECE, left))):
                self.wfile.write(piece)
                left -= len(piece)


def _span(asked: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte of a range (RFC 9110, 14.2); all of it where none is asked; None if there are none."""
    match = _RANGE.fullmatch((asked or "").strip())
    if match is None or match[1] == match[2] == "":
        return 0, size - 1
    if not match[1]:
        return (max(0, size - int(match[2])), size - 1) if size and int(match[2]) else None
    first, last = int(match[1]), min(size - 1, int(match[2])) if match[2] else size - 1
    return (first, last) if first <= last else None


@cache
def _asset(name: str) -> bytes:
    return files("demeanor.label").joinpath(name).read_bytes()
