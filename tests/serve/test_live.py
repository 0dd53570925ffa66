"""`WS /v1/stream`: what goes in comes out as events; limits, strangers."""

import asyncio
import base64
import io
import itertools
import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demeanor.reader.analysis import Analysis
from demeanor.reader.events import Event
from demeanor.serve import live, sessions
from demeanor.serve.keys import new_key
from demeanor.serve.wire import HEADER
from live_calls import HELLO, STREAM, begun, events, media, pcm, rest, service
from reader_fakes import RATE, fake_reader, picture, silence, speech
from serve_calls import TestClient, app_client, children_of, on_disk, until
from serve_media import encoded, jpeg

TALK = np.concatenate([silence(0.5), speech(3.0), silence(1.0)])


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with app_client(tmp_path / "state") as found:
        service(found).reader = fake_reader()
        yield found


def test_sound_pictures_and_text_in_and_the_analysis_out(client: TestClient, tmp_path: Path) -> None:
    face = jpeg(picture([(100, 60, 90, "bright")]))
    with client.websocket_connect(STREAM, subprotocols=["demeanor"]) as ws:
        assert ws.accepted_subprotocol == "demeanor"
        told = begun(ws, id="call-7", language="en")
        assert (told["type"], told["protocol"], told["received"], told["missed"]) == ("hello", 1, 0, False)
        number = 0
        for at, message in enumerate(media(TALK, first=1)):
            number += 1
            ws.send_bytes(HEADER.pack(1, 1, 0, number, at / 10) + message[HEADER.size :])
            if at % 3 == 0:
                number += 1
                ws.send_bytes(HEADER.pack(2, 1, 0, number, at / 10) + face)
        ws.send_json({"type": "text", "n": number + 1, "text": "I love it."})
        ws.send_json({"type": "end"})
        out = rest(ws)
    assert any(t["type"] == "ack" and t["received"] == number + 1 for t in out)
    seqs = [e["seq"] for e in events(out)]
    assert seqs == sorted(set(seqs))
    final = out[-1]["analysis"]
    assert Analysis.from_dict(final).to_dict() == final
    assert (final["id"], final["kind"]) == ("call-7", "mixed")
    assert [s["text"] for s in final["segments"] if s["text"]] == ["I love it.", "I love it."]
    assert "words" in final["cues"]
    states = {e["state"] for e in events(out) if e["type"] == "segment"}
    assert "final" in states
    assert on_disk(tmp_path / "state") == []
    until(lambda: not service(client).lives._sessions, "the session to be forgotten")


def test_personal_data_are_left_out_of_everything_that_is_told(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        begun(ws, redact=True, names=["Okafor"], id="live")
        ws.send_json({"type": "text", "n": 1, "text": "Ask Okafor at js@example.com. Okafor is great."})
        ws.send_json({"type": "end"})
        out = rest(ws)
    texts = ["Ask [NAME] at [MAIL].", "[NAME] is great."]
    assert [e["segment"]["text"] for e in out if e["type"] == "segment"] == texts
    assert [s["text"] for s in out[-1]["analysis"]["segments"]] == texts
    assert "Okafor" not in json.dumps(out)
    assert "js@" not in json.dumps(out)


def test_speech_is_told_without_personal_data(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws, redact=True, names=["love"])["session"]
        for message in media(TALK):
            ws.send_bytes(message)
        ws.send_json({"type": "end"})
        out = rest(ws)
    segments = [e for e in out if e["type"] == "segment"]
    assert {e["segment"]["text"] for e in segments if e["state"] != "open"} == {"I [NAME] it."}
    assert {e["segment"]["text"] for e in segments if e["state"] == "open"} <= {None}
    assert {e["text"] for e in out if e["type"] == "partial"} <= {None}
    assert [s["text"] for s in out[-1]["analysis"]["segments"]] == ["I [NAME] it."]
    assert '"I love it' not in json.dumps(out)
    assert service(client).lives.found(token, "local").redacts


def test_whether_personal_data_are_left_out_is_said_where_a_session_begins(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws)["session"]
        ws.close(1001)
    with client.websocket_connect(STREAM) as ws:
        told = begun(ws, session=token, redact=True)
        assert (told["type"], told["problem"]["status"]) == ("error", 422)
        assert "begin another session" in told["problem"]["detail"]


def test_json_alone_will_do(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        begun(ws, cues="words,voice", audio={"format": "pcm", "rate": 8000, "channels": 2})
        stereo = np.repeat(TALK[::2, None], 2, axis=1)
        for at in range(0, len(stereo), 800):
            data = base64.b64encode(pcm(stereo[at : at + 800])).decode()
            ws.send_json({"type": "audio", "n": 1 + at // 800, "data": data})
        ws.send_json({"type": "ping"})
        ws.send_json({"type": "end"})
        out = rest(ws)
    assert {"pong", "ack"} <= {t["type"] for t in out}
    assert out[-1]["analysis"]["duration"] == pytest.approx(4.5)
    assert [s["text"] for s in out[-1]["analysis"]["segments"]] == ["I love it."]


def test_sessions_nobody_comes_back_to_are_forgotten(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "RESUME", 0.1)
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws)["session"]
        ws.send_bytes(next(media(TALK)))
        ws.close(1001)
    until(lambda: not service(client).lives._sessions, "the session to be forgotten")
    with client.websocket_connect(STREAM) as ws:
        told = begun(ws, session=token)
        assert (told["type"], told["problem"]["status"]) == ("error", 404)
        assert ws.receive()["code"] == 1008


def test_a_client_that_goes_for_good_leaves_nothing(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        begun(ws)
        for message in media(TALK):
            ws.send_bytes(message)
    until(lambda: not service(client).lives._sessions, "the session to be forgotten")
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("demeanor ")], "its threads to end")


def test_a_message_that_nothing_follows_is_acknowledged(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as ws:
        begun(ws, cues="voice")
        for number in (1, 2, 3):
            ws.send_bytes(HEADER.pack(1, 0, 0, number, 0.0) + pcm(silence(0.1)))
            told = ws.receive_json()
            while told["type"] != "ack":
                told = ws.receive_json()
            assert told["received"] == number


def test_the_operator_sees_live_sessions_and_not_what_was_said(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    def going() -> float:
        lines = client.get("http://127.0.0.1:8765/metrics").text.splitlines()
        return float(next(line for line in lines if line.startswith("demeanor_live_sessions ")).split()[1])

    with client.websocket_connect(STREAM) as ws:
        begun(ws, cues="words", id="the secret call")
        assert going() == 1
        ws.send_json({"type": "text", "n": 1, "text": "I love the secret."})
        ws.send_json({"type": "end"})
        rest(ws)
    with client.websocket_connect(STREAM) as ws:
        begun(ws, cues="words")
    until(lambda: going() == 0, "the sessions to end")
    with client.websocket_connect(STREAM) as ws:
        assert begun(ws, session="unknown")["type"] == "error"
    told = capsys.readouterr().err
    lines = [line for line in map(json.loads, told.splitlines()) if line["event"] == "live"]
    outcomes = [(line["outcome"], line["key"], line.get("problem")) for line in lines]
    assert outcomes == [("finished", "local", None), ("left", "local", None), ("refused", "local", "no-session")]
    assert all(line["ms"] >= 0 for line in lines)
    assert "secret" not in told


def test_what_is_wrong_costs_itself_only(client: TestClient) -> None:
    wrong: list[bytes | str] = [b"", "{", '{"type": "dance"}', HEADER.pack(1, 0, 0, 1, 0.0) + b"odd",
                                HEADER.pack(2, 0, 0, 2, 0.0) + b"no picture"]  # fmt: skip
    with client.websocket_connect(STREAM) as ws:
        begun(ws)
        for message in wrong:
            ws.send_bytes(message) if isinstance(message, bytes) else ws.send_text(message)
        for message in media(TALK, first=3):
            ws.send_bytes(message)
        ws.send_json({"type": "end"})
        out = rest(ws)
    problems = [t["problem"] for t in out if t["type"] == "problem"]
    assert [p["status"] for p in problems] == [422] * 5
    assert all("expected" in p["detail"] for p in problems)
    assert [s["text"] for s in out[-1]["analysis"]["segments"]] == ["I love it."]


def test_a_bomb_among_the_pictures_is_left_out_with_a_warning(client: TestClient) -> None:
    from PIL import Image

    bomb = io.BytesIO()
    Image.new("L", (65000, 300)).save(bomb, "JPEG", quality=1)
    face = jpeg(picture([(100, 60, 90, "bright")]))
    with client.websocket_connect(STREAM) as ws:
        stream = service(client).lives._sessions[begun(ws, cues="face,scene")["session"]]._stream
        # One by one: a slow machine passes over what waits. A picture is looked at when the next one comes.
        for at, image in enumerate([face, face, bomb.getvalue(), face, face]):
            looked, damaged = len(stream._seen.faces), stream.left_out["damaged"]
            ws.send_bytes(HEADER.pack(2, 1, 0, at + 1, float(at)) + image)
            until(
                lambda: not at or len(stream._seen.faces) > looked or stream.left_out["damaged"] > damaged,  # noqa: B023
                "a picture to be looked at",
            )
        ws.send_json({"type": "end"})
        out = rest(ws)
    (warning,) = (e["message"] for e in events(out) if e["type"] == "warning")
    assert "1 picture could not be read and was left out: " in warning
    assert "16 megapixels" in warning
    assert warning in out[-1]["analysis"]["warnings"]
    assert {"face", "scene"} <= set(out[-1]["analysis"]["cues"])


def test_a_session_goes_on_when_what_decodes_its_pictures_is_killed(client: TestClient) -> None:
    face = jpeg(picture([(100, 60, 90, "bright")]))
    pids, others = set(), set(children_of(os.getpid()))
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws, cues="face")["session"]
        decoder = service(client).lives._sessions[token]._decoders["picture"]
        seen = service(client).lives._sessions[token]._stream._seen
        numbers, looked = itertools.count(1), 0

        def looks_on() -> bool:
            # The picture under which the process dies is lost, and whether its death is seen at once is chance.
            number = next(numbers)
            ws.send_bytes(HEADER.pack(2, 1, 0, number, float(number)) + face)
            return len(seen.faces) > looked and decoder.pid not in {None, *pids}

        for _ in range(3):
            until(looks_on, "a picture to be looked at by a new process")
            looked = len(seen.faces)
            (pid,) = set(children_of(os.getpid())) - others - pids
            pids.add(pid)
            os.kill(pid, signal.SIGKILL)
        ws.send_json({"type": "end"})
        out = rest(ws)
    assert len(pids) == 3
    assert "face" in out[-1]["analysis"]["cues"]
    until(lambda: set(children_of(os.getpid())) <= others, "its processes to end")


@pytest.mark.parametrize("format", ["opus", "webm"])
def test_compressed_sound_is_decoded_elsewhere_and_a_dead_decoder_replaced(client: TestClient, format: str) -> None:
    talk = np.interp(np.arange(3 * len(TALK)) / 3, np.arange(len(TALK)), TALK).astype(np.float32)
    data, packets = encoded("webm", samples=talk)
    pieces = packets if format == "opus" else [data[at : at + 600] for at in range(0, len(data), 600)]
    junk = [b"\xff" * 7] if format == "opus" else []
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws, cues="words,voice", language="en", audio={"format": format})["session"]
        for number, piece in enumerate([*pieces, *junk], start=1):
            if number == 5:
                session = service(client).lives._sessions[token]
                until(lambda: session.received == 4, "what came so far")  # noqa: B023
                assert session._decoders[format].pid is not None
                os.kill(session._decoders[format].pid, signal.SIGKILL)
            ws.send_bytes(HEADER.pack(1, 0, 0, number, 0.0) + piece)
        ws.send_json({"type": "end"})
        out = rest(ws)
    assert len([t for t in out if t["type"] == "problem"]) <= 1 + len(junk)
    analysis = out[-1]["analysis"]
    assert analysis["duration"] == pytest.approx(len(TALK) / RATE, abs=0.5)
    assert [s["text"] for s in analysis["segments"]] == ["I love it."]
    if junk:
        assert any("could not be decoded" in w for w in analysis["warnings"])


def test_damaged_pictures_come_to_nothing(client: TestClient) -> None:
    data = jpeg(picture([(100, 60, 90, "bright")]))
    generator = np.random.default_rng(3)
    with client.websocket_connect(STREAM) as ws:
        begun(ws, cues="face,scene")
        for at in range(60):
            damaged = bytearray(data[: generator.integers(20, len(data))])
            for place in generator.integers(4, len(damaged), 8):
                damaged[place] = generator.integers(256)
            ws.send_bytes(HEADER.pack(2, 1, 0, at + 1, at / 3) + bytes(damaged))
            if at % 10 == 9:  # not more than wait: each is to be decoded
                ws.send_json({"type": "ping"})
                while ws.receive_json()["type"] != "pong":
                    pass
        ws.send_json({"type": "end"})
        assert rest(ws)[-1]["type"] == "final"


@pytest.mark.parametrize(
    "first",
    ['{"type": "hello", "protocol": 9}', '{"type": "end"}', "no", json.dumps({**HELLO, "cues": "smell"}),
     json.dumps({**HELLO, "fps": 900}), json.dumps({**HELLO, "language": "klingon"})],
)  # fmt: skip
def test_a_hello_that_is_none_is_refused(client: TestClient, first: str) -> None:
    with client.websocket_connect(STREAM) as ws:
        ws.send_text(first)
        told = ws.receive_json()
        assert told["type"] == "error"
        assert told["problem"]["status"] == 422
        assert ws.receive()["code"] == 1008
    assert not service(client).lives._sessions


def test_no_more_sessions_than_may_be(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_EACH", 1)
    with client.websocket_connect(STREAM) as ws:
        begun(ws)
        with client.websocket_connect(STREAM) as other:
            assert begun(other)["problem"]["status"] == 503


def test_too_much_too_fast_ends_the_connection(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MESSAGES", 1)
    with client.websocket_connect(STREAM) as ws:
        begun(ws)
        for _ in range(20):
            ws.send_json({"type": "ping"})
        told = [ws.receive_json()]
        while told[-1]["type"] != "error":
            told.append(ws.receive_json())
        assert told[-1]["problem"]["status"] == 429


def test_who_sends_nothing_is_let_go(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HELLO_WITHIN", 0.05)
    monkeypatch.setattr(live, "IDLE", 0.05)
    with client.websocket_connect(STREAM) as ws:
        assert ws.receive_json()["problem"]["status"] == 408
    monkeypatch.setattr(live, "HELLO_WITHIN", 10.0)
    with client.websocket_connect(STREAM) as ws:
        begun(ws)
        assert ws.receive_json()["problem"]["status"] == 408


def test_longer_than_may_be(client: TestClient) -> None:
    service(client).settings = replace(service(client).settings, media_seconds=2.0)
    with client.websocket_connect(STREAM) as ws:
        begun(ws)
        for message in media(np.concatenate([TALK, TALK])):  # more too late than may be wrong
            ws.send_bytes(message)
        out = rest(ws)
    (warning,) = (e["message"] for e in events(out) if e["type"] == "warning")
    assert "at most 2 s" in warning
    assert not [t for t in out if t["type"] == "problem"]
    assert out[-1]["analysis"]["warnings"] == [warning]
    assert out[-1]["analysis"]["duration"] == pytest.approx(2.0, abs=0.15)


def test_who_sends_on_when_a_session_is_full_finds_its_analysis(client: TestClient) -> None:
    """Also where the connection is lost meanwhile: nothing that comes late is wrong, and it is acknowledged."""
    service(client).settings = replace(service(client).settings, media_seconds=2.0)
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws)["session"]
        for message in media(TALK[: 3 * RATE]):
            ws.send_bytes(message)
        ws.close(1001)
    session = service(client).lives._sessions[token]
    until(lambda: session.finished, "the analysis")
    assert session.received > 20, "what came when it was full is acknowledged"
    with client.websocket_connect(STREAM) as ws:
        begun(ws, session=token)
        ws.send_json({"type": "end"})
        out = rest(ws)
    assert out[-1]["type"] == "final"
    assert not [t for t in out if t["type"] == "problem"]


def test_texts_are_no_longer_than_texts_may_be(client: TestClient) -> None:
    service(client).settings = replace(service(client).settings, longest=20)
    with client.websocket_connect(STREAM) as ws:
        begun(ws, cues="words")
        for number, text in enumerate(["I love it. " * 2, "I love it.", "I hate.", "I love it.", "So."], start=1):
            ws.send_json({"type": "text", "n": number, "text": text})
        ws.send_json({"type": "end"})
        out = rest(ws)
    (problem,) = (t["problem"] for t in out if t["type"] == "problem")
    assert (problem["status"], "at most 20 characters in all" in problem["detail"]) == (413, True)
    assert "in pieces" not in problem["detail"], "these would be too long together"
    analysis = out[-1]["analysis"]
    assert [s["text"] for s in analysis["segments"]] == ["I love it.", "I hate."], "nor what would fit behind a hole"
    assert ["at most 20 characters" in w for w in analysis["warnings"]] == [True]


def test_sound_goes_on_when_no_more_texts_are_taken(client: TestClient) -> None:
    service(client).settings = replace(service(client).settings, longest=20)
    with client.websocket_connect(STREAM) as ws:
        begun(ws)
        for number in (1, 2, 3, 4):
            ws.send_json({"type": "text", "n": number, "text": "I love it."})
        for message in media(TALK, first=5):
            ws.send_bytes(message)
        ws.send_json({"type": "end"})
        out = rest(ws)
    analysis = out[-1]["analysis"]
    assert analysis["duration"] == pytest.approx(len(TALK) / RATE, abs=0.15)
    assert ["at most 20 characters" in w for w in analysis["warnings"]] == [True]


def test_a_wrong_time_costs_its_message_only(client: TestClient) -> None:
    service(client).settings = replace(service(client).settings, media_seconds=60.0)
    first, *others = media(TALK)
    with client.websocket_connect(STREAM) as ws:
        begun(ws)
        ws.send_bytes(first)
        ws.send_bytes(HEADER.pack(2, 1, 0, 2, 1700.0) + jpeg(picture([])))
        for number, message in enumerate(others, start=3):
            ws.send_bytes(HEADER.pack(1, 1, 0, number, (number - 2) / 10) + message[HEADER.size :])
        ws.send_json({"type": "end"})
        out = rest(ws)
    (problem,) = (t["problem"]["detail"] for t in out if t["type"] == "problem")
    assert "expected a time within the 60 s" in problem
    assert out[-1]["analysis"]["duration"] == pytest.approx(len(TALK) / RATE, abs=0.15)
    assert not [w for w in out[-1]["analysis"]["warnings"] if "at most" in w]


def test_the_queue_of_jobs_answers_while_live_sessions_are_read_to_their_end(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.portal is not None
    client.portal.call(lambda: asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1)))
    gate = threading.Event()
    with client.websocket_connect(STREAM) as ws:
        session = service(client).lives._sessions[begun(ws)["session"]]
        finish, waits = session._stream.finish, threading.Event()
        monkeypatch.setattr(session._stream, "finish", lambda: (waits.set(), gate.wait(30), finish()))
        ws.send_json({"type": "end"})
        until(waits.is_set, "the end to be read")
        assert client.get("/v1/jobs").status_code == 200
        assert not session.finished
        gate.set()
        assert rest(ws)[-1]["type"] == "final"


def test_keys(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    mine, other = new_key(keys, "mine"), new_key(keys, "other")
    with app_client(tmp_path / "state", keys=keys) as client:
        service(client).reader = fake_reader()
        with client.websocket_connect(STREAM) as ws:
            told = ws.receive_json()
            assert (told["type"], told["problem"]["status"]) == ("error", 401)
        with client.websocket_connect(STREAM, subprotocols=["demeanor", f"demeanor.key.{mine}"]) as ws:
            assert ws.accepted_subprotocol == "demeanor"
            token = begun(ws)["session"]
            with client.websocket_connect(STREAM, headers={"Authorization": f"Bearer {other}"}) as stranger:
                assert begun(stranger, session=token)["problem"]["status"] == 404
            with client.websocket_connect(STREAM, headers={"Authorization": f"Bearer {mine}"}) as own:
                assert begun(own, session=token)["session"] == token


def test_events_for_a_client_that_sees_none_are_bounded(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_KEPT", 10)
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws)["session"]
        session = service(client).lives._sessions[token]
        ws.close(1001)
    for at in range(1, 31):
        session._keep(Event("warning" if at % 2 else "partial", at, at, at).to_dict())
    kept = [e["seq"] for e in session.after(0)]
    assert len(kept) == 10
    assert kept[-2:] == [29, 30]
    assert session.lost(5)
    session.acknowledged(29)
    assert [e["seq"] for e in session.after(0)] == [30]
