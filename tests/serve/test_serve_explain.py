"""`POST /v1/explain`, and jobs that explain: the reasons that the command line gives, within the same limits."""

from pathlib import Path
from typing import Any

import pytest

import demeanor
from demeanor.explain.explanation import Explanation
from demeanor.report.schema import validate
from serve_calls import SKY, Served, TestClient, app_client, ended, on_disk, served, until, with_bundle

pytestmark = with_bundle
TEXT = "I love this phone. The battery, though, is a disappointment."


def plain(explanation: dict[str, Any]) -> dict[str, Any]:
    """Without what differs from run to run, and from machine to machine in the last places."""
    return {k: v for k, v in explanation.items() if k in ("said", "agreement", "kind", "label", "limits")}


def test_a_text_is_explained_as_python_explains_it(client: TestClient) -> None:
    said = client.post("/v1/explain", json={"text": TEXT, "id": "a", "language": "en"})
    assert said.status_code == 200
    found = said.json()
    validate(found, "explanation")
    expected = demeanor.analyze(text=TEXT, language="en", id="a").explain().to_dict()
    assert found["id"] == "a"
    assert plain(found) == plain(expected)
    words = [word["share"] for segment in found["segments"] for word in segment["words"]["parts"]]
    assert words == pytest.approx(
        [word["share"] for segment in expected["segments"] for word in segment["words"]["parts"]], abs=1e-3
    )
    assert "Without the last sentence" in found["said"][-1]["en"]


def test_media_are_explained_and_leave_nothing(client: TestClient) -> None:
    parts = {"image": ("天空.jpg", SKY.read_bytes()), "text": (None, "今天的天气真好")}
    found = client.post("/v1/explain", files=parts).json()
    validate(found, "explanation")
    assert (found["source"], found["kind"]) == ("天空.jpg", "mixed")
    assert found["heat"]
    assert on_disk(client.app.state.service.spool.folder) == []


def test_an_analysis_is_explained_as_far_as_its_numbers_go(client: TestClient) -> None:
    parts = {"image": SKY.read_bytes(), "text": (None, "今天的天气真好")}
    analysis = client.post("/v1/analyze", files=parts).json()
    found = client.post("/v1/explain", json=analysis).json()
    validate(found, "explanation")
    expected = demeanor.Analysis.from_dict(analysis).explain().to_dict()
    assert {**found, "provenance": None} == {**expected, "provenance": None}
    assert found["heat"] == []
    assert "read the input again" in found["limits"][0]
    page = client.post("/v1/explain?format=html&language=zh", json=analysis).text
    assert 'class="card why" aria-label="为什么"' in page


def test_a_report_with_the_reasons_in_it(client: TestClient) -> None:
    said = client.post("/v1/explain?format=html", json={"text": "I love it"})
    assert said.headers["content-security-policy"].startswith("sandbox")
    assert 'class="card why" aria-label="Why"' in said.text


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (422, "bad-input", {"schema": "demeanor.analysis/1"}),
        (422, "bad-input", {"schema": "demeanor.analysis/1", "cues": {}, "segments": 3, "overall": None}),
        (422, "bad-option", {"text": "x", "explain": True}),
        (422, "bad-option", [1]),
        (422, "bad-input", {"text": " "}),
        (422, "unknown-name", {"text": "x", "cues": ["smell"]}),
        (413, "too-large", {"text": "x" * 100_001}),
    ],
)
def test_what_cannot_be_explained_is_told_as_a_problem(client: TestClient, status: int, kind: str, body: Any) -> None:
    said = client.post("/v1/explain", json=body)
    assert (said.status_code, said.headers["content-type"]) == (status, "application/problem+json"), said.text
    assert said.json()["type"] == f"urn:demeanor:problem:{kind}"
    assert on_disk(client.app.state.service.spool.folder) == []


def test_an_analysis_with_numbers_that_are_none_is_refused(client: TestClient) -> None:
    analysis = client.post("/v1/analyze", json={"text": TEXT}).json()
    analysis["overall"]["sentiment"]["score"] = "much"
    assert client.post("/v1/explain", json=analysis).status_code == 422
    broken = b'{"schema": "demeanor.analysis/1", "overall": ' + b"[" * 100_000
    assert client.post("/v1/explain", content=broken, headers={"Content-Type": "application/json"}).status_code == 400


def test_a_damaged_file_is_refused(client: TestClient) -> None:
    said = client.post("/v1/explain", files={"image": ("x.jpg", b"\xff\xd8\xff\xe0 no picture")})
    assert (said.status_code, said.json()["type"]) == (422, "urn:demeanor:problem:unreadable")


def test_a_job_that_explains(client: TestClient) -> None:
    sent = {"files": {"file": ("sky.jpg", SKY.read_bytes())}}
    job = client.post("/v1/jobs?explain=true", **sent).json()
    assert ended(client, job["id"])["state"] == "done"
    found = client.get(f"/v1/jobs/{job['id']}/explanation").json()
    validate(found, "explanation")
    assert found["source"] == "sky.jpg"
    folder = str(client.app.state.service.spool.folder)
    page = client.get(f"/v1/jobs/{job['id']}/result?format=html").text
    assert 'class="card why"' in page
    assert folder not in page
    validate(client.get(f"/v1/jobs/{job['id']}/result").json())
    plainly = client.post("/v1/jobs", **sent).json()
    assert client.get(f"/v1/jobs/{plainly['id']}/explanation").status_code == 409
    assert ended(client, plainly["id"])["state"] == "done"
    refused = client.get(f"/v1/jobs/{plainly['id']}/explanation")
    assert refused.status_code == 409
    assert "explain=true" in refused.json()["detail"]


def test_one_key_is_not_for_a_job_with_and_one_without_reasons(client: TestClient) -> None:
    key = {"Idempotency-Key": "with-reasons"}
    first = client.post("/v1/jobs?explain=true", json={"text": "x"}, headers=key)
    again = client.post("/v1/jobs?explain=true", json={"text": "x"}, headers=key)
    assert again.json()["id"] == first.json()["id"]
    other = client.post("/v1/jobs", json={"text": "x"}, headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:demeanor:problem:key-reused")


def test_reasons_go_with_the_result(tmp_path: Path) -> None:
    with app_client(tmp_path / "s", keep_fetched=0.2) as client:
        job = client.post("/v1/jobs?explain=true", json={"text": TEXT}).json()
        assert ended(client, job["id"])["state"] == "done"
        assert client.get(f"/v1/jobs/{job['id']}/explanation").status_code == 200
        until(lambda: on_disk(tmp_path / "s") == [], "the explanation to go")
        gone = client.get(f"/v1/jobs/{job['id']}/explanation")
        assert (gone.status_code, gone.json()["type"]) == (410, "urn:demeanor:problem:gone")


def test_the_reasons_tell_how_far_they_are(client: TestClient) -> None:
    from demeanor.reader.progress import watched

    told: list[tuple[str, float]] = []
    analysis = demeanor.analyze(TEXT)
    with watched(lambda step, part: told.append((step, part))):
        analysis.explain()
    parts = [part for step, part in told if step == "reasons"]
    assert parts == sorted(parts)
    assert len(parts) >= 3


def test_the_client_of_python(tmp_path: Path) -> None:
    with served(tmp_path / "s") as service:
        explains(service)


def explains(service: Served) -> None:
    client = demeanor.Client(service.url)
    found = client.explain(TEXT)
    assert isinstance(found, Explanation)
    assert sum(cue.share or 0 for cue in found.cues) == pytest.approx(found.score, abs=1e-5)
    job = client.submit(image=SKY, explain=True)
    client.wait(job)
    why = client.explanation(job)
    assert why.heat
    assert Explanation.from_dict(why.to_dict()) == why
    with pytest.raises(demeanor.InputError):
        client.explain(" ")
