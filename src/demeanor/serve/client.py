"""`demeanor.Client`: the service from Python. Standard library only, so that it works without the extra."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from demeanor.errors import ConfigError
from demeanor.explain.explanation import Explanation
from demeanor.privacy.whole import written_whole
from demeanor.reader.analysis import Analysis
from demeanor.reader.redact import Redaction
from demeanor.serve.answers import ServiceError as ServiceError
from demeanor.serve.answers import address_of, error_of, pieces_of, problem_of, why, write_copy
from demeanor.serve.form import Form, Part, copy_form, sample_form

Result = TypeVar("Result")

_WAITS = (429, 503)
_AWAY = (0, 502, 503, 504)  # none answers, or a proxy says so: a service that is starting again
_OPEN = ("queued", "running")
_PAUSE, _GROWS = 2.0, 3  # seconds before a stream is come back to, and by what they grow: long enough for a restart


class Client:
    """Asks a service. Holds no connection open; may be used from several threads.

    Args:
        url: where it is.
        key: for a service that asks for one.
        timeout: seconds to wait for an answer.
        retries: how often to try again, after the wait that the service names, where it is busy; and how often in a row
            to come back to a job that is waited for, after 2, 6, 18 … seconds, where nobody answers.

    Raises:
        ConfigError: an address or a key that cannot be one.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8765", key: str | None = None, timeout: float = 300.0, retries: int = 3
    ) -> None:
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise ConfigError(
                "expected a key of printable ASCII without spaces, got one with other characters, such as the end of a "
                "line; strip what was read from a file"
            )
        self._parts, self._timeout, self._retries = address_of(url), timeout, retries
        self._where = self._parts.netloc.rpartition("@")[2]
        self._headers = {"Connection": "close"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def analyze(
        self,
        source: Part | None = None,
        *,
        text: str | None = None,
        image: Part | None = None,
        audio: Part | None = None,
        video: Part | None = None,
        file: Part | None = None,
        transcript: Part | None = None,
        language: str | None = None,
        cues: str | Iterable[str] | None = None,
        id: str | None = None,
        redact: bool = False,
        names: Iterable[str] = (),
        faces: bool = True,
    ) -> Analysis:
        """Read one sample at once; for media of more than some seconds use `submit`.

        Args:
            source: as for `demeanor.analyze`: a path, a sentence, bytes or an open binary file; a string that names a
                file here is that file, which is sent.
            text: what is written, or what is said in the media; never a path.
            image: path, bytes or open binary file, as the other media; a string is a path.
            audio: likewise.
            video: likewise.
            file: text, image, audio or video; its content says which.
            transcript: of the sound.
            language: code such as "en".
            cues: those wanted.
            id: what to call the sample.
            redact: leave personal data and faces out of the analysis, as `Analysis.redacted` does, before it leaves
                the service's process that reads.
            names: of people, to be left out wherever they stand; with `redact` alone.
            faces: whether a redaction covers faces.

        Raises:
            InputError: it cannot be read, or `source` looks like the name of a file that is not there.
            ConfigError: a wrong option, such as a language that is none, names or faces without `redact`, or a source
                beside a part of its kind.
            UnknownNameError: no such cue.
            LimitError: it is larger or takes longer than the service allows.
            ServiceError: anything else the service says, or its silence.
        """
        media = {"image": image, "audio": audio, "video": video, "file": file, "transcript": transcript}
        sample = sample_form(source, text, media, language, cues, id, redact, names, faces)
        return Analysis.from_dict(self._json("POST", "/v1/analyze", sample))

    def explain(
        self,
        source: Part | None = None,
        *,
        text: str | None = None,
        image: Part | None = None,
        audio: Part | None = None,
        video: Part | None = None,
        file: Part | None = None,
        transcript: Part | None = None,
        language: str | None = None,
        cues: str | Iterable[str] | None = None,
        id: str | None = None,
        redact: bool = False,
        names: Iterable[str] = (),
        faces: bool = True,
    ) -> Explanation:
        """Say at once why a sample is read as it is; for media use `submit` with `explain`, then `explanation`.

        Arguments and errors as for `analyze`. An analysis that is here already explains itself, as far as its
        numbers go: `Analysis.explain`; so is one that is redacted.
        """
        media = {"image": image, "audio": audio, "video": video, "file": file, "transcript": transcript}
        sample = sample_form(source, text, media, language, cues, id, redact, names, faces)
        return Explanation.from_dict(self._json("POST", "/v1/explain", sample))

    def submit(
        self,
        source: Part | None = None,
        *,
        text: str | None = None,
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
        redact: bool = False,
        names: Iterable[str] = (),
        faces: bool = True,
    ) -> str:
        """Hand in a sample as a job; the job's id. A job handed in twice under one key is begun once.

        Arguments and errors as for `analyze`; `explain`: its `explanation` can be had too.
        """
        media = {"image": image, "audio": audio, "video": video, "file": file, "transcript": transcript}
        sample = sample_form(source, text, media, language, cues, id, redact, names, faces)
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        path = "/v1/jobs?explain=true" if explain else "/v1/jobs"
        return str(self._json("POST", path, sample, headers)["id"])

    def redact(
        self,
        source: str | Path,
        out: str | Path,
        *,
        faces: bool = True,
        beep: bool = True,
        names: Iterable[str] = (),
        transcript: Part | None = None,
        language: str | None = None,
    ) -> Redaction:
        """Have a copy without personal data made by the service, and write it here, whole or not at all.

        Args:
            source: a file; a string that names none is taken for the text itself.
            out: the copy's file; its ending says in what form the copy is written.
            faces: whether faces are covered.
            beep: whether speech is recognised and what is personal in it covered.
            names: of people, to be found wherever they stand.
            transcript: of the sound: speech is not recognised then.
            language: of the speech, such as "en".

        Raises:
            InputError: the source cannot be read, or its speech not be recognised.
            LimitError: it is larger or takes longer than the service allows.
            ConfigError: an option is wrong, or `out` cannot be written, or is of a form that does not fit.
            ServiceError: anything else the service says, or its silence.
        """
        path = Path(out)
        form = copy_form(source, path, faces, beep, names, transcript, language)
        with written_whole(path, form.media.get("file")) as draft:
            if "file" not in form.media:
                return self._copied(draft, path, "POST", "/v1/redact", form)
            headers = {"Idempotency-Key": secrets.token_hex(16)}
            id = str(self._json("POST", "/v1/jobs?copy=true", form, headers)["id"])
            try:
                return self._end(id, lambda: self._copied(draft, path, "GET", f"/v1/jobs/{id}/result"))
            finally:
                with contextlib.suppress(ServiceError):  # the service deletes it by itself, a little later
                    self.delete(id)

    def _copied(self, draft: Path, path: Path, method: str, where: str, form: Form | None = None) -> Redaction:
        def pieces() -> Iterator[bytes]:
            with self._heard("a whole copy", "try again"):  # what the disk does wrong is not the network's fault
                yield from pieces_of(answer)

        with self._open(method, where, form, {}) as answer:
            return write_copy(answer.headers, pieces(), draft, path)

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
        """A job whenever it has changed, up to its end.

        Raises:
            ServiceError: no such job, or the connection broke off before its end; the job goes on, so ask again.
        """
        with self._open("GET", f"/v1/jobs/{quote(id, safe='')}/events", None, {}) as answer:
            while True:
                with self._heard("a job's events up to its end", "the job may go on: ask again"):
                    line = answer.readline()
                    if not line.endswith(b"\n"):
                        raise http.client.IncompleteRead(line)
                if line.startswith(b"data: "):
                    job = self._parsed(line[6:]) or {"id": id, "state": "deleted", "error": None}
                    yield job
                    if job["state"] not in _OPEN:
                        return

    def wait(self, id: str) -> Analysis:
        """Wait for a job, and fetch what it read; a connection that breaks off meanwhile is made again.

        Raises:
            InputError: it failed because of the sample.
            ConfigError, UnknownNameError: because of an option of it.
            ServiceError: it failed, was cancelled or deleted, or nobody answers any longer.
        """
        return Analysis.from_dict(self._parsed(self._end(id, lambda: self.result(id))))

    def _end(self, id: str, fetch: Callable[[], Result]) -> Result:
        """What a job made, fetched when it is done; a connection that breaks off meanwhile is made again.

        Raises:
            DemeanorError: it has ended otherwise, or nobody answers any longer.
        """
        tries = 0
        while True:
            try:
                for job in self.events(id):
                    tries = 0 if job["state"] in _OPEN else tries
                if job["state"] == "done":
                    return fetch()
                break
            except ServiceError as error:
                if error.status not in _AWAY or tries >= self._retries:
                    raise
            time.sleep(_PAUSE * _GROWS**tries)
            tries += 1
        if job["error"] is not None:
            raise error_of(int(job["error"]["status"]), job["error"], None)
        told = f"expected a job that is done, got one that is {job['state']}; hand it in again"
        raise ServiceError(told, kind=job["state"])

    def result(self, id: str, format: str = "json", language: str | None = None) -> bytes:
        """What a job read, as json, html, srt, vtt or csv; html in `en` or `zh`, None: in that of what was read."""
        asked = {"format": format} | ({"language": language} if language else {})
        return self._read("GET", f"/v1/jobs/{quote(id, safe='')}/result?{urlencode(asked)}")

    def explanation(self, id: str) -> Explanation:
        """Why a job's sample was read so, of a job that is done and was handed in with `explain`."""
        return Explanation.from_dict(self._json("GET", f"/v1/jobs/{quote(id, safe='')}/explanation"))

    def cancel(self, id: str) -> dict[str, Any]:
        """Stop a job; how it stands then."""
        found: dict[str, Any] = self._json("POST", f"/v1/jobs/{quote(id, safe='')}/cancel")
        return found

    def delete(self, id: str) -> None:
        """Stop a job and delete all that belongs to it."""
        self._read("DELETE", f"/v1/jobs/{quote(id, safe='')}")

    def models(self) -> list[dict[str, Any]]:
        """What the service reads with."""
        found: list[dict[str, Any]] = self._json("GET", "/v1/models")
        return found

    def health(self) -> dict[str, Any]:
        """How the service is."""
        found: dict[str, Any] = self._json("GET", "/health")
        return found

    def _json(self, method: str, path: str, form: Form | None = None, headers: Mapping[str, str] = {}) -> Any:
        return self._parsed(self._read(method, path, form, headers))

    def _read(self, method: str, path: str, form: Form | None = None, headers: Mapping[str, str] = {}) -> bytes:
        with self._open(method, path, form, headers) as answer, self._heard("a whole answer", "try again"):
            return answer.read()

    def _parsed(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError as error:
            raise ServiceError(
                f"{self._where}: expected JSON, got something else; is it `demeanor serve` that answers there?"
            ) from error

    @contextlib.contextmanager
    def _heard(self, expected: str, advice: str) -> Iterator[None]:
        """Whatever the network does wrong meanwhile, as an error of the service."""
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            raise ServiceError(f"{self._where}: expected {expected}, got: {why(error)}; {advice}") from error

    def _open(self, method: str, path: str, form: Form | None, headers: Mapping[str, str]) -> http.client.HTTPResponse:
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

    def _once(self, method: str, path: str, form: Form | None, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        told = {**self._headers, **headers, **(form.headers if form else {})}
        connection = self._connection()
        try:
            with self._heard("a service that answers", "is `demeanor serve` running there?"):
                connection.connect()
                # A service that refuses answers before it has everything, and closes: what it said is here to be read.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(method, self._parts.path.rstrip("/") + path, form.body() if form else None, told)
                answer = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        if answer.status < 400:
            return answer
        with answer:
            problem = problem_of(answer)
        connection.close()
        raise error_of(answer.status, problem, answer.headers.get("Retry-After"))

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=self._timeout)
