"""`demeanor.Client` and a network that fails: what is told is an error of the package, and a job is waited for on."""

from __future__ import annotations

import io
import json
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import demeanor
from demeanor.serve import client as module
from demeanor.serve.copies import FOUND
from demeanor.serve.form import sample_form
from serve_calls import PATIENCE, SKY, Served, alive, served, until, with_bundle

JOB = "0" * 32
RESET = b"reset"
"""In place of an answer: the connection is reset."""


def whole(data: bytes, status: str = "200 OK") -> bytes:
    """An answer as it should be."""
    return f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def stream(*states: str, ended: bool = False) -> bytes:
    """Events of a job, and whether the stream ends as streams should."""
    events = [f"event: x\ndata: {json.dumps({'id': JOB, 'state': s, 'error': None})}\n\n".encode() for s in states]
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(e), e) for e in events)
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + pieces + (b"0\r\n\r\n" if ended else b"")


@contextmanager
def scripted(*answers: bytes) -> Iterator[tuple[str, list[str]]]:
    """A service that answers so, one connection after another; its address, and what it was asked."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                line, _ = listening.accept()
                with line, line.makefile("rb") as request:
                    asked.append(request.readline().decode().split()[1])
                    if answer == RESET:
                        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        continue
                    line.sendall(answer)
                    line.shutdown(socket.SHUT_WR)
                    with suppress(ConnectionResetError):
                        request.read()  # what lies unread when it is closed would reset it

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
        thread.join(PATIENCE)
        assert not thread.is_alive(), "an answer was not asked for"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client paused; it does not."""
    found: list[float] = []
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=found.append))
    return found


@pytest.fixture(scope="module")
def read() -> bytes:
    """What a job read."""
    from reader_fakes import fake_reader

    return json.dumps(fake_reader().analyze("I love it").to_dict()).encode()


@pytest.mark.parametrize(
    "url",
    ["http://h:99999", "http://h:port", "http://h:-1", "http://h:0", "http://[::1", "http://a b", "http://h/a b",
     "http://h/\xfc", "http://a..b", f"http://{'a' * 64}.example", "http://h\x7f", "http://", "ftp://h", "h:8765", ""],
)  # fmt: skip
def test_an_address_that_can_be_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(demeanor.ConfigError, match=r"expected a service's address .*, got .*; mend it"):
        demeanor.Client(url)


@pytest.mark.parametrize("url", ["http://h", "https://h:1/below/", "http://[::1]:8765", "http://b\xfccher.example/x"])
def test_an_address_that_can_be_one_is_taken(url: str) -> None:
    demeanor.Client(url)


@pytest.mark.parametrize(
    ("answer", "told"),
    [(whole(b"{}")[:-1], "expected a whole answer, got: a connection that broke off; try again"),
     (b"HTTP/1.1 2", "expected a service that answers"), (RESET, "expected a service that answers"),
     (b"not HTTP\r\n", "expected a service that answers"), (whole(b"<html>"), "expected JSON, got something else")],
    ids=["body", "head", "reset", "words", "page"],
)  # fmt: skip
def test_an_answer_that_breaks_off_is_told_as_an_error_of_the_service(answer: bytes, told: str) -> None:
    with scripted(answer) as (url, _), pytest.raises(demeanor.ServiceError, match=told) as refused:
        demeanor.Client(url).health()
    assert refused.value.status == 0
    assert url.removeprefix("http://") in str(refused.value)


class Bad(io.BytesIO):
    """A file on a disk that fails."""

    name = "/media/sky.jpg"

    def read(self, _: int | None = None, /) -> bytes:
        raise OSError("Input/output error")


@pytest.mark.parametrize(("file", "told"), [(Bad(), "sky.jpg: .*output error"), (io.BytesIO(), "a file: .*closed")])
def test_a_file_that_cannot_be_read_is_no_error_of_the_network(file: io.BytesIO, told: str) -> None:
    if not isinstance(file, Bad):
        file.close()
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(demeanor.InputError, match=told):
        demeanor.Client(f"http://127.0.0.1:{listening.getsockname()[1]}").analyze(file=file)


def test_bodies_that_are_no_json_break_off_likewise() -> None:
    broken = pytest.raises(demeanor.ServiceError, match="expected a whole answer")
    for ask in (lambda c: c.result(JOB, "html"), lambda c: c.delete(JOB), lambda c: c.analyze("I love it")):
        with scripted(whole(b"half a page")[:-4]) as (url, _), broken:
            ask(demeanor.Client(url))


def test_nothing_in_time_is_told_as_an_error_of_the_service(pauses: list[float]) -> None:
    half = whole(b"{}")[:-1], stream("running")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = demeanor.Client(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.2, retries=0)
        lines = []

        def serve() -> None:
            for said in (b"", *half):  # and no more, but the connection stays
                lines.append(listening.accept()[0])
                lines[-1].sendall(said)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        for ask in (client.health, client.health, lambda: client.wait(JOB)):
            with pytest.raises(demeanor.ServiceError, match="got: nothing in time"):
                ask()
        thread.join(PATIENCE)
        for line in lines:
            line.close()
    assert pauses == []


def test_events_that_break_off_are_no_end() -> None:
    cut = stream("queued", "running")
    for answer, last in ((cut, "running"), (cut[:-9], "queued"), (stream("queued", "running", ended=True), "running")):
        seen: list[Any] = []
        broken = pytest.raises(demeanor.ServiceError, match="up to its end, got: a connection that broke off")
        with scripted(answer) as (url, _), broken:
            seen.extend(event["state"] for event in demeanor.Client(url).events(JOB))
        assert seen[-1] == last
    with scripted(stream("running", "done")) as (url, _):
        assert [event["state"] for event in demeanor.Client(url).events(JOB)] == ["running", "done"]


def test_a_job_is_waited_for_on_when_its_stream_breaks_off(pauses: list[float], read: bytes) -> None:
    away = whole(b"<html>", "502 Bad Gateway")
    answers = (
        stream(), RESET, away, stream("running"), stream("running")[:-9],
        stream("done", ended=True), whole(read)[:-9], stream("done"), whole(read),
    )  # fmt: skip
    with scripted(*answers) as (url, asked):
        assert demeanor.Client(url).wait(JOB).segments[0].text == "I love it"
    events, result = f"/v1/jobs/{JOB}/events", f"/v1/jobs/{JOB}/result?format=json"
    assert asked == [*[events] * 6, result, events, result]
    assert pauses == [2, 6, 18, 2, 6, 18]


def test_a_service_that_stays_away_is_told_after_some_tries(pauses: list[float]) -> None:
    answers = stream("running"), RESET, RESET, RESET
    with scripted(*answers) as (url, _), pytest.raises(demeanor.ServiceError, match="expected a service that answers"):
        demeanor.Client(url).wait(JOB)
    assert pauses == [2, 6, 18]
    with scripted(stream()) as (url, _), pytest.raises(demeanor.ServiceError, match="the job may go on: ask again"):
        demeanor.Client(url, retries=0).wait(JOB)
    assert len(pauses) == 3


def test_what_the_service_says_ends_the_waiting(pauses: list[float]) -> None:
    gone = json.dumps({"type": "urn:demeanor:problem:no-job", "detail": "you have no job of that name"}).encode()
    answers = stream("running"), whole(gone, "404 Not Found")
    with scripted(*answers) as (url, _), pytest.raises(demeanor.ServiceError, match="no job of that name") as refused:
        demeanor.Client(url).wait(JOB)
    assert (refused.value.status, refused.value.kind, pauses) == (404, "no-job", [2])


@pytest.mark.parametrize("ask", ["analyze", "explain", "submit"])
@pytest.mark.parametrize("said", [{"names": ["Ann"]}, {"faces": False}])
def test_what_is_said_of_a_redaction_that_is_none_is_refused(ask: str, said: dict[str, Any]) -> None:
    with pytest.raises(demeanor.ConfigError, match="expected redact=True"):
        getattr(demeanor.Client(), ask)("Lovely, Ann!", **said)


@pytest.mark.parametrize("names", [["Lee, Ann"], ["Lee，Ann"], ["Lee、", "Ann"], "Lee,Ann"])
def test_a_name_with_a_comma_is_two(names: list[str] | str) -> None:
    body = b"".join(sample_form("Lovely!", None, {}, None, None, None, redact=True, names=names).body())
    assert b'name="names"\r\n\r\nLee,Ann\r\n' in body


@pytest.mark.parametrize(
    ("given", "told"),
    [({"text": "Hi", "id": 17}, "id: expected a text, got int"), ({"text": "Hi", "cues": 17}, "cues: expected names"),
     ({"text": "Hi", "cues": [17]}, "cues: expected names"),
     ({"text": "Hi", "redact": True, "names": [17]}, "names: expected texts, got int"),
     ({"text": "Hi", "redact": True, "names": 17}, "names: expected texts, got int"),
     ({"text": b"Hi"}, "text: expected a text, got bytes"),
     ({"image": 17}, "image: expected a path, bytes or an open file, got int")],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(demeanor.InputError, match=told):
        demeanor.Client().analyze(**given)


@pytest.mark.parametrize("made", [bytearray, memoryview, lambda data: io.StringIO(data.decode())])
def test_bytes_of_any_kind_and_files_opened_as_text_are_sent(made: Callable[[bytes], Any]) -> None:
    body = b"".join(sample_form(None, None, {"file": made("真好".encode())}, None, None, None).body())
    assert "\r\n\r\n真好\r\n".encode() in body


def copy(found: str | None) -> bytes:
    """An answer with a copy, and what is said to be found in it."""
    told = f'Content-Disposition: attachment; filename="copy.txt"\r\n{FOUND}: {found}\r\n' if found else ""
    return whole(b"[MAIL]").replace(b"\r\n", b"\r\n" + told.encode(), 1)


@pytest.mark.parametrize("found", [None, "", "{no", "{}", "[]"])
def test_what_is_not_said_to_be_a_copy_is_written_nowhere(tmp_path: Path, found: str | None) -> None:
    with scripted(copy(found)) as (url, _), pytest.raises(demeanor.ServiceError, match="expected a copy that says"):
        demeanor.Client(url).redact("js@example.com", tmp_path / "out.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_is_not_the_fault_of_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "written_whole", lambda *_: nullcontext(Path("/dev/full")))
    answer = copy('{"kind": "text", "found": {}, "faces": 0, "warnings": []}')
    with scripted(answer) as (url, _), pytest.raises(demeanor.ConfigError, match=r"out.txt: expected room .* No space"):
        demeanor.Client(url).redact("js@example.com", tmp_path / "out.txt")


def test_a_copy_that_breaks_off_is(tmp_path: Path) -> None:
    answer = copy('{"kind": "text", "found": {}, "faces": 0, "warnings": []}')[:-2]
    with scripted(answer) as (url, _), pytest.raises(demeanor.ServiceError, match="expected a whole copy"):
        demeanor.Client(url).redact("js@example.com", tmp_path / "out.txt")
    assert list(tmp_path.iterdir()) == []


def kill(service: Served) -> None:
    children = service.children()
    service.kill()
    until(lambda: not any(alive(pid) for pid in children), "the workers to die")


@with_bundle
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_service_that_is_killed_and_started_again_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(tmp_path / "s") as first, ExitStack() as later:
        client = demeanor.Client(first.url)
        id, hear = client.submit(file=SKY, id="sky"), client.events

        def killed(id: str) -> Iterator[dict[str, Any]]:
            for job in hear(id):
                yield job
                if first.process.poll() is None:
                    kill(first)

        def start(_: float) -> None:
            later.enter_context(served(tmp_path / "s", "--port", str(first.address[1])))

        monkeypatch.setattr(client, "events", killed)
        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=start))
        assert client.wait(id).id == "sky"


PROBLEMS = [
    ("bad-option", demeanor.ConfigError),
    ("unknown-name", demeanor.UnknownNameError),
    ("unreadable", demeanor.DecodeError),
    ("bad-input", demeanor.InputError),
    ("nothing", demeanor.InputError),
]


@pytest.mark.parametrize(("kind", "error"), PROBLEMS)
def test_what_is_wrong_with_a_sample_is_the_error_that_it_is_here(kind: str, error: type[Exception]) -> None:
    told = {"type": f"urn:demeanor:problem:{kind}", "title": "x", "status": 422, "detail": "expected a, got b; do c"}
    answer = whole(json.dumps(told).encode(), "422 Unprocessable Content")
    with scripted(answer) as (url, _), pytest.raises(demeanor.DemeanorError) as caught:
        demeanor.Client(url, retries=0).analyze("x")
    assert type(caught.value) is error
    assert str(caught.value) == "expected a, got b; do c"


def test_a_page_is_fetched_in_the_language_asked_for() -> None:
    with scripted(whole(b"1"), whole(b"2")) as (url, asked):
        client = demeanor.Client(url)
        assert (client.result(JOB, "html", "zh"), client.result(JOB)) == (b"1", b"2")
    assert asked == [f"/v1/jobs/{JOB}/result?format=html&language=zh", f"/v1/jobs/{JOB}/result?format=json"]
