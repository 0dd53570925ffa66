"""The page: files of the folder `page`, at `/`, with the report's own style and scripts; it may load nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from demeanor.report.html import SCRIPTS

FOLDER = Path(__file__).with_name("page")
SHARED = {"report.css": "text/css", **dict.fromkeys(SCRIPTS, "text/javascript")}
"""What the page and the report have in common, each once, in `demeanor.report`."""


def install(app: FastAPI) -> None:
    """Serve the folder; after every other route, since it takes all that is left."""
    for name, kind in SHARED.items():
        text = files("demeanor.report").joinpath(name).read_text(encoding="utf-8")
        app.add_api_route(f"/{name}", _same(text, kind), include_in_schema=False)
    app.router.routes.append(_Rest("/", StaticFiles(directory=FOLDER, html=True), name="page"))


class _Rest(Mount):
    """All that is left, but for the API: what its routes do not take is a wrong method or nothing, never a file."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        taken = scope["type"] == "http" and not scope["path"].startswith("/v1/")
        return super().matches(scope) if taken else (Match.NONE, {})


def _same(text: str, kind: str) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        return Response(text, media_type=f"{kind}; charset=utf-8")

    return answer
