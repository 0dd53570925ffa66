"""The service itself: `GET /health`, `/metrics`, `/v1/models`, and `/v1/label`, where a task is labelled."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from demeanor import __version__
from demeanor.serve.identity import identify
from demeanor.serve.service import service_of

router = APIRouter()


class Health(BaseModel):
    """How the service is."""

    status: Literal["ok", "starting", "fault"] = Field(
        description="`starting` while the models are loaded; requests wait. `fault` where they could not be loaded."
    )
    version: str
    workers: int = Field(description="Processes that could read media at once.")
    local: bool = Field(description="Whether what is sent stays on the machine of who sends it, as far as it knows.")
    keep: float = Field(description="Seconds after which a finished job that nobody fetched is forgotten.")
    largest: int = Field(description="Bytes that one request may have.")
    label: bool = Field(description="Whether there is a page to label on: `GET /v1/label`.")


class Labelling(BaseModel):
    """The page of a labelling task."""

    url: str | None = Field(description="Its address, which holds a token; null where no task was given.")


class Model(BaseModel):
    """A bundle that reads here."""

    name: str
    bundle: str = Field(description="Its name with its version.")
    cues: list[str] = Field(description="What it reads.")
    licence: str | None
    unavailable: dict[str, str] = Field(description="Cues and helpers that cannot be used here, and why.")


@router.head("/health", include_in_schema=False)  # monitors ask so
@router.get("/health", tags=["operation"])
async def health(request: Request) -> Health:
    """Whether the service runs. Needs no key."""
    service = service_of(request)
    ready = sum(worker.ready for worker in service.workers)
    return Health(
        status="fault" if service.failed else "ok" if service.warmed else "starting",
        version=__version__,
        workers=ready,
        local=service.settings.own,
        keep=service.settings.keep,
        largest=service.settings.largest,
        label=service.settings.label is not None,
    )


@router.get("/v1/models", dependencies=[Depends(identify)], tags=["readings"])
async def models(request: Request) -> list[Model]:
    """The bundle that this service reads with."""
    experts = service_of(request).reader.experts
    bundle = experts.bundle
    return [
        Model(
            name=bundle.spec["name"],
            bundle=bundle.name,
            cues=list(bundle.cues),
            licence=bundle.spec.get("licence"),
            unavailable={cue: why.partition(": ")[0] for cue, why in experts.why.items()},
        )
    ]


@router.get("/v1/label", dependencies=[Depends(identify)], tags=["operation"])
async def label(request: Request) -> Labelling:
    """Where the task that this service was started with is labelled: a page for a browser on its machine."""
    return Labelling(url=service_of(request).settings.label)


@router.get("/metrics", dependencies=[Depends(identify)], tags=["operation"], response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)  # fmt: skip
async def metrics(request: Request) -> Response:
    """Counters for Prometheus."""
    service = service_of(request)
    counts = await asyncio.to_thread(service.queue.counts)
    for state in ("queued", "running", "done", "failed", "cancelled"):
        service.metrics.jobs.labels(state).set(counts.get(state, 0))
    service.metrics.workers.set(sum(worker.ready for worker in service.workers))
    service.metrics.lives.set(service.lives.count)
    service.metrics.texts.set(service.texts.depth)
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
