"""results/records.jsonl itself: every line can be read by anybody and holds what is promised."""

import json
from pathlib import Path
from typing import Any

import pytest

from demeanor.experiments.records import KEYS

ROOT = Path(__file__).parents[2]


def no_number(name: str) -> Any:
    pytest.fail(f"{name} is not JSON")


def test_every_record_is_strict_json_with_the_keys_that_all_have() -> None:
    lines = (ROOT / "results" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 200
    for line in lines:
        assert set(KEYS) <= set(json.loads(line, parse_constant=no_number)), line[:200]
