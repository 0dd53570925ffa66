"""A service from its start to its end, whatever becomes of its models; and who leaves while others are read."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the service's libraries are not installed here (extra serve)")

from starlette.requests import ClientDisconnect, Request

from demeanor.serve import service as module
from demeanor.serve.analyze import read_apart
from demeanor.serve.app import create_app
from demeanor.serve.pool import Order, Worker
from demeanor.serve.service import Service
from demeanor.serve.settings import Settings
from demeanor.serve.upload import Upload
from live_calls import STREAM, begun
from serve_calls import HERE, TestClient, until


class Broken:
    """A reader whose weights cannot be loaded."""

    @property
    def experts(self) -> Any:
        raise RuntimeError("the weights are damaged")


def test_models_that_cannot_be_loaded_are_logged_and_do_not_keep_it_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def warmed(_: Worker) -> None:
        pass

    async def run() -> None:
        service = Service(Settings(folder=tmp_path / "s"))
        await service.start()
        try:
            async with asyncio.timeout(30):
                while not service.warmed:
                    await asyncio.sleep(0.01)
        finally:
            await service.stop()
        Service(Settings(folder=tmp_path / "s")).spool.close()  # the first one has let go of its folder

    monkeypatch.setattr(module, "load", lambda *_: Broken())
    monkeypatch.setattr(Worker, "warmed", warmed)
    asyncio.run(run())
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["event"], line["where"].split()[0]) == ("fault", "RuntimeError")


def test_the_service_says_that_its_models_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To whoever watches it, and to a client of live readings, whose connection does not just break off."""

    async def warmed(_: Worker) -> None:
        pass

    monkeypatch.setattr(module, "load", lambda *_: Broken())
    monkeypatch.setattr(Worker, "warmed", warmed)
    with TestClient(create_app(Settings(folder=tmp_path / "s")), base_url=HERE) as client:
        until(lambda: client.get("/health").json()["status"] != "starting", "the models")
        assert client.get("/health").json()["status"] == "fault"
        with client.websocket_connect(STREAM) as ws:
            told = begun(ws)
            assert (told["type"], told["problem"]["type"]) == ("error", "urn:demeanor:problem:fault")
            assert ws.receive()["code"] == 1008


def test_who_leaves_while_others_are_read_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    async def run() -> None:
        turn, worker = asyncio.Event(), Worker(Settings(), 1, print)

        async def started() -> None:
            pass

        async def follow(order: Order, _: object) -> None:
            read.append(order.folder.name)
            await turn.wait()

        monkeypatch.setattr(worker, "_started", started)
        monkeypatch.setattr(worker, "_follow", follow)
        state = SimpleNamespace(service=SimpleNamespace(now=worker, settings=Settings()))
        leaves = {name: asyncio.Event() for name in ("first", "second", "third")}

        def asked(name: str) -> asyncio.Task[Path]:
            async def receive() -> dict[str, str]:
                await leaves[name].wait()
                return {"type": "http.disconnect"}

            request = Request({"type": "http", "app": SimpleNamespace(state=state)}, receive)
            return asyncio.create_task(read_apart(request, Upload(tmp_path / name), []))

        first, second, third = map(asked, leaves)
        async with asyncio.timeout(30):
            while not read:
                await asyncio.sleep(0.01)
            leaves["second"].set()
            with pytest.raises(ClientDisconnect):
                await second
            leaves["first"].set()  # whoever is being read is read to the end: the process need not be replaced
            await asyncio.sleep(0.1)
            turn.set()
            assert [await first, await third] == [tmp_path / name / "out" for name in ("first", "third")]

    asyncio.run(run())
    assert read == ["first", "third"]
