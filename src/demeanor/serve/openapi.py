"""What `/openapi.json` says beyond what the routes' types say: bodies, problems, events, keys, examples."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from demeanor.report.schema import What, load_schema
from demeanor.serve.copies import FOUND
from demeanor.serve.copies import MEDIA_TYPES as COPY_TYPES
from demeanor.serve.problem import MEDIA_TYPE, SCHEMA
from demeanor.serve.upload import Sample

_FILE = {"type": "string", "format": "binary"}
_PERSONAL = {"text": "Lovely! Ask Ms. Lee, 212-555-0187, or Ann.", "redact": True, "names": ["Ann"]}
_NAMED = "Of people, separated by commas: at most 200 of at most 200 characters each."
_SENTENCE = {"text": "The soup was cold and the waiter just shrugged.", "language": "en", "id": "review-17"}

SAMPLE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": Sample.model_json_schema(ref_template="#/components/schemas/{model}"),
                "examples": {
                    "sentence": {"summary": "A sentence", "value": _SENTENCE},
                    "chinese": {"summary": "Chinese", "value": {"text": "总算吃上了,真的值得!"}},
                    "redacted": {"summary": "Without personal data", "value": _PERSONAL},
                },
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "description": "The parts of one sample; at least one of text, image, audio, video and file.",
                    "properties": {
                        "text": {"type": "string", "description": "What is written, or what is said in the media."},
                        "image": _FILE,
                        "audio": _FILE,
                        "video": _FILE,
                        "file": {**_FILE, "description": "Text, image, audio or video: its content says which."},
                        "transcript": {**_FILE, "description": "Of the sound: .srt, .vtt, .txt or .json."},
                        "language": {"type": "string", "maxLength": 35, "examples": ["en"]},
                        "cues": {"type": "string", "examples": ["words,voice"]},
                        "id": {"type": "string", "maxLength": 200, "examples": ["clip-17"]},
                        "redact": {"type": "boolean", "description": "Leave personal data and faces out."},
                        "names": {"type": "string", "description": _NAMED, "examples": ["Ann Lee,Bob"]},
                        "faces": {"type": "boolean", "description": "Whether a redaction covers faces; it does."},
                        "beep": {"type": "boolean", "description": "Whether a copy's speech is covered; it is."},
                    },
                },
            },
        },
    }
}

_FORMS: dict[str, Any] = SAMPLE["requestBody"]["content"]
_EITHER = {"anyOf": [_FORMS["application/json"]["schema"], {"$ref": "#/components/schemas/Analysis"}]}
TO_EXPLAIN: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {**_FORMS, "application/json": {**_FORMS["application/json"], "schema": _EITHER}},
    }
}
"""A sample as above, or an analysis as it was answered."""

ANALYSIS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Analysis"}}},
    }
}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


_TEXT = {"schema": {"type": "string"}}
_FOUND = "Of a copy: its kind, how often which kind of personal data was `found`, `faces` covered, `warnings`; as JSON."
MISSING: dict[int | str, Any] = {404: _problem("No such job of yours."), 410: _problem("Deleted by now.")}
RESULT: dict[int | str, Any] = {
    200: {
        "description": "The analysis.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Analysis"}},
            "text/html": _TEXT, "application/x-subrip": _TEXT, "text/vtt": _TEXT, "text/csv": _TEXT,
        },
    },
    409: _problem("There is no result yet, or none at all."),
}  # fmt: skip
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_COPIES: dict[str, Any] = {
    kind.partition(";")[0]: _TEXT if kind.startswith("text/") else _BYTES for kind in COPY_TYPES.values()
}
_COPIES["application/json"] = {"schema": {}}  # any
COPY: dict[int | str, Any] = {
    200: {
        "description": "The copy.",
        "content": _COPIES,
        "headers": {FOUND: {"schema": {"type": "string"}, "description": _FOUND}},
    },
    410: _problem("Deleted by now."),
}
RESULT_OR_COPY: dict[int | str, Any] = {
    **RESULT,
    200: {
        "description": "The analysis; of a job with `copy=true` the copy.",
        "content": {**_COPIES, **RESULT[200]["content"], "application/json": {"schema": {}}},
        "headers": COPY[200]["headers"],
    },
}
EXPLAINED: dict[int | str, Any] = {
    200: {
        "description": "The explanation.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Explanation"}}, "text/html": _TEXT},
    },
    409: RESULT[409],
}
SUBMITTED: dict[int | str, Any] = {
    202: {"description": "The job.", "headers": {"Location": {"schema": {"type": "string"}}}}
}
EVENTS: dict[int | str, Any] = {
    **MISSING,
    200: {
        "description": "`progress` events, then one named like the state in which the job ended; data is the job.",
        "content": {"text/event-stream": _TEXT},
    },
}
_EVERYWHERE = {
    "400": "Malformed.", "401": "No valid key.", "403": "A page of another origin.", "408": "Too slow.",
    "413": "Too large, too long.", "415": "Another media type.", "421": "Another host's name.",
    "422": "It cannot be read, or an option is wrong.", "429": "Too many.", "500": "A fault in the service.",
    "503": "Busy, or not ready.",
}  # fmt: skip


def install(app: FastAPI) -> None:
    """Let the application describe itself."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title="demeanor",
        version=app.version,
        summary="Sentiment and emotion from text, image, audio and video.",
        description="It reads how words, voices and faces would be labelled by people who label such data; it does "
        "not know what anybody feels. Not for judging employees or pupils, for decisions about people, or diagnosis.",
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    schemas |= {"Problem": SCHEMA, **_parts("analysis"), **_parts("explanation")}
    for left in ("HTTPValidationError", "ValidationError"):
        schemas.pop(left, None)
    found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in found["paths"].items():
        for operation in operations.values():
            operation["responses"] |= {code: _problem(what) for code, what in _EVERYWHERE.items()}
            if path != "/health":
                operation["security"] = [{}, {"key": []}]
    return found


def _parts(what: What) -> dict[str, Any]:
    """The JSON Schema of an analysis or an explanation and its parts, each under a name of its own."""
    schema, name = load_schema(what), what.capitalize()
    for key in ("$schema", "$id"):
        schema.pop(key, None)
    text = json.dumps({name: schema, **{f"{name}.{k}": v for k, v in schema.pop("$defs", {}).items()}})
    parts: dict[str, Any] = json.loads(text.replace('"#/$defs/', f'"#/components/schemas/{name}.'))
    return parts
