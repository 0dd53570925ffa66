"""`POST /v1/analyze`: one sample in, its analysis out, at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from demeanor.media.kind import is_subtitles
from demeanor.reader.inputs import chosen_cues, gather
from demeanor.serve import formats, openapi
from demeanor.serve.copies import hidden
from demeanor.serve.formats import Format, ReportLanguage
from demeanor.serve.identity import identify
from demeanor.serve.pool import Order
from demeanor.serve.service import service_of
from demeanor.serve.spool import delete
from demeanor.serve.upload import Upload, decoded_text, receive

router = APIRouter(prefix="/v1", tags=["readings"])

SHORT = 2000
"""Characters of a text that is read in this process; a longer one would keep the others waiting."""

AsFormat = Annotated[Format, Query(description="What the answer is.")]


@router.post("/analyze", response_class=Response, openapi_extra=openapi.SAMPLE, responses=openapi.RESULT)
async def analyze(
    request: Request,
    owner: Annotated[str, Depends(identify)],
    format: AsFormat = "json",
    language: ReportLanguage = "auto",
) -> Response:
    """Read one sample and answer at once: a text, a picture, a short clip. Longer media are for `POST /v1/jobs`."""
    service = service_of(request)
    folder = service.spool.moment()
    try:
        upload = await receive(request, folder, service.settings.longest)
        cues = chosen_cues(upload.options.get("cues"))
        text = decoded_text(upload, service.settings.longest)
        with service.line.place(owner):
            if upload.only_text and len(text) <= SHORT and not is_subtitles(upload.options.get("name")):
                parts = gather(text=text, language=upload.options.get("language"))
                analysis = await service.texts.read(parts, cues, _name(upload))
                if upload.options.get("redact"):
                    analysis = await asyncio.to_thread(analysis.redacted, **hidden(upload.options))
                return await _answer(analysis.to_dict(), format, language)
            out = await read_apart(request, upload, [language] if format == "html" else [])
        report = (out / f"report-{language}.html").read_text(encoding="utf-8") if format == "html" else None
        return await _answer(json.loads((out / "analysis.json").read_text(encoding="utf-8")), format, language, report)
    finally:
        delete(folder)


async def read_apart(request: Request, upload: Upload, reports: Sequence[str]) -> Path:
    """Read it in the process for such things: what strangers send is not decoded in this one.

    Args:
        request: whose body has been read; who leaves while others are read is not waited for.
        upload: what came.
        reports: languages of the reports to be made.

    Returns:
        The folder with what was made of it, inside that of the upload.

    Raises:
        Problem: it cannot be read, or not within the limits.
        ClientDisconnect: nobody waits for it any more.
    """
    service, out = service_of(request), upload.folder / "out"
    upload.write_down()
    order = Order(upload.folder, out, service.settings.now_seconds, tuple(reports))
    leaving = asyncio.create_task(_left(request))
    reading = asyncio.create_task(service.now.carry_out(order, begins=leaving.cancel))
    leaving.add_done_callback(lambda left: left.cancelled() or reading.cancel())
    try:
        await reading
    except asyncio.CancelledError as error:
        if leaving.done() and not leaving.cancelled():
            raise ClientDisconnect from error
        raise
    finally:
        leaving.cancel()
    return out


async def _left(request: Request) -> None:
    """Wait until a client goes away whose body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _answer(analysis: dict[str, Any], format: Format, language: str, report: str | None = None) -> Response:
    if format == "json":
        return formats.response(analysis, format)
    return await asyncio.to_thread(formats.response, analysis, format, report, language)


def _name(upload: Upload) -> str:
    return str(upload.options.get("id") or upload.options.get("name") or "text")
