"""The JSON Schema of one analysis, and the check against it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from demeanor.errors import DataError
from demeanor.plugins import require


@cache
def _schema_text() -> str:
    return files("demeanor.report").joinpath("analysis.schema.json").read_text(encoding="utf-8")


def load_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `demeanor.analysis/1`, a fresh copy."""
    schema: dict[str, Any] = json.loads(_schema_text())
    return schema


def validate(analysis: Mapping[str, Any]) -> None:
    """Check one analysis against the schema.

    Raises:
        DataError: the analysis does not fit; the message names the first five places.
        MissingExtraError: `jsonschema` is not installed.
    """
    jsonschema = require("jsonschema", "dev", "checking an analysis against its schema")
    found = sorted(
        jsonschema.Draft202012Validator(load_schema()).iter_errors(analysis),
        key=lambda e: list(map(str, e.path)),
    )
    if found:
        places = "; ".join(f"{e.json_path}: {e.message[:200]}" for e in found[:5])
        raise DataError(
            f"expected an analysis as in demeanor.analysis/1, got {len(found)} misfit(s): {places}; "
            "next: compare with demeanor.report.schema.load_schema()"
        )
