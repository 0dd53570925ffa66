"""Messages of the live protocol: told apart, and refused with reasons."""

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demeanor.errors import DemeanorError, InputError, LimitError
from demeanor.serve.wire import HEADER, LARGEST, Command, Medium, hello, parsed


def test_the_header_is_as_documented() -> None:
    message = bytes([1, 1, 0, 0, 7, 0, 0, 0]) + bytes.fromhex("000000000000f83f") + b"\x01\x02"
    assert parsed(message) == Medium("audio", 7, 1.5, b"\x01\x02")
    assert HEADER.size == 16
    assert parsed(bytes([2, 0, 0, 0, 1, 0, 0, 0]) + bytes(8) + b"x") == Medium("picture", 1, None, b"x")
    assert parsed(bytes([3, 0, 0, 0, 1, 0, 0, 0]) + bytes(8) + b"hi") == Medium("text", 1, None, b"hi")


def test_json_says_the_same() -> None:
    data = base64.b64encode(b"\x01\x02").decode()
    assert parsed(json.dumps({"type": "audio", "n": 7, "time": 1.5, "data": data})) == Medium("audio", 7, 1.5, b"\1\2")
    assert parsed('{"type": "text", "n": 2, "text": "哦"}') == Medium("text", 2, None, "哦".encode())
    assert parsed('{"type": "end"}') == Command("end", {"type": "end"})


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"123",
        bytes(16),
        bytes([9, 0, 0, 0, 1, 0, 0, 0]) + bytes(8),
        HEADER.pack(1, 0, 0, 0, 0.0),
        HEADER.pack(1, 1, 0, 1, float("nan")),
        HEADER.pack(1, 1, 0, 1, -1.0),
        "",
        "[1]",
        '{"n": 1}',
        '{"type": 3}',
        "[" * 5000,
        '{"type": "audio", "n": 1, "data": "*"}',
        '{"type": "audio", "n": true, "data": ""}',
        '{"type": "audio", "n": 1.5, "data": ""}',
        '{"type": "text", "n": 1, "text": 3}',
        '{"type": "picture", "n": 1, "data": "", "time": "now"}',
        '{"type": "audio", "n": 99999999999, "data": ""}',
        '{"type": "audio", "n": 1, "data": "", "time": 1%s}' % (400 * "0"),
        '{"type": "audio", "n": 1, "data": "", "time": NaN}',
    ],
)
def test_what_is_none_of_the_protocol_is_refused(message: bytes | str) -> None:
    with pytest.raises(InputError, match="expected"):
        parsed(message)


def test_too_large_is_refused() -> None:
    with pytest.raises(LimitError, match="smaller pieces"):
        parsed(HEADER.pack(1, 0, 0, 1, 0.0) + bytes(LARGEST + 1))
    with pytest.raises(LimitError, match="smaller pieces"):
        parsed(" " * (2 * LARGEST + 1))


@given(st.binary(max_size=64) | st.text(max_size=64))
def test_anything_is_a_message_or_refused(message: bytes | str) -> None:
    with contextlib.suppress(DemeanorError):
        assert isinstance(parsed(message), Medium | Command)


def test_hello() -> None:
    told = {"type": "hello", "protocol": 1, "language": "en", "cues": ["words"], "fps": 2,
            "audio": {"format": "webm"}, "session": None, "later": 1}  # fmt: skip
    first = hello(Command("hello", told))
    assert (first.sound, first.rate, first.channels, first.seen, first.session) == ("webm", 16_000, 1, 0, None)
    assert first.options == {"language": "en", "cues": ["words"], "fps": 2}


def test_what_a_hello_says_of_redaction() -> None:
    def said(**told: object) -> tuple[bool, list[str]]:
        first = hello(Command("hello", {"protocol": 1, **told}))
        return first.redact, list(first.names)

    assert said() == said(redact=False) == said(redact=None, names=None) == said(names=[]) == (False, [])
    assert said(redact=True) == (True, [])
    assert said(redact=True, names=["Ann Lee, 小梅", " Bo "]) == (True, ["Ann Lee", "小梅", "Bo"])


@pytest.mark.parametrize(
    "told",
    [
        {"protocol": 2},
        {},
        {"protocol": 1, "audio": {"format": "mp3"}},
        {"protocol": 1, "audio": 3},
        {"protocol": 1, "audio": {"rate": "x"}},
        {"protocol": 1, "audio": {"channels": 99}},
        {"protocol": 1, "session": 3},
        {"protocol": 1, "seen": "all"},
        {"protocol": 1, "language": 3},
        {"protocol": 1, "id": "x" * 201},
        {"protocol": 1, "cues": [1]},
        {"protocol": 1, "fps": "fast"},
        {"protocol": 1, "redact": "yes"},
        {"protocol": 1, "redact": 0},
        {"protocol": 1, "redact": ""},
        {"protocol": 1, "redact": True, "names": {}},
        {"protocol": 1, "redact": True, "names": 0},
        {"protocol": 1, "names": ["Ann"]},
        {"protocol": 1, "redact": True, "names": "Ann"},
        {"protocol": 1, "redact": True, "names": ["x" * 201]},
        {"protocol": 1, "redact": True, "names": ["a, " * 201]},
    ],
)
def test_a_hello_that_is_none(told: dict[str, object]) -> None:
    with pytest.raises(InputError, match="expected"):
        hello(Command("hello", {"type": "hello", **told}))
    with pytest.raises(InputError, match="expected first"):
        hello(Command("end", {"protocol": 1}))
