"""Who may call: hosts, origins, keys and rates; and what every answer carries."""

import asyncio
import hashlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from demeanor.errors import ConfigError
from demeanor.serve.guard import Guard
from demeanor.serve.keys import Keys, new_key
from demeanor.serve.limits import Rates
from demeanor.serve.metrics import Metrics
from demeanor.serve.problem import Problem
from demeanor.serve.settings import Settings
from serve_calls import HERE, PATIENCE, TestClient, app_client, served, with_bundle

TEXT = {"json": {"text": "I love it"}}


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "example.org"])
def test_another_address_needs_a_key(host: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--new-key"):
        Settings(host=host).check()
    new_key(tmp_path / "keys", "me")
    Settings(host=host, keys=tmp_path / "keys").check()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.8.8"])
def test_this_machine_needs_none(host: str) -> None:
    Settings(host=host).check()


@pytest.mark.parametrize(
    ("given", "own"),
    [({}, True), ({"host": "localhost"}, True), ({"host": "0.0.0.0"}, False), ({"names": ("demeanor.example",)}, False),
     ({"origins": ("https://demeanor.example",)}, False), ({"database": "postgresql://db/demeanor"}, False)],
)  # fmt: skip
def test_it_is_the_senders_own_machine_only_where_nobody_else_is_let_in(given: dict[str, Any], own: bool) -> None:
    assert Settings(**given).own is own


@with_bundle
@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8765", 200), ("localhost:1", 200), ("[::1]:80", 200), ("evil.example:8765", 421), ("", 421),
     ("10.0.0.1", 421), ("127.0.0.1.evil.example", 421), ("localhost.evil.example:80", 421)],
)  # fmt: skip
def test_a_name_that_was_made_to_point_here_is_refused(client: TestClient, host: str, status: int) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == status


@with_bundle
@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, {"Sec-Fetch-Site": "same-site"},
])  # fmt: skip
def test_pages_of_strangers_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    said = client.post("/v1/analyze", **TEXT, headers=headers)
    assert (said.status_code, said.json()["type"]) == (403, "urn:demeanor:problem:wrong-origin")
    assert "access-control-allow-origin" not in said.headers
    asked = {**headers, "Access-Control-Request-Method": "POST"}
    if "Origin" in headers:
        assert client.options("/v1/analyze", headers=asked).status_code == 403


@with_bundle
def test_a_websocket_is_refused_with_a_problem_and_is_no_fault_of_the_service(tmp_path: Path) -> None:
    with served(tmp_path / "s") as service:
        address = service.url.replace("http", "ws")
        strange: dict[str, Any] = {"origin": "https://evil.example"}
        for path, given, status, kind in (
            ("/v1/stream", strange, 403, "wrong-origin"),
            ("/foo", strange, 403, "wrong-origin"),
            ("/v1/nothing", {}, 404, "not-found"),
            ("/v1/stream/", {}, 404, "not-found"),
            ("/v1/jobs", {}, 404, "not-found"),
            ("/foo", {}, 404, "not-found"),
            ("/app.js", {}, 404, "not-found"),
            ("/", {}, 404, "not-found"),
        ):
            with pytest.raises(InvalidStatus) as refused:
                connect(address + path, open_timeout=PATIENCE, **given)
            said = refused.value.response
            assert (said.status_code, said.headers["Content-Type"]) == (status, "application/problem+json"), path
            told = json.loads(said.body or b"")
            assert (told["type"], told["status"]) == (f"urn:demeanor:problem:{kind}", status)
            assert said.headers["X-Content-Type-Options"] == "nosniff"
        line = socket.create_connection(service.address)
        with pytest.raises(InvalidStatus) as refused:
            connect("ws://evil.example/v1/stream", sock=line, open_timeout=PATIENCE)
        assert refused.value.response.status_code == 421
    assert service.log.read_text() == ""


@pytest.mark.parametrize("offered", [{}, {"extensions": {}}, {"extensions": None}])
def test_a_websocket_is_closed_where_the_server_cannot_answer_it(offered: dict[str, Any], tmp_path: Path) -> None:
    async def never(*_: Any) -> None:
        raise AssertionError("it was let in")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/v1/stream", "headers": [(b"host", b"evil.example")], **offered}
    asyncio.run(Guard(never, Settings(folder=tmp_path), Metrics())(scope, never, send))
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "wrong-host"}]


@with_bundle
def test_our_own_page_and_allowed_ones_may(tmp_path: Path) -> None:
    other = "https://notes.example"
    with app_client(tmp_path / "s", origins=(other,), names=("demeanor.example",)) as client:
        own = client.post("/v1/analyze", **TEXT, headers={"Origin": HERE, "Sec-Fetch-Site": "same-origin"})
        assert own.status_code == 200
        assert "access-control-allow-origin" not in own.headers
        said = client.post("/v1/analyze", **TEXT, headers={"Origin": other, "Sec-Fetch-Site": "cross-site"})
        assert (said.status_code, said.headers["access-control-allow-origin"]) == (200, other)
        assert "Origin" in said.headers["vary"]
        exposed = said.headers["access-control-expose-headers"].split(", ")
        assert {"Location", "Retry-After", "X-Demeanor-Redaction", "Content-Disposition"} <= set(exposed)
        preflight = client.options("/v1/jobs", headers={"Origin": other, "Access-Control-Request-Method": "POST"})
        assert preflight.status_code == 204
        assert "Idempotency-Key" in preflight.headers["access-control-allow-headers"]
        told = client.get("/health", headers={"Host": "demeanor.example"})
        assert (told.status_code, told.json()["local"]) == (200, False)


@with_bundle
def test_every_answer_carries_the_policy(client: TestClient) -> None:
    for path in ("/", "/health", "/nothing", "/v1/jobs"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


@with_bundle
def test_a_fault_of_ours_tells_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the secret words")

    monkeypatch.setattr(client.app.state.service.texts, "read", broken)
    said = client.post("/v1/analyze", **TEXT)
    assert (said.status_code, said.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in said.text
    assert "broken" not in said.text
    told = capsys.readouterr().err
    assert "RuntimeError at test_serve_guard.py" in told
    assert "secret" not in told
    assert "I love it" not in told


def test_an_upload_that_its_client_breaks_off_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        raise AssertionError("there is nobody to answer")

    scope = {"type": "http", "method": "POST", "path": "/v1/jobs", "headers": [(b"host", b"127.0.0.1")]}
    asyncio.run(Guard(app, Settings(), Metrics())(scope, receive, send))
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["status"]) == ("request", 499)


@with_bundle
def test_keys(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    key = new_key(file, "ann")
    with app_client(tmp_path / "s", keys=file) as client:
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {key}"}, {"Authorization": key}):
            for path in ("/v1/jobs", "/v1/models", "/metrics"):
                said = client.get(path, headers=headers)
                assert (said.status_code, said.headers["www-authenticate"]) == (401, 'Bearer realm="demeanor"')
            refused = client.post("/v1/analyze", **TEXT, headers=headers)
            assert refused.status_code == 401
            bears = headers.get("Authorization", "").lower().startswith("bearer ")
            assert ("got one that is not known here" if bears else "got none") in refused.json()["detail"]
        assert client.get("/health").status_code == 200
        assert client.get("/").status_code == 200
        assert client.post("/v1/analyze", **TEXT, headers={"Authorization": f"Bearer {key}"}).status_code == 200
        later = new_key(file, "bob")
        assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {later}"}).status_code == 200
        file.write_text("".join(line for line in file.read_text().splitlines(True) if line.startswith("bob")))
        assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_a_file_of_keys_holds_hashes(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    key = new_key(file, "ann")
    assert file.read_text() == f"ann sha256:{hashlib.sha256(key.encode()).hexdigest()}\n"
    assert file.stat().st_mode & 0o077 == 0
    assert len(key) > 40
    keys = Keys(file)
    found = keys.owner_of(key)
    assert found is not None
    assert found.name == "ann"
    assert keys.owner_of(key[:-1]) is None
    assert keys.owner_of("") is None
    with pytest.raises(ConfigError, match="already"):
        new_key(file, "ann")
    with pytest.raises(ConfigError, match="letters"):
        new_key(file, "a b")
    file.write_text("ann plain-key\n")
    with pytest.raises(ConfigError, match="line 1"):
        Keys(file)
    with pytest.raises(ConfigError, match="--new-key"):
        Keys(tmp_path / "none")


def test_a_file_of_keys_may_be_saved_by_any_editor(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    key = new_key(file, "ann")
    file.write_text("\ufeff" + file.read_text() + "\n  # the others\n", encoding="utf-8")
    found = Keys(file).owner_of(key)
    assert found is not None
    assert found.name == "ann"
    with pytest.raises(ConfigError, match="already"):
        new_key(file, "ann")
    file.write_text(f"  bob sha256:{hashlib.sha256(b'x').hexdigest()}\n")
    with pytest.raises(ConfigError, match="already"):
        new_key(file, "bob")
    file.write_text("carla sha256:broken\n")  # once mended there would be two
    with pytest.raises(ConfigError, match="already"):
        new_key(file, "carla")
    file.write_text("ann", encoding="utf-16")
    with pytest.raises(ConfigError, match="in UTF-8"):
        new_key(file, "bob")


def test_a_key_whose_line_is_gone_is_refused_whatever_else_became_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys"
    ann, bob = new_key(file, "ann"), new_key(file, "bob")
    whole = file.read_text()
    keys = Keys(file)

    def let_in() -> list[str]:
        return [found.name for key in (ann, bob) if (found := keys.owner_of(key))]

    assert let_in() == ["ann", "bob"]
    assert capsys.readouterr().err == ""
    file.write_bytes(whole.splitlines()[1].encode() + b"\ncarla \xff broken\n")
    assert let_in() == ["bob"]
    file.write_text("")
    assert let_in() == []
    file.write_text(whole)
    assert let_in() == ["ann", "bob"]
    file.unlink()
    assert let_in() == []
    (tmp_path / "new").write_text(whole)
    (tmp_path / "new").replace(file)
    assert let_in() == ["ann", "bob"]
    told = capsys.readouterr().err
    lines = [json.loads(line) for line in told.splitlines()]
    assert {line["event"] for line in lines} == {"keys"}
    assert [line["known"] for line in lines] == [1, 0, 2, 0, 2]
    assert lines[0]["broken_lines"] == [2]
    assert not any(secret in told for secret in (ann, bob, "sha256", "carla"))


@with_bundle
def test_rates_per_key(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    slow, fast = new_key(file, "slow"), new_key(file, "fast")
    file.write_text(file.read_text().replace("\n", " rate=60\n", 1))
    with app_client(tmp_path / "s", keys=file) as client:
        said = [client.get("/v1/models", headers={"Authorization": f"Bearer {slow}"}) for _ in range(15)]
        assert [s.status_code for s in said[:10]] == [200] * 10
        refused = [s for s in said if s.status_code == 429]
        assert refused
        assert int(refused[0].headers["retry-after"]) >= 1
        assert client.get("/v1/models", headers={"Authorization": f"Bearer {fast}"}).status_code == 200


def test_a_bucket_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("demeanor.serve.limits.time.monotonic", lambda: now[0])
    rates = Rates()
    for _ in range(20):
        rates.spend("ann", 120)
    with pytest.raises(Problem) as refused:
        rates.spend("ann", 120)
    assert refused.value.headers["Retry-After"] == "1"
    rates.spend("bob", 120)
    now[0] = 1.0  # two more by then
    rates.spend("ann", 120)
    rates.spend("ann", 120)
    with pytest.raises(Problem):
        rates.spend("ann", 120)
    for _ in range(1000):
        rates.spend("free", None)


@pytest.mark.parametrize(("rate", "at_once"), [(1, 1), (5, 5), (9, 9), (10, 10), (60, 10), (600, 100)])
def test_no_more_at_once_than_in_a_minute(rate: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("demeanor.serve.limits.time.monotonic", lambda: now[0])
    rates = Rates()
    for _ in range(at_once):
        rates.spend("ann", rate)
    with pytest.raises(Problem):
        rates.spend("ann", rate)
    now[0] = 60 / rate + 0.001
    rates.spend("ann", rate)
    with pytest.raises(Problem):
        rates.spend("ann", rate)


def test_a_rate_of_nought_is_any_number() -> None:
    from demeanor.serve.limits import Rates

    rates = Rates()
    for _ in range(100):
        rates.spend("anna", 0)
    rates.spend("anna", 1)
    with pytest.raises(Problem, match="at most 1"):
        rates.spend("anna", 1)
