"""Who asks: the owner of a key, or this machine's user where the service asks for none."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from demeanor.serve.problem import Problem
from demeanor.serve.service import service_of

SUBPROTOCOL = "demeanor.key."
"""Browsers cannot send headers with a WebSocket; they name the subprotocols `demeanor` and this with the key."""


async def identify(connection: HTTPConnection) -> str:
    """The owner's name, counted against their rate; a dependency of every route but health and the page.

    Raises:
        Problem: 401 without a valid key where one is needed, 429 for too many requests.
    """
    service = service_of(connection)
    if service.keys is None:
        owner, rate = "local", None
    else:
        given = _given(connection)
        key = service.keys.owner_of(given)
        if key is None:
            got = "one that is not known here" if given else "none"
            raise Problem(
                401, "no-key", f"expected a valid key as `Authorization: Bearer KEY`, got {got}; ask who runs this "
                "service for one", {"WWW-Authenticate": 'Bearer realm="demeanor"'},
            )  # fmt: skip
        owner, rate = key.name, key.rate if key.rate is not None else service.settings.rate
    connection.scope["demeanor.owner"] = owner
    service.rates.spend(owner, rate)
    return owner


def _given(connection: HTTPConnection) -> str:
    kind, _, key = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return key.strip()
    if connection.scope["type"] == "websocket":
        for name in connection.scope.get("subprotocols", ()):
            if name.startswith(SUBPROTOCOL):
                return str(name.removeprefix(SUBPROTOCOL))
    return ""
