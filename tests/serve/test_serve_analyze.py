"""`POST /v1/analyze`: what comes in, in every form, and what goes out."""

import io
import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

import demeanor
from demeanor.report.schema import validate
from demeanor.serve.form import sample_form
from demeanor.serve.keys import new_key
from reader_fakes import silence, write_wav
from serve_calls import ROOT, SKY, TestClient, app_client, on_disk, served, with_bundle

pytestmark = with_bundle


def multipart(name: str, body: bytes, file: str | None = None) -> dict[str, Any]:
    told = f'; filename="{file}"' if file else ""
    content = f'--b\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'.encode() + body + b"\r\n--b--\r\n"
    return {"content": content, "headers": {"Content-Type": "multipart/form-data; boundary=b"}}


def test_a_text_is_read_as_python_reads_it(client: TestClient) -> None:
    said = client.post("/v1/analyze", json={"text": "I love it", "id": "a", "language": "en"})
    assert said.status_code == 200
    found, expected = said.json(), demeanor.analyze(text="I love it", language="en", id="a").to_dict()
    validate(found)
    for analysis in (found, expected):
        del analysis["provenance"]
    assert found == expected


def test_text_as_a_part_is_the_same(client: TestClient) -> None:
    one = client.post("/v1/analyze", json={"text": "总算吃上了,真的值得!"}).json()
    two = client.post("/v1/analyze", **multipart("text", "总算吃上了,真的值得!".encode())).json()
    three = client.post("/v1/analyze", **multipart("text", "总算吃上了,真的值得!".encode("gb18030"))).json()
    assert one["overall"] == two["overall"] == three["overall"]


def test_a_post_is_read_and_leaves_nothing(client: TestClient) -> None:
    parts = {"image": ("天空.jpg", SKY.read_bytes()), "text": (None, "今天的天气真好")}
    found = client.post("/v1/analyze", files=parts).json()
    validate(found)
    expected = demeanor.analyze(text="今天的天气真好", image=SKY)
    assert found["source"] == "天空.jpg"
    assert found["kind"] == "mixed"
    assert found["overall"]["sentiment"]["score"] == pytest.approx(expected.overall.sentiment.score, abs=1e-3)
    assert on_disk(client.app.state.service.spool.folder) == []


def test_a_file_is_known_by_its_content(client: TestClient) -> None:
    picture = client.post("/v1/analyze", files={"file": ("x.mp4", SKY.read_bytes())}).json()
    words = client.post("/v1/analyze", files={"file": ("x.jpg", b"I hate this")}).json()
    assert (picture["kind"], words["kind"]) == ("image", "text")
    assert words["overall"]["sentiment"]["label"] == "negative"


@pytest.mark.parametrize("boundary", ["x" * 300, "ä"])
def test_a_boundary_that_is_none_is_no_fault(client: TestClient, boundary: str) -> None:
    kind = f"multipart/form-data; boundary={boundary}".encode()
    said = client.post("/v1/analyze", content=b"--x", headers={"Content-Type": kind})  # type: ignore[dict-item]
    assert (said.status_code, said.json()["type"]) == (400, "urn:demeanor:problem:malformed")


@pytest.mark.parametrize("part", ["file", "text"])
def test_subtitles_keep_their_times(client: TestClient, part: str) -> None:
    srt = b"1\n00:00:01,000 --> 00:00:03,000\nI love it\n\n2\n00:00:04,000 --> 00:00:05,000\nWonderful.\n"
    found = client.post("/v1/analyze", files={part: ("talk.srt", srt)}).json()
    validate(found)
    assert [(s["start"], s["end"], s["text"]) for s in found["segments"]] == [
        (1.0, 3.0, "I love it"), (4.0, 5.0, "Wonderful."),
    ]  # fmt: skip
    assert (found["source"], found["kind"], found["duration"]) == ("talk.srt", "text", 5.0)


def test_a_long_text_is_read_apart(client: TestClient) -> None:
    found = client.post("/v1/analyze", json={"text": "I love it. " * 300}).json()
    assert len(found["segments"]) > 10
    assert found["overall"]["sentiment"]["label"] == "positive"


def test_cues_and_languages_are_chosen(client: TestClient) -> None:
    found = client.post("/v1/analyze", files={"image": SKY.read_bytes()}, data={"cues": "scene", "id": "sky"}).json()
    assert set(found["cues"]) == {"scene"}
    assert found["id"] == "sky"


@pytest.mark.parametrize(
    ("format", "kind", "start"), [("csv", "text/csv", "\ufeffid,"), ("html", "text/html", "<!doc")]
)
def test_other_forms(client: TestClient, format: str, kind: str, start: str) -> None:
    said = client.post(f"/v1/analyze?format={format}", json={"text": "I love it"})
    assert said.headers["content-type"].startswith(kind)
    assert said.text.startswith(start)


REFUSED: list[tuple[int, str, dict[str, Any]]] = [
    (415, "media-type", {"content": b"hello"}),
    (415, "media-type", {"content": b"{}", "headers": {"Content-Type": "text/plain"}}),
    (415, "media-type", {"content": b"", "headers": {"Content-Type": "multipart/form-data"}}),
    (400, "malformed", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    (400, "malformed", {"content": b"", "headers": {"Content-Type": "application/json"}}),
    (422, "bad-option", {"json": {"text": 1}}),
    (422, "bad-option", {"json": {"text": "x", "path": "/etc/passwd"}}),
    (422, "bad-option", {"json": {"text": "x", "language": "klingon"}}),
    (422, "unknown-name", {"json": {"text": "x", "cues": ["smell"]}}),
    (422, "bad-input", {"json": {"text": "  "}}),
    (413, "too-large", {"json": {"text": "x" * 100_001}}),
    (422, "nothing", multipart("language", b"en")),
    (422, "bad-option", multipart("id", b"0" * 256)),
    (422, "bad-option", multipart("language", b"e" * 36)),
    (422, "unknown-part", multipart("pathname", b"/etc/passwd")),
    (400, "malformed", {"content": b"--b\r\nbroken", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}),
    (422, "unreadable", multipart("image", b"\xff\xd8\xff\xe0 no picture", "x.jpg")),
    (422, "unreadable", multipart("video", b"", "x.mp4")),
    (422, "unreadable", multipart("audio", b"/etc/passwd", "x.m3u8")),
    (422, "nothing", multipart("transcript", b"hello")),
]


@pytest.mark.parametrize(("status", "kind", "sent"), REFUSED)
def test_what_cannot_be_read_is_told_as_a_problem(
    client: TestClient, status: int, kind: str, sent: dict[str, Any]
) -> None:
    said = client.post("/v1/analyze", **sent)
    assert (said.status_code, said.headers["content-type"]) == (status, "application/problem+json"), said.text
    problem = said.json()
    assert problem["type"] == f"urn:demeanor:problem:{kind}"
    assert problem["status"] == status
    assert "Traceback" not in said.text
    assert str(client.app.state.service.spool.folder) not in said.text
    assert on_disk(client.app.state.service.spool.folder) == []


@pytest.mark.parametrize("name", ["pathname", "start", "", "n" * 500])
def test_a_part_of_no_known_name_is_named(client: TestClient, name: str) -> None:
    said = client.post("/v1/analyze", **multipart(name, b"3"))
    assert (said.status_code, said.json()["type"]) == (422, "urn:demeanor:problem:unknown-part")
    assert f"got {name[:60]!r}; rename it" in said.json()["detail"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/v1/jobs", "GET, POST"), (f"/v1/jobs/{'0f' * 16}", "DELETE, GET"), ("/health", "GET, HEAD"), ("/", "GET, HEAD")],
)
def test_every_right_method_is_told(client: TestClient, path: str, allowed: str) -> None:
    said = client.put(path)
    assert (said.status_code, said.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_wrong_method_is_told_with_the_right_one(client: TestClient, method: str) -> None:
    said = client.request(method, "/v1/analyze")
    assert (said.status_code, said.headers["allow"]) == (405, "POST")
    assert said.json()["type"] == "urn:demeanor:problem:wrong-method"
    assert client.request(method, "/v1/nothing").status_code == 404


def test_a_playlist_opens_nothing(client: TestClient, tmp_path: Path) -> None:
    """What is sent may name files and addresses; none is ever opened."""
    secret = tmp_path / "secret.txt"
    secret.write_text("I love the secret")
    playlist = f"#EXTM3U\n#EXTINF:3,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode()
    concat = f"ffconcat version 1.0\nfile '{secret}'\n".encode()
    for body in (playlist, concat, str(secret).encode()):
        for part in ("audio", "video", "image"):
            said = client.post("/v1/analyze", files={part: ("x", body)})
            assert said.status_code == 422, said.text
        found = client.post("/v1/analyze", files={"file": ("x", body)}).json()
        assert "the secret" not in json.dumps(found)
    assert client.post("/v1/analyze", json={"text": str(secret)}).json()["segments"][0]["text"] == str(secret)


def test_a_request_too_large_is_refused_before_and_while_it_comes(tmp_path: Path) -> None:
    with app_client(tmp_path / "s", largest=10_000) as client:
        assert client.post("/v1/analyze", files={"image": b"x" * 20_000}).status_code == 413
        pieces = (multipart("image", b"x" * 20_000)["content"][i : i + 1000] for i in range(0, 20_000, 1000))
        sent = client.post("/v1/analyze", content=pieces, headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert (sent.status_code, sent.json()["type"]) == (413, "urn:demeanor:problem:too-large")
        assert on_disk(tmp_path / "s") == []


def test_a_client_that_sends_too_much_or_has_no_key_is_told_so_though_it_still_sends(tmp_path: Path) -> None:
    (tmp_path / "long.mp4").write_bytes(bytes(30 << 20))
    key = new_key(tmp_path / "keys", "ann")
    with served(tmp_path / "s", "--largest", "1", "--keys", str(tmp_path / "keys")) as service:
        for media in (tmp_path / "long.mp4", bytes(3 << 20)):
            with pytest.raises(demeanor.LimitError, match="at most 1048576 bytes"):
                demeanor.Client(service.url, key=key).analyze(file=media)
            with pytest.raises(demeanor.ServiceError, match="expected a valid key") as refused:
                demeanor.Client(service.url).submit(file=media)
            assert refused.value.status == 401


def test_a_client_tells_a_file_from_a_sentence_as_the_reader_does(tmp_path: Path) -> None:
    nobody = demeanor.Client("http://127.0.0.1:9", retries=0)
    for ask in (nobody.analyze, nobody.explain, nobody.submit):
        for name in ("missing.wav", "无.mp4", "https://example.com/clip.mp4"):
            with pytest.raises(demeanor.InputError, match=r"no such file; check the path|got a URL"):
                ask(name)
            with pytest.raises(demeanor.ServiceError):
                ask(text=name)  # these very words
        with pytest.raises(demeanor.InputError, match="expected a file, found none"):
            ask(str(tmp_path))
        with pytest.raises(demeanor.ConfigError, match="expected one text, got two"):
            ask("I love it", text="I hate it")
        told = pytest.warns(UserWarning, match="'report.pdf' was read as words, for there is no such file")
        with told, pytest.raises(demeanor.ServiceError):
            ask("report.pdf")
        assert told[0].filename == __file__
        for words in ("", "I love it", "a\0b", "\ud800", "long/" * 900, "x" * 300):
            with pytest.raises(demeanor.ServiceError):
                ask(words)


def test_a_client_sends_the_file_that_its_source_names(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("I love it")
    for source in (tmp_path / "words.txt", str(tmp_path / "words.txt"), b"I love it"):
        body = b"".join(sample_form(source, None, {}, None, None, None).body())
        assert b'name="file"' in body
        assert b"\r\n\r\nI love it\r\n" in body


@pytest.mark.parametrize("key", ["secret\nkey", "secret\n", "secret key", "secret\u2026", "secret\x7f", "s\xe9cret"])
def test_a_key_that_can_be_none_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(demeanor.ConfigError, match="printable ASCII") as refused:
        demeanor.Client(key=key)
    assert "cret" not in str(refused.value)


def a_png_that_says_it_is(width: int, height: int) -> bytes:
    """Of one point, whatever it says."""
    told = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", told), (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def test_what_lasts_too_long_or_has_too_many_pixels_is_told_so_with_the_numbers(tmp_path: Path) -> None:
    clip = (ROOT / "demo" / "clip.mp4").read_bytes()
    sound = write_wav(tmp_path / "long.wav", silence(3.0)).read_bytes()
    with app_client(tmp_path / "s", media_seconds=2.0) as client:
        for parts, most, got in (
            ({"video": ("c.mp4", clip)}, "at most 2 s", "got 12 s"),
            ({"audio": ("c.wav", sound)}, "at most 2 s", "got 3 s"),
            ({"image": ("c.png", a_png_that_says_it_is(30_000, 20_000))}, "300 megapixels", "30000 × 20000"),
        ):
            said = client.post("/v1/analyze", files=parts)
            assert (said.status_code, said.headers["content-type"]) == (413, "application/problem+json"), said.text
            assert said.json()["type"] == "urn:demeanor:problem:too-large"
            assert most in said.json()["detail"]
            assert got in said.json()["detail"]
            assert on_disk(tmp_path / "s") == []


def test_an_analysis_is_rendered_in_every_form(client: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    analysis = client.post("/v1/analyze", json={"text": "I love it. I hate it."}).json()
    analysis["corrections"] = [{"path": "/segments/0/text", "value": "We love it.", "by": "me", "at": "2026-01-01"}]
    page = client.post("/v1/render", json=analysis)
    assert page.text.startswith("<!doctype html>")
    assert "sandbox" in page.headers["content-security-policy"]
    rows = client.post("/v1/render?format=csv", json=analysis).text
    assert len(rows.splitlines()) >= 3
    assert ",We love it.," in rows
    assert client.post("/v1/render?format=srt", json=analysis).status_code == 422
    for wrong in ({}, [], {"schema": "demeanor.analysis/1"}, {**analysis, "segments": 3}, {**analysis, "cues": [1]}):
        assert client.post("/v1/render", json=wrong).status_code == 422
    (first, *others) = analysis["segments"]
    for chars in ([5], "x", [], {"a": 1}):
        broken = {**analysis, "segments": [{**first, "chars": chars}, *others]}
        assert client.post("/v1/render", json=broken).status_code == 422
    spoken = {**first, "chars": None, "start": 0.0, "end": 1.0}
    word = {"text": "I", "start": 0.0, "end": 1.0, "probability": None}
    for at in (-1, -0.5, 1e300, 1e7 + 1, 10**400, float("nan"), float("inf"), "x"):
        for wrong in ({"start": at}, {"end": at}, {"words": [{**word, "start": at}]}, {"words": [{**word, "end": at}]}):
            broken = json.dumps({**analysis, "segments": [{**spoken, **wrong}, *others]})
            told = client.post("/v1/render", content=broken, headers={"Content-Type": "application/json"})
            assert told.status_code == 422
            expected = "expected number" if at == "x" else "seconds from 0 to 10000000"
            assert expected in told.json()["detail"]
    told = client.post("/v1/render", json={**analysis, "duration": -1})
    assert (told.status_code, "duration" in told.json()["detail"]) == (422, True)
    said = {**first["reading"], "sentiment": {**first["reading"]["sentiment"], "score": 1e300}}
    strong = {**analysis, "segments": [{**first, "chars": [9 * i, 9 * i + 9], "reading": said} for i in range(6)]}
    told = client.post("/v1/render", json=strong)
    assert told.status_code == 422, told.text
    assert "got something else" in told.json()["detail"]
    assert "Warning" not in capfd.readouterr().err
    for corrections in ("x", [{}], ["x"], {"path": "x"}):
        told = client.post("/v1/render", json={**analysis, "corrections": corrections})
        assert told.status_code == 422
        assert re.search("corrections.*(a list of|expected array|expected object)", told.json()["detail"])


def test_the_document_describes_what_there_is(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert {"/v1/analyze", "/v1/jobs", "/v1/jobs/{id}/events", "/v1/models", "/health"} <= set(document["paths"])
    body = document["paths"]["/v1/analyze"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "multipart/form-data"}
    for example in body["application/json"]["examples"].values():
        assert client.post("/v1/analyze", json=example["value"]).status_code == 200
    text = json.dumps(document)
    for name in {p.split('"')[0] for p in text.split('"#/components/schemas/')[1:]}:
        assert name in document["components"]["schemas"]


def test_models_health_and_metrics(client: TestClient) -> None:
    assert client.get("/health").json()["version"] == demeanor.__version__
    asked = client.head("/health")
    assert (asked.status_code, asked.content) == (200, b"")
    assert set(client.get("/openapi.json").json()["paths"]["/health"]) == {"get"}
    assert client.get("/v1/models").json()[0]["cues"]
    client.post("/v1/analyze", json={"text": "unmistakable words"})
    told = client.get("/metrics").text
    assert 'demeanor_requests_total{method="POST",route="/v1/analyze",status="200"}' in told
    assert "unmistakable" not in told


def test_the_page_is_there(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert client.get("/../settings.py").status_code == 404
    assert client.get("/%2e%2e/settings.py").status_code == 404
    assert client.get("/page_files.py").status_code == 404


def test_a_client_that_sends_a_file_in_small_pieces(client: TestClient) -> None:
    body = multipart("image", SKY.read_bytes(), "a.jpg")
    data = io.BytesIO(body["content"])
    pieces = iter(lambda: data.read(777), b"")
    assert client.post("/v1/analyze", content=pieces, headers=body["headers"]).status_code == 200


@pytest.mark.parametrize("state", ["cancelled", "deleted"])
def test_a_client_that_waits_for_a_job_that_is_given_up_is_told_how(
    monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    client = demeanor.Client("http://127.0.0.1:9")
    monkeypatch.setattr(
        client, "events", lambda _: iter([{"state": "running", "error": None}, {"state": state, "error": None}])
    )
    with pytest.raises(demeanor.ServiceError, match=f"got one that is {state}") as told:
        client.wait("0" * 32)
    assert told.value.kind == state


@pytest.mark.parametrize(
    "mark", [rb"{\rtf1\ansi I love it.}", b"[Script Info]\nTitle: x\n\n[Events]\nDialogue: 0,I love it"]
)
@pytest.mark.parametrize("part", ["file", "text"])
def test_words_within_the_marks_of_another_program_are_refused(client: TestClient, part: str, mark: bytes) -> None:
    answer = client.post("/v1/analyze", files={part: ("a.txt", mark)})
    assert answer.status_code == 422
    assert re.search(r"got RTF|got subtitles in ASS", answer.json()["detail"])
