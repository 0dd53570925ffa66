"""schemathesis over the whole API: whatever is sent, no answer is a fault, and every answer is described.

`DEMEANOR_EXAMPLES=500` tries more per operation.
"""

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from serve_calls import Served, served, with_bundle

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed here (extra dev)")

pytestmark = with_bundle

EXAMPLES = int(os.environ.get("DEMEANOR_EXAMPLES", "12"))


NOTHING_WRONG = {"GET /health", "GET /metrics", "GET /v1/models", "GET /v1/label"}
"""Operations to which nothing can be said that could be wrong."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("schema") / "state", "--rate", "0", "--queued", "100000") as found:
        yield found


def test_no_request_is_a_fault(service: Served) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    told = [checks.status_code_conformance, checks.content_type_conformance]
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    tried = []
    for found in schema.get_all_operations():
        operation = found.ok()
        # What is rendered is as good as what was sent: a cue may miss what `from_dict` does not ask for.
        own = [] if operation.path == "/v1/render" else [checks.response_schema_conformance]
        asked = [not_a_server_error, *told, *own]

        @given(case=operation.as_strategy())
        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate],
                  database=None, suppress_health_check=list(HealthCheck))  # fmt: skip
        def never_a_fault(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=asked, timeout=300)  # noqa: B023 - it is called before the next turn

        never_a_fault()
        tried.append(operation.label)
    assert {"POST /v1/analyze", "POST /v1/explain", "POST /v1/redact", "GET /v1/jobs/{id}/explanation"} <= set(tried)
    assert len(tried) >= 10


def test_what_is_wrong_is_refused_as_a_problem(service: Served) -> None:
    """Requests that the document forbids, of every operation that can be asked wrongly."""
    from hypothesis.errors import Unsatisfiable
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.control import SkipTest
    from schemathesis.specs.openapi import checks

    told = [not_a_server_error, checks.status_code_conformance, checks.content_type_conformance]
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    refused: Counter[str] = Counter()
    harmless: set[str] = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        # Of an analysis that is sent in, only what is needed is looked at: a wrong number beside it is no fault.
        own = [] if operation.path in ("/v1/render", "/v1/explain") else [checks.negative_data_rejection]
        asked = [*told, *own]

        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate],
                  database=None, suppress_health_check=list(HealthCheck))  # fmt: skip
        def refused_well(case: schemathesis.Case) -> None:
            answer = case.call(timeout=300)
            case.validate_response(answer, checks=asked)  # noqa: B023 - it is called before the next turn
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == ["application/problem+json"]
                assert answer.json()["status"] == answer.status_code < 500
                refused[case.operation.label] += 1

        try:
            refused_well()
        except (SkipTest, Unsatisfiable):
            harmless.add(operation.label)
    assert harmless <= NOTHING_WRONG
    asked_wrongly = {f"POST /v1/{path}" for path in ("analyze", "jobs", "explain", "redact", "render")}
    assert set(refused) >= {*asked_wrongly, "GET /v1/jobs"}
