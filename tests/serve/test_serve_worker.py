"""The process that reads what strangers send: confined, watched, replaced."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from demeanor.errors import LimitError
from demeanor.serve.pool import Crash, Order, Worker
from demeanor.serve.problem import Problem
from demeanor.serve.settings import Settings
from demeanor.serve.worker import _given, check_length
from serve_calls import PATIENCE, SKY, alive, children_of, until, with_bundle

pytestmark = [with_bundle, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]


def order(folder: Path, picture: bytes, seconds: float = PATIENCE) -> Order:
    folder.mkdir()
    (folder / "image").write_bytes(picture)
    (folder / "request.json").write_text("{}")
    return Order(folder, folder / "out", seconds)


def with_worker(use: Callable[[Worker], Awaitable[None]], **settings: int) -> list[str]:
    """Use a worker; why it was replaced meanwhile."""
    why: list[str] = []

    async def run() -> None:
        worker = Worker(Settings(**settings), 1, why.append)  # type: ignore[arg-type]
        try:
            await use(worker)
        finally:
            await worker.stop()

    before = set(children_of(os.getpid()))
    asyncio.run(run())
    assert set(children_of(os.getpid())) <= before
    return why


def test_it_stays_warm_and_a_bad_file_costs_itself(tmp_path: Path) -> None:
    async def use(worker: Worker) -> None:
        await worker.carry_out(order(tmp_path / "a", SKY.read_bytes()))
        first = worker.pid
        with pytest.raises(Problem) as refused:
            await worker.carry_out(order(tmp_path / "b", b"\xff\xd8\xff damaged"))
        assert refused.value.status == 422
        assert str(tmp_path) not in refused.value.detail
        await worker.carry_out(order(tmp_path / "c", SKY.read_bytes()))
        assert worker.pid == first
        assert json.loads((tmp_path / "c/out/analysis.json").read_text())["kind"] == "image"
        assert (tmp_path / "c/out/report-en.html").is_file()

    assert with_worker(use) == []


def test_a_death_costs_one_order(tmp_path: Path) -> None:
    async def use(worker: Worker) -> None:
        await worker.warmed()
        pid = worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # so that the order is under way when it dies
        reading = asyncio.create_task(worker.carry_out(order(tmp_path / "a", SKY.read_bytes())))
        await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(Problem) as refused:
            await reading
        assert (refused.value.status, refused.value.kind) == (422, "unreadable")
        await worker.carry_out(order(tmp_path / "b", SKY.read_bytes()))
        assert worker.pid not in (None, pid)

    assert with_worker(use) == ["crash"]


def test_an_order_has_its_time(tmp_path: Path) -> None:
    async def use(worker: Worker) -> None:
        await worker.warmed()
        pid = worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Problem) as refused:
            await worker.carry_out(order(tmp_path / "a", SKY.read_bytes(), seconds=0.2))
        assert (refused.value.status, refused.value.kind) == (413, "too-long")
        assert not alive(pid)

    assert with_worker(use) == ["timeout"]


def test_an_order_that_is_called_off_stops(tmp_path: Path) -> None:
    async def use(worker: Worker) -> None:
        await worker.warmed()
        pid = worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        reading = asyncio.create_task(worker.carry_out(order(tmp_path / "a", SKY.read_bytes())))
        await asyncio.sleep(0.1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert not alive(pid)

    assert with_worker(use) == ["cancelled"]


@pytest.mark.parametrize("after", [0.0, 0.001, 0.01, 0.1])
def test_one_that_is_stopped_while_it_begins_leaves_nothing(after: float) -> None:
    async def use(worker: Worker) -> None:
        worker.warm()
        worker.warm()
        await asyncio.sleep(after)
        await worker.stop()
        with pytest.raises(Problem, match="about to stop"):
            await worker.carry_out(Order(Path(), Path(), 1.0))

    with_worker(use)


def test_a_machine_without_room_for_a_process_is_no_fault_and_may_come_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    async def use(worker: Worker) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "create_subprocess_exec", full)
            with pytest.raises(Problem) as refused:
                await worker.carry_out(order(tmp_path / "a", SKY.read_bytes()))
            assert (refused.value.status, refused.value.kind) == (503, "not-ready")
            await worker.warmed()
        await worker.carry_out(order(tmp_path / "b", SKY.read_bytes()))

    assert with_worker(use) == ["no start", "no start"]


def test_its_limits_hold(tmp_path: Path) -> None:
    async def use(worker: Worker) -> None:
        await worker.warmed()
        limits = Path(f"/proc/{worker.pid}/limits").read_text()
        rows = {line[:25].strip(): line[25:].split() for line in limits.splitlines()}
        assert rows["Max address space"][:2] == [str(3 << 30)] * 2
        assert rows["Max core file size"][0] == "0"
        assert int(rows["Max open files"][0]) == 256
        status = Path(f"/proc/{worker.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        await worker.carry_out(order(tmp_path / "a", SKY.read_bytes()))
        limits = Path(f"/proc/{worker.pid}/limits").read_text()
        assert "Max cpu time              unlimited" not in limits

    assert with_worker(use, memory=3 << 30) == []


def test_too_little_memory_is_an_answer_and_not_a_hang(tmp_path: Path) -> None:
    async def use(worker: Worker) -> None:
        with pytest.raises(Problem) as refused:
            await worker.carry_out(order(tmp_path / "a", SKY.read_bytes()))
        assert refused.value.status in (413, 422, 503)

    with_worker(use, memory=200 << 20)


def test_it_dies_with_its_service(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys, time\n"
        "from demeanor.serve.pool import Worker\n"
        "from demeanor.serve.settings import Settings\n"
        "async def main():\n"
        "    worker = Worker(Settings(), 1, print)\n"
        "    await worker.warmed()\n"
        "    print(worker.pid, flush=True)\n"
        "    time.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    import subprocess

    service = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    worker = int(service.stdout.readline())
    assert alive(worker)
    service.kill()
    service.wait()
    service.stdout.close()
    until(lambda: not alive(worker), "the worker to die")


def test_a_length_that_is_only_guessed_refuses_nothing(tmp_path: Path) -> None:
    """Raw AAC that begins quietly: FFmpeg takes 16 seconds for minutes."""
    loud = 0.5 * np.random.default_rng(0).standard_normal(4 * 16_000).astype(np.float32)
    quiet = np.concatenate([np.zeros(12 * 16_000, np.float32), loud])
    path = tmp_path / "a.aac"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(quiet[None], format="fltp", layout="mono")
        frame.sample_rate = 16_000
        out.mux([*stream.encode(frame), *stream.encode(None)])
    with av.open(str(path)) as told:
        assert told.duration is not None
        assert told.duration / 1e6 > 60
    check_length({"audio": path}, 60.0)


def test_a_text_as_a_file_may_be_no_longer_than_another(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(("我" * 21).encode("gb18030"))
    with pytest.raises(LimitError, match="at most 20 characters, got 21"):
        _given(tmp_path, 60.0, 20)
    assert _given(tmp_path, 60.0, 21)["text"] == (tmp_path / "file").read_bytes()


def test_a_line_longer_than_any_answer_is_taken_for_a_death() -> None:
    async def run() -> None:
        said = asyncio.StreamReader(limit=10)
        said.feed_data(b"x" * 100 + b"\n")
        worker = Worker(Settings(), 1, print)
        worker._process = SimpleNamespace(stdout=said)  # type: ignore[assignment]
        with pytest.raises(Crash):
            await worker._line()

    asyncio.run(run())
