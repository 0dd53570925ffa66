"""The JSON Schemas of an analysis and of an explanation, and the check against them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from demeanor.errors import DataError
from demeanor.plugins import require

What = Literal["analysis", "explanation"]


@cache
def _schema_text(what: What) -> str:
    return files("demeanor.report").joinpath(f"{what}.schema.json").read_text(encoding="utf-8")


def load_schema(what: What = "analysis") -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `demeanor.analysis/1` or `demeanor.explanation/1`, a fresh copy."""
    schema: dict[str, Any] = json.loads(_schema_text(what))
    return schema


def validate(data: Mapping[str, Any], what: What = "analysis") -> None:
    """Check one analysis, or one explanation, against its schema.

    Raises:
        DataError: it does not fit; the message names the first five places.
        MissingExtraError: `jsonschema` is not installed.
    """
    jsonschema = require("jsonschema", "dev", f"checking an {what} against its schema")
    found = sorted(
        jsonschema.Draft202012Validator(load_schema(what)).iter_errors(data),
        key=lambda e: list(map(str, e.path)),
    )
    if found:
        places = "; ".join(f"{e.json_path}: {e.message[:200]}" for e in found[:5])
        raise DataError(
            f"expected an {what} as in demeanor.{what}/1, got {len(found)} misfit(s): {places}; "
            f"next: compare with demeanor.report.schema.load_schema({'' if what == 'analysis' else repr(what)})"
        )
