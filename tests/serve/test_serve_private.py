"""Nothing is kept: the disk and the log are looked at."""

import io
import json
import struct
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image
from websockets.sync.client import connect

import demeanor
from demeanor.serve.wire import HEADER, PROTOCOL
from reader_fakes import speech, write_wav
from serve_calls import PATIENCE, ROOT, TestClient, app_client, ended, on_disk, served, until, with_bundle

pytestmark = with_bundle
WORDS = "Zanzibar marzipan quixotic"


def marked() -> bytes:
    """A picture with a mark in its bytes."""
    out = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (48, 48, 3), np.uint8)
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue() + WORDS.encode()


def traces(folder: Path, *needles: bytes) -> list[str]:
    """Files anywhere below, database and log among them, in which one of the needles is."""
    return [str(p) for p in folder.rglob("*") if p.is_file() and any(n in p.read_bytes() for n in needles)]


def send(client: TestClient) -> str:
    parts = {"image": ("holiday-in-rome.png", marked()), "text": (None, WORDS), "id": (None, "my-very-own-id")}
    return str(client.post("/v1/jobs", files=parts).json()["id"])


NEEDLES = (WORDS.encode(), b"holiday-in-rome", b"my-very-own-id", b"marzipan")


def test_what_is_answered_at_once_never_stays(tmp_path: Path) -> None:
    with app_client(tmp_path / "s") as client:
        parts = {"image": ("holiday-in-rome.png", marked()), "text": (None, WORDS), "id": (None, "my-very-own-id")}
        assert client.post("/v1/analyze", files=parts).status_code == 200
        assert client.post("/v1/analyze", json={"text": WORDS}).status_code == 200
        assert on_disk(tmp_path / "s") == []
        assert traces(tmp_path, *NEEDLES) == []


def test_uploads_go_when_they_are_read_and_results_when_they_were_fetched(tmp_path: Path) -> None:
    with app_client(tmp_path / "s", keep_fetched=0.3) as client:
        id = send(client)
        assert traces(tmp_path, *NEEDLES)
        assert ended(client, id)["state"] == "done"
        until(lambda: not (tmp_path / "s/jobs" / id / "in").exists(), "the upload to go")
        assert client.get(f"/v1/jobs/{id}/result").json()["id"] == "my-very-own-id"
        until(lambda: not traces(tmp_path, *NEEDLES), "the result to go")
        gone = client.get(f"/v1/jobs/{id}/result")
        assert (gone.status_code, gone.json()["type"]) == (410, "urn:demeanor:problem:gone")
        assert client.get(f"/v1/jobs/{id}").json()["result"] is None
        assert on_disk(tmp_path / "s") == []


def test_what_nobody_fetches_goes_too(tmp_path: Path) -> None:
    with app_client(tmp_path / "s", keep=1.0) as client:
        id = send(client)
        until(lambda: client.get(f"/v1/jobs/{id}").status_code == 404, "the job to be forgotten")
        until(lambda: not traces(tmp_path, *NEEDLES), "the result to go")
        assert on_disk(tmp_path / "s") == []


def test_cancelled_and_deleted_jobs_leave_nothing(tmp_path: Path) -> None:
    with app_client(tmp_path / "s") as client:
        first, second = send(client), send(client)
        client.post(f"/v1/jobs/{second}/cancel")
        client.delete(f"/v1/jobs/{first}")
        until(lambda: not traces(tmp_path, *NEEDLES), "everything to go")
        assert on_disk(tmp_path / "s") == []


def test_a_temporary_folder_goes_with_the_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with app_client(None) as client:
        send(client)
        assert traces(tmp_path, *NEEDLES)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_the_log_and_the_metrics_have_no_content(tmp_path: Path) -> None:
    with served(tmp_path / "s", "--keep-fetched", "0") as service:
        client = demeanor.Client(service.url)
        picture = tmp_path / "holiday-in-rome.png"
        picture.write_bytes(marked())
        client.analyze(WORDS, id="my-very-own-id")
        client.analyze(WORDS, image=picture)
        with pytest.raises(demeanor.InputError):
            client.analyze(video=b"\0\1\2 " + WORDS.encode())
        for body in (b"--b\r\n\xff" + WORDS.encode(), WORDS.encode()):  # that does not parse
            asked = Request(service.url + "/v1/analyze", body, {"Content-Type": "multipart/form-data; boundary=b"})
            with pytest.raises(HTTPError) as refused:
                urlopen(asked)
            with refused.value:
                assert refused.value.status == 400
        client.wait(client.submit(WORDS, image=picture))
        picture.unlink()
        until(lambda: not on_disk(tmp_path / "s"), "the result to go")
        assert {json.loads(line)["event"] for line in service.log.read_text().splitlines()} >= {"request"}
    assert traces(tmp_path, *NEEDLES) == []


def test_sound_and_film_leave_nothing_in_any_folder_that_programs_write_to(tmp_path: Path) -> None:
    """The temporary folder and the home of service and workers are looked at as well, all but caches of weights."""
    film = (ROOT / "demo" / "clip.mp4").read_bytes() + struct.pack(">I4s", 8 + len(WORDS), b"free") + WORDS.encode()
    sound = write_wav(tmp_path / "x.wav", speech(2.0)).read_bytes() + WORDS.encode()
    (tmp_path / "x.wav").unlink()
    with served(tmp_path / "s", "--keep-fetched", "0", home=tmp_path / "home") as service:
        client = demeanor.Client(service.url, timeout=PATIENCE)
        client.analyze(audio=named(sound), id="my-very-own-id")
        client.explain(audio=sound, cues="voice")
        assert traces(tmp_path, *NEEDLES) == []
        job = client.submit(video=named(film), id="my-very-own-id", cues="words,voice")
        assert traces(tmp_path / "s", *NEEDLES)
        client.wait(job)
        until(lambda: not traces(tmp_path, *NEEDLES), "the result to go")
        assert on_disk(tmp_path / "s") == []
        assert [p for p in (tmp_path / "home").rglob("*") if p.is_file()] == []
    assert traces(tmp_path, *NEEDLES) == []


def test_a_live_reading_never_touches_the_disk(tmp_path: Path) -> None:
    with served(tmp_path / "s", home=tmp_path / "home") as service:
        with connect(service.url.replace("http", "ws") + "/v1/stream", max_size=None, open_timeout=PATIENCE) as line:
            hello = {"type": "hello", "protocol": PROTOCOL, "cues": "words,scene", "id": "my-very-own-id"}
            line.send(json.dumps(hello))
            told = [json.loads(line.recv(PATIENCE))]
            line.send(HEADER.pack(2, 1, 0, 1, 0.0) + marked())
            line.send(HEADER.pack(3, 0, 0, 2, 0.0) + WORDS.encode())
            while told[-1]["type"] != "segment":
                told.append(json.loads(line.recv(PATIENCE)))
            assert traces(tmp_path, *NEEDLES) == []
            line.send('{"type": "end"}')
            told += map(json.loads, line)
        assert told[-1]["analysis"]["segments"][0]["text"] == WORDS
        assert traces(tmp_path, *NEEDLES) == []
        assert [p for p in (tmp_path / "home").rglob("*") if p.is_file()] == []


def named(data: bytes) -> io.BytesIO:
    """A file as a client has it, with a name that tells something."""
    file = io.BytesIO(data)
    file.name = "holiday-in-rome.bin"
    return file
