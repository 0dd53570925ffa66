"""The JSON Schemas of an analysis and of an explanation, and the check against them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from numbers import Integral, Real
from typing import Any, Literal

from demeanor.errors import DataError
from demeanor.plugins import require

What = Literal["analysis", "explanation"]


_TYPES: dict[str, Any] = {
    "object": Mapping, "array": (list, tuple), "string": str, "number": Real, "integer": Integral, "boolean": bool,
    "null": type(None),
}  # fmt: skip


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


def mistyped(data: Mapping[str, Any], what: What = "analysis") -> str | None:
    """The first part of another type than the schema says, such as "segments: expected array, got None".

    None where there is none. Needs no library; ranges, and keys that are missing or too many, are left to `validate`.
    """
    schema = _schema(what)
    return _mistyped(data, schema, schema["$defs"], "")


@cache
def _schema(what: What) -> dict[str, Any]:
    return load_schema(what)


def _mistyped(value: Any, rule: Mapping[str, Any], parts: Mapping[str, Any], at: str) -> str | None:
    if "$ref" in rule and (found := _mistyped(value, parts[rule["$ref"].rpartition("/")[2]], parts, at)):
        return found
    tried = [_mistyped(value, either, parts, at) for either in rule.get("oneOf", ())]
    if tried and all(tried):
        return tried[0]  # the other one is null
    types = rule.get("type", ())
    types = (types,) if isinstance(types, str) else types
    if types and not any(_is(value, name) for name in types):
        return f"{at}: expected {' or '.join(types)}, got {repr(value)[:60]}"
    if "enum" in rule and value not in rule["enum"]:
        return f"{at}: expected {', '.join(map(str, rule['enum']))}, got {repr(value)[:60]}"
    for name, inner, place in _inside(value, rule):
        if found := _mistyped(inner, place, parts, f"{at}/{name}" if at else str(name)):
            return found
    return None


def _is(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _inside(value: Any, rule: Mapping[str, Any]) -> Iterator[tuple[str | int, Any, Mapping[str, Any]]]:
    """The parts of an object or array that have a rule, each with its name or place and that rule."""
    if isinstance(value, Mapping):
        named, others = rule.get("properties", {}), rule.get("additionalProperties")
        for name, inner in value.items():
            if isinstance(place := named.get(name, others), Mapping):
                yield name, inner, place
    elif isinstance(value, list | tuple) and "items" in rule:
        for number, inner in enumerate(value):
            yield number, inner, rule["items"]
