"""Live sessions: each outlives a lost connection for a while; nothing of them is written down anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from demeanor.errors import DemeanorError, InputError, LimitError
from demeanor.reader.events import Event
from demeanor.reader.reader import Reader
from demeanor.reader.redact_live import LiveEraser
from demeanor.serve.decoding import Coded, Decoder, Pcm, Pictures, Sound
from demeanor.serve.log import log
from demeanor.serve.problem import Problem, fault, of
from demeanor.serve.settings import Settings
from demeanor.serve.wire import Hello, Medium
from demeanor.serve.worker import place

Result = TypeVar("Result")

MOST, MOST_EACH = 8, 4
"""Live sessions at a time, altogether and of one owner."""

RESUME = 60.0
"""Seconds that a session without a connection is kept, and what it told at its end after that."""

MOST_KEPT = 2000
"""Events kept for a client that has not acknowledged them; of partial readings the last alone."""

AHEAD = 60.0
"""Seconds beyond the length of a session that the time of a medium may say; one later than that is a slip."""

BEHIND = 20.0
"""Seconds of sound that may wait to be heard; the service takes nothing more until it has caught up."""

_IMAGES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")
_THREADS = ThreadPoolExecutor(3 * MOST, "live")  # a session is read to its end in one while another calls it off
_BEAT = 0.05  # seconds between two looks at whether the reader has caught up


async def apart(work: Callable[[], Result]) -> Result:
    """The result of what may block for long, in a thread of live sessions: the loop's few are for the queue of jobs."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


class Session:
    """One live reading and what a client has still to be told of it.

    Args:
        reader: that reads.
        hello: what the client began with.
        owner: whose session it is.
        settings: what they say of the length of sound and texts holds for all of a session.

    Attributes:
        token: by which a client comes back.
        received: number of the last message taken.
        finished: whether the final event was told.
        failed: whether that is an error.
        connection: of a client; the last one that came has the session.
        left_at: since when there is none; None while there is one.
        handing_over: held while a connection takes the place of another.
    """

    def __init__(self, reader: Reader, hello: Hello, owner: str, settings: Settings) -> None:
        self.token, self.owner = secrets.token_urlsafe(24), owner
        self.received, self.finished, self.failed = 0, False, False
        self._began, self._noted = time.monotonic(), False
        self._settings, self._loop = settings, asyncio.get_running_loop()
        self._written, self._full, self._left_aside = 0, False, False
        self._kept: deque[dict[str, Any]] = deque()
        self._forgotten, self._latest = 0, 0
        self._news, self._pushing = asyncio.Event(), asyncio.Lock()
        self._ending: asyncio.Task[None] | None = None
        self._eraser = LiveEraser(hello.names) if hello.redact else None
        self._stream = reader.stream(**hello.options, callback=self._heard)
        self._decoders = {kind: Decoder(kind) for kind in ("picture", hello.sound) if kind != "pcm"}
        self._stream.decode = Pictures(self._decoders["picture"]).decoded
        self._sound: Sound = (
            Pcm(hello.rate, hello.channels, self._stream.push_audio)
            if hello.sound == "pcm"
            else Coded(self._decoders[hello.sound], self._stream.push_audio, self._stream.warn)
        )
        self.connection: object | None = None
        self.left_at: float | None = None
        self.handing_over = asyncio.Lock()

    async def take(self, medium: Medium) -> None:
        """Push what came; waits while the reader is far behind.

        Whoever is cancelled while it waits has taken nothing; what was begun goes on to its end. So `received` is true
        at every moment, also where another connection takes the session over.

        Raises:
            InputError: it cannot be taken; later messages can.
        """
        while self._stream.behind > BEHIND:
            await asyncio.sleep(_BEAT)
        await asyncio.shield(self._loop.create_task(self._push(medium)))

    async def _push(self, medium: Medium) -> None:
        async with self._pushing:
            if medium.number <= self.received:
                return  # sent again after a lost connection
            if medium.number > self.received + 1:
                raise InputError(
                    f"expected the message numbered {self.received + 1}, got {medium.number}, which is passed over; "
                    "send those from there on again"
                )
            self.received = medium.number
            if self._full:
                return  # it has been told
            if self._ending is not None:
                raise InputError("expected nothing after the end, got more; begin another session")
            most = self._settings.media_seconds
            if (medium.time or 0) > most + AHEAD:
                raise InputError(
                    f"expected a time within the {most:.0f} s of a live session, got {medium.time:.0f} s; mend it"
                )
            if self._stream.seconds > most:
                self._fill(f"{most:.0f} s")
            elif medium.kind == "audio":
                await self._hear(medium)
            elif medium.kind == "picture":
                self._stream.push_frame(_like_a_picture(medium.data), medium.time)
            else:
                self._write(medium.data.decode("utf-8", "replace"))

    def _write(self, text: str) -> None:
        """Push a text, or leave it aside where it and those before it are too long together: sound goes on.

        Raises:
            LimitError: it is longer than all of them may be.
        """
        longest = self._settings.longest
        if len(text) > longest:
            raise LimitError(
                f"expected texts of at most {longest} characters in all of a live session, got one of {len(text)}; "
                "send less of it"
            )
        if not self._left_aside and self._written + len(text) <= longest:
            self._written += len(text)
            self._stream.push_text(text)
        elif not self._left_aside:
            self._left_aside = True
            self._warn_of(f"{longest} characters of text")

    def _fill(self, most: str) -> None:
        """End a session into which no more goes: what was read is not lost over a client that sends on."""
        self._full = True
        self._warn_of(most)
        self.end()

    def _warn_of(self, most: str) -> None:
        self._stream.warn(f"a live session takes at most {most}: what came after them was not read; begin another one")

    async def _hear(self, medium: Medium) -> None:
        if isinstance(self._sound, Pcm):
            self._sound.take(medium.data, medium.time)
            return
        try:
            await apart(partial(self._sound.take, medium.data, medium.time))
        except InputError:
            self._stream.warn("some of the sound could not be decoded and was left out")
            raise

    def pass_over(self, number: int | None) -> None:
        """Count a message that came and is none: the next one is in its turn."""
        if number == self.received + 1:
            self.received = number

    @property
    def forsaken(self) -> bool:
        """Whether nobody came back to it in time; while it is read to its end nobody need."""
        if self.left_at is None or (self.ended and not self.finished):
            return False
        return time.monotonic() - self.left_at > RESUME

    @property
    def redacts(self) -> bool:
        """Whether personal data are left out of what it tells."""
        return self._eraser is not None

    @property
    def ended(self) -> bool:
        """Whether the client has said that nothing more comes."""
        return self._ending is not None

    def end(self) -> None:
        """Read the rest and tell the final event; returns at once."""
        if self._ending is None:
            self._ending = self._loop.create_task(self._end())

    async def _end(self) -> None:
        try:
            async with self._pushing:  # the last message is taken to its end
                await apart(self._sound.end)
            await apart(self._stream.finish)
        except Exception as error:
            problem = of(error) if isinstance(error, DemeanorError) else fault()
            if problem.status >= 500:
                log("fault", where=place(error), request="stream")
            self.failed = True
            self._keep({"type": "error", "seq": self._latest + 1, "problem": problem.to_dict()})
            self._note("failed")
        self._note("finished")
        self.finished = True
        if self.left_at is not None:
            self.left_at = time.monotonic()  # now there is something to come back for
        self._news.set()
        await apart(self._cancel)  # what was told is kept, for a client that its end did not reach

    def _note(self, outcome: str) -> None:
        """Log how it ended; what is said later of one that has ended is not true."""
        if not self._noted:
            log("live", outcome=outcome, ms=round(1000 * (time.monotonic() - self._began), 1), key=self.owner)
        self._noted = True

    async def drop(self, outcome: str) -> None:
        """Let go of everything."""
        if self._ending is not None:
            self._ending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ending
        self._note(outcome)
        await apart(self._cancel)

    def _cancel(self) -> None:
        for decoder in self._decoders.values():
            decoder.stop()
        self._stream.cancel()

    def acknowledged(self, seq: int) -> None:
        """The client has seen all events up to a number: they need not be kept."""
        while self._kept and self._kept[0]["seq"] <= seq:
            self._forgotten = self._kept.popleft()["seq"]

    def after(self, seq: int) -> list[dict[str, Any]]:
        """Events that a client has not seen yet."""
        return [event for event in self._kept if event["seq"] > seq]

    def lost(self, seq: int) -> bool:
        """Whether events after a number are not kept any more."""
        return seq < self._forgotten

    async def news(self) -> None:
        """Wait for an event, or the end."""
        await self._news.wait()
        self._news.clear()

    def _heard(self, event: Event) -> None:
        # In the thread that tells it.
        told = event.to_dict() if self._eraser is None else self._eraser.told(event)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._keep, told)

    def _keep(self, event: dict[str, Any]) -> None:
        if event["type"] == "partial":
            self._kept = deque(e for e in self._kept if e["type"] != "partial")
        self._kept.append(event)
        self._latest = event["seq"]
        while len(self._kept) > MOST_KEPT:
            self._forgotten = self._kept.popleft()["seq"]
        self._news.set()


def _like_a_picture(data: bytes) -> bytes:
    """What begins like a picture that is decoded here.

    Raises:
        InputError: it does not.
    """
    if not data.startswith(_IMAGES):
        raise InputError("expected a JPEG, PNG or WebP picture, got something else; send JPEG")
    return data


class Sessions:
    """All live sessions of a service."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many are not finished."""
        return sum(not session.finished for session in self._sessions.values())

    async def undisturbed(self, work: Coroutine[Any, Any, None]) -> None:
        """Serve a connection to its end, tidying up included, even where the server gives it up before."""
        task = asyncio.create_task(work)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        await asyncio.shield(task)

    def begin(self, make: Callable[[], Session], owner: str) -> Session:
        """A new session; the last `MOST_EACH` finished ones of its owner are kept, which hold only what they told.

        Raises:
            Problem: there are as many as there may be.
        """
        told = [k for k, s in self._sessions.items() if s.finished and s.connection is None and s.owner == owner]
        for token in told[:-MOST_EACH]:
            del self._sessions[token]
        mine = sum(s.owner == owner for s in self._sessions.values() if not s.finished)
        if mine >= MOST_EACH or self.count >= MOST:
            raise Problem(503, "busy", f"expected at most {MOST_EACH} live sessions at a time, got one more; end one")
        session = make()
        self._sessions[session.token] = session
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep())
        return session

    def found(self, token: str, owner: str) -> Session:
        """The session that a client comes back to.

        Raises:
            Problem: there is none, or not of this owner.
        """
        session = self._sessions.get(token)
        if session is None or session.owner != owner:
            raise Problem(
                404, "no-session", f"expected the token of a session that is kept (for {RESUME:.0f} s without a "
                "connection), got another; begin anew"
            )  # fmt: skip
        return session

    async def drop(self, session: Session, outcome: str) -> None:
        """End a session and forget it; `outcome` is for the log."""
        self._sessions.pop(session.token, None)
        await session.drop(outcome)

    async def stop(self) -> None:
        """End all of them."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
        for session in list(self._sessions.values()):
            await self.drop(session, "stopped")

    async def _sweep(self) -> None:
        """Forget sessions that nobody came back to."""
        while self._sessions:
            await asyncio.sleep(min(1.0, RESUME / 4))
            for session in list(self._sessions.values()):
                if session.forsaken:
                    await self.drop(session, "lost")
