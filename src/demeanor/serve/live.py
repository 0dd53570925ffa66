"""`WS /v1/stream`: sound, pictures and text in, events out; docs/live.md is the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from functools import partial
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from demeanor.errors import DemeanorError, InputError
from demeanor.reader.experts import Experts
from demeanor.reader.inputs import chosen_cues, language_of
from demeanor.serve import sessions
from demeanor.serve.identity import identify
from demeanor.serve.log import log
from demeanor.serve.problem import Problem, fault, of
from demeanor.serve.service import Service, service_of
from demeanor.serve.sessions import Session, apart
from demeanor.serve.wire import LARGEST, PROTOCOL, Command, Hello, Medium, hello, number_of, parsed
from demeanor.serve.worker import place

router = APIRouter()

HELLO_WITHIN, IDLE = 10.0, 60.0
"""Seconds in which a client must begin, and in which it must send something, if only a ping."""

BYTES, MESSAGES = 4 << 20, 200
"""A second that a client may send on average over `_SPAN` seconds."""

MOST_FAULTS = 50
"""Messages of one connection that may be wrong."""

ACK_AFTER = 0.25
"""Seconds after which what was taken is acknowledged at the latest, and after every `ACK_EVERY` messages."""

ACK_EVERY = 16
WINDOW = 8 << 20
"""Bytes that a client should send beyond what is acknowledged, at most."""

LEAVE_WITHIN = 2.0
"""Seconds in which a connection that is taken over passes on what it had received."""

_SPAN = 10.0


@router.websocket("/v1/stream")
async def stream(websocket: WebSocket) -> None:
    """One connection of a live session."""
    offered = websocket.scope.get("subprotocols", ())
    await websocket.accept("demeanor" if "demeanor" in offered else None)
    service, began = service_of(websocket), time.monotonic()
    try:
        owner = await identify(websocket)
        connection = await _begun(websocket, service, owner)
    except WebSocketDisconnect:
        return
    except Exception as error:  # a client is told of whatever it is
        problem = error if isinstance(error, Problem) else of(error) if isinstance(error, DemeanorError) else fault()
        if problem.kind == "fault":
            log("fault", where=place(error), request="stream")
        log(
            "live", outcome="refused", problem=problem.kind, ms=round(1000 * (time.monotonic() - began), 1),
            key=websocket.scope.get("demeanor.owner"),
        )  # fmt: skip
        await _refuse(websocket, problem)
        return
    await service.lives.undisturbed(_served(service, connection))


@router.websocket("/{path:path}")
async def nowhere(websocket: WebSocket) -> None:
    """Any other WebSocket."""
    raise Problem(404, "not-found", "expected a WebSocket to /v1/stream, got one to another path; see docs/live.md")


async def _served(service: Service, connection: _Connection) -> None:
    """Serve a connection, and keep or drop its session afterwards."""
    session = connection.session
    try:
        await connection.run()
    finally:
        if session.connection is connection:
            session.connection, session.left_at = None, time.monotonic()
            if connection.gone and not session.ended:
                await service.lives.drop(session, "left")


async def _begun(websocket: WebSocket, service: Service, owner: str) -> _Connection:
    """The connection as the only one of the session that it is for.

    Raises:
        Problem: no such session, or one too many.
        DemeanorError: options that are wrong.
        WebSocketDisconnect: the client went away.
    """
    try:
        async with asyncio.timeout(HELLO_WITHIN):
            first = parsed(await _received(websocket))
    except TimeoutError as error:
        raise Problem(408, "too-slow", f"expected a hello within {HELLO_WITHIN:.0f} s, got none") from error
    if not isinstance(first, Command):
        raise InputError(f'expected first {{"type": "hello", "protocol": {PROTOCOL}}}, got a medium')
    wanted = hello(first)
    if wanted.session is not None:
        session = service.lives.found(wanted.session, owner)
        if wanted.redact and not session.redacts:
            raise InputError('expected "redact" where the session began, got it later; begin another session')
    else:
        await apart(partial(_warm, service.reader.experts, wanted))
        session = service.lives.begin(lambda: Session(service.reader, wanted, owner, service.settings), owner)
    connection = _Connection(websocket, session, wanted.seen)
    async with session.handing_over:  # of several that come at once each finds the one before it
        before, session.connection, session.left_at = session.connection, connection, None
        if isinstance(before, _Connection):
            await before.leave()
    return connection


def _warm(experts: Experts, wanted: Hello) -> None:
    """Load what will be needed, so that the first second is read as quickly as the others."""
    cues = chosen_cues(wanted.options.get("cues"))
    language_of(wanted.options.get("language", "auto"))
    if cues & {"words", "voice"}:
        _ = experts.recogniser, experts.voice
    _ = [getattr(experts, cue) for cue in sorted(cues)]


class _Connection:
    """Reads from a client and writes to it at the same time.

    Attributes:
        session: that it is for.
        gone: whether the client closed as one does that will not come back.
    """

    def __init__(self, websocket: WebSocket, session: Session, seen: int) -> None:
        self._websocket, self.session, self._seen = websocket, session, seen
        self._faults, self._unacknowledged, self._acknowledged_at = 0, 0, time.monotonic()
        self._spent = (0.0, 0.0, time.monotonic())
        self._writing = asyncio.Lock()
        self._came = asyncio.Event()
        self._left, self._read_out = asyncio.Event(), asyncio.Event()
        self._told, self.gone = False, False

    async def run(self) -> None:
        """Until either side ends it."""
        await self._say(
            type="hello", protocol=PROTOCOL, session=self.session.token, received=self.session.received,
            missed=self.session.lost(self._seen), resume=sessions.RESUME, window=WINDOW, largest=LARGEST,
        )  # fmt: skip
        works = (self._read, self._write, self._acknowledge_last, self._left.wait)
        tasks = [asyncio.create_task(work()) for work in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Problem):
                await _refuse(self._websocket, error)
            elif isinstance(error, WebSocketDisconnect):
                self.gone = error.code == 1000  # for good; any other way it may come back
            elif isinstance(error, Exception) and not isinstance(error, WebSocketDisconnect | RuntimeError):
                raise error
        told = 1008 if self.session.failed else 1000
        await self._close(told if self._told else 1000 if self.gone else 1012)

    async def leave(self) -> None:
        """Another connection takes the session over, after what had come on this one."""
        await self._close(1000)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._read_out.wait(), LEAVE_WITHIN)
        self._left.set()

    async def _read(self) -> None:
        try:
            await self._read_on()
        finally:
            self._read_out.set()

    async def _read_on(self) -> None:
        while True:
            try:
                async with asyncio.timeout(None if self.session.ended else IDLE):  # nothing more need come then
                    message = await _received(self._websocket)
            except TimeoutError as error:
                raise Problem(
                    408, "too-slow", f"expected a message every {IDLE:.0f} s, got none; send pings"
                ) from error
            self._spend(len(message))
            try:
                await self._taken(self._parsed(message))
            except DemeanorError as error:
                self._faults += 1
                if self._faults > MOST_FAULTS:
                    raise Problem(422, "too-many-faults", "too many messages that could not be taken") from error
                await self._say(type="problem", received=self.session.received, problem=of(error).to_dict())

    def _parsed(self, message: bytes | str) -> Medium | Command:
        try:
            return parsed(message)
        except DemeanorError:
            self.session.pass_over(number_of(message))  # it came; its number is not to be waited for
            raise

    async def _taken(self, message: Medium | Command) -> None:
        if isinstance(message, Medium):
            try:
                await self.session.take(message)
            finally:
                self._unacknowledged += 1
                self._came.set()
            late = time.monotonic() - self._acknowledged_at > ACK_AFTER
            if late or self._unacknowledged >= ACK_EVERY:
                await self._acknowledge()
        elif message.type == "ack":
            seq = message.fields.get("seq")
            if isinstance(seq, int):
                self.session.acknowledged(min(seq, self._seen))
        elif message.type == "end":
            await self._acknowledge()
            self.session.end()
        elif message.type == "ping":
            await self._say(type="pong", received=self.session.received)
        else:
            raise InputError("expected audio, picture, text, ack, ping or end, got another type; see docs/live.md")

    async def _acknowledge(self) -> None:
        self._came.clear()
        self._unacknowledged, self._acknowledged_at = 0, time.monotonic()
        await self._say(type="ack", received=self.session.received)

    async def _acknowledge_last(self) -> None:
        """What nothing follows that would have it acknowledged."""
        while True:
            await self._came.wait()
            while (left := self._acknowledged_at + ACK_AFTER - time.monotonic()) > 0:
                await asyncio.sleep(left)
            if self._came.is_set():
                await self._acknowledge()

    async def _write(self) -> None:
        """Events, as fast as the client takes them."""
        while True:
            for event in self.session.after(self._seen):
                await self._say(**event)
                self._seen = event["seq"]
            if self.session.finished and not self.session.after(self._seen):
                self._told = True
                return
            await self.session.news()

    def _spend(self, size: int) -> None:
        """Count a message; a bucket of `_SPAN` seconds.

        Raises:
            Problem: too much too fast.
        """
        taken, count, at = self._spent
        now = time.monotonic()
        taken, count = max(0.0, taken - (now - at) * BYTES) + size, max(0.0, count - (now - at) * MESSAGES) + 1
        self._spent = (taken, count, now)
        if taken > BYTES * _SPAN or count > MESSAGES * _SPAN:
            raise Problem(429, "too-many", f"expected at most {BYTES} bytes and {MESSAGES} messages a second, got more")

    async def _say(self, **told: Any) -> None:
        # A client that is gone is noticed by what is received of it: first all that it had sent, then that it left.
        async with self._writing:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._websocket.send_text(json.dumps(told, ensure_ascii=False))

    async def _close(self, code: int) -> None:
        if self._websocket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._websocket.close(code)


async def _received(websocket: WebSocket) -> bytes | str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    found = message.get("bytes")
    return found if found is not None else message.get("text") or ""


async def _refuse(websocket: WebSocket, problem: Problem) -> None:
    """Say why, and close."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await websocket.send_text(json.dumps({"type": "error", "problem": problem.to_dict()}, ensure_ascii=False))
        await websocket.close(1008, problem.kind)
