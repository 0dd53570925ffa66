"""The outermost layer: who may call, how much may come, what every answer carries, and that no fault shows.

Pages of strangers run in the same browser as ours. Against them: the `Host` must be one of ours (DNS rebinding), an
`Origin` must be ours or allowed, and so must the site of a fetch. Nothing here depends on cookies; there are none.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demeanor.serve.copies import FOUND
from demeanor.serve.log import log
from demeanor.serve.metrics import Metrics
from demeanor.serve.problem import Problem, fault
from demeanor.serve.settings import Settings
from demeanor.serve.worker import place

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
    "X-Frame-Options": "SAMEORIGIN",
}
_EXPOSED = f"Location, Retry-After, X-Request-Id, Idempotency-Replayed, Content-Disposition, {FOUND}"
_IDLE = 30.0  # seconds between two pieces of a request's body
_DRAINED, _DRAINING = 8 << 20, 1.0  # bytes and seconds that a request which was refused early may still send


class Guard:
    """Middleware around everything.

    Args:
        app: what is guarded.
        settings: names, origins and sizes.
        metrics: where requests are counted.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._names = {"localhost", settings.host.strip("[]").lower(), *(n.lower() for n in settings.names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        began = time.monotonic()
        body = _Body(receive, self._settings.largest, self._metrics) if scope["type"] == "http" else None
        answer = _Answer(send, self._allowed(headers.get("origin")), body)
        try:
            self._admit(scope, headers)
            if scope["type"] == "http" and scope["method"] == "OPTIONS" and "origin" in headers:
                await answer.preflight()
            else:
                await self._app(scope, body or receive, answer)
        except Problem as problem:
            await answer.refuse(scope, receive, problem)
        except asyncio.CancelledError:
            raise
        except ClientDisconnect:
            pass  # in the middle of what it sent: there is nobody to answer
        except Exception as error:
            log("fault", where=place(error), request=answer.id)
            await answer.refuse(scope, receive, fault())
        finally:
            self._note(scope, answer, time.monotonic() - began)

    def _admit(self, scope: Scope, headers: Mapping[str, str]) -> None:
        host = headers.get("host", "")
        name = _host_name(host)
        if name not in self._names and not _is_address(name, self._settings.local):
            raise Problem(
                421, "wrong-host", "this service is not known by that name; its operator can allow it with --name"
            )
        origin = headers.get("origin")
        if origin is not None and self._allowed(origin) is None and origin not in _own_origins(host):
            raise Problem(
                403, "wrong-origin", "pages of that origin may not use this service; its operator can allow it with "
                "--origin"
            )  # fmt: skip
        foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site") and origin is None
        if foreign and headers.get("sec-fetch-mode") != "navigate":
            raise Problem(403, "wrong-origin", "pages of other sites may not load anything from this service")
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._settings.largest:
            raise _too_large(self._settings.largest)

    def _allowed(self, origin: str | None) -> str | None:
        return origin if origin in self._settings.origins else None

    def _note(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        if scope["type"] != "http":
            return
        route = getattr(scope.get("route"), "path", "") or "other"
        method = scope["method"] if scope["method"] in ("GET", "POST", "DELETE", "HEAD", "OPTIONS") else "other"
        self._metrics.requests.labels(method, route, answer.status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        log(
            "request", method=method, route=route, status=answer.status, ms=round(1000 * seconds, 1),
            key=scope.get("demeanor.owner"), request=answer.id,
        )  # fmt: skip


class _Body:
    """The body as it comes, but no more than allowed and not for ever."""

    def __init__(self, receive: Receive, largest: int, metrics: Metrics) -> None:
        self._receive, self._largest, self._metrics = receive, largest, metrics
        self._taken, self._complete = 0, False

    async def __call__(self) -> Message:
        """The next piece."""
        if self._complete:  # what is left to come is that the client goes away, which may take as long as it likes
            return await self._receive()
        try:
            async with asyncio.timeout(_IDLE):
                message = await self._next()
        except TimeoutError as error:
            raise Problem(408, "too-slow", f"expected the rest of the request within {_IDLE:.0f} s") from error
        self._metrics.received.inc(len(message.get("body", b"")))
        if self._taken > self._largest:
            raise _too_large(self._largest)
        return message

    async def drain(self) -> None:
        """Let some of what still comes pass by.

        A connection that is closed while bytes wait unread is reset, and with it may go the answer that was sent:
        a client that sends on would learn that it was refused, but not why.
        """
        most = self._taken + _DRAINED
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAINING):
                while not self._complete and self._taken < most:
                    await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message


def _too_large(most: int) -> Problem:
    return Problem(413, "too-large", f"expected a request of at most {most} bytes, got more; send a smaller file")


class _Answer:
    """Sends an answer with what every answer carries.

    Args:
        send: to whom.
        origin: of the page that asks, if it is an allowed one.
        body: of the request; what of it was not read is drained after a refusal.
    """

    def __init__(self, send: Send, origin: str | None, body: _Body | None) -> None:
        self._send, self._origin, self._body = send, origin, body
        self._started = False
        self.status = 499  # the client went away
        self.id = secrets.token_hex(6)

    async def __call__(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self._started, self.status = True, message["status"]
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            headers.setdefault("Content-Security-Policy", POLICY)
            headers.setdefault("Cache-Control", "no-cache")
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-Id"] = self.id
            headers["Cross-Origin-Resource-Policy"] = "cross-origin" if self._origin else "same-origin"
            headers.add_vary_header("Origin")
            if self._origin:
                headers["Access-Control-Allow-Origin"] = self._origin
                headers["Access-Control-Expose-Headers"] = _EXPOSED
        elif message["type"] == "websocket.accept":
            self._started = True
        elif message["type"] == "http.response.body" and self.status >= 400 and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            if self._body is not None:
                await self._body.drain()
            message = {"type": message["type"], "body": b""}
        await self._send(message)

    async def preflight(self) -> None:
        """Tell a page of an allowed origin what it may do."""
        told = {"Access-Control-Max-Age": "600"}
        if self._origin:
            told["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
            told["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
        headers = [(k.lower().encode(), v.encode()) for k, v in told.items()]
        await self({"type": "http.response.start", "status": 204, "headers": headers})
        await self._send({"type": "http.response.body", "body": b""})

    async def refuse(self, scope: Scope, receive: Receive, problem: Problem) -> None:
        """Answer with a problem, if nothing has been answered yet."""
        if self._started:
            return
        if scope["type"] == "websocket" and "websocket.http.response" not in (scope.get("extensions") or {}):
            await self._send({"type": "websocket.close", "code": 1008, "reason": problem.kind})
            return
        await problem.response()(scope, receive, self)
        if scope["type"] == "websocket":
            # uvicorn logs an app that returns before the connection is seen to be closed as one without an answer.
            await asyncio.sleep(0)


def _host_name(host: str) -> str:
    """The name in a Host header, without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


def _is_address(name: str, local: bool) -> bool:
    """Whether a name is a number: no domain can be made to point at it. On a local service, one of this machine's."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or not local


def _own_origins(host: str) -> tuple[str, str]:
    return f"http://{host}", f"https://{host}"
