"""`POST /v1/explain`: one sample, or the analysis of one, in; why it is read so, out, at once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from demeanor.reader.inputs import chosen_cues
from demeanor.serve import formats, openapi
from demeanor.serve.analyze import read_apart
from demeanor.serve.formats import ReportLanguage
from demeanor.serve.identity import identify
from demeanor.serve.render import LARGEST
from demeanor.serve.service import service_of
from demeanor.serve.spool import delete
from demeanor.serve.upload import Upload, body_of, check_redaction, decoded_text, receive, sample_of

router = APIRouter(prefix="/v1", tags=["readings"])


@router.post("/explain", response_class=Response, openapi_extra=openapi.TO_EXPLAIN, responses=openapi.EXPLAINED)
async def explain(
    request: Request,
    owner: Annotated[str, Depends(identify)],
    format: Annotated[Literal["json", "html"], Query(description="The explanation, or a report with it.")] = "json",
    language: ReportLanguage = "auto",
) -> Response:
    """Say why a sample is read as it is: cues, words, seconds, regions, and what would change the reading.

    An analysis in place of a sample is explained as far as its numbers go; `limits` says what is missing then.
    Media take long: hand them in by `POST /v1/jobs?explain=true`.
    """
    service = service_of(request)
    folder = service.spool.moment()
    try:
        upload = await _received(request, folder, service.settings.longest)
        chosen_cues(upload.options.get("cues"))
        decoded_text(upload, service.settings.longest)
        upload.options["explain"] = True
        with service.line.place(owner):
            out = await read_apart(request, upload, [language] if format == "html" else [])
        found = json.loads((out / "explanation.json").read_text(encoding="utf-8"))
        page = (out / f"report-{language}.html").read_text(encoding="utf-8") if format == "html" else None
        return formats.response(found, format, page)
    finally:
        delete(folder)


async def _received(request: Request, folder: Path, longest: int) -> Upload:
    """A sample; or an analysis, which is told from a sample by its `schema`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return await receive(request, folder, longest)
    body = await body_of(request, LARGEST, "send media as multipart")
    if await asyncio.to_thread(_is_analysis, body):
        return Upload(folder, {"analysis": body})
    sample = sample_of(body, folder)
    check_redaction(sample)
    return sample


def _is_analysis(body: bytes) -> bool:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and "schema" in data
