"""Killed in the middle, and started again: nothing is lost, nothing is done twice, no process is left."""

import json
import os
import socket
import sys
import threading
from pathlib import Path

import pytest

import demeanor
from demeanor.serve.database import open_database
from demeanor.serve.queue import Queue
from demeanor.serve.spool import Spool
from serve_calls import SKY, alive, served, until, with_bundle

pytestmark = [with_bundle, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]


def only_results_of(folder: Path, id: str) -> None:
    """One result, and what was sent is gone, which happens once the job is done."""
    until(lambda: not (folder / "jobs" / id / "in").exists(), "what was sent to go")
    assert len(list((folder / "jobs" / id).iterdir())) == 1


def test_killed_in_the_middle(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with served(folder, "--workers", "2") as first:
        client = demeanor.Client(first.url)
        ids = [client.submit(file=SKY, id=f"sky-{n}", idempotency_key=f"k{n}") for n in range(6)]
        until(lambda: any(j["state"] == "running" for j in client.jobs()), "a job to run")
        children = first.children()
        first.kill()
    until(lambda: not any(alive(pid) for pid in children), "the workers to die")

    with served(folder, "--workers", "2") as second:
        client = demeanor.Client(second.url)
        assert [client.submit(file=SKY, id=f"sky-{n}", idempotency_key=f"k{n}") for n in range(6)] == ids
        until(lambda: any(j["state"] == "done" for j in client.jobs()), "a job to be done")
        second.kill()

    with served(folder, "--workers", "2") as third:
        client = demeanor.Client(third.url)
        found = [client.wait(id) for id in ids]
        assert [a.id for a in found] == [f"sky-{n}" for n in range(6)]
        assert sorted(job["id"] for job in client.jobs()) == sorted(ids)
        for id in ids:
            only_results_of(folder, id)
    events = [json.loads(line) for line in third.log.read_text().splitlines() if line.startswith("{")]
    told = sum(e["event"] == "job" for e in events)  # over all three lives: each finished once
    assert len(ids) - 1 <= told <= len(ids)  # that of one may have been killed between its last commit and its line


def test_what_was_sent_with_a_finished_job_does_not_outlive_a_crash(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with served(folder) as first:
        client = demeanor.Client(first.url)
        id = client.submit(file=SKY, idempotency_key="k")
        until(lambda: next(client.jobs())["state"] == "done", "the job to be done")
        only_results_of(folder, id)
        first.kill()
    (folder / "jobs" / id / "in").mkdir()  # as if it had died a moment earlier
    (folder / "jobs" / id / "in" / "file").write_bytes(SKY.read_bytes())

    with served(folder) as second:
        only_results_of(folder, id)
        demeanor.Client(second.url).result(id)


def test_two_services_share_the_jobs_and_one_ends_what_the_other_began(tmp_path: Path, postgres: str) -> None:
    queue = Queue(open_database(postgres, tmp_path))
    for id in queue.ids():
        queue.delete(id)
    folder = tmp_path / "s"
    with served(folder, "--database", postgres) as first, served(folder, "--database", postgres) as second:
        clients = demeanor.Client(first.url), demeanor.Client(second.url)
        ids = [clients[n % 2].submit(file=SKY, id=f"sky-{n}", idempotency_key=f"k{n}") for n in range(6)]
        assert clients[1].submit(file=SKY, id="sky-0", idempotency_key="k0") == ids[0]
        until(lambda: queue.counts().get("running", 0) == 2, "both services to have a job")
        first.kill()
        found = [clients[1].wait(id) for id in ids]
        assert [a.id for a in found] == [f"sky-{n}" for n in range(6)]
        assert max(job.attempts for job in map(queue.get, ids) if job) == 2, "the job of the dead one was begun anew"
        for id in ids:
            only_results_of(folder, id)
    queue.close()
    events = [json.loads(line) for line in first.log.read_text().splitlines() if line.startswith("{")]
    assert sum(e["event"] == "job" for e in events) == len(ids)  # of both services: each finished once


def test_half_an_upload_is_no_job(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with served(folder) as service, socket.create_connection(service.address) as line:
        line.sendall(
            b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            b'--b\r\nContent-Disposition: form-data; name="video"\r\n\r\nhalf of a film'
        )
        until(lambda: list(folder.glob("jobs/*/in/video")), "the upload to begin")
        service.kill()
    with served(folder) as again:
        assert list(demeanor.Client(again.url).jobs()) == []
        assert list(folder.glob("jobs/*")) == []


def test_a_stop_ends_every_process(tmp_path: Path) -> None:
    with served(tmp_path / "s") as service:
        demeanor.Client(service.url).analyze(image=SKY)
        children = service.children()
        assert children
        threading.Event().wait(0.1)
    assert not any(alive(pid) for pid in children)
    assert service.process.returncode in (0, -15)


def test_two_services_do_not_share_a_folder(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    with pytest.raises(demeanor.ConfigError, match="another service"):
        Spool(tmp_path / "s")
    spool.close()
    Spool(tmp_path / "s").close()
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0
    assert os.getuid() == (tmp_path / "s").stat().st_uid
