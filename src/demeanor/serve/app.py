"""The application: routes, errors, and what lives as long as it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from demeanor import __version__
from demeanor.serve import analyze, explain, handlers, health, jobs, live, openapi, page_files, redact, render
from demeanor.serve.guard import Guard
from demeanor.serve.service import Service
from demeanor.serve.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """An ASGI application; `app.state.service` is its `Service`.

    Raises:
        ConfigError: settings that are unsafe or wrong.
    """
    service = Service(settings or Settings())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(title="demeanor", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = service
    handlers.install(app)
    openapi.install(app)
    for part in (analyze, explain, redact, jobs, live, render, health):
        app.include_router(part.router)
    page_files.install(app)
    app.add_middleware(Guard, settings=service.settings, metrics=service.metrics)
    return app
