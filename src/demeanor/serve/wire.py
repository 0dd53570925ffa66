"""Messages of `WS /v1/stream`, protocol 1: what comes in, told apart and checked. docs/live.md is their description."""

from __future__ import annotations

import base64
import binascii
import json
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from demeanor.errors import InputError, LimitError
from demeanor.privacy.names import several
from demeanor.serve.upload import LONGEST_NAME, MOST_NAMES

PROTOCOL = 1
HEADER = struct.Struct("<BBHId")
"""Kind, flags, 0, number, time: 16 bytes, little end first, before the payload of every binary message."""

KINDS = {1: "audio", 2: "picture", 3: "text"}
HAS_TIME = 1
"""The flag of a message whose time is meant; without it sound follows the last sound, a picture is of now."""

LARGEST = 1 << 20
"""Bytes of one message's payload."""

SOUNDS = ("pcm", "opus", "webm", "ogg")

_NUMBER = re.compile(r'"n"\s*:\s*(\d{1,10})\b')  # sought where a message is no JSON, or too much of it to be read

Kind = Literal["audio", "picture", "text"]


@dataclass(frozen=True, slots=True)
class Medium:
    """A piece of sound, a picture or a text: its number, 1, 2 …, its time in seconds or None, and its bytes."""

    kind: Kind
    number: int
    time: float | None
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Command:
    """Anything else: `hello`, `ack`, `ping` or `end`, with its fields."""

    type: str
    fields: dict[str, Any]


def parsed(message: bytes | str) -> Medium | Command:
    """A message as it came.

    Raises:
        InputError: none of the protocol.
        LimitError: larger than `LARGEST`.
    """
    return _binary(message) if isinstance(message, bytes) else _json(message)


def number_of(message: bytes | str) -> int | None:
    """The number of a message that cannot be taken, if it shows one."""
    if isinstance(message, bytes):
        return int(HEADER.unpack_from(message)[3]) if len(message) >= HEADER.size else None
    found = _NUMBER.search(message)
    return int(found[1]) if found else None


def _binary(message: bytes) -> Medium:
    if len(message) < HEADER.size:
        raise InputError(f"expected a header of {HEADER.size} bytes, got a message of {len(message)}; see docs/live.md")
    kind, flags, _, number, time = HEADER.unpack_from(message)
    if kind not in KINDS:
        raise InputError(f"expected the kind {' or '.join(f'{k} ({n})' for k, n in KINDS.items())}, got {kind}")
    return _medium(KINDS[kind], number, time if flags & HAS_TIME else None, message[HEADER.size :])


def _json(message: str) -> Medium | Command:
    if len(message) > 2 * LARGEST:
        raise LimitError(f"expected a message of at most {LARGEST} bytes, got more; send smaller pieces")
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise InputError("expected JSON, got something else; media may come as binary messages") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("type"), str):
        raise InputError('expected an object with a "type", got something else')
    if fields["type"] not in KINDS.values():
        return Command(fields["type"], fields)
    number, time, data = fields.get("n"), fields.get("time"), fields.get("text" if fields["type"] == "text" else "data")
    if not _is_whole(number) or not isinstance(data, str) or not (time is None or _is_number(time)):
        raise InputError('expected "n", a whole number, "data" in base64 (or "text"), and a "time" in seconds or none')
    if fields["type"] == "text":
        return _medium("text", number, time, data.encode("utf-8", "replace"))
    try:
        return _medium(fields["type"], number, time, base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError) as error:
        raise InputError('expected "data" in base64, got something else') from error


def _medium(kind: str, number: Any, time: float | None, data: bytes) -> Medium:
    if len(data) > LARGEST:
        raise LimitError(f"expected at most {LARGEST} bytes in one message, got {len(data)}; send smaller pieces")
    if not 1 <= number < 1 << 32:
        raise InputError(f"expected messages to be numbered 1, 2, 3 …, got the number {number}")
    if time is not None and not 0 <= time < 1e7:
        raise InputError(f"expected a time in seconds from the start, got {time}")
    return Medium(kind, number, time, data)  # type: ignore[arg-type]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Hello:
    """What a client begins with.

    Attributes:
        session: that it goes on with; None begins one.
        seen: number of the last event it has seen of that.
        sound: how its sound comes.
        rate: of PCM, samples per second.
        channels: of PCM, interleaved.
        options: for `Reader.stream`.
        redact: whether personal data are left out of what is told.
        names: of people, to be found wherever they stand.
    """

    session: str | None
    seen: int
    sound: str
    rate: int
    channels: int
    options: dict[str, Any]
    redact: bool = False
    names: Sequence[str] = ()


def hello(command: Command) -> Hello:
    """The first message.

    Raises:
        InputError: it is none.
    """
    told = command.fields
    if command.type != "hello" or told.get("protocol") != PROTOCOL:
        raise InputError(f'expected first {{"type": "hello", "protocol": {PROTOCOL}, …}}, got something else')
    sound = told.get("audio", {})
    options = {k: told[k] for k in ("cues", "language", "id", "fps") if told.get(k) is not None}
    if not isinstance(sound, dict) or sound.get("format", "pcm") not in SOUNDS:
        raise InputError(f'expected "audio": {{"format": one of {", ".join(SOUNDS)}}}, got something else')
    rate, channels, seen = sound.get("rate", 16_000), sound.get("channels", 1), told.get("seen", 0)
    if not (_is_whole(rate) and 1000 <= rate <= 384_000 and _is_whole(channels) and 1 <= channels <= 8):
        raise InputError('expected a "rate" of 1000 to 384000 samples per second and 1 to 8 "channels"')
    session = told.get("session")
    if not (session is None or isinstance(session, str)) or not _is_whole(seen):
        raise InputError('expected "session", the token of an earlier hello, and "seen", the number of an event')
    if not all(_is_option(k, v) for k, v in options.items()):
        raise InputError('expected "cues" (names), "language" (a code), "id" (up to 200 letters), "fps" (a number)')
    return Hello(session, seen, sound.get("format", "pcm"), rate, channels, options, *_redacted(told))


def _redacted(told: dict[str, Any]) -> tuple[bool, list[str]]:
    """Whether personal data are left out, and names of people that are."""
    redact, names = told.get("redact"), told.get("names")
    redact, names = redact is not None and redact, [] if names is None else names
    listed = isinstance(names, list) and all(isinstance(name, str) for name in names)
    single = several(names) if listed else []
    fit = listed and len(single) <= MOST_NAMES and all(len(name) <= LONGEST_NAME for name in single)
    if not isinstance(redact, bool) or not fit or (single and not redact):
        raise InputError(
            f'expected "redact", true or false, and beside true at most {MOST_NAMES} "names" of {LONGEST_NAME} '
            "letters, got something else"
        )
    return redact, single


def _is_option(name: str, value: object) -> bool:
    if name == "fps":
        return _is_number(value)
    if name == "cues" and isinstance(value, list):
        return all(isinstance(v, str) for v in value)
    return isinstance(value, str) and len(value) <= 200
