"""Every error of the application leaves as a problem."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import Match, Mount

from demeanor.errors import DemeanorError
from demeanor.serve.problem import Problem, of

_METHODS = ("DELETE", "GET", "HEAD", "POST")
_OF_FILES = ("GET", "HEAD")  # those of the page, which are in a mount that matches everything


def install(app: FastAPI) -> None:
    """Let every error of an app leave as a problem."""

    async def problem(asked: HTTPConnection, error: Exception) -> Response:
        assert isinstance(error, Problem)
        if asked.scope["type"] == "websocket":
            raise error  # the guard knows how this server lets a WebSocket be refused
        return error.response()

    async def own(_: Request, error: Exception) -> Response:
        assert isinstance(error, DemeanorError)
        return of(error).response()

    async def http(asked: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        names = {404: "not-found", 405: "wrong-method", 400: "malformed"}
        detail = str(error.detail) if error.status_code != 404 else "nothing here; /openapi.json lists what there is"
        headers = {"Allow": _allowed(asked)} if error.status_code == 405 else error.headers
        return Problem(error.status_code, names.get(error.status_code, "refused"), detail, headers).response()

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        said = [f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors()[:5]]
        return Problem(422, "bad-option", "; ".join(said) + "; see /openapi.json").response()

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(DemeanorError, own)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)


def _allowed(asked: Request) -> str:
    """The methods that some route takes at a path; the error itself names those of the first route alone."""
    routes = [route for route in asked.app.routes if not isinstance(route, Mount)]
    fits = [m for m in _METHODS if any(r.matches({**asked.scope, "method": m})[0] is Match.FULL for r in routes)]
    return ", ".join(fits or _OF_FILES)
