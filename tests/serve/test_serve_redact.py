"""Redaction through the service: analyses without personal data in every form, and copies of what was sent."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

import demeanor
from demeanor.media.faces import FaceFinder
from demeanor.media.image import decode_image
from demeanor.report.schema import validate
from serve_calls import PATIENCE, SKY, TestClient, ended, on_disk, served, until, with_bundle
from serve_media import a_face, silence

pytestmark = with_bundle
MAIL, NAME, PHONE = "js@example.com", "Lee", "212-555-0187"
TEXT = f"Lovely! Ask Ms. {NAME}, {PHONE}. Or write to {MAIL}, or to Quentin."
PERSONAL = (MAIL, NAME, PHONE)
FORMATS = ("json", "html", "csv")
SRT = f"1\n00:00:00,000 --> 00:00:02,000\nI love it, write to {MAIL}\n"


def nothing_personal(text: str, *more: str) -> None:
    """None of it is in there, and a placeholder is."""
    assert [value for value in (*PERSONAL, *more) if value in text] == []
    assert "[MAIL]" in text


def problem(said: Any) -> tuple[int, str]:
    assert said.headers["content-type"] == "application/problem+json", said.text
    return said.status_code, said.json()["type"].rpartition(":")[2]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", [TEXT, TEXT + " It was fine." * 200], ids=["short", "long"])
def test_a_text_is_read_without_personal_data_in_every_form(client: TestClient, text: str, form: str) -> None:
    """Short ones are read in the service's own process, long ones in another."""
    sent = {"text": text, "redact": True, "names": ["Quentin"], "id": f"of {MAIL}"}
    said = client.post(f"/v1/analyze?format={form}", json=sent)
    assert said.status_code == 200, said.text
    nothing_personal(said.text, "Quentin")


def test_the_numbers_are_those_of_the_whole_text(client: TestClient) -> None:
    found = client.post("/v1/analyze", json={"text": TEXT, "redact": True}).json()
    validate(found)
    assert found["overall"] == client.post("/v1/analyze", json={"text": TEXT, "redact": False}).json()["overall"]
    assert found["segments"][1]["text"] == "Ask Ms. [NAME], [PHONE]."
    assert MAIL in client.post("/v1/analyze", json={"text": TEXT}).text


@pytest.mark.parametrize("covered", [True, False])
def test_faces_in_the_pictures_of_a_report_are_covered(client: TestClient, covered: bool) -> None:
    parts = {"image": ("me.jpg", a_face()), "redact": (None, "true"), "faces": (None, str(covered).lower())}
    page = client.post("/v1/analyze?format=html", files=parts).text
    pictures = re.findall(r"data:image/\w+;base64,([A-Za-z0-9+/=]+)", page)
    faces = [face for data in pictures for face in FaceFinder().find(decode_image(base64.b64decode(data)))]
    assert pictures
    assert bool(faces) is not covered


@pytest.mark.parametrize("path", ["/v1/analyze", "/v1/explain"])
def test_a_form_may_say_it_too(client: TestClient, path: str) -> None:
    parts = {"image": (f"{MAIL}.jpg", SKY.read_bytes()), "text": (None, TEXT), "redact": (None, "true")}
    said = client.post(path, files=parts)
    assert said.status_code == 200, said.text
    nothing_personal(said.text)
    assert on_disk(client.app.state.service.spool.folder) == []


def test_a_transcript_of_a_film_is_redacted_in_subtitles(client: TestClient) -> None:
    parts = {
        "audio": ("call.wav", silence()), "transcript": ("call.srt", SRT), "redact": (None, "true"),
        "cues": (None, "words"),
    }  # fmt: skip
    for form in (*FORMATS, "srt", "vtt"):
        said = client.post(f"/v1/analyze?format={form}", files=parts)
        assert said.status_code == 200, said.text
        nothing_personal(said.text)


@pytest.mark.parametrize(
    ("body", "told"),
    [({"redact": "true"}, "redact: "), ({"redact": 1}, "redact: "), ({"names": ["Ann"]}, "expected redact=true"),
     ({"redact": False, "faces": False}, "expected redact=true"), ({"redact": True, "beep": False}, "beside a copy"),
     ({"redact": True, "names": ["x" * 201]}, "names.0: "), ({"redact": True, "names": ["x"] * 201}, "names: ")],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/analyze", "/v1/explain", "/v1/jobs"])
def test_what_could_be_meant_as_a_redaction_and_is_none_is_refused(
    client: TestClient, path: str, body: dict[str, Any], told: str
) -> None:
    form = {k: (None, ",".join(v) if isinstance(v, list) else str(v).lower()) for k, v in body.items()}
    ways: list[dict[str, Any]] = [{"json": {"text": TEXT, **body}}, {"files": {"text": (None, TEXT), **form}}]
    for sent in ways[: 1 if body == {"redact": "true"} else 2]:  # which is how a form says it
        said = client.post(path, **sent)
        assert problem(said) == (422, "bad-option")
        assert told in said.json()["detail"]


def test_a_school_class_is_left_out_either_way(client: TestClient) -> None:
    """As many names, each as long as it may be; empty ones are passed over."""
    names = [f"Quentin{chr(0x4E00 + n) * 193}" for n in range(199)] + ["Quentin"]
    form = {"text": (None, TEXT), "redact": (None, "true"), "names": (None, ", ".join(names) + ",, ")}
    for sent in ({"json": {"text": TEXT, "redact": True, "names": [*names[1:], ""]}}, {"files": form}):
        said = client.post("/v1/analyze", **sent)
        assert said.status_code == 200, said.text
        nothing_personal(said.text, "Quentin")


def test_lists_in_forms_have_commas_of_either_script(client: TestClient) -> None:
    form = {"text": (None, "阿强和小芳吵了一架。"), "redact": (None, "true"), "names": (None, "阿强，小芳、Quentin")}
    said = client.post("/v1/analyze", files={**form, "cues": (None, "words，voice")})
    assert said.status_code == 200, said.text
    assert "[NAME]和[NAME]吵了一架" in said.text


def test_so_has_a_name_in_json_and_the_limits_hold_for_its_parts(client: TestClient) -> None:
    sent = {"text": "阿强和小芳吵了一架。", "redact": True, "names": ["阿强，小芳"]}
    said = client.post("/v1/analyze", json=sent)
    assert said.status_code == 200, said.text
    assert "[NAME]和[NAME]吵了一架" in said.text
    assert problem(client.post("/v1/analyze", json={**sent, "names": ["强、" * 101, "芳," * 100]}))[0] == 422


@pytest.mark.parametrize("value", ["yes", "", "True", "1"])
def test_a_form_that_says_neither_true_nor_false_is_refused(client: TestClient, value: str) -> None:
    said = client.post("/v1/jobs", files={"text": (None, TEXT), "redact": (None, value)})
    assert problem(said) == (422, "bad-option")


def test_a_message_does_not_repeat_what_was_sent(client: TestClient) -> None:
    broken = f"1\n00:00:00,000 --> write to {MAIL}\nI love it\n"
    parts = {"audio": ("call.wav", silence()), "transcript": ("call.srt", broken)}
    assert MAIL in client.post("/v1/analyze", files=parts).text
    said = client.post("/v1/analyze", files={**parts, "redact": (None, "true")})
    assert said.status_code == 422
    assert MAIL not in said.text
    assert "not repeated" in said.json()["detail"]


@pytest.mark.parametrize("route", ["/v1/analyze", "/v1/explain", "/v1/jobs"])
def test_nor_what_the_file_is_called(client: TestClient, route: str) -> None:
    parts = {"file": ("Ann at home.srt", "1\n00:00:00,000 --> or so\nI love it\n"), "id": (None, "Ann's")}
    assert "Ann at home" in client.post("/v1/analyze", files=parts).text
    said = client.post(route, files={**parts, "redact": (None, "true")})
    told = ended(client, said.json()["id"])["error"] if route == "/v1/jobs" else said.json()
    assert told["status"] == 422
    assert told["detail"].startswith("the file, line 2: expected")
    assert not [word for word in ("Ann", "home", "or so") if word in json.dumps(told)]


def test_one_key_is_not_for_a_job_that_redacts_and_one_that_does_not(client: TestClient) -> None:
    for number, (first, other) in enumerate([({"redact": True}, {}), ({"redact": True}, {"redact": False})]):
        key = {"Idempotency-Key": f"redacted-{number}"}
        assert client.post("/v1/jobs", json={"text": "x", **first}, headers=key).status_code == 202
        assert problem(client.post("/v1/jobs", json={"text": "x", **other}, headers=key)) == (422, "key-reused")
    key = {"Idempotency-Key": "copied"}
    assert client.post("/v1/jobs?copy=true", json={"text": "x"}, headers=key).status_code == 202
    assert problem(client.post("/v1/jobs", json={"text": "x"}, headers=key)) == (422, "key-reused")


def personal_in(folder: Path) -> list[str]:
    """Files below in which something personal is, the log and the database among them."""
    needles = [value.encode() for value in (*PERSONAL, "holiday-in-rome")]
    return [p.name for p in folder.rglob("*") if p.is_file() and any(n in p.read_bytes() for n in needles)]


def test_nothing_personal_stays_of_a_redacted_job(tmp_path: Path) -> None:
    """Neither on the disk while its result is kept, nor in events, nor in the log, nor anywhere programs write to."""
    with served(tmp_path / "s", home=tmp_path / "home") as service:
        client = demeanor.Client(service.url, timeout=PATIENCE)
        picture = tmp_path / f"of {MAIL}.jpg"
        picture.write_bytes(SKY.read_bytes())
        jobs = [
            client.submit(TEXT, image=picture, id=f"for {MAIL}", redact=True),
            client.submit(TEXT, redact=True, explain=True),
        ]
        picture.unlink()
        events = [json.dumps(list(client.events(job))) for job in jobs]
        until(lambda: not list((tmp_path / "s" / "jobs").glob("*/in")), "the uploads to go")
        assert len(on_disk(tmp_path / "s")) == 3 + 4
        assert personal_in(tmp_path) == []
        assert [value for value in PERSONAL if value in "".join(events)] == []
        for job in jobs:
            for form in FORMATS:
                nothing_personal(client.result(job, form).decode())
        assert "[MAIL]" in json.dumps(client.explanation(jobs[1]).to_dict())
        assert "[MAIL]" in (client.analyze(TEXT, redact=True).source or "")
        assert personal_in(tmp_path) == []
