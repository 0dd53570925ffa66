"""`WS /v1/stream` as tests speak it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from starlette.testclient import WebSocketTestSession

from demeanor.serve.service import Service
from demeanor.serve.wire import HEADER, PROTOCOL
from reader_fakes import RATE
from serve_calls import TestClient

STREAM = "ws://127.0.0.1:8765/v1/stream"
HELLO: dict[str, Any] = {"type": "hello", "protocol": PROTOCOL}


def service(client: TestClient) -> Service:
    found: Service = client.app.state.service  # type: ignore[attr-defined]
    return found


def pcm(samples: np.ndarray) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def media(sound: np.ndarray, first: int = 1, start: float = 0.0) -> Iterator[bytes]:
    """Binary messages: a tenth of a second of sound each."""
    for at in range(0, len(sound), 1600):
        yield HEADER.pack(1, 1, 0, first + at // 1600, start + at / RATE) + pcm(sound[at : at + 1600])


def begun(ws: WebSocketTestSession, **more: Any) -> dict[str, Any]:
    ws.send_json({**HELLO, **more})
    told: dict[str, Any] = ws.receive_json()
    return told


def rest(ws: WebSocketTestSession) -> list[dict[str, Any]]:
    """All that comes until the end."""
    told = []
    while not told or told[-1]["type"] not in ("final", "error"):
        told.append(ws.receive_json())
    return told


def events(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [t for t in told if t["type"] in ("partial", "segment", "retract", "warning", "final")]
