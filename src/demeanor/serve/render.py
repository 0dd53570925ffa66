"""`POST /v1/render`: an analysis in another form: a report, subtitles, a table. A live reading comes as JSON alone."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from demeanor.errors import DataError, InputError
from demeanor.reader.analysis import Analysis
from demeanor.serve import formats, openapi
from demeanor.serve.formats import Format, ReportLanguage
from demeanor.serve.identity import identify
from demeanor.serve.problem import Problem
from demeanor.serve.upload import body_of

router = APIRouter(prefix="/v1")

LARGEST = 16 << 20
"""Bytes of an analysis: that of a two-hour film has about three million."""


@router.post(
    "/render", response_class=Response, dependencies=[Depends(identify)], tags=["readings"],
    openapi_extra=openapi.ANALYSIS_BODY, responses=openapi.RESULT,
)  # fmt: skip
async def render(
    request: Request,
    format: Annotated[Format, Query(description="What the answer is.")] = "html",
    language: ReportLanguage = "auto",
) -> Response:
    """The same analysis, in another form. Nothing is read anew, and nothing is kept."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "media-type", "expected an analysis as application/json; set Content-Type")
    return await asyncio.to_thread(_rendered, await body_of(request, LARGEST), format, language)


def _rendered(body: bytes, format: Format, language: str) -> Response:
    try:
        data = json.loads(body)
        if not isinstance(data, dict):
            raise DataError(f"expected an analysis, got a {type(data).__name__}; send one as it came")
        with np.errstate(over="raise", divide="raise", invalid="raise"):  # or numpy would write warnings into the log
            analysis = Analysis.from_dict(data).to_dict()
            return formats.response(analysis, format, language=language)
    except InputError:
        raise  # such as subtitles of something without times
    except DataError as error:
        raise Problem(422, "no-analysis", str(error)) from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, ArithmeticError) as error:
        raise Problem(
            422, "no-analysis", "expected an analysis as in demeanor.analysis/1, got something else; send what "
            "POST /v1/analyze or a job's result gave"
        ) from error  # fmt: skip
