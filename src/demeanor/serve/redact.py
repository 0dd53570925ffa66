"""`POST /v1/redact`: one text, picture or short recording in; its copy without personal data out, at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from demeanor.serve import openapi
from demeanor.serve.analyze import read_apart
from demeanor.serve.copies import copied
from demeanor.serve.identity import identify
from demeanor.serve.problem import Problem
from demeanor.serve.service import service_of
from demeanor.serve.spool import delete
from demeanor.serve.upload import decoded_text, receive

router = APIRouter(prefix="/v1", tags=["copies"])


@router.post("/redact", response_class=Response, openapi_extra=openapi.SAMPLE, responses=openapi.COPY)
async def redact(request: Request, owner: Annotated[str, Depends(identify)]) -> Response:
    """Copy one text, picture, recording or film without personal data, in its own media type where that can be written.

    Placeholders in texts, subtitles and JSON, covered faces, a tone over what is personal in speech; nothing is read
    from it. It is no anonymisation. Longer media are for `POST /v1/jobs?copy=true`.
    """
    service = service_of(request)
    folder = service.spool.moment()
    try:
        upload = await receive(request, folder, service.settings.longest, copy=True)
        decoded_text(upload, service.settings.longest)
        with service.line.place(owner):
            found = copied(await read_apart(request, upload, []))
    finally:
        delete(folder)
    if found is None:
        raise Problem(410, "gone", "the copy has been deleted before it could be sent; send the file again")
    return found
