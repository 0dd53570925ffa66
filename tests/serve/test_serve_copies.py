"""`POST /v1/redact` and jobs with `copy=true`: copies without personal data, within the same limits and promises."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

import demeanor
from demeanor.media.audio import decode_audio
from demeanor.media.faces import FaceFinder
from demeanor.media.image import decode_image
from demeanor.media.kind import kind_of
from demeanor.serve.copies import FOUND
from demeanor.serve.form import Form
from serve_calls import PATIENCE, ROOT, SKY, TestClient, alive, app_client, ended, on_disk, served, until, with_bundle
from serve_media import a_face, silence

pytestmark = with_bundle
MAIL = "js@example.com"
TEXT = f"Write to {MAIL}, or ask Quentin."
SRT = f"1\n00:00:00,500 --> 00:00:01,500\nwrite to {MAIL}\n"
CLIP = ROOT / "demo" / "clip.mp4"


def problem(said: Any) -> tuple[int, str]:
    assert said.headers["content-type"] == "application/problem+json", said.text
    return said.status_code, said.json()["type"].rpartition(":")[2]


def copied(client: TestClient, **parts: Any) -> Any:
    """The answer to a form with these parts; nothing of it is left."""
    said = client.post("/v1/redact", files={k: (None, v) if isinstance(v, str) else v for k, v in parts.items()})
    assert on_disk(client.app.state.service.spool.folder) == []
    return said


def test_a_text_comes_back_without_personal_data(client: TestClient) -> None:
    said = client.post("/v1/redact", json={"text": TEXT, "names": ["Quentin"]})
    assert (said.status_code, said.text) == (200, "Write to [MAIL], or ask [NAME].")
    assert said.headers["content-type"] == "text/plain; charset=utf-8"
    told = {"kind": "text", "found": {"MAIL": 1, "NAME": 1}, "faces": 0, "warnings": []}
    assert json.loads(said.headers[FOUND]) == told


@pytest.mark.parametrize(
    ("name", "content", "kind", "expected"),
    [("a.srt", SRT, "application/x-subrip", SRT.replace(MAIL, "[MAIL]")),
     ("a.JSON", json.dumps({"said": MAIL}), "application/json", '{\n  "said": "[MAIL]"\n}\n'),
     ("a.html", f"<b>{MAIL}</b>", "text/plain", "<b>[MAIL]</b>"), ("../x/..", MAIL, "text/plain", "[MAIL]")],
)  # fmt: skip
def test_the_name_of_a_text_says_its_form(
    client: TestClient, name: str, content: str, kind: str, expected: str
) -> None:
    said = copied(client, file=(name, content.encode()))
    assert (said.text, said.headers["content-type"].partition(";")[0]) == (expected, kind)


def test_a_text_is_given_no_name_of_a_medium(client: TestClient) -> None:
    said = copied(client, file=("me.jpg", MAIL.encode()))
    assert (said.text, said.headers["content-disposition"]) == ("[MAIL]", 'attachment; filename="copy.txt"')


@pytest.mark.parametrize("words", ["/etc/passwd", "P1 2 3\n0 1", "https://example.com/x"])
def test_words_are_words_even_where_a_file_is_called_so(client: TestClient, words: str) -> None:
    said = client.post("/v1/redact", json={"text": words})
    assert said.status_code == 200
    assert said.text in (words, "[URL]")


@pytest.mark.parametrize(("name", "form"), [("me.jpg", "JPEG"), ("me.webp", "WEBP"), ("me.tiff", "PNG"), ("me", "PNG")])
def test_faces_of_a_picture_are_covered_and_its_tags_are_gone(client: TestClient, name: str, form: str) -> None:
    said = copied(client, image=(name, a_face()))
    assert said.headers["content-type"] == f"image/{form.lower()}"
    assert Image.open(io.BytesIO(said.content)).format == form
    assert json.loads(said.headers[FOUND])["faces"] == 1
    assert FaceFinder().find(decode_image(said.content)) == []
    assert b"holiday" in a_face()
    assert b"holiday" not in said.content
    kept = copied(client, image=(name, a_face()), faces="false")
    assert FaceFinder().find(decode_image(kept.content))


def test_what_a_transcript_tells_is_beeped(client: TestClient) -> None:
    sent = {"transcript": ("call.srt", SRT), "audio": ("call.wav", silence(3.0))}  # the sound has the name
    said = copied(client, **sent)
    assert said.headers["content-type"] == "audio/wav"
    sound = abs(decode_audio(said.content, rate=16_000))
    assert sound[12_000:20_000].max() > 0.01
    assert sound[:4_000].max() == sound[40_000:].max() == 0
    assert abs(decode_audio(copied(client, **sent, beep="false").content)).max() == 0


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [({"image": ("x.jpg", b"\xff\xd8\xff\xe0 no picture")}, 422, "unreadable"), ({"language": "en"}, 422, "nothing"),
     ({"image": ("x.jpg", SKY.read_bytes()), "text": "x"}, 422, "bad-option"),
     ({"text": "x", "transcript": "y"}, 422, "bad-option"),
     ({"image": ("x.jpg", SKY.read_bytes()), "transcript": "y"}, 422, "bad-option"),
     ({"text": "x" * 100_001}, 413, "too-large"), ({"video": ("c.mp4", CLIP.read_bytes())}, 413, "too-large"),
     ({"text": "x", "beep": "maybe"}, 422, "bad-option"), ({"file": ("a.json", b"{no")}, 422, "bad-input"),
     ({"image": ("c.png", CLIP.read_bytes())}, 413, "too-large")],
)  # fmt: skip
def test_what_cannot_be_copied_is_told_as_a_problem(
    tmp_path: Path, sent: dict[str, Any], status: int, kind: str
) -> None:
    with app_client(tmp_path / "s", media_seconds=2.0) as client:
        assert problem(copied(client, **sent)) == (status, kind)


def test_a_job_makes_a_copy_and_no_analysis(tmp_path: Path) -> None:
    with app_client(tmp_path / "s", keep_fetched=0.5) as client:
        parts = {"file": ("call.flac", silence(3.0)), "transcript": (None, SRT), "id": (None, MAIL)}
        job = client.post("/v1/jobs?copy=true", files=parts).json()
        assert ended(client, job["id"])["state"] == "done"
        until(lambda: not (tmp_path / "s/jobs" / job["id"] / "in").exists(), "the upload to go")
        assert sorted(Path(p).name for p in on_disk(tmp_path / "s")) == ["copy.flac", "found.json"]
        assert not [p for p in tmp_path.rglob("*") if p.is_file() and MAIL.encode() in p.read_bytes()]
        assert problem(client.get(f"/v1/jobs/{job['id']}/explanation")) == (409, "no-result")
        said = client.get(f"/v1/jobs/{job['id']}/result")
        assert (said.status_code, said.headers["content-type"]) == (200, "audio/flac")
        assert said.headers["content-disposition"] == 'attachment; filename="copy.flac"'
        assert json.loads(said.headers[FOUND])["found"] == {"MAIL": 1}
        assert kind_of(said.content) == "audio"
        until(lambda: on_disk(tmp_path / "s") == [], "the copy to go")
        assert problem(client.get(f"/v1/jobs/{job['id']}/result")) == (410, "gone")
        assert problem(client.post("/v1/jobs?copy=true&explain=true", json={"text": "x"})) == (422, "bad-option")


def test_a_job_that_cannot_copy_says_why_and_repeats_nothing(client: TestClient) -> None:
    broken = f"1\n00:00:00,000 --> write to {MAIL}\nI love it\n"
    parts = {"file": ("call.flac", silence(3.0)), "transcript": (None, broken)}
    job = ended(client, client.post("/v1/jobs?copy=true", files=parts).json()["id"])
    assert (job["state"], job["error"]["status"]) == ("failed", 422)
    assert MAIL not in json.dumps(job)
    assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204


def running(client: demeanor.Client) -> str:
    """A job whose film is being copied."""
    job = client._json("POST", "/v1/jobs?copy=true", Form({"beep": "false"}, {"file": CLIP}))["id"]
    until(lambda: client.job(job)["stage"] == "copy", "the copy to begin")
    return str(job)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_killed_or_cancelled_in_the_middle_it_leaves_nothing_behind(tmp_path: Path) -> None:
    with served(tmp_path / "s", home=tmp_path / "home") as first:
        client = demeanor.Client(first.url)
        job = running(client)
        children = first.children()
        first.kill()
    until(lambda: not any(alive(pid) for pid in children), "the workers to die")
    with served(tmp_path / "s") as second:
        client = demeanor.Client(second.url, timeout=PATIENCE)
        until(lambda: client.job(job)["state"] == "done", "the copy to be made after all")
        until(lambda: not (tmp_path / "s/jobs" / job / "in").exists(), "the upload to go")
        assert sorted(Path(p).name for p in on_disk(tmp_path / "s")) == ["copy.mp4", "found.json"]
        client.delete(job)
        assert client.cancel(running(client))["state"] == "cancelled"
        until(lambda: on_disk(tmp_path / "s") == [], "what was begun to go")
    assert not [p for p in (tmp_path / "home").rglob("*") if p.is_file()]


def test_the_client_of_python(tmp_path: Path) -> None:
    with served(tmp_path / "s", home=tmp_path / "home") as service:
        client = demeanor.Client(service.url, timeout=PATIENCE)
        done = client.redact(TEXT, tmp_path / "said.txt", names=["Quentin"])
        assert (done.path, dict(done.counts)) == (tmp_path / "said.txt", {"MAIL": 1, "NAME": 1})
        assert done.path.read_text() == "Write to [MAIL], or ask [NAME]."
        client.redact(json.dumps({"said": MAIL}), tmp_path / "said.JSON")
        assert (tmp_path / "said.JSON").read_text() == '{\n  "said": "[MAIL]"\n}\n'
        client.redact(SRT, tmp_path / "said.srt")
        assert (tmp_path / "said.srt").read_text() == SRT.replace(MAIL, "[MAIL]")
        with pytest.raises(demeanor.InputError, match="no such file"):
            client.redact("demo/skyy.jpg", tmp_path / "out.jpg")
        with pytest.raises(demeanor.ConfigError, match=r"out.jpg: expected a name that ends in .txt"):
            client.redact(TEXT, tmp_path / "out.jpg")
        lovely = client.analyze("Lovely, Quentin!", redact=True, names=["Quentin"], faces=False)
        assert lovely.segments[0].text == "Lovely, [NAME]!"
        job = client.submit(image=SKY, redact=True, faces=False, names=["Quentin"])
        client.wait(job)
        client.delete(job)
        film = client.redact(CLIP, tmp_path / "clip.mkv", transcript=SRT.encode())
        assert (film.kind, dict(film.counts), film.faces >= 1) == ("video", {"MAIL": 1}, True)
        with av.open(str(film.path)) as container:
            assert container.format.name.startswith("matroska")
            assert len(container.streams.audio) == len(container.streams.video) == 1
        with pytest.raises(demeanor.ConfigError, match=r"me.gif: expected a name that ends in .png"):
            client.redact(SKY, tmp_path / "me.gif")
        with pytest.raises(demeanor.InputError, match="expected a file, found none"):
            client.redact(tmp_path / "none.jpg", tmp_path / "none.png")
        with pytest.raises(demeanor.ConfigError, match="would be overwritten"):
            client.redact(tmp_path / "said.txt", tmp_path / "said.txt")
        (tmp_path / "damaged.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
        with pytest.raises(demeanor.InputError):
            client.redact(tmp_path / "damaged.jpg", tmp_path / "mended.jpg")
        files = {p.name for p in tmp_path.iterdir() if p.is_file()}
        assert files == {"said.txt", "said.JSON", "said.srt", "clip.mkv", "damaged.jpg", "s.log"}
        assert list(client.jobs()) == [], "a job whose copy was not written is deleted too"
        assert not [p for p in (tmp_path / "home").rglob("*") if p.is_file()]
        assert MAIL not in service.log.read_text()
