"""`/v1/jobs`: samples that take a while, with their progress; they outlive a crash of the service."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from demeanor.reader.inputs import chosen_cues
from demeanor.report.wording import language_of
from demeanor.serve import formats, openapi
from demeanor.serve.copies import copied
from demeanor.serve.formats import Format, ReportLanguage
from demeanor.serve.identity import identify
from demeanor.serve.problem import Problem
from demeanor.serve.queue import Full, Job
from demeanor.serve.service import Service, service_of
from demeanor.serve.spool import delete, is_id, new_id
from demeanor.serve.upload import Upload, decoded_text, receive

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

Owner = Annotated[str, Depends(identify)]
Id = Annotated[str, Path(description="As the job was given it.", examples=["0f" * 16], max_length=64)]
_CURSOR = re.compile(r"(\d{1,12}\.\d{1,9}) ([0-9a-f]{32})")
_BEAT = 15.0  # seconds of silence after which a stream of events says that it is alive


class JobError(BaseModel):
    """Why a job failed, as a problem."""

    type: str
    title: str
    status: int
    detail: str


class JobView(BaseModel):
    """One job."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float = Field(ge=0, le=1, description="How much of the media has been read.")
    stage: str | None = Field(description="`pictures`, `sound`, `words`, `reasons` or `copy`, while it runs.")
    created: datetime
    started: datetime | None
    finished: datetime | None
    expires: datetime | None = Field(description="When the job is forgotten.")
    result: str | None = Field(description="Where its result is; null while there is none, or no longer one.")
    error: JobError | None


class JobPage(BaseModel):
    """Some jobs, newest first."""

    jobs: list[JobView]
    next: str | None = Field(description="`after` for the next page; null on the last one.")


@router.post("", status_code=202, openapi_extra=openapi.SAMPLE, responses=openapi.SUBMITTED)
async def submit(
    request: Request,
    response: Response,
    owner: Owner,
    idempotency_key: Annotated[
        str | None, Header(max_length=200, description="The same job is not begun twice under one key.")
    ] = None,
    explain: Annotated[
        bool, Query(description="Whether to say why too: in its report, and at `/v1/jobs/{id}/explanation`.")
    ] = False,
    copy: Annotated[
        bool, Query(description="Whether a copy without personal data is wanted, and no analysis.")
    ] = False,
) -> JobView:
    """Hand in a sample; its job is answered, and outlives a crash of the service from then on."""
    service = service_of(request)
    if explain and copy:
        raise Problem(422, "bad-option", "expected explain=true or copy=true, got both; hand in two jobs")
    key = None if idempotency_key is None else hashlib.sha256(f"key\0{idempotency_key}".encode()).hexdigest()
    await _admit(service, owner, key)
    id = new_id()
    job: Job | None = None
    try:
        upload = await receive(request, service.spool.uploads(id), service.settings.longest, copy)
        _check(service, upload)
        upload.options["explain"] = explain
        await asyncio.to_thread(upload.write_down)
        fingerprint = _fingerprint(idempotency_key, upload)
        job = await asyncio.to_thread(service.queue.submit, id, owner, key, fingerprint, service.settings.queued)
    except Full as error:  # since it was admitted others have come
        raise _full(service) from error
    finally:
        if job is None or job.id != id:
            delete(service.spool.job(id))
    if job.fingerprint != fingerprint:
        raise Problem(
            422, "key-reused", "expected the sample that was first sent under this Idempotency-Key, got another"
        )
    if job.id != id:
        response.headers["Idempotency-Replayed"] = "true"
    service.bell.ring()
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return _view(service, job)


@router.get("")
async def page(
    request: Request,
    owner: Owner,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    after: Annotated[str | None, Query(max_length=100, description="`next` of the page before.")] = None,
    state: Annotated[Literal["queued", "running", "done", "failed", "cancelled"] | None, Query()] = None,
) -> JobPage:
    """Your jobs, newest first."""
    service = service_of(request)
    found = await asyncio.to_thread(service.queue.page, owner, limit + 1, _from_cursor(after), state)
    more = found[limit - 1] if len(found) > limit else None
    return JobPage(jobs=[_view(service, job) for job in found[:limit]], next=_cursor(more) if more else None)


@router.get("/{id}", responses=openapi.MISSING)
async def one(request: Request, owner: Owner, id: Id) -> JobView:
    """How far it is."""
    service = service_of(request)
    return _view(service, await _job(service, id, owner))


@router.post("/{id}/cancel", responses=openapi.MISSING)
async def cancel(request: Request, owner: Owner, id: Id) -> JobView:
    """Stop it; a job that is finished stays as it is."""
    service = service_of(request)
    await _job(service, id, owner)
    job = await asyncio.to_thread(service.queue.cancel, id, owner)
    if job is not None and job.state == "cancelled":
        service.spool.finished(id, None)
    service.bell.ring()
    for _ in range(20):  # a running one ends within a second; the answer says how it ended
        if job is None or job.final:
            break
        await service.bell.wait(0.25)
        job = await asyncio.to_thread(service.queue.get, id, owner)
    return _view(service, await _job(service, id, owner))


@router.delete("/{id}", status_code=204, responses=openapi.MISSING)
async def erase(request: Request, owner: Owner, id: Id) -> None:
    """Stop it, and delete it with everything that belongs to it."""
    service = service_of(request)
    job = await _job(service, id, owner)
    await asyncio.to_thread(service.queue.delete, id)
    if job.state == "running":
        service.spool.finished(id, "in")  # the rest goes when its worker has stopped
    else:
        delete(service.spool.job(id))
    service.bell.ring()


@router.get("/{id}/events", response_class=StreamingResponse, responses=openapi.EVENTS)
async def events(request: Request, owner: Owner, id: Id) -> StreamingResponse:
    """Its progress as server-sent events; the stream ends with the job."""
    service = service_of(request)
    job = await _job(service, id, owner)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(service, job), media_type="text/event-stream", headers=headers)


@router.get("/{id}/result", response_class=Response, responses=openapi.RESULT_OR_COPY | openapi.MISSING)
async def result(
    request: Request,
    owner: Owner,
    id: Id,
    format: Annotated[Format, Query(description="What the answer is.")] = "json",
    language: ReportLanguage = "auto",
) -> Response:
    """What was read; of a job with `copy=true` the copy, whatever `format` says.

    From the first time it is fetched it is kept for a stated while only.
    """
    service = service_of(request)
    job = await _done(service, id, owner)
    if (copy := copied(service.spool.result(job.id, job.result or "none"))) is not None:
        await asyncio.to_thread(service.queue.fetched, job)
        return copy
    analysis = json.loads(_kept(service, job, "analysis.json"))
    spoken = language_of([analysis], language)
    report = _kept(service, job, f"report-{spoken}.html") if format == "html" else None
    answer = await asyncio.to_thread(formats.response, analysis, format, report)
    await asyncio.to_thread(service.queue.fetched, job)
    return answer


@router.get("/{id}/explanation", response_class=Response, responses=openapi.EXPLAINED | openapi.MISSING)
async def explanation(request: Request, owner: Owner, id: Id) -> Response:
    """Why it was read so, of a job that was handed in with `explain=true`; kept as long as the result."""
    service = service_of(request)
    job = await _done(service, id, owner)
    if not service.spool.result(job.id, job.result or "none").is_dir():
        raise _gone()
    try:
        found = json.loads(_kept(service, job, "explanation.json"))
    except Problem as problem:
        raise Problem(
            409, "no-result", "expected a job that was handed in with explain=true, got one that was not; hand it in "
            "so, or send its result to POST /v1/explain"
        ) from problem  # fmt: skip
    await asyncio.to_thread(service.queue.fetched, job)
    return formats.response(found, "json")


async def _done(service: Service, id: str, owner: str) -> Job:
    """A job that has ended well.

    Raises:
        Problem: there is none, or it has not.
    """
    job = await _job(service, id, owner)
    if not job.final:
        raise Problem(409, "not-finished", f"expected a job that is done, got one that is {job.state}; wait for it")
    if job.state != "done":
        error = _view(service, job).error
        raise Problem(409, "no-result", f"the job {job.state}{f': {error.detail}' if error else ''}")
    return job


def _kept(service: Service, job: Job, name: str) -> str:
    """One file of a job's result.

    Raises:
        Problem: it is no longer there.
    """
    try:
        return (service.spool.result(job.id, job.result or "none") / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise _gone() from error


def _gone() -> Problem:
    return Problem(410, "gone", "the result has been deleted, as this service keeps nothing; send it again")


async def _job(service: Service, id: str, owner: str) -> Job:
    job = await asyncio.to_thread(service.queue.get, id, owner) if is_id(id) else None
    if job is None:
        raise Problem(404, "no-job", "you have no job of that name, or it has been forgotten")
    return job


def _check(service: Service, upload: Upload) -> None:
    """Refuse now what could never be read."""
    chosen_cues(upload.options.get("cues"))
    decoded_text(upload, service.settings.longest)


async def _admit(service: Service, owner: str, key: str | None) -> None:
    """Refuse a sample before it comes; one whose job is here already needs no room.

    Raises:
        Problem: its owner has too many, or the disk is full.
    """
    if key is not None and await asyncio.to_thread(service.queue.handed_in, owner, key) is not None:
        return
    if await asyncio.to_thread(service.queue.active, owner) >= service.settings.queued:
        raise _full(service)
    if shutil.disk_usage(service.spool.folder).free < 2 * service.settings.largest:
        raise Problem(503, "busy", "there is no room for another sample at present; try later", {"Retry-After": "60"})


def _full(service: Service) -> Problem:
    return Problem(
        429, "queue-full", f"expected at most {service.settings.queued} jobs that wait or run, got one more; wait for "
        "some", {"Retry-After": "30"},
    )  # fmt: skip


def _fingerprint(key: str | None, upload: Upload) -> str | None:
    """What tells one request under an Idempotency-Key from another; None without one.

    What was sent is salted with the key, and of the key only a hash is kept: whoever reads the database cannot try
    out what was sent.
    """
    if key is None:
        return None
    asked = f"{upload.options['explain']}{upload.options.get('copy', '')}"
    return hashlib.sha256(f"sent\0{key}\0{upload.digest}\0{asked}".encode()).hexdigest()


async def _events(service: Service, job: Job | None) -> AsyncIterator[str]:
    last = ""
    while job is not None:
        view = _view(service, job)
        said = view.model_dump_json()
        if said != last:
            yield f"event: {view.state if job.final else 'progress'}\ndata: {said}\n\n"
            last = said
        else:
            yield ": still there\n\n"
        if job.final:
            return
        changed = job
        for _ in range(int(_BEAT)):
            await service.bell.wait(1.0)
            changed_to = await asyncio.to_thread(service.queue.get, job.id)
            if changed_to != changed:
                break
        job = await asyncio.to_thread(service.queue.get, job.id)
    yield "event: deleted\ndata: {}\n\n"


def _view(service: Service, job: Job) -> JobView:
    return JobView(
        id=job.id,
        state=job.state,
        progress=min(1.0, max(0.0, job.progress)),
        stage=job.stage,
        created=_time(job.created),
        started=_time(job.started),
        finished=_time(job.finished),
        expires=_time(job.expires),
        result=f"/v1/jobs/{job.id}/result" if job.state == "done" and job.result else None,
        error=_error(service, job) if job.state == "failed" else None,
    )


def _error(service: Service, job: Job) -> JobError:
    if job.result is None:  # given up: one that was read and failed has a reason
        detail = f"the service broke off {job.attempts} times while it read this, and gave it up; send less at once"
        return JobError(**Problem(500, "fault", detail).to_dict())
    try:
        told = (service.spool.result(job.id, job.result) / "error.json").read_text(encoding="utf-8")
        return JobError(**json.loads(told))
    except FileNotFoundError:
        detail = "the job failed, and why is no longer kept"
        return JobError(type="urn:demeanor:problem:gone", title="Gone", status=410, detail=detail)


def _time(seconds: float | None) -> Any:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _cursor(job: Job) -> str:
    return base64.urlsafe_b64encode(f"{job.created!r} {job.id}".encode()).decode()


def _from_cursor(text: str | None) -> tuple[float, str] | None:
    if text is None:
        return None
    try:
        match = _CURSOR.fullmatch(base64.urlsafe_b64decode(text).decode("ascii"))
    except ValueError:
        match = None
    if match is None:
        raise Problem(422, "bad-option", "after: expected `next` of the page before, got something else")
    return float(match[1]), match[2]
