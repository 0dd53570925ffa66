"""Services for tests: in this process, or as a process of its own that may be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demeanor.bundle import shipped

pytest.importorskip("fastapi", reason="the service's libraries are not installed here (extra serve)")

from starlette.testclient import TestClient

from demeanor.serve.app import create_app
from demeanor.serve.settings import Settings

ROOT = Path(__file__).parents[1]
SKY = ROOT / "demo" / "sky.jpg"
HERE = "http://127.0.0.1:8765"
PATIENCE = 300.0  # seconds: the machine may be busy with other things

with_bundle = pytest.mark.skipif("base" not in shipped(), reason="the bundle is not built yet: make model")


@contextlib.contextmanager
def app_client(folder: Path | None, **settings: Any) -> Iterator[TestClient]:
    """A client of an app in this process; `client.app.state.service` is its service."""
    given = {"warm": False, "now_seconds": PATIENCE, "threads": 1, "folder": folder, **settings}
    with TestClient(create_app(Settings(**given)), base_url=HERE) as client:
        yield client


class Served:
    """`demeanor serve` as a process."""

    def __init__(self, folder: Path, *options: str, home: Path | None = None) -> None:
        self.folder, self.log = folder, folder.with_suffix(".log")
        source = {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **_places(home)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demeanor", "serve", "--port", "0", "--folder", folder, "--threads", "1",
                 "--now-seconds", str(PATIENCE), "--cold", *options],
                stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **source},
            )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip().rstrip("/")
        assert self.url.startswith("http"), self.log.read_text()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)

    def children(self) -> list[int]:
        """Its processes that read."""
        return children_of(self.process.pid)

    def kill(self) -> None:
        """As the power cut does."""
        self.process.kill()
        self._gone()

    def stop(self) -> None:
        """As an operator does."""
        self.process.send_signal(signal.SIGTERM)
        self._gone()

    def _gone(self) -> None:
        self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()


def _places(home: Path | None) -> dict[str, str]:
    """Everywhere that a program writes unasked, in one folder; the caches, which hold weights, stay where they are."""
    if home is None:
        return {}
    home.mkdir()
    names = ("TMPDIR", "TMP", "TEMP", "HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return {**dict.fromkeys(names, str(home)), "XDG_CACHE_HOME": cache}


@contextlib.contextmanager
def served(folder: Path, *options: str, home: Path | None = None) -> Iterator[Served]:
    """A service that has begun to listen, stopped at the end.

    Args:
        folder: its state.
        options: of the command line.
        home: its home and temporary folder, made here; None: this process's.
    """
    service = Served(folder, *options, home=home)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()


def children_of(pid: int) -> list[int]:
    """Processes whose parent is `pid`."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(status.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(status.parent.name))
    return found


def alive(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.2)


def ended(client: TestClient, id: str) -> dict[str, Any]:
    """A job when it has ended."""
    job: dict[str, Any] = {}

    def final() -> bool:
        job.update(client.get(f"/v1/jobs/{id}").json())
        return job["state"] not in ("queued", "running")

    until(final, "a job to end")
    return job


def on_disk(folder: Path) -> list[str]:
    """Files of a service that are neither its database nor its lock."""
    own = ("lock", "jobs.sqlite", "jobs.sqlite-wal", "jobs.sqlite-shm")
    return [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name not in own]
