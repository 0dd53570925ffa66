"""`/v1/jobs`: handed in, followed, fetched, stopped, deleted."""

import itertools
import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from demeanor.reader.analysis import Analysis
from demeanor.report.schema import validate
from demeanor.serve.keys import new_key
from serve_calls import ROOT, SKY, TestClient, alive, app_client, children_of, ended, on_disk, until, with_bundle

pytestmark = with_bundle
PICTURE = {"file": ("sky.jpg", SKY.read_bytes())}
FILM = {"video": ("clip.mp4", (ROOT / "demo" / "clip.mp4").read_bytes())}


def submitted(client: TestClient, **more: Any) -> str:
    said = client.post("/v1/jobs", **(more or {"files": PICTURE}))
    assert said.status_code == 202, said.text
    assert said.headers["location"] == f"/v1/jobs/{said.json()['id']}"
    return str(said.json()["id"])


def test_a_job_and_its_result_in_every_form(client: TestClient) -> None:
    id = submitted(client)
    job = ended(client, id)
    assert (job["state"], job["progress"], job["error"]) == ("done", 1.0, None)
    found = client.get(job["result"]).json()
    validate(found)
    assert found["source"] == found["id"] == "sky.jpg"
    assert client.get(f"/v1/jobs/{id}/result?format=csv").text.count("sky.jpg") >= 1
    page = client.get(f"/v1/jobs/{id}/result?format=html").text
    assert "data:image/" in page
    assert str(client.app.state.service.spool.folder) not in page
    for language, title in (("en", "Verdict"), ("zh", "结论"), ("auto", "Verdict")):
        page = client.get(f"/v1/jobs/{id}/result?format=html&language={language}").text
        assert f'aria-label="{title}"' in page
    assert client.get(f"/v1/jobs/{id}/result?format=srt").status_code == 422
    assert client.get(f"/v1/jobs/{id}/result?format=pdf").status_code == 422


def test_a_text_as_a_job(client: TestClient) -> None:
    id = submitted(client, json={"text": "I love it", "id": "mine"})
    assert ended(client, id)["state"] == "done"
    found = client.get(f"/v1/jobs/{id}/result").json()
    assert (found["id"], found["source"], found["kind"]) == ("mine", "I love it", "text")


def told_of(client: TestClient, id: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and job of each event, up to the end."""
    with client.stream("GET", f"/v1/jobs/{id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = list(stream.iter_lines())
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in itertools.pairwise(lines)
        if name.startswith("event: ")
    ]


def test_events_tell_of_it_until_it_ends(client: TestClient) -> None:
    told = told_of(client, submitted(client))
    assert (told[-1][0], told[-1][1]["state"]) == ("done", "done")
    assert {name for name, _ in told[:-1]} <= {"progress"}


def test_a_film_tells_how_far_it_is_and_comes_in_every_form(client: TestClient, tmp_path: Path) -> None:
    id = submitted(client, files=FILM)
    told = told_of(client, id)
    assert told[-1][0] == "done"
    parts = [job["progress"] for name, job in told if name == "progress" and 0 < job["progress"] < 1]
    assert len(set(parts)) >= 2, told
    assert parts == sorted(parts)
    stages = list(dict.fromkeys(job["stage"] for _, job in told if job["stage"]))
    # Told twice a second: on a fast machine a short stage falls between.
    assert stages == [s for s in ("pictures", "sound", "words") if s in stages]
    assert stages[0] == "pictures"
    found = client.get(f"/v1/jobs/{id}/result").json()
    analysis = Analysis.from_dict(found)
    assert sum(bool(s.text) for s in analysis.segments) >= 2
    for format in ("srt", "vtt", "csv"):
        saved = analysis.save(tmp_path / f"clip.{format}").read_bytes()
        fetched = client.get(f"/v1/jobs/{id}/result?format={format}")
        assert fetched.content == client.post(f"/v1/render?format={format}", json=found).content == saved
        assert all(s.text.encode() in saved for s in analysis.segments if s.text)
    assert client.get(f"/v1/jobs/{id}/result?format=srt").text.startswith("1\n00:00:0")
    assert client.get(f"/v1/jobs/{id}/result?format=vtt").text.startswith("WEBVTT")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_film_is_stopped_in_the_middle_and_leaves_nothing(tmp_path: Path) -> None:
    others = set(children_of(os.getpid()))
    with app_client(tmp_path / "s") as client:
        id = submitted(client, files=FILM)
        until(lambda: client.get(f"/v1/jobs/{id}").json()["progress"] > 0, "the film to be read")
        reading = set(children_of(os.getpid())) - others
        assert reading
        assert client.post(f"/v1/jobs/{id}/cancel").json()["state"] == "cancelled"
        until(lambda: not any(alive(pid) for pid in reading), "what read it to end")
        assert told_of(client, id)[-1][0] == "cancelled"
        assert client.get(f"/v1/jobs/{id}/result").status_code == 409
        until(lambda: not on_disk(tmp_path / "s"), "the film to go")


def test_a_damaged_file_fails_its_own_job_only(client: TestClient) -> None:
    bad = submitted(client, files={"video": ("x.mp4", b"\0\0\0\x18ftypmp42 nothing more")})
    good = submitted(client)
    failed = ended(client, bad)
    assert failed["state"] == "failed"
    assert failed["error"]["status"] == 422
    assert "expected" in failed["error"]["detail"]
    assert client.get(f"/v1/jobs/{bad}/result").status_code == 409
    assert ended(client, good)["state"] == "done"


def test_what_could_never_be_read_is_refused_at_once(client: TestClient) -> None:
    before = on_disk(client.app.state.service.spool.folder)
    assert client.post("/v1/jobs", json={"text": "x", "cues": ["smell"]}).status_code == 422
    assert client.post("/v1/jobs", json={"text": "x" * 100_001}).status_code == 413
    assert client.post("/v1/jobs", json={}).status_code == 422
    assert on_disk(client.app.state.service.spool.folder) == before


def test_an_idempotency_key_begins_one_job(client: TestClient) -> None:
    key = {"Idempotency-Key": "once"}
    first = client.post("/v1/jobs", files=PICTURE, headers=key)
    again = client.post("/v1/jobs", files=PICTURE, headers=key)
    assert again.json()["id"] == first.json()["id"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = client.post("/v1/jobs", json={"text": "other"}, headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:demeanor:problem:key-reused")
    ended(client, first.json()["id"])


def test_the_database_does_not_tell_what_was_sent(client: TestClient) -> None:
    ids = [
        client.post("/v1/jobs", json={"text": "yes"}, headers=headers).json()["id"]
        for headers in ({}, {"Idempotency-Key": "under-this"})
    ]
    with client.app.state.service.queue._database.transaction() as run:
        rows = {r["id"]: r for r in run("SELECT * FROM demeanor_jobs")}
    assert (rows[ids[0]]["idempotency"], rows[ids[0]]["fingerprint"]) == (None, None)
    # By the key alone could the salted hash be tried out.
    assert "under-this" not in str(rows)
    for id in ids:
        ended(client, id)


def test_pages_of_jobs(client: TestClient) -> None:
    ids = [submitted(client, json={"text": f"number {n}"}) for n in range(5)]
    for id in ids:
        ended(client, id)
    first = client.get("/v1/jobs?limit=3&state=done").json()
    assert [job["id"] for job in first["jobs"]] == ids[:1:-1]
    second = client.get("/v1/jobs", params={"limit": 3, "state": "done", "after": first["next"]}).json()
    assert [job["id"] for job in second["jobs"]][:2] == ids[1::-1]
    for wrong in ("after=zzz", "after=%00", "limit=0", "limit=x", "state=lost"):
        assert client.get(f"/v1/jobs?{wrong}").status_code == 422


def test_names_that_are_no_jobs(client: TestClient) -> None:
    for name in ("0" * 32, "in", "A" * 32, "0" * 31 + "%0A"):
        for path in ("", "/result", "/events"):
            assert client.get(f"/v1/jobs/{name}{path}").status_code == 404
        assert client.post(f"/v1/jobs/{name}/cancel").status_code in (404, 405)
        assert client.delete(f"/v1/jobs/{name}").status_code in (404, 405)


def test_cancel_and_delete(tmp_path: Path) -> None:
    with app_client(tmp_path / "s") as client:
        service = client.app.state.service
        running, waiting, deleted = submitted(client), submitted(client), submitted(client)
        until(lambda: client.get(f"/v1/jobs/{running}").json()["state"] != "queued", "a job to run")
        assert client.post(f"/v1/jobs/{waiting}/cancel").json()["state"] == "cancelled"
        assert client.get(f"/v1/jobs/{waiting}/result").status_code == 409
        assert client.delete(f"/v1/jobs/{deleted}").status_code == 204
        stopped = client.post(f"/v1/jobs/{running}/cancel").json()
        assert stopped["state"] in ("cancelled", "done")
        assert client.post(f"/v1/jobs/{running}/cancel").json()["state"] == stopped["state"]
        again = submitted(client)
        until(lambda: client.get(f"/v1/jobs/{again}").json()["state"] != "queued", "a job to run")
        assert client.delete(f"/v1/jobs/{again}").status_code == 204
        for id in (deleted, again):
            assert client.get(f"/v1/jobs/{id}").status_code == 404
            until(lambda id=id: not service.spool.job(id).exists(), "what was sent to go")
        assert ended(client, submitted(client))["state"] == "done"


def test_a_full_queue_or_disk_gives_back_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with app_client(tmp_path / "s", queued=1) as client:
        service = client.app.state.service
        monkeypatch.setattr(service.queue, "take", lambda: None)
        mine = {"Idempotency-Key": "mine"}
        first = client.post("/v1/jobs", json={"text": "x"}, headers=mine)
        with monkeypatch.context() as full:
            full.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
            again = client.post("/v1/jobs", json={"text": "x"}, headers=mine)
            assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
            assert again.headers["idempotency-replayed"] == "true"
        monkeypatch.setattr(service.queue, "active", lambda _: 0)  # as when several come at once
        late = client.post("/v1/jobs", json={"text": "y"})
        assert (late.status_code, late.json()["type"]) == (429, "urn:demeanor:problem:queue-full")
        assert len(service.queue.ids()) == 1


def test_keys_see_their_own_jobs_only_and_may_have_so_many(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    ann, bob = ({"Authorization": f"Bearer {new_key(file, name)}"} for name in ("ann", "bob"))
    with app_client(tmp_path / "s", keys=file, queued=2) as client:
        ids = [client.post("/v1/jobs", json={"text": "x"}, headers=ann).json()["id"] for _ in range(2)]
        third = client.post("/v1/jobs", json={"text": "x"}, headers=ann)
        assert (third.status_code, third.json()["type"]) == (429, "urn:demeanor:problem:queue-full")
        assert client.post("/v1/jobs", json={"text": "x"}, headers=bob).status_code == 202
        for path in ("", "/result", "/events"):
            assert client.get(f"/v1/jobs/{ids[0]}{path}", headers=bob).status_code == 404
        assert client.delete(f"/v1/jobs/{ids[0]}", headers=bob).status_code == 404
        assert len(client.get("/v1/jobs", headers=ann).json()["jobs"]) == 2
        assert len(client.get("/v1/jobs", headers=bob).json()["jobs"]) == 1


@pytest.mark.parametrize("parts", [{"video": ("x", b"x" * 100)}, {"text": (None, "I love it")}])
def test_a_stopped_service_goes_on_with_its_jobs(tmp_path: Path, parts: dict[str, Any]) -> None:
    with app_client(tmp_path / "s") as client:
        ids = [submitted(client, files=parts) for _ in range(3)]
    with app_client(tmp_path / "s") as client:
        states = [ended(client, id)["state"] for id in ids]
    assert states == ["failed" if "video" in parts else "done"] * 3
