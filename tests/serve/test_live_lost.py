"""`WS /v1/stream`: connections that are lost or taken over, and what is held back, lose nothing and double nothing."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import numpy as np
import pytest

from demeanor.reader.events import Event
from demeanor.serve import live, sessions
from demeanor.serve.sessions import Session
from demeanor.serve.wire import HEADER, LARGEST, Medium
from live_calls import HELLO, STREAM, begun, events, media, pcm, rest, service
from reader_fakes import RATE, fake_reader, picture, silence, speech
from serve_calls import TestClient, app_client, until
from serve_media import encoded, jpeg

TALK = np.concatenate([silence(0.5), speech(3.0), silence(1.0)])


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with app_client(tmp_path / "state") as found:
        service(found).reader = fake_reader()
        yield found


def test_a_lost_connection_is_taken_up_again_and_nothing_is_told_twice(client: TestClient) -> None:
    messages = list(media(TALK))
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws)["session"]
        for message in messages[:30]:
            ws.send_bytes(message)
        ws.send_json({"type": "ping"})
        before = []
        while not before or before[-1]["type"] != "pong":
            before.append(ws.receive_json())
        ws.close(1001)
    seen = max((e["seq"] for e in events(before)), default=0)
    received = before[-1]["received"]
    assert received == 30
    with client.websocket_connect(STREAM) as ws:
        told = begun(ws, session=token, seen=seen)
        assert (told["session"], told["received"], told["missed"]) == (token, 30, False)
        for message in messages[25:]:  # five of them were received: they are passed over
            ws.send_bytes(message)
        ws.send_json({"type": "end"})
        after = rest(ws)
    assert all(e["seq"] > seen for e in events(after))
    final = after[-1]["analysis"]
    assert final["duration"] == pytest.approx(len(TALK) / RATE)
    assert [s["text"] for s in final["segments"]] == ["I love it."]


def test_a_gap_in_the_numbers_is_told_and_not_acknowledged(client: TestClient) -> None:
    first, second, seventh = (HEADER.pack(1, 0, 0, n, 0.0) + pcm(silence(1.0)) for n in (1, 2, 7))
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws, cues="voice")["session"]
        for message in (first, seventh):
            ws.send_bytes(message)
        told = ws.receive_json()
        while told["type"] != "problem":
            assert told.get("received", 1) == 1
            told = ws.receive_json()
        assert told["received"] == 1
        assert "expected the message numbered 2, got 7" in told["problem"]["detail"]
        ws.close(1001)
    with client.websocket_connect(STREAM) as ws:
        assert begun(ws, session=token)["received"] == 1
        for message in (first, second):
            ws.send_bytes(message)
        ws.send_json({"type": "end"})
        out = rest(ws)
    assert not [t for t in out if t["type"] == "problem"]
    assert [t["received"] for t in out if t["type"] == "ack"][-1] == 2
    assert out[-1]["analysis"]["duration"] == pytest.approx(2.0)


@pytest.mark.parametrize(
    "broken",
    [HEADER.pack(9, 0, 0, 1, 0.0), HEADER.pack(1, 0, 0, 1, 0.0) + bytes(LARGEST + 1), '{"type": "audio", "n": 1}',
     '{"type": "text", "n": 1, "text": "' + "a" * 2 * LARGEST + '"}'],
    ids=["kind", "large", "nothing", "text"],
)  # fmt: skip
def test_a_message_that_is_none_leaves_no_gap(client: TestClient, broken: bytes | str) -> None:
    with client.websocket_connect(STREAM) as ws:
        begun(ws, cues="words")
        ws.send_bytes(broken) if isinstance(broken, bytes) else ws.send_text(broken)
        ws.send_json({"type": "text", "n": 2, "text": "I love it."})
        ws.send_json({"type": "end"})
        out = rest(ws)
    assert [t["received"] for t in out if t["type"] == "problem"] == [1]
    assert [s["text"] for s in out[-1]["analysis"]["segments"]] == ["I love it."]


def test_the_final_event_waits_for_a_client_that_was_cut_off(client: TestClient) -> None:
    gate, words = threading.Event(), service(client).reader.experts.words
    read = words.read  # type: ignore[union-attr]
    words.read = lambda *given: gate.wait(60) and read(*given)  # type: ignore[union-attr, method-assign]
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws)["session"]
        ws.send_json({"type": "text", "n": 1, "text": "I hate it."})
        ws.send_json({"type": "end"})
        assert ws.receive_json()["type"] == "ack"
        ws.close(1001)
    session = service(client).lives._sessions[token]
    gate.set()
    until(lambda: session.finished, "the analysis")
    with client.websocket_connect(STREAM) as ws:
        assert begun(ws, session=token, seen=0)["received"] == 1
        assert [e["type"] for e in events(rest(ws))] == ["segment", "final"]


def told_in_vain(client: TestClient) -> str:
    """A session whose final event was sent and did not arrive."""
    with client.websocket_connect(STREAM) as ws:
        token: str = begun(ws)["session"]
        session = service(client).lives._sessions[token]
        ws.send_json({"type": "text", "n": 1, "text": "I hate it."})
        ws.send_json({"type": "end"})
        until(lambda: session.finished and session.connection is None, "the analysis to be sent")
    return token


@pytest.mark.parametrize("code", [1000, 1001])
def test_who_leaves_after_the_end_finds_it_when_he_comes_back(client: TestClient, code: int) -> None:
    """Closed at once: what was sent before is still taken, and nobody need be there while the rest is read."""
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws)["session"]
        ws.send_json({"type": "text", "n": 1, "text": "I hate it."})
        ws.send_json({"type": "end"})
        ws.close(code)
    session = service(client).lives._sessions[token]
    until(lambda: session.finished, "the analysis")
    with client.websocket_connect(STREAM) as ws:
        assert begun(ws, session=token, seen=0)["received"] == 1
        assert [e["type"] for e in events(rest(ws))] == ["segment", "final"]


def test_a_final_event_that_did_not_arrive_is_told_again(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "RESUME", 1.0)
    token = told_in_vain(client)
    for _ in range(2):
        with client.websocket_connect(STREAM) as ws:
            assert begun(ws, session=token, seen=0)["received"] == 1
            ws.send_json({"type": "end"})  # as a client does that does not know whether that had arrived
            assert [e["type"] for e in events(rest(ws))] == ["segment", "final"]
    until(lambda: token not in service(client).lives._sessions, "the session to be forgotten")


def test_what_is_read_to_its_end_without_its_client_is_kept_from_then_on(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "RESUME", 0.5)
    lives, gate = service(client).lives._sessions, threading.Event()
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws)["session"]
        session = lives[token]
        finish = session._stream.finish
        monkeypatch.setattr(session._stream, "finish", lambda: (gate.wait(30), finish()))
        ws.send_json({"type": "end"})
        ws.close(1001)
    until(lambda: session.left_at is not None, "the client to be gone")
    sleep(1.5)
    assert token in lives
    gate.set()
    until(lambda: session.finished, "the analysis")
    with client.websocket_connect(STREAM) as ws:
        begun(ws, session=token)
        assert rest(ws)[-1]["type"] == "final"
    until(lambda: token not in lives, "the session to be forgotten")


def test_a_session_that_fails_at_its_end_says_so_whatever_was_told_before(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError

    with client.websocket_connect(STREAM) as ws:
        token = begun(ws)["session"]
        session = service(client).lives._sessions[token]
        monkeypatch.setattr(session._stream, "finish", broken)
        for seq in range(1, 31):
            session._keep(Event("partial", seq, seq, seq).to_dict())
        ws.send_json({"type": "end"})
        error = rest(ws)[-1]
        assert (error["type"], error["seq"]) == ("error", 31)
        assert ws.receive()["code"] == 1008
    for seen, told in ((30, ["error"]), (31, [])):
        with client.websocket_connect(STREAM) as ws:
            begun(ws, session=token, seen=seen)
            assert [ws.receive_json()["type"] for _ in told] == told
            assert ws.receive()["code"] == 1008


def test_nothing_need_come_while_the_rest_is_read(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with client.websocket_connect(STREAM) as ws:
        stream = service(client).lives._sessions[begun(ws)["session"]]._stream
        finish = stream.finish

        def finished_later() -> None:
            sleep(0.3)
            finish()

        monkeypatch.setattr(stream, "finish", finished_later)
        monkeypatch.setattr(live, "IDLE", 0.05)
        ws.send_json({"type": "text", "n": 1, "text": "I hate it."})
        ws.send_json({"type": "end"})
        assert rest(ws)[-1]["type"] == "final"


def test_a_finished_session_leaves_no_decoder_behind(client: TestClient) -> None:
    """Nor does one that ends while nobody is there."""
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws, cues="face,scene")["session"]
        session = service(client).lives._sessions[token]
        for n in (1, 2):  # a picture is looked at when the next one comes
            ws.send_bytes(HEADER.pack(2, 1, 0, n, float(n)) + jpeg(picture([(100, 60, 90, "bright")])))
        until(lambda: session._decoders["picture"]._process is not None, "a decoder")
        process = session._decoders["picture"]._process
        ws.send_json({"type": "end"})
        ws.close(1000)
    until(lambda: session.finished and process.poll() is not None, "the decoder to end")


def test_finished_sessions_are_few_and_in_nobodys_way(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_EACH", 2)
    tokens = [told_in_vain(client) for _ in range(5)]
    assert list(service(client).lives._sessions) == tokens[2:], "the older ones were forgotten when the last began"
    with client.websocket_connect(STREAM) as ws:
        ws.send_json({**HELLO, "session": tokens[0]})
        assert ws.receive_json()["problem"]["type"].endswith("no-session")


def test_a_second_connection_takes_the_session_over(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as first:
        token = begun(first)["session"]
        with client.websocket_connect(STREAM) as second:
            assert begun(second, session=token)["session"] == token
            assert first.receive()["type"] == "websocket.close"
            second.send_json({"type": "end"})
            assert rest(second)[-1]["type"] == "final"


def test_of_two_that_take_it_over_at_once_one_has_it(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, leave = threading.Event(), live._Connection.leave

    async def held(connection: live._Connection) -> None:
        while not gate.is_set():
            await asyncio.sleep(0.01)
        await leave(connection)

    monkeypatch.setattr(live._Connection, "leave", held)
    with client.websocket_connect(STREAM) as first:
        token = begun(first)["session"]
        with client.websocket_connect(STREAM) as second, client.websocket_connect(STREAM) as third:
            for ws in (second, third):
                ws.send_json({**HELLO, "session": token})
                sleep(0.3)
            gate.set()
            assert third.receive_json()["session"] == token
            third.send_json({"type": "end"})
            assert rest(third)[-1]["type"] == "final"
            told = []
            while not told or told[-1]["type"] != "websocket.close":
                told.append(second.receive())
    assert not [t for t in told if "final" in t.get("text", "")]


def noting(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the messages that a session begins to take, as they come."""
    begun, take = [], session.take

    async def noted(medium: Medium) -> None:
        begun.append(medium.number)
        await take(medium)

    monkeypatch.setattr(session, "take", noted)
    return begun


def test_a_message_held_back_at_a_take_over_is_not_lost(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    message = HEADER.pack(1, 1, 0, 1, 0.0) + pcm(speech(1.0))
    with client.websocket_connect(STREAM) as first:
        token = begun(first, cues="words,voice")["session"]
        took = noting(service(client).lives._sessions[token], monkeypatch)
        monkeypatch.setattr(sessions, "BEHIND", -1.0)  # as if the reader were far behind
        first.send_bytes(message)
        until(lambda: took, "the message to come")
        with client.websocket_connect(STREAM) as second:
            assert begun(second, session=token)["received"] == 0
            monkeypatch.setattr(sessions, "BEHIND", 20.0)
            second.send_bytes(message)
            second.send_json({"type": "end"})
            out = rest(second)
    assert [t["received"] for t in out if t["type"] == "ack"][-1] == 1
    assert out[-1]["analysis"]["duration"] == pytest.approx(1.0)


def test_what_is_being_decoded_at_a_take_over_is_decoded_once_and_first(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    packets = encoded("webm", seconds=1)[1][:3]
    messages = [HEADER.pack(1, 0, 0, n, 0.0) + packet for n, packet in enumerate(packets, start=1)]
    gate, decoded = threading.Event(), []
    with client.websocket_connect(STREAM) as first:
        token = begun(first, cues="voice", audio={"format": "opus"})["session"]
        session = service(client).lives._sessions[token]
        took, take = noting(session, monkeypatch), session._sound.take

        def slow(data: bytes, time: float | None) -> None:
            if data == packets[0]:
                assert gate.wait(60)
            take(data, time)
            decoded.append(data)

        monkeypatch.setattr(session._sound, "take", slow)
        first.send_bytes(messages[0])
        until(lambda: session.received == 1, "the message to come")
        with client.websocket_connect(STREAM) as second:
            assert begun(second, session=token)["received"] == 1
            for message in messages:
                second.send_bytes(message)
            until(lambda: len(took) >= 2, "the next message to come")
            sleep(0.3)  # as long as it would take to pass the first one by
            gate.set()
            second.send_json({"type": "end"})
            rest(second)
    assert decoded == packets


def test_the_service_takes_no_more_than_can_be_heard_and_loses_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, recogniser = threading.Event(), service(client).reader.experts.recogniser
    hear = recogniser.hear  # type: ignore[union-attr]
    monkeypatch.setattr(recogniser, "hear", lambda *given, **more: (gate.wait(60), hear(*given, **more))[1])
    sound = np.tile(np.concatenate([silence(0.5), speech(3.0), silence(0.5)]), 15)
    with client.websocket_connect(STREAM) as ws:
        token = begun(ws, cues="words,voice", language="en")["session"]
        session = service(client).lives._sessions[token]
        for second in range(60):
            ws.send_bytes(HEADER.pack(1, 1, 0, second + 1, second) + pcm(sound[second * RATE : (second + 1) * RATE]))
        until(lambda: session.received > sessions.BEHIND, "as much as may wait")
        sleep(0.5)
        assert session.received <= sessions.BEHIND + 2
        gate.set()
        ws.send_json({"type": "end"})
        out = rest(ws)
    found = out[-1]["analysis"]
    whole = fake_reader("words", "voice").analyze(audio=sound, language="en")
    assert found["duration"] == pytest.approx(60.0)
    assert [s["start"] for s in found["segments"]] == pytest.approx([s.start for s in whole.segments])
    assert len(found["segments"]) >= 15
