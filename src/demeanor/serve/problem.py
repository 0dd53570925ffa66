"""Errors as `application/problem+json` (RFC 9457): what was expected, what came, what to do; never a stack trace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.responses import Response

from demeanor.errors import ConfigError, DecodeError, DemeanorError, InputError, LimitError, UnknownNameError

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:demeanor:problem:"
_STATUS: dict[type[DemeanorError], tuple[int, str]] = {
    LimitError: (413, "too-large"),
    DecodeError: (422, "unreadable"),
    InputError: (422, "bad-input"),
    UnknownNameError: (422, "unknown-name"),
    ConfigError: (422, "bad-option"),
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:demeanor:problem:too-large"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was expected, what came, what to do."},
    },
}


class Problem(Exception):
    """An error that a client is told.

    Args:
        status: of HTTP.
        kind: last part of the problem's type.
        detail: what was expected, what came, what to do next.
        headers: further ones, such as Retry-After.
    """

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, dict(headers or {})

    def to_dict(self) -> dict[str, Any]:
        """The body."""
        title = HTTPStatus(self.status).phrase
        return {"type": _TYPE + self.kind, "title": title, "status": self.status, "detail": self.detail}

    def response(self) -> Response:
        """The whole answer."""
        from starlette.responses import Response  # not at the top: worker processes answer nobody

        body = json.dumps(self.to_dict(), ensure_ascii=False).encode("utf-8", "replace")
        return Response(body, self.status, {**self.headers, "Cache-Control": "no-store"}, MEDIA_TYPE)


def of(error: DemeanorError) -> Problem:
    """An error of the reader as a problem; a fault of the installation keeps its details to itself."""
    for kind, (status, name) in _STATUS.items():
        if isinstance(error, kind):
            return Problem(status, name, str(error))
    return Problem(503, "not-installed", "this service cannot read that at present; its operator should run a doctor")


def of_two(part: str) -> ConfigError:
    """For a part that came twice."""
    return ConfigError(f"expected one {part}, got two: one by that name, one as `file`; send them one after another")


def fault() -> Problem:
    """What a client is told of a fault of ours."""
    return Problem(500, "fault", "a fault in the service; it was logged without what you sent. Trying again may help")
