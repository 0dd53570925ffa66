"""`demeanor.Client`: the service from Python. Standard library only, so that it works without the extra."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import socket
import ssl
import time
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode, urlsplit

from demeanor.errors import ConfigError, DemeanorError, InputError, LimitError
from demeanor.explain.explanation import Explanation
from demeanor.reader.analysis import Analysis

_PIECE = 256 << 10
_WAITS = (429, 503)
Part = str | bytes | Path | IO[bytes]


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


class Client:
    """Asks a service. Holds no connection open; may be used from several threads.

    Args:
        url: where it is.
        key: for a service that asks for one.
        timeout: seconds to wait for an answer.
        retries: how often to try again, after the wait that the service names, where it is busy.

    Raises:
        ConfigError: an address or a key that cannot be one.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8765", key: str | None = None, timeout: float = 300.0, retries: int = 3
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"expected a service's address such as http://127.0.0.1:8765, got {url!r}; mend it")
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise ConfigError(
                "expected a key of printable ASCII without spaces, got one with other characters, such as the end of a "
                "line; strip what was read from a file"
            )
        self._parts, self._timeout, self._retries = parts, timeout, retries
        self._headers = {"Connection": "close"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def analyze(
        self,
        text: str | None = None,
        *,
        image: Part | None = None,
        audio: Part | None = None,
        video: Part | None = None,
        file: Part | None = None,
        transcript: Part | None = None,
        language: str | None = None,
        cues: str | Iterable[str] | None = None,
        id: str | None = None,
    ) -> Analysis:
        """Read one sample at once; for media of more than some seconds use `submit`.

        Args:
            text: what is written, or what is said in the media.
            image: path, bytes or open binary file, as the other media; a string is a path.
            audio: likewise.
            video: likewise.
            file: text, image, audio or video; its content says which.
            transcript: of the sound.
            language: code such as "en".
            cues: those wanted.
            id: what to call the sample.

        Raises:
            InputError: it cannot be read.
            LimitError: it is larger or takes longer than the service allows.
            ServiceError: anything else the service says, or its silence.
        """
        media = {"image": image, "audio": audio, "video": video, "file": file, "transcript": transcript}
        sample = _sample(text, media, language, cues, id)
        return Analysis.from_dict(self._json("POST", "/v1/analyze", sample))

    def explain(
        self,
        text: str | None = None,
        *,
        image: Part | None = None,
        audio: Part | None = None,
        video: Part | None = None,
        file: Part | None = None,
        transcript: Part | None = None,
        language: str | None = None,
        cues: str | Iterable[str] | None = None,
        id: str | None = None,
    ) -> Explanation:
        """Say at once why a sample is read as it is; for media use `submit` with `explain`, then `explanation`.

        Arguments and errors as for `analyze`. An analysis that is here already explains itself, as far as its
        numbers go: `Analysis.explain`.
        """
        media = {"image": image, "audio": audio, "video": video, "file": file, "transcript": transcript}
        sample = _sample(text, media, language, cues, id)
        return Explanation.from_dict(self._json("POST", "/v1/explain", sample))

    def submit(
        self,
        text: str | None = None,
        *,
        image: Part | None = None,
        audio: Part | None = None,
        video: Part | None = None,
        file: Part | None = None,
        transcript: Part | None = None,
        language: str | None = None,
        cues: str | Iterable[str] | None = None,
        id: str | None = None,
        idempotency_key: str | None = None,
        explain: bool = False,
    ) -> str:
        """Hand in a sample as a job; the job's id. A job handed in twice under one key is begun once.

        Arguments and errors as for `analyze`; `explain`: its `explanation` can be had too.
        """
        media = {"image": image, "audio": audio, "video": video, "file": file, "transcript": transcript}
        sample = _sample(text, media, language, cues, id)
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        path = "/v1/jobs?explain=true" if explain else "/v1/jobs"
        return str(self._json("POST", path, sample, headers)["id"])

    def job(self, id: str) -> dict[str, Any]:
        """How far a job is."""
        found: dict[str, Any] = self._json("GET", f"/v1/jobs/{quote(id, safe='')}")
        return found

    def jobs(self, state: str | None = None) -> Iterator[dict[str, Any]]:
        """Your jobs, newest first."""
        asked = {"limit": "100"} | ({"state": state} if state else {})
        while True:
            page = self._json("GET", f"/v1/jobs?{urlencode(asked)}")
            yield from page["jobs"]
            if page["next"] is None:
                return
            asked["after"] = page["next"]

    def events(self, id: str) -> Iterator[dict[str, Any]]:
        """A job whenever it has changed, up to its end."""
        with self._open("GET", f"/v1/jobs/{quote(id, safe='')}/events", None, {}) as answer:
            for line in answer:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:]) or {"id": id, "state": "deleted", "error": None}

    def wait(self, id: str) -> Analysis:
        """Wait for a job, and fetch what it read.

        Raises:
            InputError: it failed because of the sample.
            ServiceError: it failed, was cancelled or deleted.
        """
        job: dict[str, Any] = {"state": "queued"}
        while job["state"] in ("queued", "running"):  # again, should the stream of events break off
            job = deque(self.events(id), maxlen=1).pop()
        if job["error"] is not None:
            raise _error(int(job["error"]["status"]), job["error"], None)
        if job["state"] != "done":
            told = f"expected a job that is done, got one that is {job['state']}; hand it in again"
            raise ServiceError(told, kind=job["state"])
        return Analysis.from_dict(json.loads(self.result(id)))

    def result(self, id: str, format: str = "json") -> bytes:
        """What a job read, as json, html, srt, vtt or csv."""
        path = f"/v1/jobs/{quote(id, safe='')}/result?{urlencode({'format': format})}"
        with self._open("GET", path, None, {}) as answer:
            return answer.read()

    def explanation(self, id: str) -> Explanation:
        """Why a job's sample was read so, of a job that is done and was handed in with `explain`."""
        return Explanation.from_dict(self._json("GET", f"/v1/jobs/{quote(id, safe='')}/explanation"))

    def cancel(self, id: str) -> dict[str, Any]:
        """Stop a job; how it stands then."""
        found: dict[str, Any] = self._json("POST", f"/v1/jobs/{quote(id, safe='')}/cancel")
        return found

    def delete(self, id: str) -> None:
        """Stop a job and delete all that belongs to it."""
        with self._open("DELETE", f"/v1/jobs/{quote(id, safe='')}", None, {}) as answer:
            answer.read()

    def models(self) -> list[dict[str, Any]]:
        """What the service reads with."""
        found: list[dict[str, Any]] = self._json("GET", "/v1/models")
        return found

    def health(self) -> dict[str, Any]:
        """How the service is."""
        found: dict[str, Any] = self._json("GET", "/health")
        return found

    def _json(self, method: str, path: str, form: _Form | None = None, headers: Mapping[str, str] = {}) -> Any:
        with self._open(method, path, form, headers) as answer:
            return json.loads(answer.read())

    def _open(self, method: str, path: str, form: _Form | None, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """An answer that is none of an error; tried again where the service is busy and the body can be sent twice."""
        for left in range(self._retries, -1, -1):
            try:
                return self._once(method, path, form, headers)
            except ServiceError as error:
                if not left or error.status not in _WAITS or error.kind == "queue-full":
                    raise
                if form is not None and not form.repeatable:
                    raise
                time.sleep(min(60.0, error.retry_after or 1.0))
        raise AssertionError("the last turn returns or raises")

    def _once(self, method: str, path: str, form: _Form | None, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        told = {**self._headers, **headers, **(form.headers if form else {})}
        connection = self._connection()
        try:
            # A service that refuses answers before it has everything, and closes: what it said lies here to be read.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self._parts.path.rstrip("/") + path, form.body() if form else None, told)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            why = "no answer in time" if isinstance(error, socket.timeout) else str(error) or type(error).__name__
            raise ServiceError(
                f"{self._parts.netloc}: expected a service that answers, got: {why}; is `demeanor serve` running there?"
            ) from error
        if answer.status < 400:
            return answer
        with answer:
            problem = _problem(answer)
        connection.close()
        raise _error(answer.status, problem, answer.headers.get("Retry-After"))

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=self._timeout)


class _Form:
    """A sample as multipart/form-data, read from disk while it is sent."""

    def __init__(self, fields: Mapping[str, str], media: Mapping[str, Part]) -> None:
        self._boundary = secrets.token_hex(16)
        self._fields, self._media = fields, media
        self.repeatable = not any(hasattr(part, "read") for part in media.values())
        self.headers = {"Content-Type": f"multipart/form-data; boundary={self._boundary}"}

    def body(self) -> Iterator[bytes]:
        """Piece by piece; http.client sends it chunked."""
        for name, value in self._fields.items():
            yield self._head(name, None) + value.encode("utf-8", "replace") + b"\r\n"
        for name, part in self._media.items():
            path = Path(part) if isinstance(part, str | Path) else None
            yield self._head(name, path.name if path else _name(part))
            yield from _pieces(part)
            yield b"\r\n"
        yield f"--{self._boundary}--\r\n".encode()

    def _head(self, name: str, file: str | None) -> bytes:
        told = f'; filename="{_quoted(file)}"' if file else ""
        return f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'.encode()


def _pieces(part: Part) -> Iterator[bytes]:
    if isinstance(part, bytes):
        yield part
    elif isinstance(part, str | Path):
        with Path(part).open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
    else:
        while piece := part.read(_PIECE):
            yield piece


def _quoted(name: str) -> str:
    shown = name.encode("utf-8", "replace").decode()
    return shown.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _name(part: object) -> str | None:
    name = getattr(part, "name", None)
    return Path(name).name if isinstance(name, str) else None


def _sample(
    text: str | None,
    media: Mapping[str, Part | None],
    language: str | None,
    cues: str | Iterable[str] | None,
    id: str | None,
) -> _Form:
    parts = {name: part for name, part in media.items() if part is not None}
    for part in parts.values():
        if isinstance(part, str | Path) and not Path(part).is_file():
            raise InputError(f"{part}: expected a file, found none; check the path")
    if text is not None and _is_file(text):
        warnings.warn(
            f"{text!r} was read as words, though there is a file of that name; file={text!r} reads the file",
            UserWarning, stacklevel=3,
        )  # fmt: skip
    named = cues if cues is None or isinstance(cues, str) else ",".join(cues)
    fields = {"text": text, "language": language, "cues": named, "id": id}
    given = {name: value for name, value in fields.items() if value is not None}
    if text is None and not parts.keys() - {"transcript"}:
        raise InputError("nothing to read: expected a text, image, audio, video or file, got none")
    return _Form(given, parts)


def _is_file(text: str) -> bool:
    try:
        return len(text) < 4096 and Path(text).is_file()
    except (OSError, ValueError):
        return False  # too long a name, or none at all


def _problem(answer: http.client.HTTPResponse) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(answer.read())
        return found if isinstance(found, dict) else {}
    except (ValueError, OSError, http.client.HTTPException):
        return {}  # the status says enough


def _error(status: int, problem: Mapping[str, Any], retry_after: str | None) -> DemeanorError:
    detail = str(problem.get("detail") or f"the service answered {status}")
    kind = str(problem.get("type", "")).rpartition(":")[2]
    if status == 413:
        return LimitError(detail)
    if status == 422:
        return InputError(detail)
    wait = float(retry_after) if retry_after and retry_after.isdigit() else None
    return ServiceError(detail, status, kind, wait)
