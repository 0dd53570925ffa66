"""An analysis in the form that is asked for: JSON, report, subtitles, table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Query
from starlette.responses import Response

Format = Literal["json", "html", "srt", "vtt", "csv"]

ReportLanguage = Annotated[Literal["auto", "en", "zh"], Query(description="Of the report; `auto`: what was read.")]

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "media-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""A report carries its script and style in itself; it runs in an origin of its own, and can ask nobody anything."""


def response(
    analysis: Mapping[str, Any], format: Format, report: str | None = None, language: str = "auto"
) -> Response:
    """The answer.

    Args:
        analysis: as JSON.
        format: what is asked for.
        report: the page, where it has been made with the pictures that are no longer there.
        language: of a page that is made now.
    """
    headers = {"Cache-Control": "no-store"}
    if format == "json":
        body = json.dumps(analysis, ensure_ascii=False, allow_nan=False)
    elif format == "html":
        headers |= {"Content-Security-Policy": REPORT_POLICY, "Content-Disposition": 'inline; filename="report.html"'}
        body = report if report is not None else _report(analysis, language)
    else:
        headers["Content-Disposition"] = f'attachment; filename="analysis.{format}"'
        body = _text(analysis, format)
    return Response(body.encode("utf-8", "replace"), 200, headers, MEDIA_TYPES[format])


def _report(analysis: Mapping[str, Any], language: str) -> str:
    from demeanor.report.html import render

    return render(dict(analysis), None, language=language)


def _text(analysis: Mapping[str, Any], format: Format) -> str:
    if format == "csv":
        from demeanor.report.spreadsheet import csv

        return csv(dict(analysis))
    from demeanor.report import subtitles

    text: str = getattr(subtitles, format)(dict(analysis))
    return text
